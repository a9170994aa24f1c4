from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import uniform_filter

from ginga_bkgplugin import MaskBit, Recipe, run
from ginga_bkgplugin.recipe.errors import ImageError
from ginga_bkgplugin.sky.residuals import BLOCK, clipped_sigma, measure_residual
from ginga_bkgplugin.sky.simulate import SimulatedField
from ginga_bkgplugin.work.pipeline import finish
from tests.judged import flat_fit, residual_of


@pytest.fixture(scope="module")
def noise() -> Any:
    return np.random.default_rng(7).normal(100, 5, (403, 517)).astype(np.float32)


def test_the_statistics_are_numpys_of_the_free_pixels(field: SimulatedField) -> None:
    result = finish(run(field.data, Recipe()))
    residual = measure_residual(field.data, result.layers, result.fit)
    free = (result.mask == 0) & np.isfinite(field.data)
    rest = (field.data - result.fit.level)[free].astype(np.float64)

    found = residual.statistics

    middle = np.median(rest)
    expected = (rest.mean(), middle, rest.std(), 1.482602 * np.median(np.abs(rest - middle)),
                stats.skew(rest))  # fmt: skip
    assert residual.step == 1
    assert found.count == rest.size
    assert (found.mean, found.median, found.sigma, found.mad, found.skew) == pytest.approx(
        expected, rel=1e-6, abs=1e-6
    )
    assert residual.masked == pytest.approx(1 - free.mean())


def test_the_sums_of_blocks_rows_and_columns_are_numpys(noise: Any) -> None:
    mask = np.zeros(noise.shape, np.uint8)
    mask[50:120, 30:300] = MaskBit.SOURCE
    mask[200:210] = MaskBit.INVALID
    data = noise.copy()
    data[300, 100] = 1e6  # beyond 5 sigma: left out
    residual = residual_of(data, mask)

    rest = data.astype(np.float64) - 100
    free = (mask == 0) & (np.abs(rest) <= 25)
    hidden = mask == MaskBit.SOURCE
    window = np.s_[48:56, 24:32]
    block = (6, 3)
    assert residual.count[block] == free[window].sum()
    assert residual.total[block] == pytest.approx(rest[window][free[window]].sum(), rel=1e-5)
    assert residual.hidden[block] == hidden[window].sum()
    assert residual.light[block] == pytest.approx(rest[window][hidden[window]].sum(), rel=1e-5)
    assert residual.total.sum() == pytest.approx(rest[free].sum(), rel=1e-4)
    for axis, means in ((1, residual.rows), (0, residual.columns)):
        with np.errstate(invalid="ignore"):
            expected = np.where(free, rest, 0).sum(axis=axis) / free.sum(axis=axis)
        assert means == pytest.approx(expected, nan_ok=True, abs=1e-4)
    assert np.isnan(residual.rows[200:210]).all()


def test_any_type_and_byte_order_gives_the_same() -> None:
    whole = np.random.default_rng(8).normal(100, 5, (64, 80)).round()

    one, two = (residual_of(whole.astype(kind)) for kind in (">i2", "float64"))

    assert np.array_equal(one.total, two.total)
    assert one.statistics == two.statistics


def test_pixels_that_are_not_finite_or_have_no_map_are_masked(noise: Any) -> None:
    data = noise.copy()
    data[:10] = np.nan
    data[10:20] = np.inf
    fit = flat_fit(data.shape)
    fit.level[20:30] = np.nan

    residual = measure_residual(data, np.zeros(data.shape, np.uint8), fit)

    assert residual.masked == pytest.approx(30 / 403)
    assert residual.statistics.count == 373 * 517


def test_white_noise_is_not_correlated_and_smoothed_noise_is(noise: Any) -> None:
    smooth = uniform_filter(noise, 3)

    assert 1 <= residual_of(noise).correlation < 1.3
    # means over areas large beside 3 x 3 pixels have 9 times the variance of independent ones
    assert residual_of(smooth, rms=5 / 3).correlation == pytest.approx(9, rel=0.25)


def test_the_noise_is_that_of_the_gaussian_whatever_stars_are_left() -> None:
    values = np.random.default_rng(9).normal(0, 3, 200_000).astype(np.float32)
    values[:500] = 1e5

    assert clipped_sigma(values, 10.0) == pytest.approx(3, rel=0.01)


def test_the_histogram_counts_the_pixels_and_the_gaussian_fits_pure_noise(noise: Any) -> None:
    found = residual_of(noise).histogram(bins=30)

    assert found.counts.sum() == noise.size
    assert found.gaussian.sum() == pytest.approx(noise.size)
    pull = (found.counts - found.gaussian) / np.sqrt(np.maximum(found.gaussian, 10))
    assert np.abs(pull).max() < 5


def test_large_frames_are_sampled_and_their_sums_are_not() -> None:
    data = np.full((BLOCK * 300, 2000), 101.0, np.float32)  # 4.8 Mpix

    residual = residual_of(data)

    assert residual.step == 3
    assert residual.statistics.count == 800 * 2000
    assert residual.count.sum() == data.size
    assert residual.total.sum() == data.size


def test_a_frame_without_free_pixels_has_no_numbers() -> None:
    residual = residual_of(np.ones((64, 64)), np.ones((64, 64), np.uint8))

    assert residual.statistics.count == 0
    assert np.isnan(residual.statistics.mean)
    assert residual.sigma == 0
    assert residual.histogram().counts.sum() == 0


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(ImageError, match="The background has shape"):
        measure_residual(np.ones((9, 9)), np.zeros((9, 9), np.uint8), flat_fit((8, 8)))
