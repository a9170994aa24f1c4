from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ginga_bkgplugin.sky.nodes import polynomial_surface, smooth_surface

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


def test_a_bump_at_the_rim_of_a_hole_is_not_carried_across_it() -> None:
    """Light of a masked galaxy beyond its mask, on a sky that asks for a limp surface."""
    y, x = np.mgrid[:40, :40]
    radius = np.hypot(x - 20, y - 20)
    light = np.exp(-(radius - 8) / 2) + np.random.default_rng(3).normal(0, 0.01, radius.shape)
    values = np.where(radius >= 8, light + 0.3 * np.sin(x / 3), np.nan)

    surface, _ = smooth_surface(values, np.ones(values.shape), robust=0)

    assert surface[radius < 8].max() < 1.25 * np.nanmax(values)


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
@example(power=-44, offset=4700.2578125)  # all that is left of the values is rounding
def test_a_surface_follows_other_units_and_offsets(power: int, offset: float) -> None:
    values = _surface((8, 9), BOWL) + np.random.default_rng(10).normal(0, 0.1, (8, 9))

    surface, _ = smooth_surface(values * 2.0**power + offset, _hole(values.shape))

    expected = smooth_surface(values, _hole(values.shape))[0]
    tolerance = 1e-3 * 2.0**power + 1e-9 * abs(offset)
    np.testing.assert_allclose(surface, expected * 2.0**power + offset, atol=tolerance)
