"""Shapes to runs of pixels: for each row the first pixel inside and the first beyond.

The ends of a run come from a formula and are then put right by the test the shape is defined
by, so rounding in the formula never moves a pixel. No array as large as the shape is made.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.region import PixelRegion, direction
from ginga_bkgplugin.recipe.shapes import (
    PixelAnnulus,
    PixelBox,
    PixelCircle,
    PixelEllipse,
    PixelPolygon,
    PixelStroke,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Spans = tuple[Ints, Ints, Ints]  # row, first pixel, pixel after the last
Inside = Callable[[Any, Any], npt.NDArray[np.bool_]]

_MOST_ROWS = 1 << 20  # of all edges or segments at a time: bounds the temporaries


@dataclasses.dataclass(frozen=True)
class Window:
    """A rectangle of pixels: columns from `left` up to, not with, `right`; rows likewise."""

    left: int
    bottom: int
    right: int
    top: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """To index an image with."""
        return slice(self.bottom, self.top), slice(self.left, self.right)


def window_of(region: PixelRegion, shape: tuple[int, int]) -> Window | None:
    """The pixels of an image a region may touch, None where it lies wholly outside."""
    left, bottom, right, top = region.bounds()
    ny, nx = shape
    window = Window(
        math.floor(_cut(left, 0, nx)),
        math.floor(_cut(bottom, 0, ny)),
        math.floor(_cut(right + 1, 0, nx)),
        math.floor(_cut(top + 1, 0, ny)),
    )
    return window if window.left < window.right and window.bottom < window.top else None


def spans_of(region: PixelRegion, window: Window) -> Iterator[Spans]:
    """The runs of pixels of a region inside a window; they may overlap.

    Parameters
    ----------
    region : PixelRegion
        Any shape.
    window : Window
        Runs are cut at its edges.

    Yields
    ------
    tuple of three ndarray of int64
        Row, first pixel, pixel after the last, of each run that is not empty.
    """
    with np.errstate(all="ignore"):  # beyond 1e154 the squares are inf, and inf <= inf
        if isinstance(region, PixelCircle):
            yield _disc(region.x, region.y, region.radius, window)
        elif isinstance(region, PixelAnnulus):
            yield from _ring(region, window)
        elif isinstance(region, PixelEllipse):
            yield _ellipse(region, window)
        elif isinstance(region, PixelBox):
            yield _box(region, window)
        elif isinstance(region, PixelPolygon):
            yield from _polygon(np.array(region.vertices), window)
        elif isinstance(region, PixelStroke):
            yield from _stroke(np.array(region.points), region.radius, window)
        else:
            raise TypeError(f"{type(region).__name__} is no shape in pixels")


def _cut(value: float, low: int, high: int) -> float:
    return min(max(value, low), high)


def _rows(middle: float, half: float, window: Window) -> Ints:
    first = _cut(middle - half, window.bottom, window.top)
    last = _cut(middle + half + 2, window.bottom, window.top)
    return np.arange(math.floor(first), math.floor(last))


def _runs(rows: Ints, left: Any, right: Any, inside: Inside, window: Window) -> Spans:
    """Runs from real ends to whole pixels, their last pixels tested."""
    edges = window.left - 2, window.right + 2
    start = np.clip(np.ceil(left), *edges).astype(np.int64)
    last = np.clip(np.floor(right), *edges).astype(np.int64)
    start += np.where(inside(start - 1, rows), -1, ~inside(start, rows))
    last += np.where(inside(last + 1, rows), 1, -(~inside(last, rows)).astype(np.int64))
    start = np.clip(start, window.left, window.right)
    stop = np.clip(last + 1, window.left, window.right)
    full = start < stop
    return rows[full], start[full], stop[full]


def _half_chord(radius: Any, dy: Any) -> Floats:
    """Half the width of a disc at a height; no width beyond it."""
    half: Floats = np.sqrt(np.maximum(radius - np.abs(dy), 0)) * np.sqrt(radius + np.abs(dy))
    return half


def _disc(x: float, y: float, radius: float, window: Window, *, open: bool = False) -> Spans:
    r2 = np.square(radius)

    def inside(column: Any, row: Any) -> Any:
        distance = (column - x) ** 2 + (row - y) ** 2
        return distance < r2 if open else distance <= r2

    rows = _rows(y, radius, window)
    half = _half_chord(radius, rows - y)
    return _runs(rows, x - half, x + half, inside, window)


def _ring(ring: PixelAnnulus, window: Window) -> Iterator[Spans]:
    rows, start, stop = _disc(ring.x, ring.y, ring.outer, window)
    inner_rows, inner_start, inner_stop = _disc(ring.x, ring.y, ring.inner, window, open=True)
    hole = np.isin(rows, inner_rows)
    yield rows[~hole], start[~hole], stop[~hole]
    rows, start, stop = rows[hole], start[hole], stop[hole]
    for left, right in ((start, inner_start), (inner_stop, stop)):
        some = left < right
        yield rows[some], left[some], right[some]


def _ellipse(shape: PixelEllipse, window: Window) -> Spans:
    cos, sin = direction(shape.angle)
    a, b = shape.a, shape.b

    def inside(column: Any, row: Any) -> Any:
        dx, dy = column - shape.x, row - shape.y
        return ((cos * dx + sin * dy) / a) ** 2 + ((cos * dy - sin * dx) / b) ** 2 <= 1

    height = math.hypot(a * sin, b * cos)
    rows = _rows(shape.y, height, window)
    part = (rows - shape.y) / height
    half = a / height * b * _half_chord(1.0, part)
    middle = shape.x + part * (cos * sin * (a - b) * ((a + b) / height))
    return _runs(rows, middle - half, middle + half, inside, window)


def _box(shape: PixelBox, window: Window) -> Spans:
    cos, sin = direction(shape.angle)
    half_w, half_h = shape.width / 2, shape.height / 2

    def inside(column: Any, row: Any) -> Any:
        dx, dy = column - shape.x, row - shape.y
        along, across = cos * dx + sin * dy, cos * dy - sin * dx
        return (np.abs(along) <= half_w) & (np.abs(across) <= half_h)

    rows = _rows(shape.y, half_w * abs(sin) + half_h * abs(cos), window)
    left, right = _slabs(rows - shape.y, cos, sin, half_w, half_h)
    return _runs(rows, shape.x + left, shape.x + right, inside, window)


def _slabs(dy: Any, cos: Any, sin: Any, half_w: Any, half_h: Any) -> tuple[Floats, Floats]:
    """Where a row crosses a rectangle about the origin; left > right where it does not."""
    ends = []
    for factor, offset, half in ((cos, sin * dy, half_w), (-sin, cos * dy, half_h)):
        one, two = (-half - offset) / factor, (half - offset) / factor
        through = np.where(np.abs(offset) <= half, np.inf, -np.inf)  # along the slab: all or none
        low = np.where(factor == 0, -through, np.minimum(one, two))
        high = np.where(factor == 0, through, np.maximum(one, two))
        ends.append((low, high))
    return np.maximum(ends[0][0], ends[1][0]), np.minimum(ends[0][1], ends[1][1])


def _stroke(points: Floats, radius: float, window: Window) -> Iterator[Spans]:
    if len(points) == 1:
        yield _disc(points[0, 0], points[0, 1], radius, window)
        return
    begin, end = points[:-1], points[1:]
    low = np.minimum(begin[:, 1], end[:, 1]) - radius
    high = np.maximum(begin[:, 1], end[:, 1]) + radius
    first = np.clip(np.floor(low), window.bottom, window.top).astype(np.int64)
    count = np.clip(np.ceil(high) + 1, window.bottom, window.top).astype(np.int64) - first
    chunk = np.cumsum(count) // _MOST_ROWS
    for number in np.unique(chunk[count > 0]):
        some = (chunk == number) & (count > 0)
        which, rows = _each_row(first[some], count[some])
        yield _merged(_capsules(begin[some][which], end[some][which], rows, radius, window))


def _each_row(first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """For edges that span rows: the edge's number and the row, edge by edge."""
    which = np.repeat(np.arange(first.size), count)
    within = np.arange(which.size) - np.repeat(np.cumsum(count) - count, count)
    return which, first[which] + within


def _capsules(begin: Floats, end: Floats, rows: Ints, radius: float, window: Window) -> Spans:
    """All that is nearer than radius to the lines from begin to end, one line for each row."""
    (px, py), (qx, qy) = begin.T, end.T
    vx, vy = qx - px, qy - py
    length = np.hypot(vx, vy)
    unit = np.where(length > 0, length, 1.0)
    cos, sin = np.where(length > 0, vx / unit, 1.0), vy / unit

    def inside(column: Any, row: Any) -> Any:
        dx, dy = column - px, row - py
        along = np.clip((dx * vx + dy * vy) / unit**2, 0, 1)
        return (dx - along * vx) ** 2 + (dy - along * vy) ** 2 <= np.square(radius)

    middle = (py + qy) / 2
    left, right = _slabs(rows - middle, cos, sin, length / 2, radius)
    left, right = left + (px + qx) / 2, right + (px + qx) / 2
    left, right = np.where(left <= right, left, np.inf), np.where(left <= right, right, -np.inf)
    for x, y in ((px, py), (qx, qy)):
        half = np.where(np.abs(rows - y) <= radius, _half_chord(radius, rows - y), -np.inf)
        left, right = np.minimum(left, x - half), np.maximum(right, x + half)
    return _runs(rows, left, right, inside, window)


def _merged(spans: Spans) -> Spans:
    """The same pixels in as few runs as possible."""
    order = np.lexsort((spans[1], spans[0]))
    rows, start, stop = (part[order] for part in spans)
    if not rows.size:
        return spans
    far = np.int64(stop.max() + 1)
    reach = np.maximum.accumulate(stop + rows * far)
    fresh = np.concatenate([[True], (start + rows * far)[1:] > reach[:-1]])
    last = np.concatenate([np.flatnonzero(fresh)[1:] - 1, [rows.size - 1]])
    return rows[fresh], start[fresh], (reach - rows * far)[last]


def _polygon(vertices: Floats, window: Window) -> Iterator[Spans]:
    """Runs between crossings of the outline, taken in pairs (even-odd)."""
    edges = np.stack([vertices, np.roll(vertices, -1, axis=0)])
    falling = edges[0, :, 1] > edges[1, :, 1]
    low = np.where(falling[:, np.newaxis], edges[1], edges[0])  # an edge is the same from
    high = np.where(falling[:, np.newaxis], edges[0], edges[1])  # either side
    first = np.ceil(np.clip(low[:, 1], window.bottom, window.top)).astype(np.int64)
    stop = np.ceil(np.clip(high[:, 1], window.bottom, window.top)).astype(np.int64)
    strips = 1 + int((stop - first).sum()) // _MOST_ROWS
    heights = np.linspace(window.bottom, window.top, strips + 1).astype(np.int64)
    for bottom, top in itertools.pairwise(heights):
        start = np.clip(first, bottom, top)
        which, rows = _each_row(start, np.clip(stop, bottom, top) - start)
        columns = _crossings(low[which], high[which], rows, window)
        order = np.lexsort((columns, rows))
        rows, columns = rows[order], columns[order]
        some = columns[::2] < columns[1::2]
        yield rows[::2][some], columns[::2][some], columns[1::2][some]


def _crossings(low: Floats, high: Floats, rows: Ints, window: Window) -> Ints:
    """The first pixel at or right of an edge, in each row it crosses."""
    rise, run = high[:, 1] - low[:, 1], high[:, 0] - low[:, 0]
    up = rows - low[:, 1]

    def right_of(column: Any) -> Any:
        return (column - low[:, 0]) * rise >= up * run

    place = np.clip(np.ceil(low[:, 0] + up * run / rise), window.left - 2, window.right + 2)
    column: Ints = place.astype(np.int64)
    column += np.where(right_of(column - 1), -1, (~right_of(column)).astype(np.int64))
    return np.clip(column, window.left, window.right)
