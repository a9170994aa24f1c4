"""Strategies: any region a user may draw."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ginga_bkgplugin.recipe.region import Region
from ginga_bkgplugin.recipe.shapes import PIXEL_SHAPES, SKY_SHAPES

ANGLES = st.floats(-400, 400) | st.sampled_from([0.0, 90.0, 180.0, -90.0, 45.0])
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12)
LOOKS = {
    "erase": st.booleans(),
    "name": NAMES,
    "color": st.sampled_from(["", "red", "#00ff80"]),
    "on": st.booleans(),
    "locked": st.booleans(),
}


# no polygon so thin that moving it by a pixel rounds it to a line
PLACES, SIZES = st.floats(-20, 60).map(lambda place: round(place, 6)), st.floats(0.1, 40)
RA, DEC, ARCSEC = st.floats(0, 360), st.floats(-89, 89), st.floats(0.1, 1000)


def pixel_regions(
    places: st.SearchStrategy[float] = PLACES,
    sizes: st.SearchStrategy[float] = SIZES,
    shapes: Any = tuple(PIXEL_SHAPES),
    **looks: Any,
) -> st.SearchStrategy[Any]:
    """Shapes in pixels; `looks` are strategies of the fields all shapes have."""
    return st.one_of([_shape(PIXEL_SHAPES[name], places, places, sizes, looks) for name in shapes])


def sky_regions(
    ra: st.SearchStrategy[float] = RA,
    dec: st.SearchStrategy[float] = DEC,
    sizes: st.SearchStrategy[float] = ARCSEC,
    **looks: Any,
) -> st.SearchStrategy[Any]:
    """Shapes on the sky."""
    return st.one_of([_shape(kind, ra, dec, sizes, looks) for kind in SKY_SHAPES.values()])


def _shape(
    kind: type[Region], first: Any, second: Any, sizes: Any, looks: dict[str, Any]
) -> st.SearchStrategy[Region]:
    points = st.lists(st.tuples(first, second), min_size=3, max_size=7).filter(
        lambda given: all(len({point[axis] for point in given}) > 1 for axis in (0, 1))
    )
    fields = {"x": first, "ra": first, "y": second, "dec": second, "angle": ANGLES}
    fields |= {"vertices": points, "points": points, "outer": st.floats(50, 80)}
    own = {name: fields.get(name, sizes) for name in kind.geometry()}
    if "inner" in own:
        own["inner"] = st.floats(0.1, 40)
    return st.builds(kind, **own, **looks)
