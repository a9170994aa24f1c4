"""A result of each model in words and cards."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.work.pipeline import Result, finish, run
from ginga_bkgplugin.work.saving import make_product
from ginga_bkgplugin.work.viewmodel import done_words, summary_words

NOISE = np.random.default_rng(0).normal(1000, 10, (320, 320)).astype(np.float32)


def _result(radius: float = 70, **values: Any) -> Result:
    recipe = Recipe(regions=(PixelCircle(160, 160, radius),)).with_parameters(
        **{"passes": 0, "method": "sep", **values}
    )
    return finish(run(NOISE, recipe))


@pytest.mark.parametrize(
    ("values", "words", "type_card"),
    [
        ({}, "{filled} of 25 boxes filled", "SEP"),
        ({"fill": "smooth"}, "{filled} of 25 boxes filled smoothly", "SEP SMOOTH FILL"),
        ({"method": "smooth", "fill": "smooth"}, "{filled} of 25 boxes filled", "SMOOTH"),
        ({"model": "constant"}, "one constant from {used} of 25 boxes", "SEP CONSTANT"),
        ({"model": "plane"}, "a plane from {used} of 25 boxes", "SEP PLANE"),
        (
            {"model": "poly2", "method": "smooth", "least_free": 0.5},
            "a polynomial of degree 2 from {used} of 36 boxes",
            "SMOOTH POLY2",
        ),
        ({"model": "poly2", "is_2d": False}, "{filled} of 25 boxes filled", "SEP"),
    ],
    ids=str,
)
def test_the_summary_and_the_cards_say_the_model(
    values: dict[str, Any], words: str, type_card: str
) -> None:
    result = _result(**values)
    filled, boxes = result.fit.filled, result.fit.boxes

    assert summary_words(result).endswith(words.format(filled=filled, used=boxes - filled))
    header = make_product(Frame(NOISE), result, "bkgmap").header
    assert header["BKGTYPE"] == type_card
    assert header["BKGMODEL"] == values.get("model", "mesh")
    assert header["BKGFILL"] == values.get("fill", "nearest")
    assert (header["BKGNFIL"], header["BKGNBOX"]) == (filled, boxes)
    assert header["BKGVALU"] == result.fit.globalback


def test_places_where_the_rms_is_not_above_0_are_told() -> None:
    result = _result()
    fit = dataclasses.replace(result.fit, unphysical=7)

    assert "not above 0 at 7 pixels" in done_words(dataclasses.replace(result, fit=fit))
