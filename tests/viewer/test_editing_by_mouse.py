"""Corners of polygons, and frames round several shapes, with the real mouse."""

from __future__ import annotations

import pytest

from ginga_bkgplugin.recipe.shapes import PixelCircle, PixelPolygon
from tests.viewer.desk import Desk

pytestmark = pytest.mark.viewer

NEAR = 2
CORNERS = ((120, 100), (220, 100), (220, 180), (120, 180))


def _polygon(desk: Desk, corners: tuple[tuple[float, float], ...] = CORNERS) -> None:
    desk.plugin.add_shape(PixelPolygon(corners))
    desk.tool("edit")


@pytest.mark.parametrize("end", [(170, 100), (170, 60)], ids=["clicked", "dragged"])
def test_the_edge_of_a_polygon_gives_a_new_corner(desk: Desk, end: tuple[float, float]) -> None:
    _polygon(desk)

    desk.drag((170, 100), end)

    (shape,) = desk.regions
    assert len(shape.vertices) == 5
    assert shape.vertices[1] == pytest.approx(end, abs=NEAR)
    assert shape.vertices[2:] == CORNERS[1:]
    assert desk.session.history.names[-1] == "Add corner"
    desk.key("Z", None, "Control")
    assert desk.regions[0].vertices == CORNERS


def test_a_corner_clicked_with_shift_goes_while_three_are_left(desk: Desk) -> None:
    _polygon(desk)

    for corner in (CORNERS[2], CORNERS[0]):
        with desk.holding("Shift"):
            desk.click(*corner)

    assert desk.regions[0].vertices == (CORNERS[0], CORNERS[1], CORNERS[3])
    assert desk.session.selection == (0,)


def test_the_edge_of_a_locked_polygon_stays(desk: Desk) -> None:
    _polygon(desk)
    desk.plugin.change_regions((0,), "Lock", locked=True)

    desk.drag((170, 100), (170, 60))

    assert desk.regions[0].vertices == CORNERS


def test_a_frame_selects_what_lies_wholly_in_it(desk: Desk) -> None:
    for x in (80, 160, 240):
        desk.plugin.add_shape(PixelCircle(x, 150, 20))
    desk.tool("edit")

    desk.drag((40, 100), (240, 200))
    assert desk.session.selection == (0, 1)

    with desk.holding("Shift"):
        desk.drag((300, 200), (205, 110))
    assert desk.session.selection == (0, 1, 2)

    desk.drag((300, 50), (310, 60))
    assert desk.session.selection == ()
    assert len(desk.session.history.names) == 4
