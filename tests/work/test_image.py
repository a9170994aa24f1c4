from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin import Background, Mask, MaskBit, Recipe, ScienceImage
from ginga_bkgplugin.recipe.errors import (
    BackgroundPluginError,
    ImageError,
    NoWCSError,
    ParameterError,
    ProductError,
)
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.background import fit_background
from ginga_bkgplugin.sky.masking import mask_invalid
from ginga_bkgplugin.sky.placing import to_sky
from ginga_bkgplugin.sky.raster import mask_regions
from ginga_bkgplugin.sky.simulate import sample_field

SMALL = sample_field((300, 320), stars=20)
CIRCLE = PixelCircle(198, 171, 66)


@pytest.fixture
def image() -> ScienceImage:
    return ScienceImage(SMALL.data, SMALL.header)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    fits.writeto(tmp_path / "n1.fits", SMALL.data, SMALL.header)
    return tmp_path / "n1.fits"


@pytest.mark.parametrize(
    ("method", "defaults"),
    [
        ("calculate_invalidmask", {"threshold_invalid_connection": 100_000}),
        (
            "calculate_sourcemask",
            {"sigma": 5, "mask_radius_factor": 3, "saturation_level": 50_000},
        ),
        ("calculate_bkg", {"is_2D_bkg": True, "box_size": 64, "filter_size": 3}),
        (
            "calculate_circularmask",
            dict.fromkeys(["x_position", "y_position", "radius_arcsec"], inspect.Parameter.empty)
            | {"unit": "coord"},
        ),
    ],
)
def test_the_reference_systems_words_come_first_and_by_position(
    method: str, defaults: dict[str, Any]
) -> None:
    parameters = list(inspect.signature(getattr(ScienceImage, method)).parameters.values())[1:]

    positional = {each.name: each.default for each in parameters if each.kind != each.KEYWORD_ONLY}

    assert list(positional.items()) == list(defaults.items())


def test_the_work_of_the_reference_system_gives_the_true_sky(image: ScienceImage) -> None:
    invalid = image.calculate_invalidmask()
    mask = image.calculate_circularmask(CIRCLE.x, CIRCLE.y, CIRCLE.radius, unit="pixel")
    mask = image.calculate_sourcemask(target_srcmask=mask, target_ivpmask=invalid, passes=3)

    sky = image.calculate_bkg(target_srcmask=mask, target_ivpmask=invalid)

    assert abs(float((sky.data - SMALL.sky).mean())) < 0.1 * SMALL.noise
    assert sky.rms is not None
    assert float(sky.rms.data.mean()) == pytest.approx(SMALL.noise, rel=0.05)


def test_it_is_the_same_sky_as_that_of_the_recipe(image: ScienceImage) -> None:
    result = image.run(
        Recipe()
        .with_regions(CIRCLE)
        .with_parameters(method="sep", saturation_level=50_000, passes=1)
    )

    invalid = image.calculate_invalidmask()
    mask = image.calculate_circularmask(CIRCLE.x, CIRCLE.y, CIRCLE.radius, unit="pixel")
    mask = image.calculate_sourcemask(target_srcmask=mask, target_ivpmask=invalid)
    sky = image.calculate_bkg(target_srcmask=mask)

    assert np.array_equal(mask.data, result.mask)
    assert np.array_equal(sky.data, result.fit.level)


@pytest.mark.parametrize("values", [{"model": "poly2"}, {"fill": "smooth"}], ids=str)
def test_a_model_gives_the_same_sky_as_the_recipe(
    image: ScienceImage, values: dict[str, str]
) -> None:
    recipe = (
        Recipe()
        .with_regions(CIRCLE)
        .with_parameters(method="sep", saturation_level=50_000, passes=1)
    )
    result = image.run(recipe.with_parameters(**values))

    sky = image.calculate_bkg(target_srcmask=result.mask, **values)

    assert np.array_equal(sky.data, result.fit.level)
    assert sky.rms is not None
    assert np.array_equal(sky.rms.data, result.fit.rms)
    assert "SEP " in sky.header["BKGTYPE"]


def test_handing_the_mask_back_in_makes_another_pass(image: ScienceImage) -> None:
    first = image.calculate_sourcemask()
    second = image.calculate_sourcemask(target_srcmask=first)

    assert (first.attempts, second.attempts) == (1, 2)
    assert np.array_equal(second.data & first.data, first.data)
    assert np.array_equal(second.data, image.calculate_sourcemask(passes=2).data)


def test_a_pixel_circle_masks_its_pixels(image: ScienceImage) -> None:
    mask = image.calculate_circularmask(100, 90, 20, unit="pixel")

    expected = mask_regions(SMALL.data.shape, [PixelCircle(100, 90, 20)])
    assert np.array_equal(mask.data, expected * np.uint8(MaskBit.REGION))


@pytest.mark.parametrize("unit", ["coord", "deg"])
def test_a_sky_circle_masks_the_same_pixels(image: ScienceImage, unit: str) -> None:
    pixel = PixelCircle(100.3, 90.2, 20.1)
    sky = to_sky(pixel, image.wcs)

    mask = image.calculate_circularmask(sky.ra, sky.dec, sky.radius, unit)

    assert np.array_equal(mask.data > 0, mask_regions(SMALL.data.shape, [pixel]))


def test_circles_join_the_mask_before(image: ScienceImage) -> None:
    first = image.calculate_circularmask(50, 50, 10, unit="pixel")
    both = image.calculate_circularmask(200, 200, 10, unit="pixel", target_srcmask=first)

    assert both.data[50, 50] == both.data[200, 200] == MaskBit.REGION
    assert first.data[200, 200] == 0


def test_an_unknown_unit_is_refused(image: ScienceImage) -> None:
    with pytest.raises(ParameterError, match="'coord', 'deg' or 'pixel', not 'arcsec'"):
        image.calculate_circularmask(1, 2, 3, unit="arcsec")


def test_a_sky_circle_without_a_wcs_is_refused() -> None:
    with pytest.raises(NoWCSError, match="give the region in pixels"):
        ScienceImage(SMALL.data).calculate_circularmask(150, 2.2, 3)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, float])
def test_a_plain_array_is_a_mask_too(image: ScienceImage, kind: Any) -> None:
    drawn = mask_regions(SMALL.data.shape, [CIRCLE])

    sky = image.calculate_bkg(target_srcmask=drawn.astype(kind))

    assert np.array_equal(sky.data, fit_background(SMALL.data, mask=drawn).level)


def test_a_mask_of_another_shape_is_refused(image: ScienceImage) -> None:
    with pytest.raises(BackgroundPluginError, match=r"\(3, 3\).*\(300, 320\)"):
        image.calculate_bkg(target_srcmask=np.zeros((3, 3)))


def test_the_invalid_mask_is_that_of_the_function(image: ScienceImage) -> None:
    mask = image.calculate_invalidmask()

    assert np.array_equal(mask.data, mask_invalid(SMALL.data))
    assert image.invalidmask is mask


def test_what_was_calculated_last_is_linked(image: ScienceImage) -> None:
    assert (image.sourcemask, image.bkgmap, image.bkgrms) == (None, None, None)

    mask, sky = image.calculate_sourcemask(), image.calculate_bkg()

    assert image.sourcemask is mask
    assert image.bkgmap is sky
    assert image.bkgrms is sky.rms


def test_a_saved_product_is_found_by_the_next_session(file: Path) -> None:
    first = ScienceImage.read(file)
    first.calculate_sourcemask().write()
    first.calculate_bkg().write()

    again = ScienceImage.read(file)

    assert isinstance(again.sourcemask, Mask)
    assert isinstance(again.bkgmap, Background)
    assert first.bkgmap is not None
    assert np.array_equal(again.bkgmap.data, first.bkgmap.data)
    assert again.sourcemask.attempts == 1
    assert again.bkgrms is None


def test_a_removed_product_is_not_found_again(file: Path) -> None:
    image = ScienceImage.read(file)
    sky = image.calculate_bkg()
    sky.write()

    sky.remove()

    assert ScienceImage.read(file).bkgmap is None


def test_subtracting_needs_a_background(image: ScienceImage) -> None:
    with pytest.raises(ProductError, match="No background yet"):
        image.subtract_background()


def test_the_subtracted_image_is_image_minus_background(image: ScienceImage) -> None:
    sky = image.calculate_bkg()

    product = image.subtract_background()

    assert np.array_equal(product.data, SMALL.data - sky.data, equal_nan=True)
    assert product.header["BKGSUB"] is True


def test_a_second_subtraction_is_refused_also_after_reading(file: Path) -> None:
    image = ScienceImage.read(file)
    image.calculate_bkg()
    again = ScienceImage.read(image.subtract_background().write())
    sky = again.calculate_bkg()

    with pytest.raises(ProductError, match="BKGSUB = T"):
        again.subtract_background(sky)


def test_no_work_changes_the_science_file(file: Path) -> None:
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    image = ScienceImage.read(file)

    result = image.run(Recipe())
    image.save(result)
    image.calculate_bkg().write(overwrite=True)
    image.subtract_background().write(overwrite=True)
    image.sourcemask.remove()  # type: ignore[union-attr]

    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_the_callers_header_and_ours_are_apart() -> None:
    header = SMALL.header.copy()
    image = ScienceImage(SMALL.data, header)

    header["OBJECT"] = "other"
    image.header["OBJECT"] = "another"

    assert image.header["OBJECT"] == "SIMULATED"


@pytest.mark.parametrize("shape", [(4, 4, 3), (3, 4, 4), (16,)])
def test_what_is_not_one_plane_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="not one 2-D image"):
        ScienceImage(np.zeros(shape))


def test_a_run_links_its_products(image: ScienceImage) -> None:
    result = image.run(Recipe())

    assert image.sourcemask is not None and image.bkgmap is not None
    assert np.array_equal(image.sourcemask.data, result.mask)
    assert np.array_equal(image.bkgmap.data, result.fit.level)
