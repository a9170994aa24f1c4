"""What is seen of the brush: its rim under the cursor, and the stroke while it is painted."""

from __future__ import annotations

from typing import Any

from ginga_bkgplugin.recipe.region import Point
from ginga_bkgplugin.viewer.gestures import Trace
from ginga_bkgplugin.viewer.outlines import COLOR, ERASE_COLOR, stroke_rim

START = 12  # radius to begin with, in pixels of the window
STEP = 1.25
LEAST, MOST = 0.5, 10_000.0  # pixels of the image
_OPACITY = 0.45


class Brush:
    """The size of the brush and its marks on a canvas. A stroke is shown by its rim.

    The mask is drawn once, when the button is released: an outline costs Ginga a millisecond, a
    new mask overlay costs it the whole window.
    """

    def __init__(self, canvas: Any, classes: Any) -> None:
        self._canvas, self._classes = canvas, classes
        self.radius = 0.0
        self._marks: list[Any] = []

    def size_for(self, scale: float) -> float:
        """The radius; chosen for the zoom the first time."""
        if not self.radius:
            self.radius = round(max(LEAST, START / scale), 1)
        return self.radius

    def resize(self, steps: int) -> None:
        """Make it larger or smaller."""
        self.radius = round(min(MOST, max(LEAST, self.radius * STEP**steps)), 2)

    def clear(self) -> bool:
        """Take the marks off; whether there were any."""
        marks, self._marks = self._marks, []
        for mark in marks:
            self._canvas.delete_object(mark, redraw=False)
        return bool(marks)

    def show(self, at: Point, erase: bool, trace: Trace | None = None) -> None:
        """Show the rim at a position, and the stroke so far."""
        self.clear()
        color = ERASE_COLOR if erase else COLOR
        rim = "dash" if erase else "solid"
        marks = [self._classes.Circle(*at, self.radius, color=color, linestyle=rim)]
        if trace is not None:
            fill = {"color": color, "fill": True, "fillcolor": color, "fillalpha": _OPACITY}
            points = list(dict.fromkeys((*trace.points, at)))
            if len(points) == 1:
                marks.append(self._classes.Circle(*at, self.radius, **fill))
            else:
                marks.append(self._classes.Polygon(stroke_rim(points, self.radius), **fill))
        for mark in marks:
            mark.editable = mark.pickable = False
            self._canvas.add(mark, redraw=False)
        self._marks = marks
