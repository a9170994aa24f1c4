"""The command line with region files, masks from files, and an image that was drawn on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from ginga_bkgplugin.cli import main
from ginga_bkgplugin.files.regionwriting import write_regions
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.shapes import PixelCircle, PixelEllipse
from ginga_bkgplugin.sky.raster import mask_regions
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.work.loading import read_recipe

FIELD = sample_field((200, 220), stars=20)
GOOD = np.isfinite(FIELD.data)
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    write_fits(tmp_path / "a.fits", FIELD.data, FIELD.header)
    return tmp_path / "a.fits"


def _bits(image: Path, stem: str = "a") -> np.ndarray:
    mask: np.ndarray = fits.getdata(image.parent / f"{stem}.srcmask.fits")
    return mask


def test_regions_of_a_file_mask_and_erase(image: Path, capsys: Printed) -> None:
    drawn = [PixelCircle(100, 90, 30), PixelEllipse(110, 90, 20, 8, 30, erase=True)]
    write_regions(image.parent / "x.reg", drawn)
    with (image.parent / "x.reg").open("a") as file:
        file.write("panda(1,2,3)\ncircle(900,900,4)\n")

    assert main(["run", str(image), "--regions", str(image.parent / "x.reg")]) == 0

    region = mask_regions(GOOD.shape, drawn)
    assert np.array_equal(_bits(image) & 1 != 0, region)
    erased = mask_regions(GOOD.shape, [drawn[1].replace(erase=False)])
    assert not (_bits(image)[erased & GOOD]).any()
    told = capsys.readouterr().err
    assert "a.fits: x.reg: line 5: panda is no shape that masks: left out." in told
    assert "a.fits: 1 of 3 regions lie outside the image." in told
    assert len(read_recipe(image.parent / "a.bkg.json").regions) == 3


def test_a_mask_from_a_file_masks_and_is_remembered(image: Path, capsys: Printed) -> None:
    good = np.ones(GOOD.shape, "u1")
    good[20:60, 30:70] = 0
    fits.PrimaryHDU(good).writeto(image.parent / "m.fits")
    options = ["run", str(image), "--no-automatic", "--overwrite"]

    assert main([*options, "--mask", str(image.parent / "m.fits")]) == 1
    assert "does not say whether 1 is bad or good" in capsys.readouterr().out
    mask = ["--mask", str(image.parent / "m.fits")]
    assert main([*options, *mask, "--mask-polarity", "good"]) == 0
    assert np.array_equal(_bits(image) & 16 != 0, good == 0)
    assert not (_bits(image) & 6).any()

    recipe = image.parent / "a.bkg.json"
    assert read_recipe(recipe).masks[0].polarity == "good"
    again = ["run", str(image), "--recipe", str(recipe), "--output", str(image.parent / "two")]
    assert main(again) == 1
    assert "Its path is not followed" in capsys.readouterr().out
    assert main([*again, *mask]) == 0
    assert np.array_equal(fits.getdata(image.parent / "two" / "a.srcmask.fits"), _bits(image))


def test_nan_in_a_mask_is_masked_and_told(image: Path, capsys: Printed) -> None:
    bad = np.zeros(GOOD.shape, "f4")
    bad[5:8, 100:110], bad[50, 60:64] = 1, np.nan
    fits.writeto(image.parent / "m.fits", bad)

    options = ["--mask", str(image.parent / "m.fits"), "--mask-polarity", "bad"]
    assert main(["run", str(image), "--no-automatic", *options]) == 0

    assert "m.fits: 4 pixels of it are NaN: masked too." in capsys.readouterr().err
    assert np.array_equal(_bits(image) & 16 != 0, bad != 0)


def test_flags_of_each_images_own_file(tmp_path: Path) -> None:
    flags = np.zeros(GOOD.shape, "i2")
    flags[5, 100:110], flags[150, 5:25] = 256, 16
    primary = fits.PrimaryHDU(header=fits.Header({"TELESCOP": "HST", "INSTRUME": "ACS"}))
    science = fits.ImageHDU(np.nan_to_num(FIELD.data, nan=990), FIELD.header, name="SCI")
    hdus = [primary, science, fits.ImageHDU(flags, name="DQ")]
    fits.HDUList(hdus).writeto(tmp_path / "b.fits", output_verify="silentfix+ignore")

    options = ["--mask", "self[DQ,1]", "--mask-bits", "SATURATED", "--no-automatic"]
    assert main(["run", str(tmp_path / "b.fits"), *options]) == 0

    assert np.array_equal(_bits(tmp_path / "b.fits", "b") & 16 != 0, flags == 256)
    recipe = read_recipe(tmp_path / "b.bkg.json")
    assert (recipe.masks[0].path, recipe.masks[0].bits) == ("self", ("SATURATED",))
    again = ["--recipe", str(tmp_path / "b.bkg.json"), "--overwrite"]
    assert main(["run", str(tmp_path / "b.fits"), *again]) == 0  # its own file needs no word


def test_regions_drawn_on_one_image_follow_the_sky_to_another(image: Path) -> None:
    shifted = FIELD.header.copy()
    shifted["CRPIX1"] += 25
    shifted["CRPIX2"] -= 10
    data = np.roll(np.nan_to_num(FIELD.data, nan=990), (-10, 25), (0, 1))
    write_fits(image.parent / "dither.fits", data, shifted)

    options = ["--circle", "120,100,20", "--drawn-on", str(image), "--no-automatic"]
    assert main(["run", str(image.parent / "dither.fits"), *options]) == 0

    expected = mask_regions(GOOD.shape, [PixelCircle(145, 90, 20)])
    found = _bits(image, "dither") & 1 != 0
    assert (found ^ expected).sum() <= 4
    (region,) = read_recipe(image.parent / "dither.bkg.json").regions
    assert region.frame == "icrs"
    assert WCS(shifted).has_celestial


def test_a_polarity_without_a_mask_is_wrong_usage(image: Path, capsys: Printed) -> None:
    assert main(["run", str(image), "--mask-polarity", "good"]) == 2
    assert "needs a mask file" in capsys.readouterr().err


def test_a_missing_region_file_fails_the_image(image: Path, capsys: Printed) -> None:
    assert main(["run", str(image), "--regions", "nowhere.reg"]) == 1
    assert "nowhere.reg: cannot be read as a region file (No such file" in capsys.readouterr().out
