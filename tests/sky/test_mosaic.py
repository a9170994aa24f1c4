"""A surface common to the chips of a mosaic, on a synthetic plane."""

from __future__ import annotations

import numpy as np
import pytest

from ginga_bkgplugin.recipe.errors import SkyFitError
from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.sky.background import fit_background
from ginga_bkgplugin.sky.maps import whole
from ginga_bkgplugin.sky.mosaic import Placing, common_levels, measure_chip

SIZE, GAP, SIGMA = 256, 12, 10.0
CORNERS = [(0, 0), (0, SIZE + GAP), (SIZE + GAP, 0), (SIZE + GAP, SIZE + GAP)]


def _placing(x0: int, y0: int) -> Placing:
    return lambda x, y: (x + x0, y + y0)


PLACES = [_placing(x0, y0) for y0, x0 in CORNERS]


def _plane(bent: float = 0.0) -> np.ndarray:
    y, x = np.mgrid[: 2 * SIZE + GAP, : 2 * SIZE + GAP]
    sky = 900 + 0.11 * x - 0.07 * y + bent * (x - 200.0) ** 2
    return np.asarray(sky, np.float32)


def _fitted(
    sky: np.ndarray, model: str, *, offsets: bool = False, biases: tuple[float, ...] = (0,) * 4
) -> list[np.ndarray]:
    """The common levels of four chips with noise, stars and a mask over them."""
    rng = np.random.default_rng(3)
    boxes = []
    for (y0, x0), bias in zip(CORNERS, biases, strict=True):
        data = sky[y0 : y0 + SIZE, x0 : x0 + SIZE] + rng.normal(bias, SIGMA, (SIZE, SIZE))
        mask = np.zeros(data.shape, np.uint8)
        for star in rng.integers(20, SIZE - 20, (10, 2)):
            near = np.hypot(*(np.indices(mask.shape) - star[:, None, None])) < 9
            data[near] += 4000
            mask[near] = 2
        fit = fit_background(data, BackgroundParameters(method="sep"), mask=mask)
        boxes.append(measure_chip(data, mask, fit, 64))
    return [whole(level) for level in common_levels(boxes, PLACES, model, offsets=offsets)]


def _step(left: np.ndarray, right: np.ndarray, true: np.ndarray, axis: int) -> float:
    """Jump at the edge between two chips, less what the sky itself does over the gap."""
    edges = np.take(left, -1, axis=axis), np.take(right, 0, axis=axis)
    return float(np.abs(edges[1] - edges[0] - true).max())


@pytest.mark.parametrize("model", ["plane", "poly2"])
def test_a_plane_has_no_steps_at_the_edges_of_chips(model: str) -> None:
    levels = _fitted(_plane(), model)
    across, along = 0.11 * (GAP + 1), -0.07 * (GAP + 1)

    steps = [
        _step(levels[0], levels[1], np.full(SIZE, across), 1),
        _step(levels[2], levels[3], np.full(SIZE, across), 1),
        _step(levels[0], levels[2], np.full(SIZE, along), 0),
        _step(levels[1], levels[3], np.full(SIZE, along), 0),
    ]

    assert max(steps) < 0.2 * SIGMA
    assert max(steps) < 0.02 * SIGMA  # what is measured


@pytest.mark.parametrize(("model", "bent"), [("constant", 0.0), ("plane", 0.0), ("poly2", 2e-4)])
def test_the_common_surface_is_the_true_sky(model: str, bent: float) -> None:
    sky = np.full_like(_plane(), 900) if model == "constant" else _plane(bent)

    levels = _fitted(sky, model)

    for (y0, x0), level in zip(CORNERS, levels, strict=True):
        assert np.abs(level - sky[y0 : y0 + SIZE, x0 : x0 + SIZE]).max() < 0.1 * SIGMA


def test_chips_may_keep_a_constant_of_their_own() -> None:
    biases = (0.0, 35.0, -20.0, 7.0)

    levels = _fitted(_plane(), "plane", offsets=True, biases=biases)

    for (y0, x0), level, bias in zip(CORNERS, levels, biases, strict=True):
        true = _plane()[y0 : y0 + SIZE, x0 : x0 + SIZE] + bias
        assert np.abs(level - true).max() < 0.1 * SIGMA


def test_too_few_free_boxes_are_refused() -> None:
    data = np.random.default_rng(1).normal(100, 3, (128, 128)).astype(np.float32)
    mask = np.zeros(data.shape, np.uint8)
    fit = fit_background(data, BackgroundParameters(method="sep"), mask=mask)
    mask[:, 64:] = mask[64:] = 1
    boxes = measure_chip(data, mask, fit, 64)

    with pytest.raises(SkyFitError, match="1 boxes of 1 chips are free"):
        common_levels([boxes], PLACES[:1], "plane")
