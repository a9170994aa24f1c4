"""Layers in a whole run: what erases takes back in every pass, and what nothing takes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin.recipe.errors import ImageError, ParameterError
from ginga_bkgplugin.recipe.imported import ImportedMask
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import PixelBox, PixelCircle
from ginga_bkgplugin.sky.layers import compose
from ginga_bkgplugin.sky.masking import Pass
from ginga_bkgplugin.sky.pixels import MaskBit
from ginga_bkgplugin.sky.raster import draw, mask_regions
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.sky.spans import Window
from ginga_bkgplugin.work.image import ScienceImage
from ginga_bkgplugin.work.pipeline import Start, finish, run
from ginga_bkgplugin.work.worker import Worker

FIELD = sample_field((400, 440), stars=60)
SHAPE = (400, 440)
INVALID = ~np.isfinite(FIELD.data)
HALF = PixelBox(110, 200, 220, 500, 0, erase=True)  # the left half
ERASED = mask_regions(SHAPE, [HALF.replace(erase=False)])
PLANE = np.zeros(SHAPE, bool)
PLANE[50:90, 180:260] = True
METHODS = pytest.mark.parametrize("method", ["sep", "smooth"])


def _recipe(method: str, *regions: PixelBox | PixelCircle) -> Recipe:
    return Recipe(regions=regions).with_parameters(method=method, box_size=40, passes=3)


@METHODS
def test_an_erased_area_is_free_in_every_pass_and_seen_by_detection(method: str) -> None:
    plain = finish(run(FIELD.data, _recipe(method)))
    steps = list(run(FIELD.data, _recipe(method, HALF)))
    passes = [step for step in steps if isinstance(step, Pass)]

    assert (plain.mask[ERASED] & MaskBit.SOURCE).any()
    for step in passes:
        assert np.array_equal(step.mask[ERASED] != 0, INVALID[ERASED])
    counts = [step.row.sources for step in passes if step.row]
    assert counts[-1] == pytest.approx(plain.rows[-1].sources, rel=0.25)  # none is hidden
    assert (passes[-1].mask[~ERASED] & MaskBit.SOURCE).any()


@METHODS
def test_a_region_after_the_eraser_masks_again(method: str) -> None:
    again = PixelCircle(100, 200, 30)

    mask = finish(run(FIELD.data, _recipe(method, HALF, again))).mask

    inside = mask_regions(SHAPE, [again]) & ~INVALID
    assert (mask[inside] == MaskBit.REGION).all()
    assert not mask[ERASED & ~inside & ~INVALID].any()


@METHODS
def test_without_the_automatic_layer_the_mask_is_that_of_the_hand(method: str) -> None:
    drawn = [PixelCircle(100, 200, 60), PixelBox(100, 200, 30, 30, 20, erase=True)]
    recipe = Recipe(regions=tuple(drawn), masks=(ImportedMask(path="m.fits"),), automatic=False)
    recipe = recipe.with_parameters(method=method, box_size=40)

    result = finish(run(FIELD.data, recipe, imported=PLANE))

    expected = (
        mask_regions(SHAPE, drawn) * np.uint8(MaskBit.REGION)
        | (PLANE & ~mask_regions(SHAPE, [drawn[1].replace(erase=False)])) * np.uint8(16)
        | INVALID * np.uint8(MaskBit.INVALID)
    )
    assert np.array_equal(result.mask, expected)
    assert result.rows == ()


def test_the_eraser_takes_back_imported_masks_too() -> None:
    recipe = Recipe(regions=(HALF,), masks=(ImportedMask(path="m.fits"),), automatic=False)
    recipe = recipe.with_parameters(box_size=40)

    mask = finish(run(FIELD.data, recipe, imported=PLANE)).mask

    assert np.array_equal(mask & 16 != 0, PLANE & ~ERASED)


def test_going_on_from_earlier_passes_gives_the_same_bytes_with_an_eraser() -> None:
    whole = finish(run(FIELD.data, _recipe("sep", HALF)))
    first = finish(run(FIELD.data, _recipe("sep", HALF).with_parameters(passes=1)))

    start = Start(first.mask, first.rows)
    second = finish(run(FIELD.data, _recipe("sep", HALF), start=start))

    assert np.array_equal(second.mask, whole.mask)
    assert np.array_equal(second.fit.level, whole.fit.level)


def test_composing_from_a_result_gives_its_mask_and_parts_of_it() -> None:
    recipe = _recipe("sep", PixelCircle(300, 100, 40), HALF)
    result = finish(run(FIELD.data, recipe))
    drawn = draw(SHAPE, recipe.regions)  # type: ignore[arg-type]
    window = Window(50, 60, 300, 200)

    assert np.array_equal(compose(drawn, result.mask), result.mask)
    assert np.array_equal(compose(drawn, result.mask, within=window), result.mask[window.slices])


def test_a_window_without_pixels_has_an_empty_mask() -> None:
    drawn = draw(SHAPE, [PixelCircle(100, 200, 30)])

    assert compose(drawn, within=Window(60, 70, 60, 90)).shape == (20, 0)
    assert compose(drawn, within=Window(60, 70, 80, 70)).shape == (0, 20)


def test_masks_from_files_must_be_handed_in_and_fit() -> None:
    recipe = Recipe(masks=(ImportedMask(path="dir/m.fits"),))

    with pytest.raises(ParameterError, match=r"wants masks from files \(dir/m\.fits\)"):
        finish(run(FIELD.data, recipe))
    with pytest.raises(ImageError, match=r"The mask has shape \(3, 3\)"):
        finish(run(FIELD.data, recipe, imported=np.zeros((3, 3), bool)))


def test_the_worker_gives_the_bytes_of_the_pipeline_with_all_layers() -> None:
    recipe = Recipe(regions=(HALF,), masks=(ImportedMask(path="m.fits"),))
    recipe = recipe.with_parameters(box_size=40, passes=1)
    here = finish(run(FIELD.data, recipe, imported=PLANE))
    worker = Worker()
    try:
        there = finish(worker.run(FIELD.data, recipe, imported=PLANE))
    finally:
        worker.close()

    assert np.array_equal(here.mask, there.mask)
    assert np.array_equal(here.fit.level, there.fit.level)


def test_the_friendly_door_reads_masks_the_caller_names(tmp_path: Path) -> None:
    image = ScienceImage(FIELD.data, FIELD.header)
    recipe = Recipe(masks=(ImportedMask(path="/elsewhere/m.fits"),), automatic=False)
    fits.PrimaryHDU(PLANE.astype("u1")).writeto(tmp_path / "m.fits")

    with pytest.raises(ParameterError, match="Its path is not followed"):
        image.run(recipe)
    result = image.run(recipe, files=[tmp_path / "m.fits"])

    assert np.array_equal(result.mask & 16 != 0, PLANE)
