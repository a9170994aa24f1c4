from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from ginga_bkgplugin.recipe.parameters import SmoothParameters
from ginga_bkgplugin.sky.binning import Binned
from ginga_bkgplugin.sky.deep import bad_lines, disc_radii, find_deep, signal_noise
from ginga_bkgplugin.sky.masking import Found
from ginga_bkgplugin.sky.pixels import MaskBit, has

SHAPE = (400, 420)
Array = npt.NDArray[np.float32]


def _noise(shape: tuple[int, int] = SHAPE, seed: int = 1) -> Array:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def _blob(peak: float, width: float, x: float = 210, y: float = 200) -> Array:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    r2 = (columns - x) ** 2 + (rows - y) ** 2
    blob: Array = (peak * np.exp(-r2 / (2 * width**2))).astype(np.float32)
    return blob


def _find(
    signal: Array,
    *,
    bad: npt.NDArray[np.bool_] | None = None,
    saturated: npt.NDArray[np.bool_] | None = None,
    factor: int = 2,
    noise: float = 1.0,
    **values: Any,
) -> Found:
    bad = np.zeros(signal.shape, bool) if bad is None else bad
    level, rms = np.full_like(signal, 100), np.full_like(signal, noise)
    binned = Binned(factor, signal + level, bad)
    return find_deep(binned, level, rms, SmoothParameters(**values), 5, saturated)


# --- noise


def test_white_noise_is_made_smaller_by_the_kernel_to_the_factor_of_theory() -> None:
    plain, smoothed = signal_noise(_noise((800, 800)), np.zeros((800, 800), bool))

    assert plain == pytest.approx(1, rel=0.01)
    assert smoothed == pytest.approx(0.375, rel=0.03)


def test_the_factor_of_correlated_noise_is_measured() -> None:
    correlated = ndimage.gaussian_filter(_noise((800, 800)), 1.5)
    correlated /= correlated.std()

    plain, smoothed = signal_noise(correlated, np.zeros((800, 800), bool))

    kernel = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    assert plain == pytest.approx(1, rel=0.03)
    assert smoothed == pytest.approx(ndimage.convolve(correlated, kernel).std(), rel=0.03)


def test_sources_do_not_raise_the_measured_noise() -> None:
    signal = _noise((800, 800))
    signal[:80] += 200

    plain, smoothed = signal_noise(signal, np.zeros(signal.shape, bool))

    assert plain == pytest.approx(1, rel=0.1)
    assert smoothed == pytest.approx(0.375, rel=0.1)


@pytest.mark.parametrize("shape", [(3, 500), (15, 15), (1, 40), (100, 100)])
def test_where_noise_cannot_be_measured_it_is_taken_for_white(shape: tuple[int, int]) -> None:
    everything = np.ones(shape, bool)

    assert signal_noise(_noise(shape), everything) == (1.0, 0.375)


def test_a_flat_signal_is_taken_for_white() -> None:
    assert signal_noise(np.zeros(SHAPE, np.float32), np.zeros(SHAPE, bool)) == (1.0, 0.375)


def test_little_of_pure_noise_is_masked_and_about_as_much_above_as_below() -> None:
    noise = _noise((1000, 1000))

    masked = _find(noise).mask != 0

    assert masked.mean() < 0.06
    assert abs(float(noise[~masked].mean())) < 4e-3


@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_the_noise_given_need_be_right_up_to_a_factor_only(scale: float) -> None:
    signal = _noise() + _blob(3, 6)

    found = _find(signal, noise=scale).mask

    assert np.mean(found != _find(signal).mask) < 1e-3


# --- what is kept


def test_a_faint_wide_source_is_found_that_no_pixel_shows() -> None:
    found = _find(_noise() + _blob(1.5, 8))

    assert found.mask[195:206, 205:216].all()


def test_a_source_reaches_down_to_the_low_threshold_but_must_touch_the_high_one() -> None:
    signal = np.zeros(SHAPE, np.float32)
    signal[100:110, 100:110] = 2.5 * 0.375  # above the low threshold only
    signal[200:210, 200:240] = 2.5 * 0.375
    signal[200:210, 200:210] = 30  # a bright end: the faint rest belongs to it

    found = _find(signal, growth=0, high_sigma=3, low_sigma=2)

    assert found.sources == 1
    assert not found.mask[100:110, 100:110].any()
    assert found.mask[202:208, 202:238].all()


@pytest.mark.parametrize("sign", [1, -1])
def test_holes_in_the_sky_are_masked_like_sources_and_not_counted(sign: int) -> None:
    found = _find(np.float32(sign) * _blob(50, 6))

    assert found.sources == (1 if sign > 0 else 0)
    assert found.mask[195:206, 205:216].all()


def test_both_signs_give_the_same_mask() -> None:
    signal = _noise() + _blob(20, 5) - _blob(20, 5, x=80)

    assert np.mean(_find(signal).mask != _find(-signal).mask) < 1e-3


def test_bad_blocks_are_neither_seen_nor_masked() -> None:
    bad = np.zeros(SHAPE, bool)
    bad[190:220, 200:220] = True
    signal = np.where(bad, np.float32(1e6), _noise())

    found = _find(signal, bad=bad)

    assert not found.mask[bad].any()
    assert (found.mask != 0).mean() < 0.08


def test_nothing_found_masks_nothing() -> None:
    found = _find(np.zeros(SHAPE, np.float32))

    assert (found.sources, found.saturated) == (0, 0)
    assert not found.mask.any()


# --- growth


def _radius(found: Found) -> float:
    return float(np.sqrt(np.count_nonzero(found.mask) / np.pi))


def test_a_source_grows_by_the_factor_asked_for() -> None:
    signal = _blob(100, 6)

    plain, grown = (_radius(_find(signal, growth=growth)) for growth in (0, 3))

    assert grown / plain == pytest.approx(3, rel=0.03)


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_a_disc_reaches_no_farther_than_the_most_growth_in_pixels(factor: int) -> None:
    signal = _blob(100, 6)

    plain = _radius(_find(signal, growth=0))
    limited = _radius(_find(signal, growth=10, most_growth=40, factor=factor))

    assert limited - plain == pytest.approx(40 / factor, abs=1.5)


@pytest.mark.parametrize("growth", [0.0, 1.0, 1.2, 2.5, 20.0])
@pytest.mark.parametrize("coverage", [0.0, 0.5, 1.0])
def test_discs_shrink_until_they_leave_room_but_not_below_their_least_factor(
    growth: float, coverage: float
) -> None:
    binned = Binned(2, np.zeros((200, 200), np.float32), np.zeros((200, 200), bool))
    areas = np.full(40, 100)
    parameters = SmoothParameters(growth=growth, most_coverage=coverage, most_growth=1e5)

    radii = disc_radii(areas, np.zeros(40, bool), binned, parameters)

    used = radii / np.sqrt(100 / np.pi)
    covered = 1 - np.exp(-np.sum(np.pi * radii**2) / binned.image.size)
    assert covered <= coverage or used.max() <= max(1.2, min(growth, 1.2)) + 1e-9
    assert (used <= growth + 1e-9).all()
    assert (used >= min(growth, 1.2) - 1e-9).all()


def test_a_saturated_source_grows_more_and_carries_its_bit() -> None:
    signal = _blob(1000, 6, x=300) + _blob(1000, 6, x=70)
    burnt = np.zeros(SHAPE, bool)
    burnt[200, 300] = True

    found = _find(signal, saturated=burnt, growth=2, saturated_growth=1.5)

    bit = has(found.mask, MaskBit.SATURATED)
    plain = (found.mask == MaskBit.SOURCE).sum()
    assert (found.sources, found.saturated) == (2, 1)
    assert bit[:, 150:].any()
    assert not bit[:, :150].any()
    assert np.sqrt(bit.sum() / plain) == pytest.approx(1.5, rel=0.03)
    assert has(found.mask, MaskBit.SOURCE)[bit].all()


def test_saturated_pixels_outside_any_source_change_nothing() -> None:
    signal = _blob(1000, 6)
    burnt = np.zeros(SHAPE, bool)
    burnt[5, 5] = True

    assert np.array_equal(_find(signal, saturated=burnt).mask, _find(signal).mask)


@pytest.mark.parametrize("side", [1, 2, 3, 5])
def test_little_noise_is_taken_for_sources_whether_or_not_it_is_correlated(side: int) -> None:
    rng = np.random.default_rng(6)
    noise = ndimage.uniform_filter(rng.standard_normal((800, 800), dtype=np.float32), side)
    noise /= noise.std()
    level, rms = np.zeros_like(noise), np.ones_like(noise)
    binned = Binned(2, noise, np.zeros(noise.shape, bool))

    found = find_deep(binned, level, rms, SmoothParameters(), 5, None)

    assert (found.mask != 0).mean() < 0.05


def test_sure_sources_are_fewer_than_all() -> None:
    found = _find(_noise() + _blob(8, 3))

    assert found.sure is not None
    assert found.sure[200, 210]
    assert not (found.sure & (found.mask == 0)).any()
    assert found.sure.sum() < 0.5 * (found.mask != 0).sum()


# --- whole lines


@pytest.mark.parametrize("axis", [0, 1])
def test_a_hot_line_is_masked_and_joins_no_sources(axis: int) -> None:
    signal = _noise() + _blob(8, 12)
    line = np.s_[:, 230] if axis == 0 else np.s_[230]
    alone = _find(signal).mask
    signal[line] += 50

    found = _find(signal).mask

    assert (found[line] != 0).all()
    elsewhere = np.ones(signal.shape, bool)
    elsewhere[max(0, 225) : 236] = elsewhere[:, 225:236] = False
    assert np.mean((found != 0)[elsewhere] != (alone != 0)[elsewhere]) < 0.005


def test_a_saturated_line_saturates_no_source_it_crosses() -> None:
    signal = _noise() + _blob(8, 12)
    signal[:, 212] += 5000

    found = _find(signal, saturated=signal > 4000)

    assert found.saturated == 0
    assert not (found.mask & MaskBit.SATURATED).any()


def test_a_trail_across_the_frame_is_masked_along_it_and_not_by_a_disc() -> None:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    away = np.abs(0.6 * (columns - 210) - 0.8 * (rows - 200))
    trail = np.where(away < 3, np.float32(8), np.float32(0))
    alone = _find(_noise()).mask

    found = _find(_noise() + trail).mask

    assert (found[trail > 0] != 0).mean() > 0.99
    # a disc of its area has a radius of 30 blocks, and is grown to twice that
    far = away > 15
    assert np.mean((found != 0)[far] & (alone == 0)[far]) < 0.01


def test_what_varies_slowly_or_is_noise_is_no_line() -> None:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    none = np.zeros(SHAPE, bool)
    tilted = _noise() + (columns / 40).astype(np.float32)
    stepped = _noise() + np.where(rows > 200, np.float32(0.8), np.float32(0))

    assert bad_lines(tilted, none) is None
    assert bad_lines(stepped, none) is None
    assert bad_lines(_noise() + _blob(300, 30), none) is None


def test_lines_that_are_mostly_bad_and_tiny_images_have_none() -> None:
    signal = _noise()
    signal[:, 100] += 50
    bad = np.zeros(SHAPE, bool)
    bad[:150, 100] = True

    assert bad_lines(signal, bad) is None
    assert bad_lines(signal[:10, :10], bad[:10, :10]) is None
