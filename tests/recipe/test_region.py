"""What all shapes have in common, and the shapes beside circles."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.imported import ImportedMask
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.region import Region
from ginga_bkgplugin.recipe.shapes import (
    PixelAnnulus,
    PixelBox,
    PixelCircle,
    PixelEllipse,
    PixelPolygon,
    PixelStroke,
    SkyAnnulus,
    SkyPolygon,
    SkyStroke,
    region_from_dict,
)
from tests.drawing import LOOKS, pixel_regions, sky_regions

ANY = pixel_regions(**LOOKS) | sky_regions(**LOOKS)
MASKS = st.builds(
    ImportedMask,
    path=st.sampled_from(["dq.fits", "/a b/wht.fits"]),
    hdu=st.sampled_from(["", "DQ,1", "3"]),
    kind=st.sampled_from(["bits", "labels"]),
    polarity=st.sampled_from(["bad", "good"]),
    bits=st.lists(st.integers(1, 1 << 30) | st.just("SATURATED"), max_size=3),
    on=st.booleans(),
)


@given(region=ANY)
def test_any_region_survives_its_dictionary_and_json(region: Region) -> None:
    assert region_from_dict(json.loads(json.dumps(region.to_dict()))) == region


@given(
    regions=st.lists(ANY, max_size=4),
    masks=st.lists(MASKS, max_size=2),
    automatic=st.booleans(),
)
def test_a_recipe_keeps_every_region_mask_and_switch(
    regions: list[Region], masks: list[ImportedMask], automatic: bool
) -> None:
    recipe = Recipe(regions=tuple(regions), masks=tuple(masks), automatic=automatic)

    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_json(recipe.to_json()).to_json() == recipe.to_json()


def test_a_recipe_of_the_first_version_is_read() -> None:
    text = (
        '{"format": 1, "regions": [{"shape": "circle", "frame": "pixel",'
        ' "x": 1, "y": 2, "radius": 3}], "source": {"sigma": 4}}'
    )

    recipe = Recipe.from_json(text)

    assert recipe.regions == (PixelCircle(1, 2, 3),)
    assert not recipe.regions[0].erase
    assert recipe.regions[0].on
    assert recipe.automatic


@given(region=pixel_regions(), dx=st.integers(-50, 50), dy=st.integers(-50, 50))
def test_a_moved_region_has_its_bounds_moved(region: Any, dx: int, dy: int) -> None:
    left, bottom, right, top = region.bounds()

    assert region.moved(dx, dy).bounds() == pytest.approx(
        (left + dx, bottom + dy, right + dx, top + dy), abs=1e-9
    )


@given(region=pixel_regions(), factor=st.floats(0.2, 5))
def test_a_scaled_region_keeps_its_centre(region: Any, factor: float) -> None:
    larger = region.scaled(factor)
    left, _, right, _ = region.bounds()

    assert larger.centre == pytest.approx(region.centre, abs=1e-6)
    assert larger.bounds()[2] - larger.bounds()[0] == pytest.approx(factor * (right - left))


def test_names_colours_and_what_is_off_decide_no_result() -> None:
    plain = Recipe(regions=(PixelCircle(1, 2, 3),))
    named = Recipe(
        regions=(
            PixelCircle(9, 9, 9, on=False),
            PixelCircle(1, 2, 3, name="M 31", color="red", locked=True),
        ),
        masks=(ImportedMask(path="a.fits", on=False),),
    )

    assert named.essence == plain.essence
    assert plain.with_regions(PixelCircle(1, 2, 3, erase=True)).essence != plain.essence


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PixelEllipse(1, 1, 5, 0, 0), "PixelEllipse: b must be above 0"),
        (lambda: PixelBox(1, 1, 0, 5, 0), "PixelBox: width must be above 0"),
        (lambda: PixelBox(1, 1, 5, 5, float("nan")), "angle must be a finite number"),
        (lambda: PixelAnnulus(1, 1, 5, 5), "PixelAnnulus: inner must be less than outer"),
        (lambda: SkyAnnulus(1, 1, 0, 5), "SkyAnnulus: inner must be above 0"),
        (lambda: PixelPolygon([(0, 0), (1, 1)]), "vertices must be at least 3, not 2"),
        (lambda: PixelPolygon([(0, 0)] * 3), "vertices must enclose an area"),
        (lambda: PixelPolygon([(0, 0), (1, 0), (2, 0)]), "vertices must enclose an area"),
        (lambda: PixelPolygon([(0, 0), (1, 0), (2, float("inf"))]), "must be a finite number"),
        (lambda: PixelPolygon([0, 1, 2]), "vertices must be pairs of numbers"),
        (lambda: SkyPolygon([(0, 0), (1, 0), (2, 91)]), "dec must be from -90 to 90; 91"),
        (lambda: PixelStroke([], 3), "points must be at least 1, not 0"),
        (lambda: PixelStroke([(1, 1)], 0), "radius must be above 0"),
        (lambda: SkyStroke(5, 3), "points must be pairs of numbers"),
        (lambda: PixelCircle(1, 1, 1, erase=1), "erase must be true or false, not 1"),
        (lambda: PixelCircle(1, 1, 1, name="a\nb"), "name must be one line of text"),
        (lambda: PixelCircle(1, 1, 1, color="{}"), "color must be a name such as red"),
    ],
)
def test_a_wrong_shape_is_refused_in_words(make: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        make()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "needs path; got \\[\\]"),
        ({"path": ""}, "needs its path"),
        ({"path": "a", "colour": 1}, "knows path, hdu"),
        ({"path": "a", "kind": "flag"}, "kind must be one of mask, bits, weight, labels"),
        ({"path": "a", "polarity": "1"}, "polarity must be bad or good"),
        ({"path": "a", "bits": "SAT"}, "bits must be a list"),
        ({"path": "a", "bits": [0]}, "bits must be numbers above 0 or names; 0 is not"),
        ({"path": "a", "bits": [True]}, "bits must be numbers"),
        ({"path": "a", "bits": [1]}, "Bits count with the kind bits or labels, not mask"),
        ({"path": "a", "on": 1}, "on must be true or false"),
        ({"path": "a", "hdu": 1}, "hdu must be one line of text"),
        ([], "must be a mapping"),
    ],
)
def test_a_wrong_reference_to_a_mask_is_refused_in_words(values: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        ImportedMask.from_dict(values)
