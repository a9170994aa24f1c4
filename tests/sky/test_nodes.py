from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ginga_bkgplugin.sky.nodes import (
    CLIPPED_SIGMA,
    BoxStatistics,
    Grid,
    box_statistics,
    polynomial_surface,
    smooth_surface,
)

Array = npt.NDArray[np.float64]
PLANE = (5.0, 2.0, -3.0)
BOWL = (5.0, 2.0, -3.0, 1.5, -2.5, 0.7)


def _surface(shape: tuple[int, int], terms: tuple[float, ...]) -> Array:
    """c0 + c1 x + c2 y + c3 x^2 + c4 y^2 + c5 xy on -1 .. 1."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    total: Array = sum(
        (c * t for c, t in zip(terms, (1 + 0 * x, x, y, x**2, y**2, x * y), strict=False)),
        np.zeros(shape),
    )
    return total


def _statistics(
    image: Any, box: int, masked: npt.NDArray[np.bool_] | None = None, rms: float = 1.0
) -> BoxStatistics:
    grid = Grid.over(image.shape, box)
    masked = np.zeros(image.shape, bool) if masked is None else masked
    return box_statistics(image.astype(np.float32), masked, grid, np.full(grid.shape, rms))


# --- grid


@given(ny=st.integers(1, 500), nx=st.integers(1, 500), box=st.floats(1, 300))
def test_boxes_divide_the_frame_without_gap_or_overlap(ny: int, nx: int, box: float) -> None:
    grid = Grid.over((ny, nx), box)

    for edges, size in ((grid.rows, ny), (grid.columns, nx)):
        assert (edges[0], edges[-1]) == (0, size)
        assert (np.diff(edges) > 0).all()
        assert np.ptp(np.diff(edges)) <= 1


def test_a_box_is_never_narrow_at_the_edge() -> None:
    assert Grid.over((1025, 64), 64).shape == (16, 1)


def test_centres_are_where_the_mean_coordinate_is() -> None:
    grid = Grid.over((10, 9), 5)

    assert [list(axis) for axis in grid.centres()] == [[2.0, 7.0], [1.5, 6.0]]


# --- statistics of boxes


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_the_mean_of_a_box_is_that_of_its_free_unclipped_pixels(share: float) -> None:
    rng = np.random.default_rng(3)
    image = rng.normal(0, 1, (100, 130)).astype(np.float32)
    masked = rng.random(image.shape) < share
    image[masked] = 1e6

    found = _statistics(image, 32, masked)

    grid = Grid.over(image.shape, 32)
    for j, i in np.ndindex(grid.shape):
        box = np.s_[grid.rows[j] : grid.rows[j + 1], grid.columns[i] : grid.columns[i + 1]]
        free = image[box][~masked[box]]
        near = free[np.abs(free - found.mean[j, i]) <= 3 * found.rms[j, i]]
        assert abs(found.count[j, i] - near.size) <= 3
        assert found.mean[j, i] == pytest.approx(near.mean(), abs=0.02)
        assert found.rms[j, i] == pytest.approx(near.std() / CLIPPED_SIGMA, rel=0.05)


def test_the_rms_of_gaussian_noise_is_not_made_low_by_clipping() -> None:
    noise = np.random.default_rng(4).normal(0, 5, (1024, 1024))

    found = _statistics(noise, 128, rms=5.0)

    assert found.rms.mean() == pytest.approx(5, rel=0.003)
    assert abs(found.mean.mean()) < 4 * 5 / 1024


@pytest.mark.parametrize("guess", [0.5, 1.0, 4.0])
def test_a_wrong_guess_of_the_rms_is_put_right(guess: float) -> None:
    noise = np.random.default_rng(5).normal(0, 1, (256, 256))

    assert _statistics(noise, 64, rms=guess).rms.mean() == pytest.approx(1, rel=0.06)


def test_stars_that_no_mask_covers_are_clipped() -> None:
    noise = np.random.default_rng(6).normal(0, 1, (256, 256))
    noise[::16, ::16] = 500

    assert abs(_statistics(noise, 64).mean).max() < 0.08


def test_a_box_without_free_pixels_has_no_statistics() -> None:
    masked = np.zeros((64, 64), bool)
    masked[:32, :32] = True

    found = _statistics(np.ones((64, 64)), 32, masked)

    assert np.isnan(found.mean[0, 0])
    assert np.isnan(found.rms[0, 0])
    assert found.count.tolist() == [[0, 1024], [1024, 1024]]


def test_boxes_of_equal_pixels_have_no_rms() -> None:
    found = _statistics(np.full((64, 64), 0.5), 32)

    assert (found.mean == 0.5).all()
    assert (found.rms == 0).all()


# --- polynomials


@pytest.mark.parametrize("degree", [0, 1, 2, 3, 6])
@pytest.mark.parametrize("shape", [(9, 12), (38, 47)])
def test_a_polynomial_is_found_again(degree: int, shape: tuple[int, int]) -> None:
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    values = 1000 + (x - 0.5 * y) ** degree

    fit = polynomial_surface(values, np.ones(shape), degree)

    np.testing.assert_allclose(fit, values, atol=1e-9)


def test_a_polynomial_does_not_follow_a_few_bright_nodes() -> None:
    values = _surface((10, 12), PLANE)
    spoilt = values.copy()
    spoilt[2:4, 3:6] += 1000

    fit = polynomial_surface(spoilt, np.ones(values.shape), 1)

    np.testing.assert_allclose(fit, values, atol=1e-6)


@pytest.mark.parametrize(
    "known", [np.s_[4, :], np.s_[0, :], np.s_[:, 3], np.s_[:2, :3], np.s_[0, 0], np.s_[:1, :2]]
)
def test_few_known_nodes_do_not_run_away_elsewhere(known: Any) -> None:
    weights = np.zeros((9, 9))
    weights[known] = 1
    values = 1000 + np.random.default_rng(2).normal(0, 0.01, weights.shape)

    fit = polynomial_surface(np.where(weights > 0, values, 0), weights, 2)

    np.testing.assert_allclose(fit, 1000, atol=1)


# --- surfaces


def _hole(shape: tuple[int, int]) -> Array:
    weights = np.ones(shape)
    weights[shape[0] // 4 : shape[0] // 2, shape[1] // 3 : 2 * shape[1] // 3] = 0
    return weights


@pytest.mark.parametrize("terms", [PLANE, BOWL], ids=["plane", "paraboloid"])
@pytest.mark.parametrize("missing", [np.nan, 0.0])
def test_a_hole_is_filled_with_the_surface_round_it(
    terms: tuple[float, ...], missing: float
) -> None:
    values = _surface((16, 20), terms)
    weights = _hole(values.shape)

    surface, _ = smooth_surface(np.where(weights > 0, values, missing), weights)

    np.testing.assert_allclose(surface, values, atol=1e-3)


def test_the_surface_through_noise_is_much_nearer_to_the_truth_than_the_nodes() -> None:
    truth = 100 + 2 * np.sin(np.linspace(0, 3, 30))[:, np.newaxis] * np.ones(30)
    noisy = truth + np.random.default_rng(7).normal(0, 0.5, truth.shape)

    surface, _ = smooth_surface(noisy, np.ones(truth.shape))

    assert np.std(surface - truth) < 0.3 * 0.5


def test_single_bright_nodes_are_ignored() -> None:
    truth = _surface((16, 20), BOWL)
    noisy = truth + np.random.default_rng(8).normal(0, 0.01, truth.shape)
    spoilt = noisy.copy()
    spoilt[3, 3] = spoilt[10, 12] = spoilt[7, 15] = 50

    surface, _ = smooth_surface(spoilt, np.ones(truth.shape))

    assert np.abs(surface - truth).max() < 0.05


def test_nodes_without_weight_do_not_matter() -> None:
    values, weights = _surface((9, 9), BOWL), _hole((9, 9))
    other = np.where(weights > 0, values, -1e6)

    first, second = smooth_surface(values, weights)[0], smooth_surface(other, weights)[0]

    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 7), (7, 1), (2, 2), (2, 4), (3, 3)])
@pytest.mark.parametrize("value", [0.0, 7.0, -1e-12, 6e4])
def test_equal_nodes_make_a_constant(shape: tuple[int, int], value: float) -> None:
    surface, _ = smooth_surface(np.full(shape, value), np.ones(shape))

    np.testing.assert_allclose(surface, value, rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 30), (30, 1)])
def test_a_single_row_of_boxes_keeps_its_slope_over_a_hole(shape: tuple[int, int]) -> None:
    values = np.linspace(0, 1, 30).reshape(shape)
    weights = np.where((values > 0.4) & (values < 0.6), 0.0, 1.0)

    surface, _ = smooth_surface(np.where(weights > 0, values, np.nan), weights)

    np.testing.assert_allclose(surface, values, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (6, 8)])
def test_a_single_known_node_is_the_level_everywhere(shape: tuple[int, int]) -> None:
    values = np.full(shape, np.nan)
    values[-1, -1] = 1234.5

    surface, _ = smooth_surface(values, np.ones(shape))

    np.testing.assert_allclose(surface, 1234.5, rtol=1e-9)


def test_a_stiff_surface_is_the_polynomial_and_a_limp_one_goes_through_the_nodes() -> None:
    values = np.random.default_rng(9).normal(0, 1, (12, 12))
    ones = np.ones(values.shape)

    stiff, _ = smooth_surface(values, ones, stiffness=1e12)
    limp, _ = smooth_surface(values, ones, stiffness=0.0, robust=0)

    np.testing.assert_allclose(stiff, polynomial_surface(values, ones, 2), atol=1e-3)
    np.testing.assert_allclose(limp, values, atol=1e-3)


@settings(max_examples=15)
@given(power=st.integers(-60, 60), offset=st.floats(-1e4, 1e4))
def test_a_surface_follows_other_units_and_offsets(power: int, offset: float) -> None:
    values = _surface((8, 9), BOWL) + np.random.default_rng(10).normal(0, 0.1, (8, 9))

    surface, _ = smooth_surface(values * 2.0**power + offset, _hole(values.shape))

    expected = smooth_surface(values, _hole(values.shape))[0]
    tolerance = 1e-3 * 2.0**power + 1e-9 * abs(offset)
    np.testing.assert_allclose(surface, expected * 2.0**power + offset, atol=tolerance)
