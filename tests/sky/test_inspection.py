from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ginga_bkgplugin import (
    BoxReport,
    Recipe,
    Result,
    box_sample,
    fit_background,
    inspect_boxes,
    run,
    truth_field,
)
from ginga_bkgplugin.recipe.errors import ImageError
from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.sky.boxes import CLIPPED_SIGMA
from ginga_bkgplugin.sky.inspection import boxes_away, mesh_grid
from ginga_bkgplugin.sky.maps import at_centres
from ginga_bkgplugin.sky.simulate import SimulatedField
from ginga_bkgplugin.work.pipeline import finish

SEP = BackgroundParameters(method="sep")


def _looked_at(result: Result, data: Any, **options: Any) -> BoxReport:
    return inspect_boxes(data, result.layers, result.recipe.background, result.fit, **options)


def _clipped(values: Any, sigma: float) -> tuple[float, float]:
    """Mean and sigma clipped four times at 3 sigma, in float64; the first time round 0."""
    middle = 0.0
    for _ in range(4):
        kept = values[np.abs(values - middle) <= 3 * sigma]
        middle, sigma = float(kept.mean()), float(kept.std() / CLIPPED_SIGMA)
    return middle, sigma


# --- the boxes


@given(
    ny=st.integers(8, 200),
    nx=st.integers(8, 200),
    box=st.integers(4, 80),
    method=st.sampled_from(["sep", "smooth"]),
    model=st.sampled_from(["mesh", "constant", "poly2"]),
)
def test_the_boxes_cover_the_frame_and_end_with_it(
    ny: int, nx: int, box: int, method: str, model: str
) -> None:
    grid = mesh_grid((ny, nx), BackgroundParameters(box_size=box, method=method, model=model))

    assert (grid.rows[0], grid.rows[-1], grid.columns[0], grid.columns[-1]) == (0, ny, 0, nx)
    assert (np.diff(grid.rows) > 0).all()
    assert (np.diff(grid.columns) > 0).all()


def test_seps_last_boxes_are_partial() -> None:
    grid = mesh_grid((150, 200), SEP)

    assert grid.rows.tolist() == [0, 64, 128, 150]
    assert grid.columns.tolist() == [0, 64, 128, 192, 200]


# --- measured or filled


@pytest.mark.parametrize("method", ["sep", "smooth"])
@pytest.mark.parametrize("model", ["mesh", "plane"])
@pytest.mark.parametrize("passes", [0, 1, 3])
def test_as_many_boxes_are_filled_as_the_fit_says(
    field: SimulatedField, method: str, model: str, passes: int
) -> None:
    recipe = Recipe(regions=(field.galaxy,)).with_parameters(
        method=method, model=model, passes=passes
    )
    result = finish(run(field.data, recipe))

    boxes = _looked_at(result, field.data)

    assert boxes.shape == result.fit.fractions.shape
    assert boxes.filled == result.fit.filled
    assert (boxes.distance == 0).sum() == boxes.measured.sum()


def test_a_hole_lists_its_boxes_and_how_far_they_are_from_a_measured_one() -> None:
    data = np.random.default_rng(1).normal(100, 5, (448, 448)).astype(np.float32)
    mask = np.zeros(data.shape, np.uint8)
    mask[128:320, 64:384] = 1  # 3 x 5 boxes of 64
    fit = fit_background(data, SEP, mask=mask)

    boxes = inspect_boxes(data, mask, SEP, fit)

    expected = np.zeros((7, 7), int)
    expected[2:5, 1:6] = 1
    expected[3, 2:5] = 2
    assert boxes.distance.tolist() == expected.tolist()
    assert boxes.words() == "15 of 49 boxes filled, the farthest 2 boxes from a measured one"
    assert (boxes.good[2:5, 1:6] == 0).all()
    assert boxes.good.sum() == 49 - 15


def test_where_no_box_is_measured_none_is_near() -> None:
    assert boxes_away(np.zeros((2, 3), bool)).tolist() == [[-1] * 3] * 2


# --- the numbers


@settings(max_examples=15)
@given(
    seed=st.integers(0, 99),
    shape=st.tuples(st.integers(70, 160), st.integers(70, 160)),
    method=st.sampled_from(["sep", "smooth"]),
)
@example(seed=31, shape=(128, 115), method="smooth")  # a mean that stands still while sigma moves
def test_the_numbers_of_a_box_are_those_of_its_pixels(
    seed: int, shape: tuple[int, int], method: str
) -> None:
    rng = np.random.default_rng(seed)
    data = rng.normal(500, 7, shape).astype(np.float32)
    data[rng.random(shape) < 0.01] = np.nan
    recipe = Recipe().with_parameters(method=method, box_size=32)
    result = finish(run(data, recipe))

    boxes = _looked_at(result, data)
    guess = at_centres(result.fit.rms_map, *boxes.grid.centres())

    for row, column in np.ndindex(boxes.shape):
        box = boxes.box(row, column)
        window = np.s_[box.bottom : box.top, box.left : box.right]
        free = result.mask[window] == 0
        assert box.good == pytest.approx(free.mean())
        if free.sum() < 30:  # a sliver at the edge: whether one pixel is clipped decides
            continue
        rest = (data[window].astype(np.float64) - result.fit.level[window])[free]
        mean, sigma = _clipped(rest, guess[row, column])
        error = sigma / np.sqrt(free.sum())  # one pixel more or less moves a small box a little
        assert box.mean - box.level == pytest.approx(mean, abs=0.5 * error)
        assert box.sigma == pytest.approx(sigma, abs=0.5 * error)
        assert box.median - box.level == pytest.approx(np.median(rest), abs=1e-3)


def test_fewer_rows_change_numbers_by_their_errors_only() -> None:
    field = truth_field("sparse", (512, 640))
    result = finish(run(field.data, Recipe()))

    every, few = (_looked_at(result, field.data, step=step) for step in (1, 4))

    assert (every.step, few.step) == (1, 4)
    assert np.array_equal(every.good, few.good)
    off = (few.mean - every.mean) / field.noise * np.sqrt(1024)
    assert np.abs(off).max() < 5
    assert np.abs(few.sigma / every.sigma - 1).max() < 0.15


def test_a_box_without_free_pixels_has_no_numbers_but_its_map() -> None:
    data = np.random.default_rng(2).normal(100, 5, (192, 192)).astype(np.float32)
    mask = np.zeros(data.shape, np.uint8)
    mask[64:128, 64:128] = 1
    fit = fit_background(data, SEP, mask=mask)

    box = inspect_boxes(data, mask, SEP, fit).box(1, 1)

    assert np.isnan([box.mean, box.median, box.sigma]).all()
    assert box.level == pytest.approx(100, abs=2)
    assert "0% free, filled from the next box" in box.words()


def test_the_map_is_told_under_pixels_that_are_blank_in_it() -> None:
    data = np.random.default_rng(3).normal(100, 5, (192, 192)).astype(np.float32)
    data[80:112, 80:112] = np.nan
    result = finish(run(data, Recipe().with_parameters(blank_invalid=True)))

    assert np.isfinite(_looked_at(result, data).level).all()


# --- looking at one


def test_the_box_under_the_cursor_is_found_by_pixel_centres() -> None:
    data = np.random.default_rng(4).normal(100, 5, (150, 200)).astype(np.float32)
    fit = fit_background(data, SEP)
    boxes = inspect_boxes(data, np.zeros(data.shape, np.uint8), SEP, fit)

    places = [(-0.5, 0), (63.4, 63.4), (63.5, 63.5), (199.4, 149.4)]
    found = [boxes.at(x, y) for x, y in places]

    assert [(box.column, box.row) for box in found if box] == [(0, 0), (0, 0), (1, 1), (3, 2)]
    assert boxes.at(199.5, 0) is None
    assert boxes.at(0, -0.6) is None
    assert boxes.at(float("nan"), 3) is None


def test_a_boxes_sample_holds_its_pixels_and_its_histogram_counts_them() -> None:
    data = np.random.default_rng(5).normal(100, 5, (128, 128)).astype(">f8")
    mask = np.zeros(data.shape, np.uint8)
    mask[:16] = 1
    data[100, 100] = np.nan
    fit = fit_background(data, SEP, mask=mask)
    boxes = inspect_boxes(data, mask, SEP, fit)

    sample = box_sample(data, mask, boxes.box(0, 0))
    edges, free, masked = sample.histogram(40)

    assert (sample.free.size, sample.masked.size) == (48 * 64, 16 * 64)
    assert edges.size == 41
    assert 0.98 * 48 * 64 < free.sum() <= 48 * 64
    assert masked.sum() > 0.97 * 16 * 64


def test_an_empty_sample_has_a_histogram_without_counts() -> None:
    data = np.full((64, 64), np.nan, np.float32)
    data[:, :60] = 1
    fit = fit_background(data, SEP)
    box = inspect_boxes(data, np.zeros(data.shape, np.uint8), SEP, fit).box(0, 0)

    everything = box_sample(np.full((64, 64), np.nan), np.zeros(data.shape, np.uint8), box)

    assert everything.histogram(10)[1].sum() == 0


def test_an_image_of_another_size_is_refused() -> None:
    data = np.ones((64, 64), np.float32)
    fit = fit_background(data, SEP)

    with pytest.raises(ImageError, match="The background has shape"):
        inspect_boxes(np.ones((64, 65)), np.zeros((64, 65), np.uint8), SEP, fit)
