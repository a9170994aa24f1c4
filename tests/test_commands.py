"""The command line in a process of its own: the script, the demo with Qt and without."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ginga_bkgplugin.cli import main
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.work.loading import read_recipe

PROGRAM = "import sys; from ginga_bkgplugin.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    field = sample_field((200, 220), stars=20)
    write_fits(tmp_path / "a.fits", field.data, field.header)
    return tmp_path / "a.fits"


def _start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, capture_output=True, text=True, check=False, timeout=250,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_the_console_script_runs(image: Path) -> None:
    script = Path(sys.executable).with_name("ginga-bkg")
    if not script.exists():
        pytest.skip("the package is not installed")

    ended = _start(str(script), "run", str(image), "--circle", "136,114,44")

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("a.fits: Background ")
    assert "Traceback" not in ended.stderr
    assert (image.parent / "a.bkgmap.fits").is_file()


def test_run_loads_neither_ginga_nor_qt(image: Path) -> None:
    program = (
        "import sys; from ginga_bkgplugin.cli import main; status = main(sys.argv[1:]);"
        " sys.exit(status or any(m.split('.')[0] in ('ginga', 'qtpy') for m in sys.modules))"
    )

    assert _start(sys.executable, "-c", program, "run", str(image)).returncode == 0


@pytest.mark.parametrize(
    ("line", "status"),
    [(["--help"], 0), (["run", "--help"], 0), (["--version"], 0), (["run", "a", "--sgima"], 2)],
)
def test_what_can_be_asked_for_is_told_before_any_array_is_thought_of(
    line: list[str], status: int
) -> None:
    program = (
        "import sys; from ginga_bkgplugin.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: status = end.code\n"
        "heavy = {'numpy', 'scipy', 'astropy', 'sep', 'ginga', 'qtpy'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else status)"
    )

    ended = _start(sys.executable, "-c", program, *line)

    assert ended.returncode == status, ended.stderr
    assert ("usage: ginga-bkg" in ended.stdout) == ("--help" in line)
    assert ended.stdout.startswith("ginga-bkg ") == ("--version" in line)
    assert ("Did you mean --sigma?" in ended.stderr) == (status == 2)


def test_view_without_a_display_says_what_to_do_instead(image: Path) -> None:
    ended = _start(sys.executable, "-c", PROGRAM, "view", str(image), QT_QPA_PLATFORM="offscreen")

    assert ended.returncode == 1
    assert "Ginga cannot open a window" in ended.stderr
    assert "Traceback" not in ended.stderr


def _assert_demo_done(ended: subprocess.CompletedProcess[str], output: Path) -> None:
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    lines = ended.stdout.splitlines()
    assert any(line.startswith("Background 99") for line in lines)
    (ours,) = (line.split() for line in lines if "this recipe" in line)
    (plain,) = (line.split() for line in lines if "plain SEP, no mask" in line)
    for error, other in zip(ours[-2:], plain[-2:], strict=True):
        assert abs(float(error)) < abs(float(other))
    kinds = ("srcmask", "invalidmask", "bkgmap", "bkgrms", "subbkg")
    assert sorted(path.name for path in output.iterdir()) == sorted(
        ["field.fits", "field.bkg.json", "screenshot.png", *(f"field.{k}.fits" for k in kinds)]
    )
    assert (output / "screenshot.png").read_bytes().startswith(b"\x89PNG")
    assert len(read_recipe(output / "field.bkg.json").regions) == 1


@pytest.mark.viewer
@pytest.mark.skipif(find_spec("PySide6") is None, reason="no Qt binding")
def test_the_demo_does_its_job_offscreen_and_prints_its_numbers(tmp_path: Path) -> None:
    ended = _start(sys.executable, "-c", PROGRAM, "demo", "--output", str(tmp_path / "out"),
                   QT_QPA_PLATFORM="offscreen")  # fmt: skip

    assert "doing the job offscreen, in the real viewer" in ended.stdout
    _assert_demo_done(ended, tmp_path / "out")


def test_the_demo_without_qt_does_its_job_too_and_says_so(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "for name in ('qtpy', 'PySide6', 'PyQt6', 'PyQt5', 'PySide2'):\n"
        "    sys.modules[name] = None\n"
        "from ginga_bkgplugin.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )

    ended = _start(sys.executable, "-c", program, "demo", "--output", str(tmp_path / "out"))

    assert "Qt cannot be loaded" in ended.stdout
    assert "pip install" in ended.stdout
    _assert_demo_done(ended, tmp_path / "out")


def test_the_demo_of_a_missing_file_fails_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ginga")

    assert main(["demo", str(tmp_path / "no.fits"), "--output", str(tmp_path / "out")]) == 1

    assert "no.fits: no such file" in capsys.readouterr().err
