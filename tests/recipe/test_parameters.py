from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.parameters import (
    BackgroundParameters,
    InvalidParameters,
    SourceMaskParameters,
)
from ginga_bkgplugin.recipe.recipe import GROUPS, Recipe
from ginga_bkgplugin.recipe.rules import Parameters

NOT_NUMBERS = [math.nan, math.inf, -math.inf, "5", b"5", True, None, [5], {}, 1j, 10**400]

FIELDS = [
    pytest.param(group, name, kind, rule, id=name)
    for group in GROUPS.values()
    for name, kind, _, rule in group.rules()
]
NUMBERS = [field for field in FIELDS if field.values[2] not in (bool, str)]
WORDS = [field for field in FIELDS if field.values[2] is str]
FLAGS = [field for field in FIELDS if field.values[2] is bool]
BOUNDED_BELOW = [field for field in NUMBERS if field.values[3].low is not None]
BOUNDED_ABOVE = [field for field in NUMBERS if field.values[3].high is not None]
WHOLE = [field for field in NUMBERS if field.values[2] is int]


def _refusal(group: type[Parameters], name: str, value: Any) -> str:
    with pytest.raises(ParameterError) as refused:
        group(**{name: value})
    return str(refused.value)


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        pytest.param(*field.values[:2], value, id=f"{field.id}-{value!r:.9}")
        for field in NUMBERS
        for value in NOT_NUMBERS
        if not (value is None and field.values[2] == (float | None))
    ],
)
def test_what_is_not_a_finite_number_is_refused_by_name_and_value(
    group: type[Parameters], name: str, value: Any
) -> None:
    message = _refusal(group, name, value)

    assert name in message
    assert repr(value) in message


@pytest.mark.parametrize(("group", "name", "kind", "rule"), BOUNDED_BELOW)
def test_a_value_below_its_range_is_refused_with_the_range(
    group: type[Parameters], name: str, kind: Any, rule: Any
) -> None:
    value = rule.low - 1

    message = _refusal(group, name, value)

    assert message == f"{name} must be {rule.range_text()}; {value!r} is not."


@pytest.mark.parametrize(("group", "name", "kind", "rule"), BOUNDED_ABOVE)
def test_a_value_above_its_range_is_refused_with_the_range(
    group: type[Parameters], name: str, kind: Any, rule: Any
) -> None:
    value = rule.high + 1

    message = _refusal(group, name, value)

    assert message == f"{name} must be {rule.range_text()}; {value!r} is not."


@pytest.mark.parametrize(("group", "name", "kind", "rule"), BOUNDED_BELOW)
def test_the_lowest_value_is_allowed(
    group: type[Parameters], name: str, kind: Any, rule: Any
) -> None:
    assert getattr(group(**{name: rule.low}), name) == rule.low


@pytest.mark.parametrize(("group", "name", "kind", "rule"), BOUNDED_ABOVE)
def test_the_highest_value_is_allowed(
    group: type[Parameters], name: str, kind: Any, rule: Any
) -> None:
    assert getattr(group(**{name: rule.high}), name) == rule.high


@pytest.mark.parametrize(("group", "name", "kind", "rule"), WHOLE)
def test_a_broken_number_is_refused_where_a_whole_one_is_meant(
    group: type[Parameters], name: str, kind: Any, rule: Any
) -> None:
    message = _refusal(group, name, rule.low + 2.5)

    assert name in message
    assert "whole" in message


@pytest.mark.parametrize(("group", "name", "kind", "rule"), FLAGS)
@pytest.mark.parametrize("value", [1, 0, "true", None, 1.0])
def test_only_true_and_false_are_flags(
    group: type[Parameters], name: str, kind: Any, rule: Any, value: Any
) -> None:
    message = _refusal(group, name, value)

    assert message == f"{name} must be true or false, not {value!r}."


@pytest.mark.parametrize(("group", "name", "kind", "rule"), WORDS)
@pytest.mark.parametrize("value", ["", "SEP", "other", None, True, 0, ["sep"]])
def test_a_word_that_is_no_choice_is_refused_with_the_choices(
    group: type[Parameters], name: str, kind: Any, rule: Any, value: Any
) -> None:
    message = _refusal(group, name, value)

    assert message == f"{name} must be one of {', '.join(rule.choices)}; {value!r} is not."


@pytest.mark.parametrize(("group", "name", "kind", "rule"), WORDS)
def test_every_choice_is_allowed_and_the_default_is_one(
    group: type[Parameters], name: str, kind: Any, rule: Any
) -> None:
    assert getattr(group(), name) in rule.choices
    for choice in rule.choices:
        assert getattr(group(**{name: choice}), name) == choice


@pytest.mark.parametrize("size", [2, 4, 98])
def test_an_even_filter_is_refused(size: int) -> None:
    message = _refusal(BackgroundParameters, "filter_size", size)

    assert message == f"filter_size must be from 1 to 99, odd; {size} is not."


def test_a_whole_float_becomes_an_int() -> None:
    box = BackgroundParameters(box_size=128.0).box_size  # type: ignore[arg-type]

    assert box == 128
    assert type(box) is int


def test_an_int_becomes_a_float_where_a_float_is_meant() -> None:
    assert type(SourceMaskParameters(sigma=3).sigma) is float


def test_an_empty_saturation_level_is_allowed() -> None:
    assert SourceMaskParameters(saturation_level=None).saturation_level is None


def test_parameters_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        BackgroundParameters().box_size = 3  # type: ignore[misc]


def test_an_unknown_parameter_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ParameterError, match=r"'sigmaa'.*saturation_level.*sigma"):
        SourceMaskParameters.from_dict({"sigmaa": 3})


@pytest.mark.parametrize("values", [None, 5, "sigma", [("sigma", 3)]])
def test_a_group_that_is_no_mapping_is_refused(values: Any) -> None:
    with pytest.raises(ParameterError, match="mapping"):
        SourceMaskParameters.from_dict(values)


@given(box=st.integers(4, 16_384))
def test_replace_changes_one_parameter_and_leaves_the_original(box: int) -> None:
    before = BackgroundParameters(filter_size=5)

    after = before.replace(box_size=box)

    assert (after.box_size, after.filter_size, before.box_size) == (box, 5, 64)


@pytest.mark.parametrize(("group", "name", "kind", "rule"), FIELDS)
def test_every_parameter_explains_itself(
    group: type[Parameters], name: str, kind: Any, rule: Any
) -> None:
    assert rule.help.endswith(".")
    assert rule.label
    assert rule.card == rule.card.upper()
    assert 1 <= len(rule.card) <= 8


def test_all_cards_of_a_recipe_are_different() -> None:
    keywords = [keyword for keyword, _, _ in Recipe().cards()]

    assert len(keywords) == len(set(keywords)) == len(FIELDS) + 3


def test_a_card_holds_value_name_and_unit() -> None:
    assert ("MASKSIG", 2.5, "sigma [rms]") in SourceMaskParameters(sigma=2.5).cards()
    assert ("MASKDQ", True, "use_dq") in InvalidParameters(use_dq=True).cards()


@pytest.mark.parametrize(
    ("group", "name", "default"),
    [
        (SourceMaskParameters, "sigma", 5.0),
        (SourceMaskParameters, "mask_radius_factor", 3.0),
        (BackgroundParameters, "method", "smooth"),
        (BackgroundParameters, "is_2d", True),
        (BackgroundParameters, "box_size", 64),
        (BackgroundParameters, "filter_size", 3),
        (InvalidParameters, "threshold_invalid_connection", 100_000),
    ],
)
def test_defaults_are_the_reference_systems(
    group: type[Parameters], name: str, default: Any
) -> None:
    assert getattr(group(), name) == default
