from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ParameterError
from ginga_bkgplugin.recipe.recipe import GROUPS, Recipe
from ginga_bkgplugin.recipe.rules import Parameters
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle


def _value(kind: Any, rule: Any) -> st.SearchStrategy[Any]:
    if kind is bool:
        return st.booleans()
    if kind is str:
        return st.sampled_from(rule.choices)
    if kind is int:
        odd = st.integers(int(rule.low), int(rule.high)).map(lambda n: n | 1)
        return odd if rule.odd else st.integers(int(rule.low), int(rule.high))
    numbers = st.floats(rule.low, rule.high, allow_nan=False, allow_infinity=False)
    return st.none() | numbers if kind == (float | None) else numbers


def _group(kind: type[Parameters]) -> st.SearchStrategy[Parameters]:
    return st.builds(kind, **{name: _value(form, rule) for name, form, _, rule in kind.rules()})


COORDINATE = st.floats(-1e6, 1e6)
RADIUS = st.floats(1e-3, 1e6)
REGIONS = st.lists(
    st.builds(PixelCircle, COORDINATE, COORDINATE, RADIUS)
    | st.builds(SkyCircle, COORDINATE, st.floats(-90, 90), RADIUS),
    max_size=5,
).map(tuple)
RECIPES = st.builds(
    Recipe, regions=REGIONS, **{name: _group(kind) for name, kind in GROUPS.items()}
)


def _edited(**changes: Any) -> str:
    content = json.loads(Recipe().to_json())
    content.update(changes)
    return json.dumps(content)


@given(recipe=RECIPES)
def test_any_recipe_survives_its_file(recipe: Recipe) -> None:
    assert Recipe.from_json(recipe.to_json()) == recipe


@given(recipe=RECIPES)
def test_the_text_of_a_recipe_is_stable(recipe: Recipe) -> None:
    text = recipe.to_json()

    assert Recipe.from_json(text).to_json() == text


def test_missing_groups_and_parameters_take_their_defaults() -> None:
    recipe = Recipe.from_json('{"format": 1, "source": {"sigma": 3}}')

    assert recipe == Recipe().with_parameters(sigma=3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not valid JSON"),
        ("sigma = 3", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", 'no "format" entry'),
        ("3", 'no "format" entry'),
        ("{}", 'no "format" entry'),
        (_edited(format=2), "has format 2; this version reads format 1"),
        (_edited(format="1"), "has format '1'"),
        (_edited(format=True), "has format True"),
        (_edited(format=None), "has format None"),
        (_edited(skyy={}), "Unknown entry 'skyy'"),
        (_edited(regions={}), '"regions" must be a list'),
        (_edited(regions=[5]), "region must be a mapping"),
        (_edited(source=None), "mapping"),
        (_edited(source={"sigmaa": 1}), "Unknown parameter 'sigmaa'"),
        (_edited(source={"sigma": "3"}), "sigma must be a finite number, not '3'"),
        ('{"format": 1, "source": {"sigma": NaN}}', "sigma must be a finite number, not nan"),
        ('{"format": 1, "source": {"sigma": 1e999}}', "sigma must be a finite number, not inf"),
        ('{"format": 1, "source": {"sigma": 1' + "0" * 400 + "}}", "sigma must be a number"),
        (_edited(background={"method": "spline"}), "method must be one of sep, smooth; 'spline'"),
        (_edited(smooth={"stiffness": -1}), "stiffness must be from 0 to 1e+12; -1 is not"),
        (_edited(background={"filter_size": 4}), "filter_size must be from 1 to 99, odd"),
    ],
    ids=lambda text: text[-24:],
)
def test_a_wrong_recipe_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ParameterError) as refused:
        Recipe.from_json(text)

    assert words in str(refused.value)


@given(text=st.text(alphabet=string.printable) | st.binary().map(repr))
def test_any_text_is_a_recipe_or_refused_with_the_packages_own_error(text: str) -> None:
    try:
        recipe = Recipe.from_json(text)
    except BackgroundPluginError:
        return
    assert isinstance(recipe, Recipe)


@given(
    changes=st.dictionaries(
        st.sampled_from(
            ["format", "regions", "invalid", "source", "background", "smooth", "other"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_any_json_is_a_recipe_or_refused_with_the_packages_own_error(
    changes: dict[str, Any],
) -> None:
    try:
        recipe = Recipe.from_json(_edited(**changes))
    except BackgroundPluginError:
        return
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_parameters_are_changed_by_name_whatever_their_group() -> None:
    recipe = Recipe().with_parameters(sigma=2, box_size=128, use_dq=True)

    assert recipe.source.sigma == 2
    assert recipe.background.box_size == 128
    assert recipe.invalid.use_dq is True


def test_an_unknown_parameter_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match="Unknown parameter 'sigmaa'"):
        Recipe().with_parameters(sigma=2, sigmaa=2)


def test_changing_regions_leaves_the_parameters() -> None:
    recipe = Recipe().with_parameters(sigma=2)
    circle = PixelCircle(1, 2, 3)

    changed = recipe.with_regions(circle)

    assert changed.regions == (circle,)
    assert changed.source == recipe.source
    assert recipe.regions == ()


def test_no_parameter_name_stands_in_two_groups() -> None:
    names = [name for group in GROUPS.values() for name in group.kinds()]

    assert len(names) == len(set(names))


def test_the_cards_count_the_regions() -> None:
    recipe = Recipe().with_regions(PixelCircle(1, 2, 3), SkyCircle(1, 2, 3))

    assert ("MASKNREG", 2, "regions drawn by hand") in recipe.cards()
