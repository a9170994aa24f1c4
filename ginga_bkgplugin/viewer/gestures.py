"""What a user is doing with the mouse right now, from press to release. No Ginga here."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.region import PixelRegion, Point
from ginga_bkgplugin.recipe.shapes import PixelPolygon, PixelStroke
from ginga_bkgplugin.viewer.tools import between

Moved = dict[int, PixelRegion]


class Drag:
    """A shape being drawn from one position to another."""

    def __init__(self, tool: str, start: Point, erase: bool) -> None:
        self._tool, self._start, self._erase = tool, start, erase
        self.shape: PixelRegion | None = None

    def move(self, point: Point) -> None:
        """The mouse moved."""
        self.shape = between(self._tool, self._start, point, self._erase)


class Trace:
    """A line being drawn: freehand, or a stroke of the brush.

    Parameters
    ----------
    start : (float, float)
    erase : bool
    spacing : float
        Pixels of the image; nearer positions are left out.
    radius : float or None
        Of the brush; None draws the outline of an area.
    """

    def __init__(self, start: Point, erase: bool, spacing: float, radius: float | None) -> None:
        self.points, self.erase, self.radius = [start], erase, radius
        self._spacing, self._last = spacing, start

    def move(self, point: Point) -> None:
        """The mouse moved."""
        self._last = point
        if math.dist(point, self.points[-1]) >= self._spacing:
            self.points.append(point)

    @property
    def shape(self) -> PixelRegion | None:
        """The shape of the line; None while it encloses nothing."""
        points = tuple(self.points)
        if self._last != points[-1]:
            points = (*points, self._last)
        if self.radius is not None:
            return PixelStroke(points, self.radius, erase=self.erase)
        return _closed(points, self.erase)


class Corners:
    """A polygon being clicked corner by corner.

    Parameters
    ----------
    start : (float, float)
    erase : bool
    """

    def __init__(self, start: Point, erase: bool) -> None:
        self.points, self.erase = [start], erase
        self.tip = start

    def move(self, point: Point) -> None:
        """The mouse moved, with or without a button."""
        self.tip = point

    def click(self, point: Point, near: float) -> bool:
        """Add a corner; True where it closes the polygon, nearer than `near` to first or last."""
        if len(self.points) > 2 and math.dist(point, self.points[0]) <= near:
            return True
        if math.dist(point, self.points[-1]) <= near:  # the second of a double click
            return len(self.points) > 2
        self.points.append(point)
        return False

    def back(self) -> bool:
        """Take the last corner back; False where none is left."""
        self.points.pop()
        return bool(self.points)

    @property
    def line(self) -> tuple[Point, ...]:
        """What to show."""
        return (*self.points, self.tip)

    @property
    def shape(self) -> PixelRegion | None:
        """The polygon of the corners; None while they enclose nothing."""
        return _closed(tuple(self.points), self.erase)


class Band:
    """A rectangle being drawn round shapes to select them.

    Parameters
    ----------
    start : (float, float)
    kept : tuple of int
        The places that stay selected.
    """

    def __init__(self, start: Point, kept: tuple[int, ...]) -> None:
        self.start = self.tip = start
        self.kept = kept

    def move(self, point: Point) -> None:
        """The mouse moved."""
        self.tip = point

    @property
    def line(self) -> tuple[Point, ...]:
        """What to show."""
        (x0, y0), (x1, y1) = self.start, self.tip
        return (x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)


class Change:
    """Shapes being moved, resized or turned.

    Parameters
    ----------
    before : dict
        The shapes by their places in the list.
    start : (float, float)
    step : str
        The name of it for the history.
    change : callable
        The shape after a drag from one position to another.
    """

    def __init__(
        self,
        before: Moved,
        start: Point,
        step: str,
        change: Callable[[PixelRegion, Point, Point], PixelRegion],
    ) -> None:
        self._before, self._start, self._change = before, start, change
        self.step, self.now = step, before
        self.moved = False

    def move(self, point: Point) -> None:
        """The mouse moved."""
        self.moved = self.moved or point != self._start
        with contextlib.suppress(ParameterError):  # a triangle dragged flat: the last good one
            self.now = {
                place: self._change(region, self._start, point)
                for place, region in self._before.items()
            }


def shifted(region: PixelRegion, start: Point, end: Point) -> PixelRegion:
    """The shape moved as the mouse did."""
    return region.moved(end[0] - start[0], end[1] - start[1])


def _closed(points: tuple[Point, ...], erase: bool) -> PixelRegion | None:
    try:
        return PixelPolygon(points, erase=erase)
    except ParameterError:  # fewer than three, or all in one line
        return None
