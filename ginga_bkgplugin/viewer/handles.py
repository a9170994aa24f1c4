"""Handles of a shape, and the shape after one was dragged. No Ginga here."""

from __future__ import annotations

import math

import numpy as np

from ginga_bkgplugin.recipe.region import PixelRegion, Point, direction
from ginga_bkgplugin.recipe.shapes import (
    PixelAnnulus,
    PixelBox,
    PixelCircle,
    PixelEllipse,
    PixelPolygon,
)
from ginga_bkgplugin.sky.spans import Window, spans_of

TURN, SCALE = "turn", "scale"
_MOST_VERTICES = 60  # more handles than that hide the shape
_LEAST = 0.5  # pixels


def handles(region: PixelRegion, reach: float) -> dict[str, Point]:
    """Where the handles are; that to turn by stands `reach` pixels outside the shape."""
    if isinstance(region, PixelCircle):
        return {"radius": (region.x + region.radius, region.y)}
    if isinstance(region, PixelAnnulus):
        return {
            "outer": (region.x + region.outer, region.y),
            "inner": (region.x - region.inner, region.y),
        }
    if isinstance(region, PixelEllipse):
        return {
            "a": _out(region, region.a, 0),
            "b": _out(region, 0, region.b),
            TURN: _out(region, region.a + reach, 0),
        }
    if isinstance(region, PixelBox):
        return {
            "corner": _out(region, region.width / 2, region.height / 2),
            TURN: _out(region, region.width / 2 + reach, 0),
        }
    _, bottom, right, top = region.bounds()
    points = getattr(region, _spots(region))
    each = points if len(points) <= _MOST_VERTICES else ()
    return {
        **{str(place): point for place, point in enumerate(each)},
        SCALE: (right + reach / 2, top + reach / 2),
        TURN: (right + reach, (bottom + top) / 2),
    }


def dragged(region: PixelRegion, handle: str, start: Point, end: Point) -> PixelRegion:
    """The shape after a handle was dragged from one position to another."""
    if handle == TURN:
        return _turned(region, start, end)
    if handle == SCALE:
        cx, cy = region.centre
        before = math.hypot(start[0] - cx, start[1] - cy) or 1.0
        return region.scaled(max(math.hypot(end[0] - cx, end[1] - cy) / before, 0.01))
    if handle.isdigit():
        spots = _spots(region)
        points = list(getattr(region, spots))
        points[int(handle)] = end
        return region.replace(**{spots: tuple(points)})
    along, across = _within(region, end)
    if isinstance(region, PixelCircle):
        return region.replace(radius=max(math.hypot(along, across), _LEAST))
    if isinstance(region, PixelAnnulus):
        far = max(math.hypot(along, across), _LEAST)
        if handle == "outer":
            return region.replace(outer=max(far, region.inner + _LEAST))
        return region.replace(inner=min(far, region.outer - _LEAST))
    if isinstance(region, PixelEllipse):
        return region.replace(**{handle: max(abs(along if handle == "a" else across), _LEAST)})
    width, height = (max(2 * abs(side), _LEAST) for side in (along, across))
    return region.replace(width=width, height=height)


def edge_at(region: PixelRegion, at: Point, near: float) -> int | None:
    """The edge of a polygon within `near` pixels of a position, by the corner it begins at."""
    if not isinstance(region, PixelPolygon) or len(region.vertices) > _MOST_VERTICES:
        return None
    begin = np.array(region.vertices)
    line, away = np.roll(begin, -1, axis=0) - begin, np.array(at) - begin
    length2 = np.maximum((line**2).sum(axis=1), 1e-12)
    along = np.clip((line * away).sum(axis=1) / length2, 0, 1)
    distance = np.hypot(*(away - along[:, np.newaxis] * line).T)
    place = int(np.argmin(distance))
    return place if distance[place] <= near else None


def with_corner(after: int, region: PixelRegion, start: Point, end: Point) -> PixelRegion:
    """The polygon with one more corner, at the end of a drag, after that of a place."""
    assert isinstance(region, PixelPolygon)
    corners = region.vertices
    return region.replace(vertices=(*corners[: after + 1], end, *corners[after + 1 :]))


def without_corner(region: PixelRegion, place: int) -> PixelRegion:
    """A polygon without a corner, a stroke without a point.

    Raises
    ------
    ParameterError
        When too few are left.
    """
    spots = _spots(region)
    points = list(getattr(region, spots))
    del points[place]
    return region.replace(**{spots: tuple(points)})


def hit(regions: list[PixelRegion], x: float, y: float, near: float) -> int | None:
    """The place of the smallest shape at a position; of those equal, the last in the list.

    Also of one whose centre is nearer than `near` pixels, so that tiny ones can be clicked.
    """
    best, least = None, math.inf
    column, row = round(x), round(y)
    spot = Window(column, row, column + 1, row + 1)
    for place, region in enumerate(regions):
        left, bottom, right, top = region.bounds()
        area = (right - left) * (top - bottom)
        if area > least or not (left - near <= x <= right + near):
            continue
        inside = any(rows.size for rows, _, _ in spans_of(region, spot))
        cx, cy = region.centre
        tiny = max(right - left, top - bottom) < 2 * near and math.hypot(cx - x, cy - y) <= near
        if inside or tiny:
            best, least = place, area
    return best


def _spots(region: PixelRegion) -> str:
    return "vertices" if hasattr(region, "vertices") else "points"


def _out(region: PixelEllipse | PixelBox, along: float, across: float) -> Point:
    cos, sin = direction(region.angle)
    return region.x + along * cos - across * sin, region.y + along * sin + across * cos


def _within(region: PixelRegion, point: Point) -> Point:
    """A position as seen from the centre, along and across the shape's own axes."""
    cx, cy = region.centre
    cos, sin = direction(getattr(region, "angle", 0.0))
    dx, dy = point[0] - cx, point[1] - cy
    return dx * cos + dy * sin, dy * cos - dx * sin


def _turned(region: PixelRegion, start: Point, end: Point) -> PixelRegion:
    cx, cy = region.centre
    if isinstance(region, (PixelEllipse, PixelBox)):
        angle = math.degrees(math.atan2(end[1] - cy, end[0] - cx)) % 360
        return region.replace(angle=angle)
    by = math.atan2(end[1] - cy, end[0] - cx) - math.atan2(start[1] - cy, start[0] - cx)
    cos, sin = math.cos(by), math.sin(by)
    spots = _spots(region)
    away = np.array(getattr(region, spots)) - (cx, cy)
    turned = away @ np.array([[cos, sin], [-sin, cos]]) + (cx, cy)
    return region.replace(**{spots: tuple(map(tuple, turned.tolist()))})
