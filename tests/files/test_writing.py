from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.identity import checksum
from ginga_bkgplugin.files.writing import check_absent, product_header, write_fits, write_text
from ginga_bkgplugin.recipe.errors import ProductError, ProductExistsError
from ginga_bkgplugin.sky.simulate import field_header

DATA = np.arange(12, dtype=np.float32).reshape(3, 4)


def _python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments], capture_output=True, text=True
    )


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_fits(tmp_path / "a.fits", DATA, fits.Header([("OBJECT", "M 31")]))

    with fits.open(tmp_path / "a.fits") as hdus:
        assert np.array_equal(hdus[0].data, DATA)
        assert hdus[0].header["OBJECT"] == "M 31"
    assert _names(tmp_path) == ["a.fits"]


def test_an_existing_file_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "a.fits").write_bytes(b"precious")

    with pytest.raises(ProductExistsError, match=r"a\.fits already there"):
        write_fits(tmp_path / "a.fits", DATA, fits.Header())

    assert (tmp_path / "a.fits").read_bytes() == b"precious"


def test_an_existing_file_is_replaced_when_asked_for(tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", "old")

    write_text(tmp_path / "a.json", "new", overwrite=True)

    assert (tmp_path / "a.json").read_text() == "new"
    assert _names(tmp_path) == ["a.json"]


def test_whoever_reads_the_old_file_keeps_it_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")

    with (tmp_path / "a").open() as reader:
        write_text(tmp_path / "a", "new and longer", overwrite=True)

        assert reader.read() == "old"


def test_every_existing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "c").touch()

    with pytest.raises(ProductExistsError, match="a, c already there"):
        check_absent(tmp_path / name for name in "abc")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProductError, match="no such folder"):
        write_fits(tmp_path / "no" / "a.fits", DATA, fits.Header())


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ProductError, match="no such folder"):
        write_fits(tmp_path / "file" / "a.fits", DATA, fits.Header())


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc")
def test_a_folder_that_takes_no_files_is_refused_with_the_reason() -> None:
    with pytest.raises(ProductError, match=r"/proc/self/a\.fits: cannot be written \("):
        write_fits(Path("/proc/self/a.fits"), DATA, fits.Header())


def test_a_folder_in_place_of_the_product_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.fits").mkdir()

    with pytest.raises(ProductError, match="cannot be written"):
        write_fits(tmp_path / "a.fits", DATA, fits.Header(), overwrite=True)

    assert _names(tmp_path) == ["a.fits"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")
@pytest.mark.parametrize("kind", ["fits", "mask", "text"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(b"old")

    done = _python(
        """
        import resource, sys
        from pathlib import Path
        import numpy as np
        from astropy.io import fits
        from ginga_bkgplugin.files.writing import write_fits, write_text
        from ginga_bkgplugin.recipe.errors import ProductError
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        path = Path(sys.argv[1])
        try:
            if sys.argv[2] == "fits":
                write_fits(path, np.zeros((500, 500)), fits.Header(), overwrite=True)
            elif sys.argv[2] == "mask":
                noise = np.random.default_rng(1).integers(0, 31, (500, 500), np.uint8)
                write_fits(path, noise, fits.Header(), overwrite=True, compress=True)
            else:
                write_text(path, "x" * 10**6, overwrite=True)
        except ProductError as error:
            print(error)
        """,
        str(tmp_path / "a"),
        kind,
    )

    assert f"{tmp_path / 'a'}: cannot be written (File too large" in done.stdout, done.stderr
    assert (tmp_path / "a").read_bytes() == b"old"
    assert _names(tmp_path) == ["a"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_process_killed_while_writing_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    fits.writeto(path, DATA)
    before = path.read_bytes()

    _kill_in_the_middle(path)

    assert path.read_bytes() == before
    if hasattr(os, "O_TMPFILE"):  # a file without a name leaves nothing
        assert _names(tmp_path) == ["a.fits"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_process_killed_while_writing_leaves_no_new_file(tmp_path: Path) -> None:
    _kill_in_the_middle(tmp_path / "a.fits")

    assert "a.fits" not in _names(tmp_path)


def _kill_in_the_middle(path: Path) -> None:
    code = """
        import sys, time
        from pathlib import Path
        import numpy as np
        from astropy.io import fits
        from ginga_bkgplugin.files import writing
        rows_of = writing.rows_of
        def slow(data, start, stop):
            if start:
                print("in the middle", flush=True)
                time.sleep(200)
            return rows_of(data, start, stop)
        writing.rows_of = slow
        writing.write_fits(Path(sys.argv[1]), np.ones((2000, 2000)), fits.Header(), overwrite=True)
    """
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "in the middle\n"
        writer.send_signal(signal.SIGKILL)
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()


def test_a_file_system_without_nameless_files_serves_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    fits.writeto(tmp_path / "a.fits", DATA)

    write_fits(tmp_path / "a.fits", DATA + 1, fits.Header(), overwrite=True)

    assert np.array_equal(fits.getdata(tmp_path / "a.fits"), DATA + 1)
    assert _names(tmp_path) == ["a.fits"]


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", ">f8"])
def test_every_type_of_pixels_is_written_as_fits_has_it(tmp_path: Path, kind: str) -> None:
    limits = np.iinfo(kind) if kind[0] in "iu" else None
    data = np.array([[limits.min, limits.max, 7] if limits else [-1.5, np.nan, 7]], kind)

    write_fits(tmp_path / "a.fits", data, fits.Header([("PIXSUM", "")]))

    with fits.open(tmp_path / "a.fits") as hdus:
        hdus.verify("exception")
        assert np.array_equal(hdus[0].data, data, equal_nan=limits is None)
        assert hdus[0].data.dtype == data.dtype.newbyteorder(hdus[0].data.dtype.byteorder)
        assert hdus[0].header["PIXSUM"] == checksum(data)


@given(mask=hnp.arrays("u1", st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_any_mask_survives_its_compression(
    tmp_path_factory: pytest.TempPathFactory, mask: Any
) -> None:
    path = tmp_path_factory.mktemp("mask") / "a.fits"

    write_fits(path, mask, fits.Header([("PIXSUM", ""), ("BKGPROD", "srcmask")]), compress=True)

    with fits.open(path) as hdus:
        hdus.verify("exception")
        assert np.array_equal(hdus["SRCMASK"].data, mask)
        assert hdus["SRCMASK"].header["PIXSUM"] == checksum(mask)


@pytest.mark.skipif(sys.platform == "win32", reason="needs an umask")
def test_a_product_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()

    write_fits(tmp_path / "a.fits", DATA, fits.Header())

    assert (tmp_path / "a.fits").stat().st_mode == (tmp_path / "usual").stat().st_mode


def _header(frame_header: Any = None, kind: str = "bkgmap", **frame: Any) -> fits.Header:
    header = fits.Header() if frame_header is None else frame_header
    return product_header(Frame(DATA, header=header, **frame), kind, [("BKGBOX", 64, "box")])


def test_a_products_header_keeps_the_images_own_words() -> None:
    header = _header(field_header((3, 4)))

    assert header["OBJECT"] == "SIMULATED"
    assert header["CRVAL1"] == 150.0
    assert header["BKGBOX"] == 64
    assert header["BKGPROD"] == "bkgmap"


def test_the_images_header_is_not_changed() -> None:
    original = field_header((3, 4))
    before = original.tostring()

    _header(original)["OBJECT"] = "other"

    assert original.tostring() == before


@pytest.mark.parametrize(
    "card",
    [("BZERO", 32768), ("BSCALE", 2.0), ("BLANK", -1), ("EXTNAME", "SCI"), ("CHECKSUM", "x"),
     ("DATASUM", "1"), ("CPDIS1", "LOOKUP"), ("D2IMDIS1", "LOOKUP"), ("DATAMAX", 5.0)],
    ids=lambda card: card[0],
)  # fmt: skip
def test_cards_that_describe_the_science_file_are_left_out(card: tuple[str, Any]) -> None:
    assert card[0] not in _header(fits.Header([card]))


def test_the_axes_of_a_cube_are_left_out() -> None:
    cards = [("CTYPE1", "RA---TAN"), ("CTYPE3", "FREQ"), ("CD3_3", 1.0), ("CD1_2", 0.5)]

    header = _header(fits.Header(cards), plane=(1,))

    assert ("CTYPE1" in header, "CD1_2" in header) == (True, True)
    assert ("CTYPE3" in header, "CD3_3" in header) == (False, False)


@pytest.mark.parametrize(
    ("kind", "unit"), [("bkgmap", "adu"), ("subbkg", "adu"), ("srcmask", None)]
)
def test_a_mask_has_no_unit_of_brightness(kind: str, unit: str | None) -> None:
    assert _header(fits.Header([("BUNIT", "adu")]), kind).get("BUNIT") == unit


@pytest.mark.parametrize(
    "name", ["은하 é.fits", "tab\tname.fits", "x" * 120 + ".fits", "it's.fits"]
)
def test_any_file_name_finds_its_place_in_the_header(tmp_path: Path, name: str) -> None:
    header = _header(path=tmp_path / name)
    header["HISTORY"] = "one line"

    write_fits(tmp_path / "out.fits", DATA, header)

    with fits.open(tmp_path / "out.fits") as hdus:
        hdus.verify("exception")
        escaped = name.replace("\t", r"\t").encode("ascii", "backslashreplace").decode()
        assert hdus[0].header["TGTPATH"] == escaped
