from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin import read_frame
from ginga_bkgplugin.files.chips import place_chips, science_numbers
from ginga_bkgplugin.files.entries import read_entries
from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.errors import ImageError


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["SCI", "ERR", "DQ", "SCI", "ERR", "DQ"], [1, 4]),
        (["N1", "N2", "S31"], [1, 2, 3]),
        (["CCD1", "CCD1_MASK", "MASK", "VARIANCE"], [1, 2]),
        (["", ""], [1, 2]),
        (["MASK"], [1]),
    ],
)
def test_the_hdus_with_sky_are_told_from_the_planes_beside_them(
    names: list[str], wanted: list[int]
) -> None:
    images = [fits.ImageHDU(np.zeros((3, 4)), name=name) for name in names]

    assert science_numbers(fits.HDUList([fits.PrimaryHDU(), *images])) == wanted


@pytest.mark.parametrize(
    ("name", "count"),
    [("lco_fa05_raw_mef.fits", 4), ("hst_hrc_47tuc_flt.fits", 1), ("hsc_r_mef.fits", 1),
     ("lco_s82_I.fits.fz", 1)],
)  # fmt: skip
def test_the_chips_of_real_files(real_frames: Path, name: str, count: int) -> None:
    (entry,) = read_entries(real_frames / name, "all")

    assert len(entry.hdus) == count
    assert entry.mosaic == (count > 1)


def test_chips_are_placed_by_detsec_also_turned_and_binned(real_frames: Path) -> None:
    frames = [read_frame(real_frames / "lco_fa05_raw_mef.fits", ("SCI", k)) for k in (1, 2, 3, 4)]
    places = place_chips(frames)
    first, last = np.array([0.0]), np.array([511.0])

    assert [place(first, first)[0][0] for place in places] == [1025, 1025, 3072, 3072]
    assert [place(first, first)[1][0] for place in places] == [3072, 1025, 1025, 3072]
    assert [place(last, last)[0][0] for place in places] == [2048, 2048, 2049, 2049]


def test_chips_are_placed_by_their_wcs_where_there_is_no_detsec() -> None:
    frames = []
    for shift in (0, 150):
        header = fits.Header(
            [("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN"), ("CRVAL1", 150.0), ("CRVAL2", 2.0),
             ("CRPIX1", 60.0 - shift), ("CRPIX2", 50.0), ("CDELT1", -1e-4), ("CDELT2", 1e-4)]
        )  # fmt: skip
        path = Frame(np.zeros((100, 120)), header=header)
        from ginga_bkgplugin.files.frames import celestial_wcs

        frames.append(Frame(path.data, header=header, wcs=celestial_wcs(header)))
    left, right = place_chips(frames)
    x, y = np.array([10.0, 100.0]), np.array([5.0, 90.0])

    assert np.allclose(left(x + 150, y), right(x, y), atol=1e-12)
    step = np.diff(left(x, y)[0])[0]
    assert step == pytest.approx(-90e-4, rel=1e-4)


def test_chips_without_a_place_are_refused() -> None:
    with pytest.raises(ImageError, match="neither DETSEC nor a celestial WCS"):
        place_chips([Frame(np.zeros((4, 4))), Frame(np.zeros((4, 4)))])
