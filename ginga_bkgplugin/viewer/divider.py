"""A line across the image that is dragged: left of it the bare image, right of it the view."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ginga_bkgplugin.viewer.drawing import NEAR

COLOR = "white"


class Divider:
    """The line, at the left edge of a column of the image. It stays there when panning.

    Parameters
    ----------
    viewer : ginga.ImageView.ImageViewBase
    classes : ginga.canvas draw classes
    on_moved : callable
        Called with the column while the line is dragged.
    """

    def __init__(self, viewer: Any, classes: Any, on_moved: Callable[[int], object]) -> None:
        self.viewer, self._classes, self._on_moved = viewer, classes, on_moved
        self.canvas = canvas = classes.DrawingCanvas()
        canvas.enable_draw(False)
        canvas.enable_edit(False)
        canvas.set_surface(viewer)
        for name, action in (("down", self._down), ("move", self._move), ("up", self._up)):
            canvas.add_callback(f"btn-{name}-none", action)
        self.column: int | None = None
        self._shape = (0, 0)
        self._held = False

    def middle(self, shape: tuple[int, int]) -> int:
        """The column in the middle of the window."""
        width, height = self.viewer.get_window_size()
        x, _ = self.viewer.get_data_xy(width / 2, height / 2)
        return min(max(round(float(x) + 0.5), 0), shape[1])

    def place(self, column: int | None, shape: tuple[int, int] = (0, 0)) -> None:
        """Show the line at a column of an image of this shape, or nowhere."""
        if (column, shape) == (self.column, self._shape):
            return
        self.column, self._shape = column, shape
        self.canvas.delete_all_objects(redraw=False)
        if column is not None:
            x = column - 0.5
            line = self._classes.Line(x, -0.5, x, shape[0] - 0.5, color=COLOR, linewidth=2)
            self.canvas.add(line, redraw=False)
        else:
            self._held = False
        self.canvas.ui_set_active(column is not None, viewer=self.viewer)
        self.canvas.update_canvas(whence=3)

    def _down(self, canvas: Any, event: Any, x: float, y: float) -> bool:
        if self.column is None or event.button != "left" or event.modifiers:
            return False
        here, there = (self.viewer.get_canvas_xy(each, y) for each in (x, self.column - 0.5))
        self._held = math.dist(here, there) <= NEAR and -0.5 <= y <= self._shape[0] - 0.5
        return self._held

    def _move(self, canvas: Any, event: Any, x: float, y: float) -> bool:
        if self._held:
            self._on_moved(min(max(round(x + 0.5), 0), self._shape[1]))
        return self._held

    def _up(self, canvas: Any, event: Any, x: float, y: float) -> bool:
        held = self._move(canvas, event, x, y)  # Ginga leaves out moves while it draws
        self._held = False
        return held
