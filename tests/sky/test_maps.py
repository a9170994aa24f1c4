from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from ginga_bkgplugin.sky.boxes import Grid
from ginga_bkgplugin.sky.maps import SplineMap, points_of, rows_of, sampled_rows, value_at, whole
from ginga_bkgplugin.sky.pixels import MaskBit
from ginga_bkgplugin.sky.strips import set_threads, spans, threads

Array = npt.NDArray[Any]


def _map(nodes: Array, y: Array, x: Array, shape: tuple[int, int], **options: Any) -> SplineMap:
    return SplineMap(np.asarray(nodes, float), y, x, shape, **options)


def _column(centres: Array, values: Array, count: int) -> Array:
    """A map of one column of nodes, read along y."""
    return whole(_map(np.asarray(values)[:, np.newaxis], centres, np.zeros(1), (count, 1)))[:, 0]


def _random(shape: tuple[int, int] = (211, 330), box: float = 32) -> SplineMap:
    grid = Grid.over(shape, box)
    return grid.map(np.random.default_rng(1).normal(100, 5, grid.shape), shape)


def test_the_spline_goes_through_its_nodes() -> None:
    centres = np.array([1.0, 7.0, 12.0, 20.0, 31.0])
    values = np.array([3.0, -1.0, 4.0, 1.0, 5.0])

    line = _column(centres, values, 40)

    np.testing.assert_allclose(line[centres.astype(int)], values, atol=1e-5)


@pytest.mark.parametrize("count", [3, 4, 7, 40])
def test_the_spline_is_scipys_natural_one(count: int) -> None:
    centres = np.cumsum(np.random.default_rng(2).uniform(3, 9, count))
    values = np.random.default_rng(1).normal(size=count)
    last = int(centres[-1])

    line = _column(centres, values, last)

    inside = np.arange(int(centres[0]) + 1, last)
    expected = CubicSpline(centres, values, bc_type="natural")(inside)
    np.testing.assert_allclose(line[inside], expected, atol=2e-5)


def test_in_two_dimensions_it_is_one_spline_after_the_other() -> None:
    grid = Grid.over((200, 240), 40)
    y, x = grid.centres()
    rows, columns = np.arange(20, 180), np.arange(20, 220)
    nodes = np.sin(y / 40)[:, np.newaxis] * np.cos(x / 50) * 10

    inner = whole(grid.map(nodes, (200, 240)))[20:180, 20:220]

    along = CubicSpline(x, nodes, axis=1, bc_type="natural")(columns)
    expected = CubicSpline(y, along, axis=0, bc_type="natural")(rows)
    np.testing.assert_allclose(inner, expected, atol=2e-5)


@pytest.mark.parametrize("count", [2, 3, 4, 30])
def test_a_straight_line_stays_straight_also_beyond_the_last_node(count: int) -> None:
    centres = 23.5 + 8.0 * np.arange(count)
    positions = np.arange(int(centres[-1]) + 40)

    line = _column(centres, 5 + 0.25 * centres, positions.size)

    np.testing.assert_allclose(line, 5 + 0.25 * positions, atol=2e-4)


def test_beyond_the_last_node_a_curve_goes_on_in_its_last_direction() -> None:
    line = _column(np.arange(6.0), np.arange(6.0) ** 2, 21)

    slopes = np.diff(line[5:])
    np.testing.assert_allclose(slopes, slopes[0], rtol=1e-4)


def test_a_single_node_is_a_constant() -> None:
    assert (_column(np.array([4.0]), np.array([7.0]), 9) == 7).all()


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_map_of_tilted_nodes_is_tilted_on_any_binning(scale: int) -> None:
    ny, nx = 320, 600
    grid = Grid.over((-(-ny // scale), -(-nx // scale)), 64 / scale)
    y, x = (scale * centre + (scale - 1) / 2 for centre in grid.centres())
    nodes = 100 + 0.02 * x - 0.01 * y[:, np.newaxis]

    level = whole(grid.map(nodes, (ny, nx), scale))

    rows, columns = np.mgrid[:ny, :nx]
    np.testing.assert_allclose(level, 100 + 0.02 * columns - 0.01 * rows, atol=1e-4)


def test_a_map_keeps_the_digits_of_a_small_structure_on_a_high_sky() -> None:
    grid = Grid.over((128, 128), 32)
    nodes = 60_000 + np.arange(16.0).reshape(4, 4) / 64

    level = whole(grid.map(nodes, (128, 128)))

    assert 0.2 < np.ptp(level) < 0.4


# --- parts of a map


@given(start=st.integers(0, 210), height=st.integers(1, 60), step=st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_rows_asked_for_alone_are_those_of_the_whole(start: int, height: int, step: int) -> None:
    sky_map = _random()
    level, stop = whole(sky_map), min(start + height, 211)

    assert rows_of(sky_map, start, stop).tobytes() == level[start:stop].tobytes()
    assert sky_map.every(start, stop, step).tobytes() == level[start:stop:step].tobytes()
    chosen = np.array([start, stop - 1])
    assert sampled_rows(sky_map, chosen).tobytes() == level[chosen].tobytes()
    assert value_at(sky_map, start, 17) == level[start, 17]


def test_points_asked_for_alone_are_those_of_the_whole_to_the_bit() -> None:
    blank = np.zeros((211, 330), np.uint8)
    blank[40:50, 60:70] = MaskBit.INVALID
    sky_map = dataclasses.replace(_random(), blank=blank)
    rows, columns = np.array([0, 0, 3, 44, 210]), np.array([5, 1, 65, 65, 329])
    level = whole(sky_map)

    seen = points_of(sky_map, rows, columns)

    assert seen.tobytes() == level[np.ix_(rows, columns)].tobytes()
    assert np.isnan(seen).sum() == 2
    assert points_of(level, rows, columns).tobytes() == seen.tobytes()


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_a_map_has_the_same_bytes_for_any_number_of_threads(count: int) -> None:
    sky_map, before = _random((1500, 700)), threads()
    expected = sky_map.rows(0, 1500)
    try:
        set_threads(count)
        assert len(spans((1500, 700))) > 1
        assert whole(sky_map).tobytes() == expected.tobytes()
    finally:
        set_threads(before)


def test_a_map_can_be_sent_to_another_process() -> None:
    sky_map = _random()

    sent = pickle.loads(pickle.dumps(sky_map))

    assert whole(sent).tobytes() == whole(sky_map).tobytes()


def test_blank_pixels_are_nan_and_small_values_are_raised() -> None:
    mask = np.zeros((211, 330), np.uint8)
    mask[10, 20], mask[11, 20] = MaskBit.INVALID, MaskBit.SOURCE
    plain = _random()
    sky_map = SplineMap(plain.nodes, plain.y, plain.x, plain.shape, least=100, blank=mask)

    level = whole(sky_map)

    assert np.isnan(level[10, 20])
    assert np.count_nonzero(np.isnan(level)) == 1
    assert np.nanmin(level) == 100
    finite = np.isfinite(level)
    assert (level[finite] == np.maximum(whole(plain), np.float32(100))[finite]).all()
