from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sep
from hypothesis import given
from hypothesis import strategies as st

from ginga_bkgplugin.recipe.errors import ImageError, SkyFitError
from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.sky.background import fit_background, subtract_background
from ginga_bkgplugin.sky.pixels import MaskBit


def _sky(shape: tuple[int, int] = (200, 260), seed: int = 1) -> npt.NDArray[np.float32]:
    """A tilted sky of whole numbers, so that every integer type holds it exactly."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    noise = np.random.default_rng(seed).normal(0, 8, shape)
    image: npt.NDArray[np.float32] = np.round(1000 + 0.3 * x - 0.2 * y + noise).astype(np.float32)
    return image


def _patch(shape: tuple[int, int] = (200, 260)) -> npt.NDArray[np.bool_]:
    mask = np.zeros(shape, bool)
    mask[40:120, 60:180] = True
    return mask


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("box", "median"), [(64, 3), (32, 1), (50, 5), (300, 3)])
def test_the_maps_are_seps_bit_for_bit(masked: bool, box: int, median: int) -> None:
    image = _sky()
    mask = _patch() if masked and box < 300 else None

    fit = fit_background(image, BackgroundParameters(box_size=box, filter_size=median), mask=mask)

    reference = sep.Background(image, mask=mask, bw=box, bh=box, fw=median, fh=median)
    assert np.array_equal(fit.level, reference.back())
    assert np.array_equal(fit.rms, reference.rms())
    assert (fit.globalback, fit.globalrms) == (reference.globalback, reference.globalrms)


@pytest.mark.parametrize("masked", [False, True])
def test_a_constant_background_is_seps_global_one(masked: bool) -> None:
    image, mask = _sky(), _patch() if masked else None

    fit = fit_background(image, BackgroundParameters(is_2d=False), mask=mask)

    reference = sep.Background(image, mask=mask, bw=64, bh=64, fw=3, fh=3)
    assert np.unique(fit.level).tolist() == [np.float32(reference.globalback)]
    assert np.unique(fit.rms).tolist() == [np.float32(reference.globalrms)]


@pytest.mark.parametrize(
    "kind", ["f4", "f8", "i2", "u2", "i4", "u4", "i8", ">f4", ">f8", ">i2", ">u2"]
)
def test_every_pixel_type_gives_the_same_maps(kind: str) -> None:
    image = _sky()

    fit = fit_background(image.astype(kind), mask=_patch())

    reference = fit_background(image, mask=_patch())
    assert np.array_equal(fit.level, reference.level)
    assert np.array_equal(fit.rms, reference.rms)


@pytest.mark.parametrize("order", ["columns", "slice", "reversed"])
def test_the_layout_in_memory_does_not_matter(order: str) -> None:
    image = _sky()
    wide = np.zeros((image.shape[0], 2 * image.shape[1]), np.float32)
    wide[:, ::2] = image
    same = {
        "columns": np.asfortranarray(image),
        "slice": wide[:, ::2],
        "reversed": image[::-1].copy()[::-1],
    }[order]

    assert np.array_equal(fit_background(same).level, fit_background(image).level)


def test_a_locked_image_without_a_missing_pixel_is_enough() -> None:
    image = _sky()
    image.flags.writeable = False

    assert np.array_equal(fit_background(image).level, fit_background(_sky()).level)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int32, float])
@pytest.mark.parametrize("value", [1, 5])
def test_any_value_but_zero_masks(kind: Any, value: int) -> None:
    mask = _patch()

    fit = fit_background(_sky(), mask=(mask * value).astype(kind))

    assert np.array_equal(fit.level, fit_background(_sky(), mask=mask).level)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_pixels_count_as_masked(bad: float) -> None:
    image, mask = _sky(), np.zeros((200, 260), bool)
    mask[10:30, 5:50] = True
    holed = np.where(mask, np.float32(bad), image)

    fit = fit_background(holed)

    reference = fit_background(np.where(mask, np.float32(0), image), mask=mask)
    assert np.isfinite(fit.level).all()
    assert np.array_equal(fit.level, reference.level)
    assert np.array_equal(fit.fractions, reference.fractions)


@given(value=st.floats(-1e6, 1e6, width=32))
def test_what_stands_under_the_mask_does_not_matter(value: float) -> None:
    mask = _patch()
    other = np.where(mask, np.float32(value), _sky())

    fit, reference = fit_background(other, mask=mask), fit_background(_sky(), mask=mask)

    np.testing.assert_allclose(fit.level, reference.level, rtol=1e-6)


def test_maps_hold_the_sky_under_invalid_pixels_unless_asked_not_to() -> None:
    mask = np.zeros((200, 260), np.uint8)
    mask[:20] = MaskBit.INVALID
    mask[50:70, 50:70] = MaskBit.SOURCE

    fit = fit_background(_sky(), mask=mask)

    assert np.isfinite(fit.level).all()
    assert np.isfinite(fit.rms).all()


def test_blanked_maps_are_nan_exactly_where_pixels_are_invalid() -> None:
    image = _sky()
    image[100, 100] = np.nan
    mask = np.zeros((200, 260), np.uint8)
    mask[:20] = MaskBit.INVALID
    mask[50:70, 50:70] = MaskBit.SOURCE

    fit = fit_background(image, BackgroundParameters(blank_invalid=True), mask=mask)

    expected = mask == MaskBit.INVALID
    expected[100, 100] = True
    assert np.array_equal(np.isnan(fit.level), expected)
    assert np.array_equal(np.isnan(fit.rms), expected)


def test_filled_boxes_are_counted() -> None:
    mask = np.zeros((200, 260), bool)
    mask[:64, :128] = True

    fit = fit_background(_sky(), mask=mask)

    assert (fit.boxes, fit.filled) == (4 * 5, 2)


def test_a_fully_masked_image_is_refused() -> None:
    with pytest.raises(SkyFitError, match=r"0 of 20 boxes \(64 px\).*100% of the frame"):
        fit_background(_sky(), mask=np.ones((200, 260), bool))


def test_an_image_masked_over_half_in_every_box_is_refused_with_the_best_box() -> None:
    mask = np.zeros((128, 128), bool)
    mask[:, ::2] = True
    mask[0] = True

    with pytest.raises(SkyFitError, match="the best has 50%") as refused:
        fit_background(_sky((128, 128)), BackgroundParameters(box_size=128), mask=mask)

    assert "0 of 1 boxes" in str(refused.value)
    assert "Raise sigma" in str(refused.value)


def test_one_box_half_free_is_enough() -> None:
    mask = np.ones((128, 128), bool)
    mask[:32, :64] = False

    fit = fit_background(np.full((128, 128), 7, np.float32), mask=mask)

    assert fit.filled == 3
    assert np.all(fit.level == 7)


def test_an_image_of_nothing_but_nan_is_refused() -> None:
    with pytest.raises(SkyFitError, match="Over-masked"):
        fit_background(np.full((100, 100), np.nan, np.float32))


def test_a_mask_of_another_shape_is_refused_with_both_shapes() -> None:
    with pytest.raises(ImageError, match=r"\(3, 3\).*\(200, 260\)"):
        fit_background(_sky(), mask=np.zeros((3, 3), bool))


@pytest.mark.parametrize("shape", [(1, 1), (4, 6), (1, 24)])
def test_a_tiny_image_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match=f"{shape[0] * shape[1]} pixels.*at least 25"):
        fit_background(np.ones(shape, np.float32))


@pytest.mark.parametrize("shape", [(30, 40), (5, 5), (1, 400), (400, 1), (65, 64)])
def test_an_image_smaller_than_a_box_has_a_sky(shape: tuple[int, int]) -> None:
    image = _sky(shape)

    fit = fit_background(image)

    assert fit.level.shape == shape
    assert abs(float(fit.level.mean()) - float(np.median(image))) < 8


@pytest.mark.parametrize("value", [0.0, 7.0, -3.5, 1e-12, 60_000.0])
def test_a_constant_image_is_its_own_background(value: float) -> None:
    fit = fit_background(np.full((150, 150), value, np.float32))

    assert np.all(fit.level == np.float32(value))
    assert np.all(fit.rms == 0)


@given(offset=st.integers(-2000, 2000))
def test_a_constant_added_to_the_image_is_added_to_the_background(offset: int) -> None:
    fit = fit_background(_sky() + np.float32(offset), mask=_patch())

    reference = fit_background(_sky(), mask=_patch())
    np.testing.assert_allclose(fit.level - offset, reference.level, atol=0.02 * 8)
    np.testing.assert_allclose(fit.rms, reference.rms, rtol=0.02)


@given(power=st.integers(-60, 30))
def test_other_units_scale_the_maps_exactly(power: int) -> None:
    scale = np.float32(2.0**power)

    fit = fit_background(_sky() * scale, mask=_patch())

    reference = fit_background(_sky(), mask=_patch())
    assert np.array_equal(fit.level, reference.level * scale)
    assert np.array_equal(fit.rms, reference.rms * scale)


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "f4", ">i2", ">f4"])
def test_a_subtracted_image_keeps_its_negative_values(kind: str) -> None:
    image = np.array([[1, 2], [3, 100]]).astype(kind)

    difference = subtract_background(image, np.float32(10))

    assert difference.dtype == np.float32
    assert difference.dtype.isnative
    assert difference.tolist() == [[-9, -8], [-7, 90]]


@pytest.mark.parametrize("kind", ["f8", ">f8", "i4", "u4", "i8"])
def test_wide_pixels_are_subtracted_in_float64(kind: str) -> None:
    image = np.array([[2**24 + 1, 5]]).astype(kind)

    difference = subtract_background(image, np.array([[1, 10]], np.float32))

    assert difference.dtype == np.float64
    assert difference.tolist() == [[2**24, -5]]


def test_a_background_of_another_shape_is_refused() -> None:
    with pytest.raises(ImageError, match=r"\(3, 3\).*\(200, 260\)"):
        subtract_background(_sky(), np.zeros((3, 3)))
