from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle, region_from_dict

FINITE = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=1e-6, max_value=1e9)


@pytest.mark.parametrize("kind", [PixelCircle, SkyCircle])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, "5", b"5", True, None, 10**400], ids=lambda value: str(value)[:5]
)
def test_a_circle_refuses_what_is_no_finite_number(kind: Any, place: int, value: Any) -> None:
    numbers: list[Any] = [1.0, 2.0, 3.0]
    numbers[place] = value
    name = kind.geometry()[place]

    with pytest.raises(ParameterError) as refused:
        kind(*numbers)

    assert str(refused.value).startswith(f"{kind.__name__}: {name} must be")


@pytest.mark.parametrize("kind", [PixelCircle, SkyCircle])
@pytest.mark.parametrize("radius", [0, -1, -1e-300])
def test_a_radius_must_be_above_zero(kind: Any, radius: float) -> None:
    with pytest.raises(ParameterError, match=f"{kind.__name__}: radius"):
        kind(1, 1, radius)


@pytest.mark.parametrize("dec", [-90.001, 91])
def test_a_declination_beyond_the_poles_is_refused(dec: float) -> None:
    with pytest.raises(ParameterError, match="dec must be from -90 to 90"):
        SkyCircle(0, dec, 1)


@given(x=FINITE, y=FINITE, radius=POSITIVE)
def test_a_pixel_circle_survives_its_dictionary(x: float, y: float, radius: float) -> None:
    circle = PixelCircle(x, y, radius)

    assert region_from_dict(circle.to_dict()) == circle


@given(ra=FINITE, dec=st.floats(-90, 90), radius=POSITIVE)
def test_a_sky_circle_survives_its_dictionary(ra: float, dec: float, radius: float) -> None:
    circle = SkyCircle(ra, dec, radius)

    assert region_from_dict(circle.to_dict()) == circle


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (None, "must be a mapping"),
        ([1, 2, 3], "must be a mapping"),
        ({}, "Unknown region shape None"),
        ({"shape": "panda", "frame": "pixel"}, "Unknown region shape 'panda'"),
        ({"shape": ["box"], "frame": "pixel"}, "Unknown region shape \\['box'\\]"),
        ({"shape": "circle", "frame": "fk4", "x": 1, "y": 1, "radius": 1}, "frame 'fk4'"),
        ({"shape": "circle", "frame": "pixel", "x": 1, "y": 1}, "needs exactly x, y, radius"),
        (
            {"shape": "circle", "frame": "icrs", "x": 1, "y": 1, "radius": 1},
            "needs exactly ra, dec, radius",
        ),
        (
            {"shape": "circle", "frame": "pixel", "x": 1, "y": 1, "radius": 1, "colour": "red"},
            "needs exactly",
        ),
        ({"shape": "circle", "frame": "pixel", "x": "1", "y": 1, "radius": 1}, "x must be"),
    ],
)
def test_a_wrong_region_is_refused_in_words(values: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        region_from_dict(values)


def test_reading_a_region_leaves_its_dictionary_as_it_is() -> None:
    values = PixelCircle(1, 2, 3).to_dict()

    region_from_dict(values)

    assert values == {"shape": "circle", "frame": "pixel", "x": 1.0, "y": 2.0, "radius": 3.0}
