"""The polynomial under the smooth surface, and when it gets a higher degree."""

from __future__ import annotations

import numpy as np

from ginga_bkgplugin.sky.nodes import smooth_surface


def test_a_steep_rise_at_the_edges_gets_a_higher_degree() -> None:
    y, x = np.meshgrid(np.linspace(-1, 1, 16), np.linspace(-1, 1, 16), indexing="ij")
    steep = -100 * (x**2 + y**2) ** 2
    values = steep + np.random.default_rng(8).normal(0, 0.5, steep.shape)

    surface, _ = smooth_surface(values, np.ones_like(values), robust=0)

    assert np.abs(surface - steep).max() < 2


def test_where_a_third_is_missing_the_degree_is_not_raised() -> None:
    y, x = np.meshgrid(np.linspace(-1, 1, 16), np.linspace(-1, 1, 16), indexing="ij")
    values = np.sin(9 * x) + np.cos(7 * y)
    weights = np.ones_like(values)
    weights[4:15, 2:11] = 0

    surface, _ = smooth_surface(values, weights, robust=0)

    assert np.abs(surface).max() < 4
