"""The drawing tools: their keys, and the shape that a drag makes. No Ginga here."""

from __future__ import annotations

import dataclasses
import math

from ginga_bkgplugin.recipe.region import PixelRegion, Point
from ginga_bkgplugin.recipe.shapes import (
    PixelAnnulus,
    PixelBox,
    PixelCircle,
    PixelEllipse,
)

LEAST = 1.0  # pixels; a plain click draws nothing
_THINNEST = 0.5  # pixels; of an ellipse or box drawn along an axis


@dataclasses.dataclass(frozen=True)
class Tool:
    """What the left mouse button does."""

    name: str
    label: str
    key: str
    tip: str


EDIT = "edit"
TOOLS = {
    tool.name: tool
    for tool in (
        Tool(EDIT, "Edit", "e", "Click a shape to select it, Ctrl+click or drag a frame for"
             " several; drag to move; square handles resize, the round one turns; click an edge"
             " of a polygon for a new corner, Shift+click a corner to take it out; Delete."),
        Tool("circle", "Circle", "d", "Drag from the centre."),
        Tool("ellipse", "Ellipse", "l", "Drag from the centre to a corner of the box round it."),
        Tool("box", "Box", "x", "Drag from corner to corner; turn it in Edit."),
        Tool("annulus", "Ring", "r", "Drag from the centre to the outer edge."),
        Tool("polygon", "Polygon", "g", "Click each corner; click the first again or press Return"
             " to close, Backspace takes the last back, Escape gives up."),
        Tool("freehand", "Freehand", "f", "Drag round the area."),
        Tool("brush", "Brush", "b", "Drag to paint; wheel, [ and ] size the brush."),
        Tool("eraser", "Eraser", "w", "Drag to take out of the mask; wheel, [ and ] size it."),
    )
}  # fmt: skip
BRUSHES = ("brush", "eraser")
OF_SHAPE = "Right button or Shift: erase instead."


def between(tool: str, start: Point, end: Point, erase: bool) -> PixelRegion | None:
    """The shape of a drag from one position to another; None where it is too small."""
    (x, y), dx, dy = start, end[0] - start[0], end[1] - start[1]
    far = math.hypot(dx, dy)
    if far < LEAST:
        return None
    if tool == "circle":
        return PixelCircle(x, y, far, erase=erase)
    if tool == "annulus":
        return PixelAnnulus(x, y, far / 2, far, erase=erase)
    width, height = (max(abs(side), _THINNEST) for side in (dx, dy))
    if tool == "ellipse":
        return PixelEllipse(x, y, width, height, 0.0, erase=erase)
    return PixelBox(x + dx / 2, y + dy / 2, width, height, 0.0, erase=erase)
