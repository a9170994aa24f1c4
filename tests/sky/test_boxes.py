from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ginga_bkgplugin.sky.boxes import CLIPPED_SIGMA, BoxStatistics, Grid, box_statistics

Array = npt.NDArray[np.float64]


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


@given(
    seed=st.integers(0, 10**6),
    guess=st.floats(0.1, 6),
    share=st.floats(0, 0.9),
    stars=st.floats(0, 0.1),
)
@settings(max_examples=60, deadline=None)
def test_boxes_are_clipped_as_each_would_be_by_hand(
    seed: int, guess: float, share: float, stars: float
) -> None:
    rng = np.random.default_rng(seed)
    image = rng.normal(0.2, 1, (70, 100)).astype(np.float32)
    image += np.where(rng.random(image.shape) < stars, rng.uniform(2, 200, image.shape), 0)
    masked = rng.random(image.shape) < share
    image[masked & (rng.random(image.shape) < 0.5)] = np.nan

    found = _statistics(image, 24, masked, guess)

    grid = Grid.over(image.shape, 24)
    for j, i in np.ndindex(grid.shape):
        box = np.s_[grid.rows[j] : grid.rows[j + 1], grid.columns[i] : grid.columns[i + 1]]
        mean, rms, count = _clipped_by_hand(image[box][~masked[box]].astype(float), guess)
        assert abs(found.count[j, i] - count) <= 2  # at a limit, rounding may decide
        if count > 20:
            assert found.mean[j, i] == pytest.approx(mean, abs=1e-5 + 8 * rms / count)
            assert found.rms[j, i] == pytest.approx(rms, rel=12 / count)


def _clipped_by_hand(free: Array, width: float) -> tuple[float, float, int]:
    mean, used = 0.0, free[:0]
    for _ in range(4):
        used = free[np.abs(free - mean) <= 3 * width]
        if not used.size:
            break
        old = mean, width
        mean, width = float(used.mean()), float(used.std()) / CLIPPED_SIGMA
        if max(abs(mean - old[0]), abs(width - old[1])) < 1e-3 * old[1]:
            break
    return mean, width, used.size


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


# --- parts of a grid


@given(
    shape=st.tuples(st.integers(20, 200), st.integers(20, 200)),
    box=st.floats(3, 60),
    corner=st.tuples(st.integers(0, 18), st.integers(0, 18)),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
@settings(max_examples=60, deadline=None)
def test_the_window_of_some_pixels_is_the_boxes_that_hold_them(
    shape: tuple[int, int], box: float, corner: tuple[int, int], size: tuple[int, int]
) -> None:
    grid = Grid.over(shape, box)
    spans = [
        (start, min(start + length, most))
        for start, length, most in zip(corner, size, shape, strict=True)
    ]

    window = grid.window(*spans)

    for edges, (start, stop), chosen in zip((grid.rows, grid.columns), spans, window, strict=True):
        expected = [k for k in range(edges.size - 1) if edges[k] < stop and edges[k + 1] > start]
        assert list(range(edges.size - 1))[chosen] == expected


def test_boxes_measured_in_a_window_have_the_bytes_of_all_boxes() -> None:
    rng = np.random.default_rng(3)
    image = rng.normal(0, 2, (150, 210)).astype(np.float32)
    masked = rng.random(image.shape) < 0.3
    grid, window = Grid.over(image.shape, 20), (slice(2, 5), slice(3, 8))
    guess = rng.uniform(1, 4, grid.shape)
    part, columns = grid.part(window)
    whole = box_statistics(image, masked, grid, guess)

    some = box_statistics(image[:, columns], masked[:, columns], part, guess[window])

    blank = BoxStatistics(*(np.zeros(grid.shape) for _ in range(3)))
    joined = blank.with_part(window, some)
    for name in ("mean", "rms", "count"):
        assert getattr(joined, name)[window].tobytes() == getattr(whole, name)[window].tobytes()
        assert not getattr(blank, name).any()
