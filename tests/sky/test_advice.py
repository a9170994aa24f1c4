from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ginga_bkgplugin import Advice, PixelCircle, Recipe, judge, run, truth_field
from ginga_bkgplugin.sky.advice import largest_source
from ginga_bkgplugin.sky.profiles import add_sersic
from ginga_bkgplugin.sky.saturation import pile_up
from ginga_bkgplugin.work.pipeline import finish
from tests.judged import Array, judged, sky


def _galaxy(radius: float, shape: tuple[int, int] = (1600, 1600)) -> Array:
    """A galaxy whose light is at half the noise of a pixel at this radius, about."""
    light = np.zeros(shape, np.float32)
    add_sersic(light, (700.0, 800.0), half_light=radius / 2.07, brightness=15.0, index=1.0,
               axis_ratio=1.0)  # fmt: skip
    return sky(1, shape) + light


def _changes(found: Any) -> list[dict[str, Any]]:
    return [advice.changes for advice in found.advice]


# --- box size and model


def test_a_box_smaller_than_a_galaxy_is_told_and_a_larger_one_or_a_plane_offered() -> None:
    data = _galaxy(200)

    bare = judged(data, passes=0)

    box = next(advice for advice in bare.advice if "box_size" in advice.changes)
    assert box.changes == {"box_size": 512}
    assert box.why.startswith("box 64 < 2 x ")
    assert float(box.why.split()[5].strip(",")) == pytest.approx(200, abs=15)
    assert {"model": "plane"} in _changes(bare)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("model", ["mesh", "plane"])
def test_the_largest_source_is_measured_whether_it_is_masked_or_not(
    masked: bool, model: str
) -> None:
    data = _galaxy(150, (1400, 1400))
    recipe = Recipe(regions=(PixelCircle(700, 800, 200),) * masked)
    result = finish(run(data, recipe.with_parameters(passes=0, model=model)))
    found = judge(data, result)

    largest = largest_source(found.residual, found.boxes, result.fit)

    assert largest is not None
    assert np.hypot(largest.x - 700, largest.y - 800) < 40
    assert largest.radius == pytest.approx(150, rel=0.15)
    assert (largest.masked > 0.8) == masked


@pytest.mark.parametrize("method", ["smooth", "sep"])
def test_a_clean_scene_with_large_boxes_gets_no_advice(method: str) -> None:
    field = truth_field("sparse", (900, 1100), seed=2)

    assert judged(field.data, method=method, box_size=256, level=6e4).advice == ()


def test_a_sky_with_structure_gets_no_plane() -> None:
    data = sky(2, (640, 640))
    y, x = np.indices(data.shape)
    curved = data + 0.0004 * ((x - 320.0) ** 2 + (y - 320.0) ** 2)

    assert {"model": "plane"} not in _changes(judged(curved))


def test_a_model_that_leaves_structure_is_to_be_of_higher_degree() -> None:
    data = sky(2, (640, 640)) + 0.03 * np.arange(640, dtype=np.float32)

    assert _changes(judged(data, model="constant")) == [{"model": "plane"}]
    assert _changes(judged(data, is_2d=False)) == [{"is_2d": True}]
    assert _changes(judged(data)) == []


# --- masks


def test_sources_without_a_mask_ask_for_passes() -> None:
    field = truth_field("crowded", (700, 800), seed=2)

    assert _changes(judged(field.data, passes=0, level=6e4))[0] == {"passes": 3}


def test_sep_on_a_crowded_field_asks_for_smooth_and_smooth_is_content() -> None:
    field = truth_field("crowded", (700, 800), seed=2)

    assert {"method": "smooth"} in _changes(judged(field.data, method="sep", level=6e4))
    assert judged(field.data, level=6e4).advice == ()


@pytest.mark.parametrize(
    "parameters, cure",
    [
        ({"method": "sep", "mask_radius_factor": 25.0, "sigma": 2.0}, "mask_radius_factor"),
        ({"growth": 8.0, "most_coverage": 1.0}, "growth"),
    ],
)
def test_masks_that_leave_no_sky_are_to_grow_less(parameters: dict[str, Any], cure: str) -> None:
    field = truth_field("typical", (900, 1000), seed=2)
    found = judged(field.data, level=6e4, **parameters)

    assert found.word != "good"
    assert cure in {name for changes in _changes(found) for name in changes}


def test_a_hole_filled_in_steps_on_a_slope_is_to_be_filled_smoothly() -> None:
    data = sky(3, (512, 512)) + 0.02 * np.arange(512, dtype=np.float32)

    found = judged(data, PixelCircle(256, 256, 150), method="sep", passes=0)

    assert {"fill": "smooth"} in _changes(found)


def test_a_filter_as_wide_as_the_frame_is_to_be_smaller() -> None:
    assert {"filter_size": 3} in _changes(judged(sky(1), method="sep", filter_size=7))


def test_advice_is_applied_by_its_changes_and_changes_something() -> None:
    data = _galaxy(200)
    found = judged(data, passes=0)

    for advice in found.advice:
        assert isinstance(advice, Advice)
        assert Recipe().with_parameters(passes=0).with_parameters(**advice.changes) != Recipe(
        ).with_parameters(passes=0)  # fmt: skip
    assert judged(data).word == "good"  # with masks, as the first advice says


# --- saturation


def _stars(top: float, seed: int = 4) -> Array:
    field = truth_field("crowded", (700, 800), seed=seed).data
    return np.minimum(field, np.float32(top))


def test_a_pile_of_clipped_pixels_tells_the_saturation_level() -> None:
    data = _stars(8000)

    level = pile_up(data, 1000, 32)

    assert level is not None
    assert 0.95 * 8000 < level < 8000
    changes = _changes(judged(data))
    assert {"saturation_level": level} in changes
    assert {"saturation_level": level} not in _changes(judged(data, level=8000.0))


@pytest.mark.parametrize("scatter", [0.0, 0.01])
def test_the_pile_is_found_after_flat_fielding(scatter: float) -> None:
    data = _stars(8000)
    data = data * np.random.default_rng(0).normal(1, scatter, data.shape)

    level = pile_up(data, 1000, 32)

    assert level is not None
    assert 0.9 * 8000 < level < 8000


def test_stars_that_are_not_clipped_do_not_pile_up() -> None:
    for seed in range(10):
        data = truth_field("typical", (500, 600), seed=seed).data
        top = np.sort(data.ravel())
        clean = data if top[-20] < 6e4 else np.where(data >= 6e4, top[-400], data)
        assert pile_up(np.where(clean < 6e4, clean, 1000), 1000, 32) is None, seed


def test_noise_and_integers_and_defects_do_not_pile_up() -> None:
    whole = np.random.default_rng(1).poisson(20, (300, 300)).astype(np.uint16)
    hot = sky(1).copy()
    hot[5, 5] = np.inf
    hot[6, 6] = np.nan

    assert pile_up(whole, 20, 4.5) is None
    assert pile_up(hot, 100, 5) is None
    assert pile_up(np.full((9, 9), np.nan), 0, 1) is None
