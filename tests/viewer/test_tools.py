"""Every drawing tool with the real mouse, and what the keys do."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ginga_bkgplugin.recipe.shapes import (
    PixelAnnulus,
    PixelBox,
    PixelCircle,
    PixelEllipse,
    PixelPolygon,
    PixelStroke,
)
from ginga_bkgplugin.sky.pixels import MaskBit
from ginga_bkgplugin.viewer.overlays import MASK
from ginga_bkgplugin.viewer.tools import TOOLS
from tests.viewer.desk import Desk

pytestmark = pytest.mark.viewer

NEAR = 1.5  # pixels: the mouse moves by whole pixels of the window


def test_an_ellipse_is_drawn_from_its_centre(desk: Desk) -> None:
    desk.tool("ellipse")

    desk.drag((200, 150), (240, 170))

    (shape,) = desk.regions
    assert isinstance(shape, PixelEllipse)
    assert (shape.x, shape.y) == pytest.approx((200, 150), abs=NEAR)
    assert (shape.a, shape.b) == pytest.approx((40, 20), abs=NEAR)


def test_a_box_is_drawn_from_corner_to_corner(desk: Desk) -> None:
    desk.tool("box")

    desk.drag((100, 100), (160, 80))

    (shape,) = desk.regions
    assert isinstance(shape, PixelBox)
    assert shape.bounds() == pytest.approx((100, 80, 160, 100), abs=NEAR)


def test_an_annulus_is_drawn_to_its_outer_edge(desk: Desk) -> None:
    desk.tool("annulus")

    desk.drag((180, 150), (220, 150))

    (shape,) = desk.regions
    assert isinstance(shape, PixelAnnulus)
    assert (shape.outer, shape.inner) == pytest.approx((40, 20), abs=NEAR)


@pytest.mark.parametrize("closing", ["first corner", "double click", "Return"])
def test_a_polygon_is_clicked_corner_by_corner(desk: Desk, closing: str) -> None:
    desk.tool("polygon")
    corners = [(100, 100), (200, 110), (150, 200)]
    for corner in corners:
        desk.click(*corner)
    assert desk.regions == ()

    if closing == "Return":
        desk.key("Return")
    else:
        desk.click(*(corners[0] if closing == "first corner" else corners[-1]))

    (shape,) = desk.regions
    assert isinstance(shape, PixelPolygon)
    assert np.allclose(shape.vertices, corners, atol=NEAR)


def test_backspace_takes_a_corner_back_and_escape_all(desk: Desk) -> None:
    desk.tool("polygon")
    for corner in [(100, 100), (200, 110), (300, 250), (150, 200)]:
        desk.click(*corner)
        if corner == (300, 250):
            desk.key("Backspace")
    desk.key("Return")
    assert len(desk.regions[0].vertices) == 3

    desk.click(50, 50)
    desk.click(80, 50)
    desk.key("Escape")

    assert len(desk.regions) == 1


def test_a_freehand_outline_follows_the_mouse(desk: Desk) -> None:
    desk.tool("freehand")
    turn = np.linspace(0, 2 * math.pi, 40)
    path = list(zip(180 + 50 * np.cos(turn), 150 + 50 * np.sin(turn), strict=True))

    desk.trace(*path)

    (shape,) = desk.regions
    assert isinstance(shape, PixelPolygon)
    assert np.count_nonzero(desk.session.live_mask()) == pytest.approx(math.pi * 50**2, rel=0.05)


def test_a_stroke_of_the_brush_masks_what_it_passes_in_one_step(desk: Desk) -> None:
    desk.tool("brush")
    desk.type(desk.panel.masks.brush, "8")
    steps = len(desk.session.history.names)

    desk.trace((100, 100), (150, 120), (200, 100))

    (shape,) = desk.regions
    assert isinstance(shape, PixelStroke)
    assert shape.radius == 8
    assert len(desk.session.history.names) == steps + 1
    mask = desk.session.live_mask()
    assert mask[120, 150] and mask[100, 100] and not mask[140, 150]


@pytest.mark.parametrize("how", ["right", "Shift", "eraser", "key"])
def test_the_right_button_shift_and_the_eraser_take_out_of_the_mask(desk: Desk, how: str) -> None:
    desk.plugin.add_shape(PixelCircle(180, 150, 60))
    desk.tool("eraser" if how == "eraser" else "brush")
    if how == "key":
        desk.key("M")

    with desk.holding(*(["Shift"] if how == "Shift" else [])):
        desk.trace((150, 150), (210, 150), button="right" if how == "right" else "left")

    assert [region.erase for region in desk.regions] == [False, True]
    mask = desk.session.live_mask()
    assert not mask[150, 180]
    assert mask[190, 180]


def test_brackets_and_the_wheel_size_the_brush_and_the_panel_shows_it(desk: Desk) -> None:
    desk.tool("brush")
    before, zoom = desk.plugin.shapes.brush.radius, desk.view.get_scale()

    desk.key("BracketRight")
    desk.wheel(1)
    larger = desk.plugin.shapes.brush.radius
    desk.key("BracketLeft")
    desk.wheel(-1)

    assert larger > 1.5 * before
    assert desk.plugin.shapes.brush.radius == pytest.approx(before, abs=0.1)
    assert desk.panel.masks.brush.get_value() == pytest.approx(before, abs=0.1)
    assert desk.view.get_scale() == zoom


def test_the_wheel_zooms_while_a_shape_is_drawn_and_ctrl_drag_pans(desk: Desk) -> None:
    desk.tool("polygon")
    zoom = desk.view.get_scale()
    desk.wheel(1)
    assert desk.view.get_scale() != zoom

    pan = desk.view.get_pan()
    desk.trace((150, 150), (180, 170), button="middle")
    assert desk.view.get_pan() != pan
    assert desk.regions == ()


def test_a_drag_with_ctrl_pans_while_the_brush_is_on(desk: Desk) -> None:
    desk.tool("brush")
    desk.view.scale_to(4, 4)
    pan = desk.view.get_pan()

    with desk.holding("Control"):
        desk.trace((180, 150), (200, 160), (215, 170))

    assert desk.view.get_pan() != pan
    assert desk.regions == ()


@pytest.mark.parametrize("tool", [name for name in TOOLS if name not in ("brush", "eraser")])
def test_a_plain_click_of_any_tool_draws_nothing(desk: Desk, tool: str) -> None:
    desk.tool(tool)

    desk.click(200, 150)
    desk.tool("edit")

    assert desk.regions == ()
    assert desk.nothing_drawn


def test_a_dab_of_the_brush_is_a_disc(desk: Desk) -> None:
    desk.tool("brush")
    desk.type(desk.panel.masks.brush, "5")

    desk.click(200, 150)

    (shape,) = desk.regions
    assert len(shape.points) == 1


@pytest.mark.parametrize("tool", list(TOOLS))
def test_each_tool_has_a_key_its_tooltip_and_the_help_tell(desk: Desk, tool: str) -> None:
    import ginga_bkgplugin.viewer.plugin as plugin

    button = desk.panel.masks.tools[tool]
    desk.tool("box" if tool != "box" else "circle")

    desk.key(TOOLS[tool].key.upper())

    assert desk.plugin.shapes.tool == tool
    assert button.get_state()
    assert f"key {TOOLS[tool].key}]" in button.get_widget().toolTip()
    assert f"``{TOOLS[tool].key}``" in (plugin.__doc__ or "")


def test_masking_and_erasing_differ_by_colour_and_line(desk: Desk) -> None:
    desk.draw(120, 150, 30)
    desk.trace((240, 150), (270, 150), button="right")
    desk.plugin.select_regions(())
    desk.viewer.pump()

    one, two = desk.outlines.looks
    assert (one.linestyle, two.linestyle) == ("solid", "dash")
    assert one.color != two.color


def test_shapes_mask_at_once_and_the_overlay_shows_it(desk: Desk) -> None:
    before = desk.picture()

    desk.draw(180, 150, 40)

    assert np.count_nonzero(desk.session.live_mask() == MaskBit.REGION) > 4000
    assert MASK in desk.plugin.overlays.shown()
    assert (desk.picture() != before).any(axis=2).sum() > 4000


def test_each_further_shape_shows_in_the_overlay_too(desk: Desk) -> None:
    desk.draw(100, 100, 40)
    desk.plugin.shapes.show(())
    before = desk.picture()

    desk.draw(250, 200, 40)
    desk.plugin.shapes.show(())

    assert (desk.picture() != before).any(axis=2).sum() > 4000


def test_the_source_under_the_cursor_is_masked_by_a_key(desk: Desk) -> None:
    from qtpy.QtTest import QTest

    frame = desk.session.frame
    y, x = np.unravel_index(np.argmax(np.where(np.isfinite(frame.data), frame.data, 0)),
                            frame.data.shape)  # fmt: skip
    desk.tool("edit")
    desk.click(float(x), float(y))
    QTest.qWait(10)

    desk.key("S")

    (shape,) = desk.regions
    assert isinstance(shape, PixelPolygon)
    assert desk.session.live_mask()[y, x]


def test_a_source_the_run_masked_is_adopted_by_a_key(desk: Desk) -> None:
    desk.run()
    rows, columns = np.nonzero(desk.result.mask & np.uint8(MaskBit.SOURCE))
    x, y = float(columns[len(columns) // 2]), float(rows[len(rows) // 2])
    desk.tool("edit")
    desk.click(x, y)

    desk.key("T")

    (shape,) = desk.regions
    assert isinstance(shape, PixelPolygon)
    assert desk.session.history.names[-1] == "Adopt"
