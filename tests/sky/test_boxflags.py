"""Flags: which pixels rest on measured sky, on known truth and through files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin import (
    PixelCircle,
    Recipe,
    ScienceImage,
    SkyFit,
    box_flags,
    inspect_boxes,
    load_result,
)
from ginga_bkgplugin.files.products import Product
from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.sky.boxflags import flagged_fractions
from ginga_bkgplugin.work.pipeline import Result

SHAPE = (150, 210)  # 3 x 4 boxes of 64 pixels, the far ones partial
HOLE = PixelCircle(100, 60, 75)


@pytest.fixture
def image(tmp_path: Path) -> ScienceImage:
    data = np.random.default_rng(5).normal(100, 5, (300, 350)).astype(np.float32)
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"], header["BUNIT"] = 150.0, 2.0, "adu"
    fits.writeto(tmp_path / "a.fits", data, header)
    return ScienceImage.read(tmp_path / "a.fits")


def _fit(fractions: Any, least: float = 0.5) -> SkyFit:
    flat = np.zeros(SHAPE, np.float32)
    return SkyFit(flat, flat + 1, 0.0, 1.0, np.array(fractions), least_free=least)


def _run(image: ScienceImage, **values: Any) -> Result:
    values = {"box_size": 32, "passes": 0} | values
    return image.run(Recipe(regions=(HOLE,)).with_parameters(**values))


def test_each_pixel_says_how_far_the_measured_sky_is() -> None:
    background = BackgroundParameters(method="sep", box_size=64)
    flags = box_flags(_fit([[1, 0.1, 0, 0], [1, 1, 0.2, 0.4], [0.5, 1, 0.1, 0]]), background)

    assert flags.shape == SHAPE
    assert flags.dtype == np.uint8
    assert flags[::64, ::64].tolist() == [[0, 1, 1, 2], [0, 0, 1, 2], [0, 0, 1, 2]]
    assert flags[63, 63:66].tolist() == [0, 1, 1]
    assert flags[64, 64] == 0
    assert flags[149, 209] == 2  # a partial box


def test_no_measured_box_and_very_far_ones_are_told() -> None:
    background = BackgroundParameters(method="sep", box_size=64)
    none = _fit(np.zeros((3, 4)))
    strip = np.zeros((1, 400))
    strip[0, 0] = 1
    flat = np.zeros((32, 400 * 32), np.float32)
    far = SkyFit(flat, flat, 0.0, 1.0, strip)

    assert np.unique(box_flags(none, background)).tolist() == [255]
    flags = box_flags(far, BackgroundParameters(method="sep", box_size=32))
    assert flags[0, :: 32 * 100].tolist() == [0, 100, 200, 254]
    assert flags.max() == 254


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"method": "sep"},
        {"model": "plane"},
        {"is_2d": False},
        {"method": "sep", "box_size": 47},
    ],
    ids=str,
)
def test_flags_agree_with_the_boxes_and_come_back_from_disk(
    image: ScienceImage, values: dict[str, Any]
) -> None:
    result = _run(image, **values)
    image.save(result, ("srcmask", "bkgmap", "bkgrms", "recipe", "bkgflag"))
    boxes = inspect_boxes(image.data, result.layers, result.recipe.background, result.fit)

    flags = fits.getdata(image.frame.path.with_name("a.bkgflag.fits"))
    for row, column in np.ndindex(boxes.shape):
        box = boxes.box(row, column)
        part = flags[box.bottom : box.top, box.left : box.right]
        assert np.unique(part).tolist() == [box.distance]
    again = load_result(image.frame)
    assert np.array_equal(again.fit.measured, result.fit.measured)
    assert boxes.filled > 0


def test_flags_of_another_run_are_not_believed(image: ScienceImage) -> None:
    image.save(_run(image), ("bkgflag",))
    result = _run(image, box_size=40)
    image.save(result, ("srcmask", "bkgmap", "bkgrms", "recipe"))

    assert load_result(image.frame).fit.filled == result.fit.filled


@pytest.mark.parametrize("compress", [True, False])
def test_the_file_is_sound_small_and_says_what_its_values_mean(
    image: ScienceImage, compress: bool
) -> None:
    (path,) = image.save(_run(image), ("bkgflag",), compress=compress)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(path) as hdus:
            hdus.verify("exception")
            hdu = hdus[1 if compress else 0]
            header = hdu.header
            assert hdu.data.dtype == np.uint8
    assert header["BKGPROD"] == "bkgflag"
    assert (header["FLAG0"], header["FLAG1"], header["FLAG255"]) == ("measured", "filled", "none")
    assert header["CRVAL1"] == 150.0
    assert "BUNIT" not in header
    assert header["BKGNFIL"] > 0
    assert path.stat().st_size < (30_000 if compress else 150_000)
    assert np.array_equal(Product.read(path, image.frame).data, box_flags(
        _run(image).fit, _run(image).recipe.background))  # fmt: skip


def test_shares_are_moved_no_farther_than_the_flags_ask() -> None:
    background = BackgroundParameters(method="sep", box_size=64)
    told = _fit([[1, 0.1, 0, 0], [1, 1, 0.2, 0.4], [0.5, 1, 0.1, 0]])
    flags = box_flags(told, background)
    counted = told.fractions.copy()
    counted[2, 0], counted[1, 3] = 0.45, 0.55

    agreed = flagged_fractions(counted, flags, background, 0.5)

    assert np.array_equal(agreed >= 0.5, told.measured)
    assert np.abs(agreed - counted).max() == pytest.approx(0.05)
    assert np.array_equal(flagged_fractions(told.fractions, flags, background, 0.5),
                          told.fractions)  # fmt: skip
