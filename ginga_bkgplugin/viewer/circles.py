"""The regions on the canvas: drawn, selected, moved and deleted with the mouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ginga_bkgplugin.recipe.region import PixelRegion
from ginga_bkgplugin.recipe.shapes import PixelCircle

COLOR, SELECTED_COLOR = "cyan", "yellow"
MOST_LABELS = 50  # a redraw of 200 texts is felt
LEAST_RADIUS = 1.0  # a plain click draws a circle of radius 0
DELETE_KEYS = ("delete", "backspace", "\x08")  # the last is what Qt sends for Backspace


class CircleLayer:
    """A canvas of circles over a viewer; it tells what the user did and shows what it is told.

    Parameters
    ----------
    viewer : ginga.ImageView.ImageViewBase
        Of any toolkit, or none (``ginga.pilw``).
    classes : ginga.canvas draw classes
        ``fv.get_draw_classes()`` or ``viewer.get_canvas().get_draw_classes()``.
    on_drawn, on_moved, on_selected, on_delete : callables
        Called with the circle; place and circle; place or None; nothing.
    """

    def __init__(
        self,
        viewer: Any,
        classes: Any,
        *,
        on_drawn: Callable[[PixelCircle], None],
        on_moved: Callable[[int, PixelCircle], None],
        on_selected: Callable[[int | None], None],
        on_delete: Callable[[], None],
    ) -> None:
        self.viewer = viewer
        self._classes = classes
        self._on_drawn, self._on_moved = on_drawn, on_moved
        self._on_selected, self._on_delete = on_selected, on_delete
        self._objects: list[Any] = []
        self._labels: list[Any] = []
        self._quiet = False
        self.canvas = canvas = classes.DrawingCanvas()
        canvas.enable_draw(True)
        canvas.enable_edit(True)
        canvas.set_drawtype("circle", color=COLOR, linewidth=2)
        canvas.set_draw_mode("draw")
        canvas.add_callback("draw-event", self._drawn)
        canvas.add_callback("edit-event", self._edited)
        canvas.add_callback("edit-select", self._selected)
        canvas.add_callback("key-down-none", self._key)
        canvas.register_for_cursor_drawing(viewer)
        canvas.set_surface(viewer)

    @property
    def mode(self) -> str:
        """``draw`` or ``edit``."""
        return str(self.canvas.get_draw_mode())

    def set_mode(self, mode: str) -> None:
        """Choose what the left mouse button does: ``draw`` or ``edit``."""
        if mode != self.mode:
            if mode == "draw":
                self._silently(self.canvas.clear_selected)
            self.canvas.set_draw_mode(mode)
            self.canvas.update_canvas(whence=3)

    def activate(self, on: bool) -> None:
        """Take the mouse and keyboard of the viewer, or give them back."""
        self.canvas.ui_set_active(on, viewer=self.viewer)

    def show(self, regions: Sequence[PixelRegion], selected: int | None) -> None:
        """Show these circles, numbered from 1, one selected; other shapes by one round them."""
        circles = [_round(region) for region in regions]
        if len(circles) != len(self._objects):
            self._rebuild(len(circles))
        for place, circle in enumerate(circles):
            on = place == selected
            shape, label = self._objects[place], self._labels[place]
            shape.x, shape.y, shape.radius = circle.x, circle.y, circle.radius
            shape.editable = isinstance(regions[place], PixelCircle)
            shape.color = label.color = label.fillcolor = SELECTED_COLOR if on else COLOR
            shape.linewidth = 3 if on else 2
            offset = circle.radius * 0.7072
            label.x, label.y = circle.x + offset, circle.y + offset
        wanted = None if selected is None else self._objects[selected]
        if wanted is None:
            self._silently(self.canvas.clear_selected)
        elif self.mode == "edit" and not self.canvas.is_selected(wanted):
            self._silently(self.canvas.edit_select, wanted)
        self.canvas.update_canvas(whence=3)

    def _rebuild(self, count: int) -> None:
        self._silently(self.canvas.clear_selected)
        self.canvas.delete_all_objects(redraw=False)
        circle, text = self._classes.Circle, self._classes.Text
        self._objects = [circle(0, 0, 1, color=COLOR) for _ in range(count)]
        self._labels = [text(0, 0, str(i + 1), color=COLOR, fontsize=14) for i in range(count)]
        for label in self._labels:
            label.editable = label.pickable = False
            if count <= MOST_LABELS:
                self.canvas.add(label, redraw=False)
        for shape in self._objects:
            self.canvas.add(shape, redraw=False)

    def _silently(self, action: Callable[..., object], *arguments: Any) -> None:
        """Do something to the canvas that the user did not ask for."""
        before, self._quiet = self._quiet, True
        try:
            action(*arguments)
        finally:
            self._quiet = before

    def _drawn(self, canvas: Any, tag: str) -> None:
        shape = canvas.get_object_by_tag(tag)
        canvas.delete_object_by_tag(tag, redraw=True)
        if shape.kind == "circle" and shape.radius >= LEAST_RADIUS:
            self._on_drawn(PixelCircle(shape.x, shape.y, shape.radius))

    def _edited(self, canvas: Any, shape: Any) -> None:
        if shape in self._objects and shape.radius > 0:
            self._on_moved(
                self._objects.index(shape), PixelCircle(shape.x, shape.y, float(shape.radius))
            )

    def _selected(self, canvas: Any, shape: Any) -> None:
        if not self._quiet:  # Ginga also hands over the one that was selected until now
            on = shape in self._objects and canvas.is_selected(shape)
            self._on_selected(self._objects.index(shape) if on else None)

    def _key(self, canvas: Any, event: Any, x: float, y: float) -> bool:
        if event.key in DELETE_KEYS and not set(event.modifiers) & {"ctrl", "alt", "meta"}:
            self._on_delete()
            return True
        return False


def _round(region: PixelRegion) -> PixelCircle:
    left, bottom, right, top = region.bounds()
    return PixelCircle(*region.centre, max(right - left, top - bottom) / 2)
