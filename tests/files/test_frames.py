from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from astropy.wcs import WCS, DistortionLookupTable

from ginga_bkgplugin.files.frames import Frame, celestial_wcs, read_frame, split_spec
from ginga_bkgplugin.recipe.errors import ImageError
from ginga_bkgplugin.sky.simulate import field_header


def _image(value: float = 0, kind: str = "f4") -> npt.NDArray[Any]:
    return (np.arange(20 * 30).reshape(20, 30) + value).astype(kind)


@pytest.fixture
def mef(tmp_path: Path) -> Path:
    """An empty primary, two (SCI, DQ) pairs and a table, as the Hubble telescope writes."""
    hdus: list[Any] = [fits.PrimaryHDU()]
    for version in (1, 2):
        hdus.append(fits.ImageHDU(_image(1000 * version), name="SCI", ver=version))
        hdus.append(fits.ImageHDU(_image(version, "i2"), name="DQ", ver=version))
    hdus.append(fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])], name="CAT"))
    fits.HDUList(hdus).writeto(tmp_path / "mef.fits")
    return tmp_path / "mef.fits"


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _bytes_of_a_file(tmp_path: Path, name: str = "whole.fits") -> bytes:
    noise = np.random.default_rng(1).normal(100, 5, (100, 100)).astype("f4")
    hdu = fits.CompImageHDU(noise, compression_type="RICE_1") if "fz" in name else None
    (hdu or fits.PrimaryHDU(noise)).writeto(tmp_path / name)
    return (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("hdu", "value"),
    [
        (None, 1000),
        (1, 1000),
        (3, 2000),
        ("3", 2000),
        ("SCI", 1000),
        ("sci", 1000),
        ("SCI,2", 2000),
        ("sci , 2", 2000),
        (("SCI", 2), 2000),
        ("DQ,2", 2),
    ],
)
def test_an_hdu_is_chosen_by_number_name_or_version(mef: Path, hdu: Any, value: float) -> None:
    assert read_frame(mef, hdu).data[0, 0] == value


@pytest.mark.parametrize(
    ("words", "value"), [("1", 1000), ("SCI", 1000), ("SCI,2", 2000), ("DQ,1", 1)]
)
def test_an_hdu_is_chosen_in_brackets(mef: Path, words: str, value: float) -> None:
    frame = read_frame(f"{mef}[{words}]")

    assert frame.data[0, 0] == value
    assert frame.path == mef


def test_a_file_whose_name_has_brackets_is_read_itself(tmp_path: Path) -> None:
    path = tmp_path / "field[2].fits[1]"
    fits.writeto(path, _image(7))

    assert split_spec(str(path)) == (path, None)
    assert read_frame(path).data[0, 0] == 7


@pytest.mark.parametrize("hdu", [0, 5, 9, -1, "CAT", "ERR", "SCI,3", "", ("SCI", 7)])
def test_an_hdu_without_an_image_is_refused_with_the_ones_there(mef: Path, hdu: Any) -> None:
    with pytest.raises(ImageError) as refused:
        read_frame(mef, hdu)

    assert f"HDU {hdu!r} holds no image" in str(refused.value)
    assert "1 (SCI,1), 2 (DQ,1), 3 (SCI,2), 4 (DQ,2)" in str(refused.value)


@pytest.mark.parametrize("version", [1, 2])
def test_the_data_quality_of_the_same_version_comes_along(mef: Path, version: int) -> None:
    dq = read_frame(mef, ("SCI", version)).dq

    assert dq is not None
    assert dq[0, 0] == version


def test_a_data_quality_of_another_size_does_not_come_along(tmp_path: Path) -> None:
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(_image(), name="SCI"),
        fits.ImageHDU(_image()[:5], name="DQ"),
    ]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")

    assert read_frame(tmp_path / "a.fits").dq is None


@pytest.mark.parametrize(
    ("hdu", "tag", "name"),
    [(None, "", "mef.fits"), ("SCI", "", "mef.fits"), ("SCI,2", "SCI2", "mef.fits[SCI2]")],
)
def test_only_the_first_image_goes_without_a_tag(mef: Path, hdu: Any, tag: str, name: str) -> None:
    frame = read_frame(mef, hdu)

    assert (frame.tag, frame.name) == (tag, name)


@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz", "a.fit", "a.fts"])
def test_plain_and_gzipped_files_are_read(tmp_path: Path, name: str) -> None:
    fits.writeto(tmp_path / name, _image(3))

    assert np.array_equal(read_frame(tmp_path / name).data, _image(3))


def test_a_tile_compressed_file_is_read(tmp_path: Path) -> None:
    fits.CompImageHDU(_image(3, "i2"), compression_type="RICE_1").writeto(tmp_path / "a.fits.fz")

    assert np.array_equal(read_frame(tmp_path / "a.fits.fz").data, _image(3))


@pytest.mark.parametrize(
    ("plane", "value", "tag"),
    [
        (None, 0, ""),
        (0, 0, ""),
        (2, 2, "plane0-2"),
        ((1, 2), 12, "plane1-2"),
    ],
)
def test_a_plane_of_a_hypercube_is_read(
    tmp_path: Path, plane: Any, value: float, tag: str
) -> None:
    cube = np.zeros((2, 3, 20, 30), "i2")
    cube += (np.arange(2)[:, None] * 10 + np.arange(3))[..., None, None].astype("i2")
    fits.writeto(tmp_path / "a.fits", cube)

    frame = read_frame(tmp_path / "a.fits", plane=plane)

    assert frame.data.shape == (20, 30)
    assert np.all(frame.data == value)
    assert frame.tag == tag


@pytest.mark.parametrize("plane", [3, -1, (0, 0), (0, 0, 0)])
def test_a_plane_that_is_not_there_is_refused(tmp_path: Path, plane: Any) -> None:
    fits.writeto(tmp_path / "a.fits", np.zeros((3, 20, 30), "i2"))

    with pytest.raises(ImageError, match=r"not in an image of shape \(3, 20, 30\)"):
        read_frame(tmp_path / "a.fits", plane=plane)


def test_unsigned_pixels_come_as_they_were_taken(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "a.fits", _image(65_000, "u2"))  # stored as int16 with BZERO

    frame = read_frame(tmp_path / "a.fits")

    assert frame.data.dtype == np.uint16
    assert frame.data[0, 0] == 65_000


def test_blank_integers_become_nan(tmp_path: Path) -> None:
    hdu = fits.PrimaryHDU(_image(0, "i2"))
    hdu.header["BLANK"] = 5
    hdu.writeto(tmp_path / "a.fits")

    assert np.argwhere(np.isnan(read_frame(tmp_path / "a.fits").data)).tolist() == [[0, 5]]


def test_a_wcs_with_lookup_tables_keeps_them(tmp_path: Path) -> None:
    wcs = WCS(field_header((20, 30)))
    shift = np.full((20, 30), 2.0, np.float32)
    wcs.cpdis1 = DistortionLookupTable(shift, (1, 1), (1, 1), (1, 1))
    wcs.cpdis2 = DistortionLookupTable(0 * shift, (1, 1), (1, 1), (1, 1))
    tables = wcs.to_fits(relax=True)
    image = fits.ImageHDU(_image(), header=tables[0].header, name="SCI")
    fits.HDUList([fits.PrimaryHDU(), image, *tables[1:]]).writeto(tmp_path / "a.fits")

    frame = read_frame(tmp_path / "a.fits")

    assert frame.wcs is not None
    straight = WCS(field_header((20, 30)))
    np.testing.assert_allclose(
        frame.wcs.all_pix2world(10, 10, 0), straight.all_pix2world(12, 10, 0), rtol=1e-12
    )


def test_a_cube_keeps_its_celestial_axes() -> None:
    header = field_header((20, 30))
    header["NAXIS"] = 3
    header["CTYPE3"], header["CRVAL3"], header["CRPIX3"], header["CDELT3"] = "FREQ", 1e9, 1, 1e6
    header["CD3_3"] = 1e6

    wcs = celestial_wcs(header)

    assert wcs is not None
    assert wcs.naxis == 2


@pytest.mark.parametrize("cards", [[], [("CTYPE1", "LINEAR")], [("CTYPE1", "RA---TAN")]])
def test_without_two_celestial_axes_there_is_no_wcs(cards: Any) -> None:
    assert celestial_wcs(fits.Header(cards)) is None


@pytest.mark.parametrize(
    ("cards", "level"),
    [
        ([], None),
        ([("SATURATE", 60_000)], 60_000.0),
        ([("SATURATE", "high"), ("MAXLIN", 4e4)], 40_000.0),
        ([("SATURATE", True)], None),
        ([("SATURATE", 0)], None),
        ([("MAXLIN", 1.0), ("SATLEVEL", 2.0)], 2.0),
    ],
)
def test_the_saturation_level_is_the_headers(cards: Any, level: float | None) -> None:
    assert Frame(_image(), header=fits.Header(cards)).saturation_level == level


@pytest.mark.parametrize("kind", ["empty", "text", "headless", "half", "header only", "folder"])
def test_a_broken_file_is_refused_with_its_name(tmp_path: Path, kind: str) -> None:
    whole = _bytes_of_a_file(tmp_path)
    path = tmp_path / "broken.fits"
    content = {
        "empty": b"",
        "text": b"hello",
        "headless": whole[:1000],
        "half": whole[: len(whole) // 2],
        "header only": whole[:2880],
    }
    path.mkdir() if kind == "folder" else path.write_bytes(content[kind])

    with pytest.raises(ImageError) as refused:
        read_frame(path)

    assert str(refused.value).startswith(f"{path}: ")


@pytest.mark.parametrize("name", ["a.fits.gz", "a.fits.fz"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
def test_a_compressed_file_cut_short_is_refused(tmp_path: Path, name: str, share: float) -> None:
    whole = _bytes_of_a_file(tmp_path, name)
    path = _write(tmp_path / f"cut_{name}", whole[: int(share * len(whole))])

    with pytest.raises(ImageError, match="cut_a"):
        read_frame(path)


def test_a_damaged_tile_is_refused(tmp_path: Path) -> None:
    damaged = bytearray(_bytes_of_a_file(tmp_path, "a.fits.fz"))
    damaged[9000:20_000:3] = bytes(byte ^ 0x5A for byte in damaged[9000:20_000:3])

    with pytest.raises(ImageError, match="cannot be read as a FITS image"):
        read_frame(_write(tmp_path / "damaged.fits.fz", bytes(damaged)))


def test_a_gzip_that_is_no_fits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be read as a FITS image"):
        read_frame(_write(tmp_path / "a.fits.gz", gzip.compress(b"no image here" * 300)))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nothing\.fits: no such file"):
        read_frame(tmp_path / "nothing.fits")


@pytest.mark.parametrize(
    "hdu",
    [
        fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])]),
        fits.ImageHDU(np.arange(50.0)),
        fits.ImageHDU(),
    ],
    ids=["table", "spectrum", "empty"],
)
def test_a_file_without_an_image_is_refused(tmp_path: Path, hdu: Any) -> None:
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "a.fits")

    with pytest.raises(ImageError, match="no HDU holds an image"):
        read_frame(tmp_path / "a.fits")


def test_reading_leaves_the_file_as_it_is(mef: Path) -> None:
    before = mef.read_bytes()

    frame = read_frame(mef, "SCI,2")
    frame.header["OBJECT"] = "changed"

    assert mef.read_bytes() == before
    assert "OBJECT" not in read_frame(mef, "SCI,2").header
