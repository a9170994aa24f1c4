"""Shapes edited by mouse, the list of layers, undo and redo."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ginga_bkgplugin.recipe.region import PixelRegion
from ginga_bkgplugin.recipe.shapes import (
    PixelAnnulus,
    PixelBox,
    PixelCircle,
    PixelEllipse,
    PixelPolygon,
    PixelStroke,
)
from ginga_bkgplugin.sky.pixels import MaskBit
from ginga_bkgplugin.viewer.handles import handles
from ginga_bkgplugin.viewer.outlines import REACH
from tests.viewer.desk import Desk

pytestmark = pytest.mark.viewer

NEAR = 2
NAME = 3  # the column of the list
CORNERS = ((120, 100), (220, 100), (220, 180), (120, 180))
SHAPES: dict[str, PixelRegion] = {
    "circle": PixelCircle(180, 150, 40),
    "ellipse": PixelEllipse(180, 150, 50, 30, 20),
    "box": PixelBox(180, 150, 90, 60, 30),
    "annulus": PixelAnnulus(180, 150, 20, 50),
    "polygon": PixelPolygon(CORNERS),
    "stroke": PixelStroke(((120, 140), (220, 150)), 12),
}
INSIDE = {"annulus": (215, 150)}


def _shape(desk: Desk, name: str) -> Any:
    desk.plugin.add_shape(SHAPES[name])
    desk.tool("edit")
    return SHAPES[name]


def _handle(desk: Desk, name: str) -> tuple[float, float]:
    return handles(desk.regions[0], REACH / desk.view.get_scale())[name]


def _row(desk: Desk, key: str) -> Any:
    tree = desk.panel.masks.table.widget.get_widget()
    return next(
        tree.topLevelItem(i)
        for i in range(tree.topLevelItemCount())
        if tree.topLevelItem(i).text(0) == key
    )


def _click_row(
    desk: Desk,
    key: str,
    column: int = 0,
    *,
    double: bool = False,
    ctrl: bool = False,
    pump: bool = True,
) -> None:
    """Click a cell with the real mouse; a cell to tick at its box."""
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtTest import QTest

    tree = desk.panel.masks.table.widget.get_widget()
    place = tree.visualRect(tree.indexFromItem(_row(desk, key), column))
    at = QPoint(place.left() + 9, place.center().y())
    held = Qt.KeyboardModifier.ControlModifier if ctrl else Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, held, at)
    if double:
        QTest.mouseDClick(tree.viewport(), Qt.MouseButton.LeftButton, held, at)
    if pump:
        desk.viewer.pump()


@pytest.mark.parametrize("name", list(SHAPES))
def test_every_shape_is_moved_by_dragging_it(desk: Desk, name: str) -> None:
    before = _shape(desk, name)
    x, y = INSIDE.get(name, (180, 146))

    desk.drag((x, y), (x + 30, y - 20))

    (moved,) = desk.regions
    assert moved.centre == pytest.approx((before.centre[0] + 30, before.centre[1] - 20), abs=NEAR)
    assert [getattr(moved, s) for s in moved.sizes] == [getattr(before, s) for s in before.sizes]
    assert desk.session.history.names[-1] == "Move"


@pytest.mark.parametrize(
    ("name", "handle", "to", "field", "value"),
    [
        ("ellipse", "b", (163, 197), "b", 50),
        ("annulus", "outer", (250, 150), "outer", 70),
        ("annulus", "inner", (150, 150), "inner", 30),
        ("circle", "radius", (250, 150), "radius", 70),
    ],
)
def test_handles_resize(
    desk: Desk, name: str, handle: str, to: tuple[float, float], field: str, value: float
) -> None:
    _shape(desk, name)

    desk.drag(_handle(desk, handle), to)

    assert getattr(desk.regions[0], field) == pytest.approx(value, abs=NEAR)
    assert desk.regions[0].centre == pytest.approx((180, 150), abs=0.1)


def test_a_corner_of_a_polygon_and_of_a_box_is_dragged(desk: Desk) -> None:
    _shape(desk, "polygon")
    desk.drag(CORNERS[2], (260, 230))
    assert desk.regions[0].vertices[2] == pytest.approx((260, 230), abs=NEAR)

    desk.key("A", None, "Control")
    desk.key("Delete")
    _shape(desk, "box")
    desk.drag(_handle(desk, "corner"), (240, 240))
    box = desk.regions[0]
    assert _handle(desk, "corner") == pytest.approx((240, 240), abs=NEAR)
    assert box.angle == 30


@pytest.mark.parametrize("name", ["polygon", "stroke"])
def test_shapes_of_many_points_are_scaled_as_a_whole(desk: Desk, name: str) -> None:
    before = _shape(desk, name)
    cx, cy = before.centre
    x, y = _handle(desk, "scale")

    desk.drag((x, y), (cx + 1.5 * (x - cx), cy + 1.5 * (y - cy)))

    old, new = before.bounds(), desk.regions[0].bounds()
    assert new[2] - new[0] == pytest.approx(1.5 * (old[2] - old[0]), abs=2 * NEAR)
    assert desk.regions[0].centre == pytest.approx((cx, cy), abs=0.5)


@pytest.mark.parametrize("name", ["ellipse", "box", "polygon", "stroke"])
def test_the_round_handle_turns(desk: Desk, name: str) -> None:
    before = _shape(desk, name)
    cx, cy = before.centre
    x, y = _handle(desk, "turn")
    far = float(np.hypot(x - cx, y - cy))

    desk.drag((x, y), (cx, cy + far))

    (turned,) = desk.regions
    if name in ("ellipse", "box"):
        assert turned.angle == pytest.approx(90, abs=2)
    else:
        old, new = before.bounds(), turned.bounds()
        assert new[3] - new[1] == pytest.approx(old[2] - old[0], abs=2 * NEAR)
    assert desk.session.history.names[-1] == "Turn"


def test_several_shapes_are_selected_and_moved_together(desk: Desk) -> None:
    desk.plugin.add_shape(PixelCircle(100, 100, 20))
    desk.plugin.add_shape(PixelCircle(200, 200, 20))
    desk.tool("edit")
    desk.click(100, 100)

    with desk.holding("Control"):
        desk.click(200, 200)
    assert desk.session.selection == (0, 1)
    desk.drag((200, 200), (220, 180))

    one, two = desk.regions
    assert one.centre == pytest.approx((120, 80), abs=NEAR)
    assert two.centre == pytest.approx((220, 180), abs=NEAR)
    assert desk.session.selection == (0, 1)


def test_selecting_in_the_list_and_on_the_image_is_the_same(desk: Desk) -> None:
    desk.plugin.add_shape(PixelCircle(100, 100, 20))
    desk.plugin.add_shape(PixelCircle(200, 200, 20))
    desk.viewer.pump()

    _click_row(desk, "1")
    assert desk.session.selection == (0,)
    _click_row(desk, "2", ctrl=True)
    assert set(desk.session.selection) == {0, 1}
    desk.click(200, 200)
    desk.click(40, 40)
    desk.click(200, 200)

    assert _row(desk, "2").isSelected()
    assert not _row(desk, "1").isSelected()


def test_a_double_click_in_the_list_zooms_to_the_shape(desk: Desk) -> None:
    desk.plugin.add_shape(PixelCircle(300, 250, 10))
    desk.viewer.pump()

    _click_row(desk, "1", double=True)

    assert desk.view.get_pan()[:2] == pytest.approx((300, 250), abs=0.6)
    width, height = desk.view.get_window_size()
    assert min(width, height) / desk.view.get_scale() == pytest.approx(50, rel=0.05)


def test_a_locked_shape_stays(desk: Desk) -> None:
    shape = _shape(desk, "circle")
    _click_row(desk, "1", 2)
    assert desk.regions[0].locked

    desk.drag((180, 150), (200, 100))
    desk.key("Delete")

    assert desk.regions[0].centre == shape.centre
    assert "locked" in desk.error


def test_a_shape_switched_off_masks_nothing_and_comes_back(desk: Desk) -> None:
    _shape(desk, "circle")
    _click_row(desk, "1", 1)
    assert not desk.regions[0].on
    assert not desk.session.live_mask().any()

    _click_row(desk, "1", 1)

    assert desk.session.live_mask().any()


@pytest.mark.parametrize("column", [1, 2])
def test_a_tick_acts_when_the_toolkit_is_done_with_its_row(desk: Desk, column: int) -> None:
    """Rows made anew within the click were freed under Qt: Ginga crashed, now and then."""
    _shape(desk, "circle")
    row = _row(desk, "1")

    _click_row(desk, "1", column, pump=False)

    assert _row(desk, "1") is row
    assert (desk.regions[0].on, desk.regions[0].locked) == (True, False)
    desk.viewer.pump()
    assert (desk.regions[0].on, desk.regions[0].locked) == (column != 1, column == 2)


def test_a_name_typed_stands_in_the_list_and_beside_the_shape(desk: Desk) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    _shape(desk, "circle")

    pan = desk.view.get_pan()

    _click_row(desk, "1", NAME, double=True)
    editor = desk.panel.masks.table.widget.get_widget().focusWidget()
    QTest.keyClicks(editor, "NGC 4889")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    desk.viewer.pump()

    assert desk.regions[0].name == "NGC 4889"
    assert _row(desk, "1").text(NAME) == "NGC 4889"
    assert [label.text for label in desk.outlines.labels] == ["1 NGC 4889"]
    assert desk.view.get_pan() == pan


def test_without_the_automatic_layer_the_mask_is_that_of_the_hand(desk: Desk) -> None:
    desk.plugin.add_shape(PixelCircle(180, 150, 40))
    desk.run()
    assert (desk.session.live_mask() & np.uint8(MaskBit.SOURCE)).any()

    _click_row(desk, "sources", 1)

    mask = desk.session.live_mask()
    assert set(np.unique(mask)) <= {0, 1, 8, 9}
    again = desk.run()
    assert np.array_equal(mask, again.mask)


def test_the_invalid_layer_cannot_be_switched_off(desk: Desk) -> None:
    _click_row(desk, "invalid", 1)

    assert "Invalid pixels stay masked" in desk.words
    assert _row(desk, "invalid").checkState(1).value


def test_undo_and_redo_by_keys_and_by_name(desk: Desk) -> None:
    desk.draw(100, 100, 20)
    desk.draw(200, 200, 30)

    desk.key("Z", None, "Control")
    assert len(desk.regions) == 1
    assert len(desk.outlines.regions) == 1
    desk.key("Z", None, "Control", "Shift")
    assert len(desk.regions) == 2

    history = desk.panel.masks.history.get_widget()
    assert [history.itemText(i) for i in range(3)] == ["0 Start", "1 Add circle", "2 Add circle"]
    desk.key("Home", desk.panel.masks.history)
    assert desk.regions == ()
    desk.press(desk.panel.masks.redo)
    assert len(desk.regions) == 1


@pytest.mark.parametrize("how", ["button", "key"])
def test_a_shape_moved_up_in_the_list_is_decided_over_by_those_after_it(
    desk: Desk, how: str
) -> None:
    desk.plugin.add_shape(PixelCircle(180, 150, 40))
    desk.plugin.add_shape(PixelBox(180, 150, 30, 30, 0, erase=True))
    assert not desk.session.live_mask()[150, 180]
    desk.plugin.select_regions((1,))

    if how == "button":
        desk.press(desk.panel.masks.up)
    else:
        desk.key("Up", None, "Control")

    assert [region.erase for region in desk.regions] == [True, False]
    assert desk.session.selection == (0,)
    assert desk.session.live_mask()[150, 180]
    desk.press(desk.panel.masks.down)
    assert not desk.session.live_mask()[150, 180]


def test_of_thousands_of_shapes_the_list_shows_a_page(desk: Desk) -> None:
    many = [PixelCircle(20 + 6 * (i % 50), 20 + 5 * (i // 50), 2) for i in range(2500)]
    desk.session.add_regions(many)
    desk.plugin.render()
    table = desk.panel.masks.table
    assert [row[0] for row in desk.rows(table)][2:4] == ["2401", "2402"]  # where the last one is
    desk.plugin.select_regions(())

    desk.press(table.pager.back)
    assert [row[0] for row in desk.rows(table)][2:] == [str(n) for n in range(2301, 2401)]
    assert table.pager.where.get_text() == "2301–2400 of 2500"

    x, y = many[40].centre
    desk.tool("edit")
    desk.plugin.zoom_to(40)
    desk.click(x, y)
    assert desk.session.selection == (40,)
    assert _row(desk, "41").isSelected()
    desk.key("Delete")
    assert len(desk.regions) == 2499
    desk.plugin.clear_regions()
    assert not table.pager.line.get_widget().isVisible()


def test_undo_to_an_earlier_run_brings_its_mask_back(desk: Desk) -> None:
    first = desk.run().mask.copy()
    desk.plugin.set_automatic(False)
    second = desk.run().mask
    assert not np.array_equal(first, second)

    desk.press(desk.panel.masks.undo)
    desk.press(desk.panel.masks.undo)
    desk.wait(lambda: desk.session.history.place == 1, "the mask of the first run")

    assert np.array_equal(desk.session.live_mask(), first)
    desk.press(desk.panel.masks.redo)
    desk.press(desk.panel.masks.redo)
    desk.wait(lambda: desk.session.history.place == 3, "the second run")
    assert np.array_equal(desk.session.live_mask(), second)
