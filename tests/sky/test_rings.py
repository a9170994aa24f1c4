from __future__ import annotations

import numpy as np
import pytest

from ginga_bkgplugin import (
    PixelCircle,
    inspect_boxes,
    truth_field,
)
from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.sky.evidence import (
    map_hill,
)
from ginga_bkgplugin.sky.findings import judge_bumps, judge_rings
from ginga_bkgplugin.sky.rings import Bump, Ring, look_at_rings, masked_objects
from ginga_bkgplugin.sky.verdict import GOOD, LOOK
from tests.judged import Array, flat_fit, judged, of, residual_of, sky

# --- rings and the map under masks


def _leaky() -> tuple[Array, PixelCircle]:
    """A galaxy of exponential light, and a circle that covers half of what is seen of it."""
    data = sky(9, (512, 512))
    y, x = np.indices(data.shape)
    data += np.float32(100) * np.exp(-np.hypot(x - 250, y - 260) / 25)
    return data, PixelCircle(250, 260, 60)


def test_a_ring_tells_the_region_that_leaks_and_its_excess() -> None:
    data, circle = _leaky()
    mask = np.zeros(data.shape, np.uint8)
    y, x = np.indices(data.shape)
    away = np.hypot(x - circle.x, y - circle.y)
    mask[away <= circle.radius] = 1
    residual = residual_of(data, mask)
    other = PixelCircle(100, 100, 40)
    rings = look_at_rings(residual, masked_objects(residual, [other, circle]))

    width = 16
    near = (away > 60) & (away <= 60 + width)
    far = (away > 60 + 3 * width) & (away <= 60 + 6 * width)
    light = 100 * np.exp(-away / 25) / 5
    expected = light[near].mean() - light[far].mean()
    assert [ring.name for ring in rings] == ["region 1", "region 2"]
    assert rings[1].excess == pytest.approx(expected, rel=0.25)
    assert abs(rings[0].excess) < 4 * rings[0].error
    words = judge_rings(rings).sentence
    assert words.startswith("Ring round region 2: +")
    assert "grow it" in words


def test_a_region_that_is_off_or_erases_or_has_no_place_gets_no_ring() -> None:
    regions = [
        PixelCircle(100, 100, 40, on=False), PixelCircle(100, 100, 40, erase=True), None,
        PixelCircle(150, 150, 40, name="M 61"),
    ]  # fmt: skip
    found = masked_objects(residual_of(sky(1)), regions)

    assert [(one.name, one.region) for one in found] == [("M 61", 3)]
    assert found[0].radius == pytest.approx(40, abs=4)
    assert (found[0].x, found[0].y) == pytest.approx((150, 150), abs=4)


def test_light_that_leaks_is_told_in_a_run_and_a_larger_circle_cures_it() -> None:
    data, circle = _leaky()

    small = judged(data, circle, passes=0)
    large = judged(data, circle.replace(radius=140), passes=0)

    assert of(small, "rings").word != GOOD
    assert "region 1" in of(small, "rings").sentence
    assert of(large, "rings").word == GOOD
    assert (small.word == GOOD, large.word) == (False, GOOD)


def test_a_dark_halo_asks_for_a_larger_mask_or_box() -> None:
    line = judge_rings([Ring("the source at 5, 6", 5, 6, 30, None, -0.4, 0.02, 900)])

    assert line.word == LOOK
    assert "the map took its light" in line.sentence


@pytest.mark.parametrize("method", ["smooth", "sep"])
def test_a_galaxy_the_map_swallowed_is_never_good(method: str) -> None:
    field = truth_field("galaxy", (900, 900), seed=4)

    bare, masked = (
        judged(field.data, method=method, passes=passes, level=6e4) for passes in (0, 3)
    )

    assert bare.word != GOOD
    assert of(bare, "hills").word != GOOD
    assert of(masked, "hills").word == GOOD


def test_a_map_that_rises_under_a_mask_is_told() -> None:
    bumps = [Bump("region 1", 5, 5, 80, 0, 0.6, 0.05), Bump("region 2", 9, 9, 80, 1, 0.1, 0.1)]

    assert judge_bumps(bumps).word == LOOK
    assert "under region 1" in judge_bumps(bumps).sentence
    assert judge_bumps(bumps[1:]).word == GOOD
    assert judge_bumps([]).word == GOOD


def test_a_hill_of_the_map_is_found_and_a_tilt_is_none() -> None:
    data = sky(1, (512, 512))
    fit = flat_fit(data.shape, boxes=(8, 8))
    y, x = np.indices(data.shape)
    background = BackgroundParameters(method="sep")
    mask = np.zeros(data.shape, np.uint8)
    heights = []
    hill = np.exp(-np.hypot(x - 300, y - 200) / 40)
    for level in (100 + 0.1 * x - 0.05 * y, 100 + 10 * hill):
        fit.level[:] = level
        boxes = inspect_boxes(data, mask, background, fit)
        heights.append(map_hill(boxes, 5.0))

    assert heights[0].height == 0
    at_centre = 2 * np.exp(-np.hypot(287.5 - 300, 223.5 - 200) / 40)  # of the nearest box
    assert heights[1].height == pytest.approx(at_centre, rel=0.1)
    assert np.hypot(heights[1].x - 300, heights[1].y - 200) < 64
