"""Killed programs and full disks: old files stay whole, new ones are whole or absent."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from astropy.io import fits

from ginga_bkgplugin import Recipe, ScienceImage, find_products, read_frame
from ginga_bkgplugin.files.names import KINDS, RECIPE
from ginga_bkgplugin.sky.simulate import sample_field

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and limits")

SAVE = """
    import sys
    from ginga_bkgplugin import Recipe, ScienceImage
    from ginga_bkgplugin.files.names import KINDS, RECIPE
    image = ScienceImage.read(sys.argv[1])
    result = image.run(Recipe().with_parameters(low_sigma=1.3))
    {before}
    image.save(result, (*KINDS, RECIPE), overwrite=True)
"""
SLOW = """
    import os
    import time
    from ginga_bkgplugin.files import writing
    from ginga_bkgplugin.sky.strips import set_threads
    set_threads(2)
    rows_of = writing.rows_of
    def slow(data, start, stop):
        if start:
            os.write(1, b"in the middle\\n")
            time.sleep(200)
        return rows_of(data, start, stop)
    writing.rows_of = slow
    writing.parts = lambda shape: [(0, 100), (100, shape[0])]
"""
FULL = """
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
"""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image with all products of an earlier run."""
    small = sample_field((300, 320), stars=20)
    fits.writeto(tmp_path / "a.fits", small.data, small.header)
    first = ScienceImage.read(tmp_path / "a.fits")
    first.save(first.run(Recipe()), (*KINDS, RECIPE))
    return tmp_path / "a.fits"


def _sums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def _program(before: str) -> str:
    steps = textwrap.dedent(before).strip()
    return textwrap.dedent(SAVE).format(before=steps)


def test_killed_while_all_products_are_written_each_file_is_old_or_new(image: Path) -> None:
    before = _sums(image.parent)
    writer = subprocess.Popen(
        [sys.executable, "-c", _program(SLOW), str(image)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None
        for _ in range(2):  # both threads: none is just giving a finished file its name
            assert writer.stdout.readline() == "in the middle\n"
        writer.send_signal(signal.SIGKILL)
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()

    after = _sums(image.parent)
    assert set(before) == {name for name in after if not name.endswith(".part")}
    if hasattr(os, "O_TMPFILE"):
        assert set(after) == set(before)
    for name in ("a.fits", "a.bkgmap.fits", "a.subbkg.fits"):
        assert after[name] == before[name]
    for path in find_products(read_frame(image)).values():
        if path.suffix == ".fits":
            assert read_frame(path).data.size > 0


def test_a_full_disk_keeps_every_old_product_that_has_no_new_one(image: Path) -> None:
    before = _sums(image.parent)

    done = subprocess.run(
        [sys.executable, "-c", _program(FULL), str(image)], capture_output=True, text=True
    )

    after = _sums(image.parent)
    assert "ProductError" in done.stderr
    assert "cannot be written (File too large)" in done.stderr
    assert set(after) == set(before)
    for name in ("a.fits", "a.bkgmap.fits", "a.bkgrms.fits", "a.subbkg.fits"):
        assert after[name] == before[name]


@pytest.mark.parametrize("command", ["run", "subtract", "restore"])
def test_a_full_disk_is_told_by_every_command_and_loses_nothing(image: Path, command: str) -> None:
    file = image if command != "restore" else image.with_name("a.subbkg.fits")
    if command == "restore":
        image.unlink()
    before = _sums(image.parent)
    code = textwrap.dedent(FULL) + (
        "import sys; from ginga_bkgplugin.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    overwrite = ["--overwrite", *(["--save", "bkgmap"] if command == "run" else [])]

    done = subprocess.run(
        [sys.executable, "-c", code, command, str(file), *overwrite],
        capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 1, done.stderr
    assert "cannot be written (File too large)" in done.stdout
    assert _sums(image.parent) == before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a tmpfs")
def test_a_really_full_disk_is_told_too(image: Path) -> None:
    """A tmpfs of 300 kB, in a mount namespace of its own."""
    script = f"""
        set -e
        mount -t tmpfs -o size=300k tmpfs "{image.parent}/disk"
        echo old > "{image.parent}/disk/a.bkgmap.fits"
        {sys.executable} -m ginga_bkgplugin.cli subtract "{image}" \\
            --output "{image.parent}/disk" --background "{image.parent}/a.bkgmap.fits" || true
        ls -A "{image.parent}/disk"
    """
    (image.parent / "disk").mkdir()
    try:
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", textwrap.dedent(script)], capture_output=True, text=True
        )
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no mount namespace can be made here")

    assert "cannot be written (No space left on device)" in done.stdout, done.stderr
    assert done.stdout.splitlines()[-1] == "a.bkgmap.fits"
