from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ginga_bkgplugin.recipe.errors import ImageError, SkyFitError
from ginga_bkgplugin.recipe.parameters import (
    BackgroundParameters,
    InvalidParameters,
    SourceMaskParameters,
)
from ginga_bkgplugin.sky.background import fit_background
from ginga_bkgplugin.sky.masking import (
    Found,
    Pass,
    Stage,
    find_sources,
    iterate_source_mask,
    mask_invalid,
)
from ginga_bkgplugin.sky.pixels import MaskBit, MaskImage, has
from ginga_bkgplugin.sky.raster import mask_regions
from ginga_bkgplugin.sky.simulate import SimulatedField

FloatArray = npt.NDArray[np.float32]
SHAPE = (200, 220)


def _stars(*places: tuple[float, float, float], seed: int = 2) -> FloatArray:
    """Sky of 100 +- 2 with Gaussian stars (x, y, peak) of sigma 2 px."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = np.random.default_rng(seed).normal(100, 2, SHAPE)
    for x0, y0, peak in places:
        image += peak * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 8)
    return image.astype(np.float32)


def _free() -> MaskImage:
    return np.zeros(SHAPE, np.uint8)


def _find(image: FloatArray, mask: MaskImage | None = None, **values: Any) -> Found:
    level = values.pop("level", None)
    mask = _free() if mask is None else mask
    fit = fit_background(image, mask=mask)
    return find_sources(
        image, fit, SourceMaskParameters(**values), mask=mask, saturation_level=level
    )


def _passes(image: Any, mask: MaskImage, **values: Any) -> list[Pass]:
    steps = iterate_source_mask(image, mask, SourceMaskParameters(**values))
    return [step for step in steps if isinstance(step, Pass)]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_pixels_are_invalid(bad: float) -> None:
    image = _stars()
    image[3, 4] = bad

    assert np.argwhere(mask_invalid(image)).tolist() == [[3, 4]]


@pytest.mark.parametrize(("threshold", "invalid"), [(59, 60), (60, 0), (61, 0)])
def test_a_zero_area_is_invalid_only_above_the_size(threshold: int, invalid: int) -> None:
    image = _stars()
    image[10:16, 20:30] = 0
    parameters = InvalidParameters(threshold_invalid_connection=threshold)

    assert np.count_nonzero(mask_invalid(image, parameters)) == invalid


def test_two_areas_that_touch_at_a_corner_are_counted_apart() -> None:
    image = _stars()
    image[10:20, 10:20] = image[20:30, 20:30] = 0

    assert not mask_invalid(image, InvalidParameters(threshold_invalid_connection=150)).any()


def test_scattered_zeros_are_no_connected_area() -> None:
    image = _stars()
    image[::2, ::2] = 0

    assert not mask_invalid(image, InvalidParameters(threshold_invalid_connection=1)).any()


def test_only_the_large_area_of_two_is_invalid() -> None:
    image = _stars()
    image[:20] = 0
    image[100:105, 100:105] = 0

    invalid = mask_invalid(image, InvalidParameters(threshold_invalid_connection=100))

    assert invalid[:20].all()
    assert not invalid[20:].any()


@given(seed=st.integers(0, 500), threshold=st.integers(0, 40), share=st.floats(0.1, 0.9))
def test_invalid_zero_areas_are_those_of_a_flood_fill(
    seed: int, threshold: int, share: float
) -> None:
    zeros = np.random.default_rng(seed).random((25, 30)) < share
    labels, count = ndimage.label(zeros)
    areas = [labels == label for label in range(1, count + 1)]
    expected = sum((area for area in areas if area.sum() > threshold), np.zeros_like(zeros))

    invalid = mask_invalid(
        np.where(zeros, 0, 5), InvalidParameters(threshold_invalid_connection=threshold)
    )

    assert np.array_equal(invalid, expected)


@pytest.mark.parametrize("use", [True, False])
def test_flagged_pixels_are_invalid_only_when_asked_for(use: bool) -> None:
    dq = np.zeros(SHAPE, np.int16)
    dq[5, 6] = 4096

    invalid = mask_invalid(_stars(), InvalidParameters(use_dq=use), dq=dq)

    assert np.argwhere(invalid).tolist() == ([[5, 6]] if use else [])


def test_a_dq_of_another_shape_is_refused() -> None:
    with pytest.raises(ImageError, match=r"DQ has shape \(3, 3\)"):
        mask_invalid(_stars(), InvalidParameters(use_dq=True), dq=np.zeros((3, 3)))


def test_a_bright_star_is_masked_by_its_pixels_and_a_disc_round_it() -> None:
    image = _stars((100, 90, 500))
    bare = has(_find(image, mask_radius_factor=0).mask, MaskBit.SOURCE)

    grown = _find(image, mask_radius_factor=3)

    assert grown.sources == 1
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    distance = np.hypot(x - 100, y - 90)
    radius = 3 * np.sqrt(bare.sum() / np.pi)
    mask = has(grown.mask, MaskBit.SOURCE)
    assert mask[distance < radius - 1].all()
    assert not mask[distance > radius + 1].any()


def test_pure_noise_is_left_alone() -> None:
    assert _find(_stars(), sigma=5).sources == 0


def test_a_fainter_star_needs_a_lower_sigma() -> None:
    image = _stars((100, 90, 12))

    assert _find(image, sigma=10).sources == 0
    assert _find(image, sigma=2).sources == 1


@given(factor=st.floats(0, 8), more=st.floats(0, 4))
@settings(max_examples=15)
def test_a_larger_factor_masks_no_pixel_less(factor: float, more: float) -> None:
    image = _stars((60, 50, 300), (150, 140, 80))

    smaller = _find(image, mask_radius_factor=factor).mask > 0
    larger = _find(image, mask_radius_factor=factor + more).mask > 0

    assert np.all(larger[smaller])


def test_only_the_saturated_star_grows() -> None:
    image = _stars((60, 50, 900), (150, 140, 300))
    plain = _find(image)

    found = _find(image, level=800.0, saturation_radius_factor=2)

    assert (found.sources, found.saturated) == (2, 1)
    left = np.arange(SHAPE[1]) < 105
    assert (found.mask[:, left] > 0).sum() > 3 * (plain.mask[:, left] > 0).sum()
    assert np.array_equal(found.mask[:, ~left], plain.mask[:, ~left])


def test_the_saturated_bit_stands_beside_the_source_bit() -> None:
    found = _find(_stars((60, 50, 900), (150, 140, 300)), level=800.0)

    assert set(np.unique(found.mask)) == {0, MaskBit.SOURCE, MaskBit.SOURCE | MaskBit.SATURATED}
    assert found.mask[50, 60] == MaskBit.SOURCE | MaskBit.SATURATED
    assert found.mask[140, 150] == MaskBit.SOURCE


def test_a_star_just_below_the_level_is_not_saturated() -> None:
    image = _stars((60, 50, 900))
    peak = float(image.max())

    assert _find(image, level=peak).saturated == 1
    assert _find(image, level=float(np.nextafter(np.float32(peak), np.inf))).saturated == 0


def test_invalid_pixels_are_hidden_from_detection() -> None:
    image = _stars((60, 50, 900), (150, 140, 300))
    mask = _free()
    mask[:, :105] = MaskBit.INVALID

    found = _find(image, mask)

    assert found.sources == 1
    assert not found.mask[:, :105].any()


def test_a_frame_that_is_one_big_source_does_not_stop_the_detection() -> None:
    noise = np.random.default_rng(1).normal(0, 1, (1100, 1100)).astype(np.float32)
    fit = fit_background(noise)  # more pixels than SEP's first stack

    found = find_sources(
        noise + 1000, fit, SourceMaskParameters(), mask=np.zeros(noise.shape, np.uint8)
    )

    assert found.sources == 1
    assert (found.mask > 0).all()


def test_detection_sees_the_pixels_under_a_region(field: SimulatedField) -> None:
    drawn = mask_regions(field.data.shape, [field.galaxy]).astype(np.uint8)
    drawn[mask_invalid(field.data)] = MaskBit.INVALID

    last = _passes(field.data, drawn, passes=1)[-1]

    under = last.mask[round(field.galaxy.y), round(field.galaxy.x)]
    assert under == MaskBit.REGION | MaskBit.SOURCE


def test_a_region_leaves_the_fit(field: SimulatedField) -> None:
    drawn = mask_regions(field.data.shape, [field.galaxy]).astype(np.uint8)

    first = _passes(field.data, drawn, passes=0)[0]

    assert np.array_equal(first.fit.level, fit_background(field.data, mask=drawn).level)


def test_the_mask_only_grows(field: SimulatedField) -> None:
    masks = [step.mask for step in _passes(field.data, np.zeros(field.data.shape, np.uint8))]

    assert len(masks) > 2
    for before, after in itertools.pairwise(masks):
        assert np.array_equal(after & before, before)
        assert (after > 0).sum() >= (before > 0).sum()


def test_it_stops_at_the_first_pass_that_masks_nothing_new() -> None:
    image = _stars((60, 50, 900), (150, 140, 300))

    rows = [step.row for step in _passes(image, _free(), passes=50)]

    new = [row.new_pixels for row in rows if row is not None]
    assert len(new) < 50
    assert new[-1] == 0
    assert all(new[:-1])


def test_no_pass_is_made_when_none_is_asked_for() -> None:
    (start,) = _passes(_stars((60, 50, 900)), _free(), passes=0)

    assert start.row is None
    assert not start.mask.any()


def test_the_row_of_a_pass_counts_what_the_mask_shows(field: SimulatedField) -> None:
    start, first, *_ = _passes(field.data, np.zeros(field.data.shape, np.uint8))

    assert first.row is not None
    grown = np.count_nonzero(first.mask) - np.count_nonzero(start.mask)
    assert first.row.new_pixels == grown
    assert first.row.masked_fraction == np.count_nonzero(first.mask) / first.mask.size
    assert first.row.globalback == first.fit.globalback
    assert first.row.index == 1


def test_progress_rises_from_zero_and_stays_below_one() -> None:
    steps = list(iterate_source_mask(_stars((60, 50, 900)), _free()))

    fractions = [step.fraction for step in steps if isinstance(step, Stage)]
    assert fractions[0] == 0
    assert fractions == sorted(set(fractions))
    assert fractions[-1] < 1


def test_a_mask_given_out_cannot_be_written() -> None:
    for step in _passes(_stars((60, 50, 900)), _free()):
        assert not step.mask.flags.writeable


def test_a_mask_changed_later_by_its_owner_changes_no_answer() -> None:
    mine = _free()
    start, *_ = _passes(_stars(), mine, passes=0)

    mine[:] = MaskBit.REGION

    assert not start.mask.any()


def test_a_mask_over_everything_is_refused_before_any_pass() -> None:
    with pytest.raises(SkyFitError, match="Over-masked"):
        _passes(_stars(), np.ones(SHAPE, np.uint8))


def test_sources_all_over_the_frame_are_refused_with_the_cure() -> None:
    image = _stars(*((x, y, 3000.0) for x in range(5, 220, 20) for y in range(5, 200, 20)))

    with pytest.raises(SkyFitError, match=r"0 of 16 boxes.*lower mask_radius_factor"):
        _passes(image, _free(), sigma=3, mask_radius_factor=10)


def test_one_circle_makes_the_sky_true_where_plain_sep_fails(field: SimulatedField) -> None:
    inside = mask_regions(field.sky.shape, [field.galaxy])
    drawn = inside.astype(np.uint8)
    drawn[mask_invalid(field.data)] = MaskBit.INVALID

    error = (_passes(field.data, drawn)[-1].fit.level - field.sky) / field.noise
    plain = (fit_background(field.data).level - field.sky) / field.noise

    assert abs(error.mean()) < 0.05
    assert abs(error[inside].mean()) < 0.25
    assert plain[inside].mean() > 1.5
    assert abs(error[inside]).max() < abs(plain[inside]).max() / 5


def test_the_rms_is_the_true_noise(field: SimulatedField) -> None:
    drawn = mask_regions(field.sky.shape, [field.galaxy]).astype(np.uint8)

    fit = _passes(field.data, drawn)[-1].fit

    assert fit.globalrms == pytest.approx(field.noise, rel=0.02)


@pytest.mark.parametrize("box", [32, 64, 128])
def test_the_mean_sky_is_true_for_any_usual_box(field: SimulatedField, box: int) -> None:
    drawn = mask_regions(field.sky.shape, [field.galaxy]).astype(np.uint8)

    steps = iterate_source_mask(field.data, drawn, background=BackgroundParameters(box_size=box))
    *_, last = (step for step in steps if isinstance(step, Pass))

    assert abs(float((last.fit.level - field.sky).mean())) < 0.05 * field.noise
