"""Shapes as objects of Ginga's canvas."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from ginga import colors

from ginga_bkgplugin.recipe.region import PixelRegion, Point
from ginga_bkgplugin.recipe.shapes import (
    PixelAnnulus,
    PixelBox,
    PixelCircle,
    PixelEllipse,
    PixelPolygon,
    PixelStroke,
)
from ginga_bkgplugin.sky.blobs import polygon_of
from ginga_bkgplugin.sky.raster import draw
from ginga_bkgplugin.viewer.handles import TURN, handles

COLOR, ERASE_COLOR, SELECTED_COLOR = "cyan", "orange", "yellow"
REACH = 22  # pixels of the window from a shape to the handle that turns it
_FAINT = 0.4
_FINE = 8  # cells in a radius, of a stroke's rim
_MOST_CELLS = 800  # a stroke's rim is looked for in


def outline(
    classes: Any, region: PixelRegion, *, selected: bool = False, label: str = ""
) -> list[Any]:
    """The objects that show one shape: solid where it masks, dashed where it erases."""
    color = SELECTED_COLOR if selected else color_of(region)
    style = {
        "color": color,
        "linewidth": 3 if selected else 2,
        "linestyle": "dash" if region.erase else "solid",
        "alpha": 1.0 if region.on else _FAINT,
    }
    objects = _lines(classes, region, style)
    if label:
        (cx, cy), (_, _, right, top) = region.centre, region.bounds()
        share = 0.7072 if isinstance(region, (PixelCircle, PixelEllipse, PixelAnnulus)) else 1.0
        text = classes.Text(
            cx + share * (right - cx), cy + share * (top - cy), label, color=color, fontsize=14,
            alpha=style["alpha"],
        )  # fmt: skip
        objects.append(text)
    for each in objects:
        each.editable = each.pickable = False
    return objects


def color_of(region: PixelRegion) -> str:
    """The shape's own colour where Ginga knows it, else the usual one."""
    usual = ERASE_COLOR if region.erase else COLOR
    if not region.color:
        return usual
    try:
        colors.resolve_color(region.color)
    except (KeyError, ValueError, TypeError):
        return usual
    return region.color


def _lines(classes: Any, region: PixelRegion, style: dict[str, Any]) -> list[Any]:
    if isinstance(region, PixelCircle):
        return [classes.Circle(region.x, region.y, region.radius, **style)]
    if isinstance(region, PixelAnnulus):
        radii = (region.outer, region.inner)
        return [classes.Circle(region.x, region.y, radius, **style) for radius in radii]
    if isinstance(region, PixelEllipse):
        sizes = (region.a, region.b)
        return [classes.Ellipse(region.x, region.y, *sizes, rot_deg=region.angle, **style)]
    if isinstance(region, PixelBox):
        sizes = (region.width / 2, region.height / 2)
        return [classes.Box(region.x, region.y, *sizes, rot_deg=region.angle, **style)]
    if isinstance(region, PixelPolygon):
        return [classes.Polygon(list(region.vertices), **style)]
    assert isinstance(region, PixelStroke)
    if len(region.points) == 1:
        return [classes.Circle(*region.points[0], region.radius, **style)]
    return [classes.Polygon(stroke_rim(region.points, region.radius), **style)]


def stroke_rim(points: Sequence[Point], radius: float) -> list[Point]:
    """The rim of a brush stroke, for the eye: within a quarter of the radius.

    Ginga draws a thick line segment by segment, so that a transparent one is darker at each joint.
    """
    path = np.array(points)
    corner = path.min(axis=0) - radius
    unit = max(radius / _FINE, float(np.ptp(path, axis=0).max()) / _MOST_CELLS)
    inside = (path - corner) / unit + 1
    nx, ny = (int(side) for side in np.ceil(inside.max(axis=0) + radius / unit + 2))
    stroke = PixelStroke(tuple(map(tuple, inside.tolist())), radius / unit)
    rim = np.array(polygon_of(draw((ny, nx), [stroke]).masked, tolerance=1.1).vertices)
    return [(x, y) for x, y in ((rim - 1) * unit + corner).tolist()]


def handle_marks(classes: Any, region: PixelRegion) -> Any:
    """The handles of a shape: squares to resize, a disc to turn; of one size at every zoom."""
    marks = classes.Path(list(handles(region, 0.0).values()), color=SELECTED_COLOR)
    marks.editable = marks.pickable = False
    marks.draw = functools.partial(_draw_handles, marks, region)
    return marks


def _draw_handles(marks: Any, region: PixelRegion, viewer: Any) -> None:
    found = handles(region, REACH / viewer.get_scale())
    context = viewer.renderer.setup_cr(marks)
    line, fill = context.get_line("black"), context.get_fill(SELECTED_COLOR)
    for name, point in found.items():
        ((x, y),) = marks.get_cpoints(viewer, points=[point])
        if name == TURN:
            context.draw_circle(x, y, 5, line=line, fill=fill)
        else:
            corners = ((-4, -4), (4, -4), (4, 4), (-4, 4))
            context.draw_polygon([(x + dx, y + dy) for dx, dy in corners], line=line, fill=fill)
