from __future__ import annotations

import numpy as np
import pytest

from ginga_bkgplugin.recipe.errors import ImageError, NoWCSError, SkyFitError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.sky.background import fit_background
from ginga_bkgplugin.sky.pixels import MaskBit, has
from ginga_bkgplugin.sky.raster import mask_regions
from ginga_bkgplugin.sky.simulate import SimulatedField
from ginga_bkgplugin.sky.steps import Pass, Stage
from ginga_bkgplugin.work.pipeline import Result, Start, finish, run

SEP = Recipe().with_parameters(method="sep")


def _same(one: Result, other: Result) -> bool:
    return (
        one.mask.tobytes() == other.mask.tobytes()
        and one.fit.level.tobytes() == other.fit.level.tobytes()
        and one.fit.rms.tobytes() == other.fit.rms.tobytes()
        and (one.recipe, one.rows, one.saturation_level)
        == (other.recipe, other.rows, other.saturation_level)
        and (one.fit.globalback, one.fit.globalrms) == (other.fit.globalback, other.fit.globalrms)
    )


@pytest.mark.parametrize("made", [0, 1, 2])
@pytest.mark.parametrize("method", ["sep", "smooth"])
def test_going_on_after_some_passes_gives_the_bytes_of_one_run(
    field: SimulatedField, method: str, made: int
) -> None:
    recipe = Recipe().with_regions(field.galaxy).with_parameters(method=method)
    whole = finish(run(field.data, recipe, saturation_level=6e4))
    part = finish(run(field.data, recipe.with_parameters(passes=made), saturation_level=6e4))

    more = finish(run(field.data, recipe, saturation_level=6e4, start=Start(part.mask, part.rows)))

    assert len(whole.rows) > 1
    assert _same(more, whole)


@pytest.mark.parametrize("values", [{"model": "poly2"}, {"fill": "smooth"}], ids=str)
def test_a_run_goes_on_with_a_model_where_it_was_left(
    field: SimulatedField, values: dict[str, str]
) -> None:
    recipe = Recipe().with_regions(field.galaxy).with_parameters(passes=3, **values)
    whole = finish(run(field.data, recipe))
    part = finish(run(field.data, recipe.with_parameters(passes=1)))

    more = finish(run(field.data, recipe, start=Start(part.mask, part.rows)))

    assert _same(more, whole)


def test_the_same_recipe_gives_the_same_bytes(field: SimulatedField) -> None:
    recipe = Recipe().with_regions(field.galaxy)

    first, second = (finish(run(field.data, recipe)) for _ in range(2))

    assert _same(first, second)


@pytest.mark.parametrize("kind", ["f8", ">f4", ">f8"])
def test_the_pixel_type_does_not_change_the_result(field: SimulatedField, kind: str) -> None:
    other = finish(run(field.data.astype(kind), Recipe()))

    assert _same(other, finish(run(field.data, Recipe())))


def test_the_maps_are_those_of_the_final_mask(field: SimulatedField) -> None:
    result = finish(run(field.data, SEP.with_regions(field.galaxy)))

    reference = fit_background(field.data, mask=result.mask)
    assert np.array_equal(result.fit.level, reference.level)
    assert np.array_equal(result.fit.rms, reference.rms)


def test_the_mask_tells_regions_from_invalid_pixels(field: SimulatedField) -> None:
    corner = PixelCircle(0, 0, 60)

    result = finish(run(field.data, Recipe().with_regions(corner).with_parameters(passes=0)))

    circle, invalid = mask_regions(field.data.shape, [corner]), np.isnan(field.data)
    assert np.array_equal(has(result.mask, MaskBit.REGION), circle)
    assert np.array_equal(has(result.mask, MaskBit.INVALID), invalid)
    assert (circle & invalid).any()


def test_the_steps_end_with_the_only_result(field: SimulatedField) -> None:
    steps = list(run(field.data, Recipe()))

    assert isinstance(steps[0], Stage)
    assert [isinstance(step, Result) for step in steps].count(True) == 1
    result, last = steps[-1], [step for step in steps if isinstance(step, Pass)][-1]
    assert isinstance(result, Result)
    assert np.array_equal(result.mask, last.mask)
    assert last.fit is result.fit


@pytest.mark.parametrize(
    ("own", "header", "used"), [(None, None, None), (None, 6e4, 6e4), (3e4, 6e4, 3e4)]
)
def test_the_recipes_saturation_level_goes_before_the_headers(
    field: SimulatedField, own: float | None, header: float | None, used: float | None
) -> None:
    recipe = Recipe().with_parameters(saturation_level=own, passes=1)

    result = finish(run(field.data, recipe, saturation_level=header))

    assert result.saturation_level == used
    assert (result.rows[0].saturated > 0) is (used is not None)


@pytest.mark.parametrize("method", ["sep", "smooth"])
def test_a_result_is_stable_when_its_last_pass_changed_nothing(
    field: SimulatedField, method: str
) -> None:
    recipe = Recipe().with_parameters(method=method)
    few = finish(run(field.data, recipe.with_parameters(passes=1)))
    many = finish(run(field.data, recipe.with_parameters(passes=50)))

    assert not few.stable
    assert many.stable
    assert len(many.rows) < 50


def test_flagged_pixels_are_invalid_when_the_recipe_says_so(field: SimulatedField) -> None:
    dq = np.zeros(field.data.shape, np.int16)
    dq[500:510, 500:510] = 4

    result = finish(run(field.data, Recipe().with_parameters(use_dq=True, passes=0), dq=dq))

    assert has(result.mask, MaskBit.INVALID)[500:510, 500:510].all()


def test_a_sky_circle_without_a_wcs_is_refused(field: SimulatedField) -> None:
    with pytest.raises(NoWCSError):
        finish(run(field.data, Recipe().with_regions(SkyCircle(150, 2.2, 30))))


def test_a_circle_over_everything_is_refused(field: SimulatedField) -> None:
    with pytest.raises(SkyFitError, match="Over-masked"):
        finish(run(field.data, Recipe().with_regions(PixelCircle(600, 500, 2000))))


def test_an_rgb_array_is_refused() -> None:
    with pytest.raises(ImageError, match="RGB"):
        finish(run(np.zeros((30, 40, 3)), Recipe()))


@pytest.mark.parametrize("threshold", [100, 100_000])
def test_an_image_of_nothing_but_zeros_is_invalid_or_flat(threshold: int) -> None:
    recipe = Recipe().with_parameters(threshold_invalid_connection=threshold)
    empty = np.zeros((200, 200), np.float32)

    if threshold < empty.size:
        with pytest.raises(SkyFitError):
            finish(run(empty, recipe))
    else:
        assert not finish(run(empty, recipe)).fit.level.any()
