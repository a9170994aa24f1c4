"""The shapes on the canvas: drawn, painted, selected, moved, resized and turned with the mouse."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.region import PixelRegion, Point
from ginga_bkgplugin.recipe.shapes import PixelPolygon
from ginga_bkgplugin.viewer.brush import Brush
from ginga_bkgplugin.viewer.gestures import Band, Change, Corners, Drag, Trace, shifted
from ginga_bkgplugin.viewer.handles import (
    TURN,
    dragged,
    edge_at,
    handles,
    hit,
    with_corner,
    without_corner,
)
from ginga_bkgplugin.viewer.outlines import (
    COLOR,
    ERASE_COLOR,
    REACH,
    SELECTED_COLOR,
    Outlines,
    handle_marks,
)
from ginga_bkgplugin.viewer.tools import BRUSHES, EDIT, TOOLS

NEAR = 7  # pixels of the window: how well a handle, a corner, a tiny shape must be hit
GINGAS = {"ctrl", "alt", "meta", "win"}  # with these keys the mouse stays Ginga's


class ShapeLayer:
    """A canvas of shapes over a viewer; it tells what the user did and shows what it is told.

    Parameters
    ----------
    viewer : ginga.ImageView.ImageViewBase
        Of any toolkit, or none (``ginga.pilw``).
    classes : ginga.canvas draw classes
        ``fv.get_draw_classes()`` or ``viewer.get_canvas().get_draw_classes()``.
    on_drawn : callable
        Called with the new shape.
    on_changed : callable
        Called with place to shape, and the name of the step.
    on_selected : callable
        Called with the places selected.
    on_key : callable
        Called with key, modifiers and the cursor's position; True where the key was used.
    on_brush : callable
        Called with the radius of the brush when it was sized over the image.
    """

    def __init__(
        self,
        viewer: Any,
        classes: Any,
        *,
        on_drawn: Callable[[PixelRegion], object],
        on_changed: Callable[[dict[int, PixelRegion], str], object],
        on_selected: Callable[[tuple[int, ...]], object],
        on_key: Callable[[str, set[str], Point], bool],
        on_brush: Callable[[float], object] = lambda radius: None,
    ) -> None:
        self.viewer, self._classes = viewer, classes
        self._on_drawn, self._on_changed = on_drawn, on_changed
        self._on_selected, self._on_key, self._on_brush = on_selected, on_key, on_brush
        self.tool, self.erase = "circle", False
        self._regions: list[PixelRegion] = []
        self._selection: tuple[int, ...] = ()
        self._extra: list[Any] = []  # handles, and what is being drawn
        self._gesture: Any = None
        self.canvas = canvas = classes.DrawingCanvas()
        self.outlines = Outlines(viewer, classes)
        canvas.add(self.outlines.mark, redraw=False)
        self.brush = Brush(canvas, classes)
        canvas.enable_draw(False)
        canvas.enable_edit(False)
        canvas.set_surface(viewer)
        for name, action in (
            ("btn-down", self._down), ("btn-move", self._move), ("btn-up", self._up),
            ("key-down", self._key), ("scroll", self._scroll),
        ):  # fmt: skip
            canvas.add_callback(f"{name}-none", action)

    def set_tool(self, tool: str) -> None:
        """Choose what the left mouse button does; a name of `TOOLS`."""
        self._gesture = None
        self.tool = TOOLS[tool].name
        if tool in BRUSHES:
            self._on_brush(self.brush.size_for(self.viewer.get_scale()))
        self.brush.clear()
        self._show_extra()

    def activate(self, on: bool) -> None:
        """Take the mouse and keyboard of the viewer, or give them back."""
        self._gesture = None
        self.canvas.ui_set_active(on, viewer=self.viewer)

    # --- showing

    def show(self, regions: Sequence[PixelRegion], selection: Iterable[int] = ()) -> None:
        """Show these shapes, numbered from 1, some selected."""
        self._regions, self._selection = list(regions), tuple(selection)
        self.outlines.show(self._regions, self._selection)
        self._show_extra()

    def _take_off(self, objects: list[Any]) -> None:
        for each in objects:
            self.canvas.delete_object(each, redraw=False)

    def _show_extra(self) -> None:
        """Show handles and what is being drawn."""
        self._take_off(self._extra)
        self._extra, gesture = [], self._gesture
        if isinstance(gesture, Change):
            now = [gesture.now.get(place, each) for place, each in enumerate(self._regions)]
            self.outlines.show(now, self._selection)
        elif isinstance(gesture, Band):
            self._extra = [self._classes.Path(list(gesture.line), color=SELECTED_COLOR,
                                              linestyle="dash")]  # fmt: skip
        elif isinstance(gesture, Corners):
            color = ERASE_COLOR if gesture.erase else COLOR
            self._extra = [self._classes.Path(list(gesture.line), color=color, linewidth=2,
                                              showcap=True)]  # fmt: skip
        elif isinstance(gesture, Trace) and gesture.radius is None and len(gesture.points) > 1:
            color = ERASE_COLOR if gesture.erase else COLOR
            self._extra = [self._classes.Path(list(gesture.points), color=color, linewidth=2)]
        elif isinstance(gesture, Drag) and gesture.shape is not None:
            drawn = Outlines(self.viewer, self._classes, labelled=False)
            drawn.show([gesture.shape])
            self._extra = [drawn.mark]
        one = self._one()
        if one is not None:
            self._extra.append(handle_marks(self._classes, one))
        for each in self._extra:
            self.canvas.add(each, redraw=False)
        self.canvas.update_canvas(whence=3)

    def _one(self) -> PixelRegion | None:
        """The only selected shape, as it is being changed, if it has handles now."""
        if self.tool != EDIT or len(self._selection) != 1:
            return None
        (place,) = self._selection
        region = self._regions[place]
        if isinstance(self._gesture, Change):
            region = self._gesture.now.get(place, region)
        return None if region.locked else region

    def _at(self, at: Point) -> int | None:
        """The place of the shape a click there means."""
        near = NEAR / self.viewer.get_scale()
        places = self.outlines.near(*at, near)
        found = hit([self._regions[place] for place in places], *at, near)
        return None if found is None else places[found]

    # --- the mouse

    def _down(self, canvas: Any, event: Any, x: float, y: float) -> bool:
        return self.press(event.button, set(event.modifiers), (x, y))

    def press(self, button: str, keys: set[str], at: Point) -> bool:
        """A mouse button went down; False leaves it to Ginga."""
        if button not in ("left", "right"):
            return False
        if self.tool == EDIT:
            return button == "left" and self._press_edit(keys, at)
        if keys & GINGAS:
            return False
        erase = self.tool == "eraser" or (self.erase != (button == "right" or "shift" in keys))
        scale = self.viewer.get_scale()
        if isinstance(self._gesture, Corners):
            if self._gesture.click(at, NEAR / scale):
                self._finish()
        elif self.tool == "polygon":
            self._gesture = Corners(at, erase)
        elif self.tool == "freehand":
            self._gesture = Trace(at, erase, 1 / scale, None)
        elif self.tool in BRUSHES:
            radius = self.brush.size_for(scale)
            self._gesture = Trace(at, erase, max(1 / scale, radius / 8), radius)
            self.brush.show(at, erase, self._gesture)
        else:
            self._gesture = Drag(self.tool, at, erase)
        self._show_extra()
        return True

    def _press_edit(self, keys: set[str], at: Point) -> bool:
        if not keys & GINGAS and self._press_handle("shift" in keys, at):
            return True
        place = self._at(at)
        several = bool(keys & {"ctrl", "shift", "meta"})
        if place is None:
            if keys & GINGAS:
                return False  # Ctrl-drag beside all shapes pans, as ever
            if not several and self._selection:
                self._on_selected(())
            self._gesture = Band(at, self._selection if several else ())
            return True
        if several:
            kept = tuple(each for each in self._selection if each != place)
            self._on_selected(kept if place in self._selection else (*kept, place))
            return True
        if place not in self._selection:
            self._on_selected((place,))
        moving = {each: self._regions[each] for each in self._selection}
        if any(region.locked for region in moving.values()):
            return True
        self._gesture = Change(moving, at, "Move", shifted)
        return True

    def _press_handle(self, shift: bool, at: Point) -> bool:
        """Take a handle, a corner or an edge of the selected shape; whether one is there."""
        one = self._one()
        if one is None:
            return False
        scale, before = self.viewer.get_scale(), {self._selection[0]: one}
        found = handles(one, REACH / scale)
        name = min(found, key=lambda each: math.dist(found[each], at))
        edge = edge_at(one, at, NEAR / scale)
        if math.dist(found[name], at) <= NEAR / scale:
            if shift and name.isdigit():
                with contextlib.suppress(ParameterError):  # too few would be left
                    changed = {self._selection[0]: without_corner(one, int(name))}
                    self._on_changed(changed, "Remove corner")
                return True
            step = "Turn" if name == TURN else "Resize"
            self._gesture = Change(before, at, step, functools.partial(_drag_handle, name))
        elif edge is not None and not shift:
            self._gesture = Change(before, at, "Add corner", functools.partial(with_corner, edge))
            self._gesture.move(at)
            self._gesture.moved = True
        return self._gesture is not None

    def _move(self, canvas: Any, event: Any, x: float, y: float) -> bool:
        return self.drag((x, y), "shift" in event.modifiers)

    def drag(self, at: Point, shift: bool = False) -> bool:
        """The mouse moved, with or without a button; False leaves it to Ginga."""
        gesture = self._gesture
        if gesture is None:
            if self.tool in BRUSHES:
                erase = self.tool == "eraser" or self.erase != shift
                self.brush.show(at, erase)
                self.canvas.update_canvas(whence=3)
            return False
        gesture.move(at)
        if isinstance(gesture, Trace) and gesture.radius is not None:
            self.brush.show(at, gesture.erase, gesture)
            self.canvas.update_canvas(whence=3)
        else:
            self._show_extra()
        return not isinstance(gesture, Corners)

    def _up(self, canvas: Any, event: Any, x: float, y: float) -> bool:
        return self.release((x, y))

    def release(self, at: Point) -> bool:
        """A mouse button went up; False leaves it to Ginga."""
        gesture = self._gesture
        if gesture is None:
            return False
        if isinstance(gesture, Corners):
            return True
        if not isinstance(gesture, Change) or gesture.moved:
            gesture.move(at)
        self._finish()
        return True

    def _finish(self) -> None:
        """Tell of what was drawn or changed; who is told shows it, in one redraw."""
        gesture, self._gesture = self._gesture, None
        with self.viewer.suppress_redraw:
            self.brush.clear()
            self._tell(gesture)
            self._show_extra()

    def _tell(self, gesture: Any) -> None:
        if isinstance(gesture, Band):
            inside = self.outlines.within(gesture.start, gesture.tip)
            chosen = (*gesture.kept, *(each for each in inside if each not in gesture.kept))
            if chosen != self._selection:
                self._on_selected(chosen)
        elif isinstance(gesture, Change):
            if gesture.moved:
                self._on_changed(gesture.now, gesture.step)
            self.show(self._regions, self._selection)
        elif gesture.shape is not None and not self._is_click(gesture.shape):
            self._on_drawn(gesture.shape)

    def _is_click(self, shape: PixelRegion) -> bool:
        """Whether a freehand outline is that of a hand that shook in a click."""
        left, bottom, right, top = shape.bounds()
        return isinstance(shape, PixelPolygon) and min(right - left, top - bottom) < 1

    # --- keyboard and wheel

    def _key(self, canvas: Any, event: Any, x: float, y: float) -> bool:
        key, keys = event.key, set(event.modifiers)
        if isinstance(self._gesture, Corners) and self._key_of_polygon(key):
            return True
        if key == "escape" and self._gesture is not None:
            self._gesture = None
            self.brush.clear()
            self.show(self._regions, self._selection)
            return True
        if key in ("[", "]") and self.tool in BRUSHES:
            self._size(1 if key == "]" else -1, (x, y))
            return True
        return self._on_key(key, keys, (x, y))

    def _key_of_polygon(self, key: str) -> bool:
        if key in ("return", "enter", "\r", "\n"):  # the last two are Qt's
            self._finish()
        elif key in ("backspace", "\x08", "delete"):
            if not self._gesture.back():
                self._gesture = None
            self._show_extra()
        else:
            return False
        return True

    def _scroll(self, canvas: Any, event: Any, *_: Any) -> bool:
        if self.tool not in BRUSHES or set(event.modifiers) & (GINGAS | {"shift"}):
            return False
        down = 90 < event.direction % 360 < 270
        self._size(-1 if down else 1, (event.data_x, event.data_y))
        return True

    def _size(self, steps: int, at: Point) -> None:
        self.brush.size_for(self.viewer.get_scale())
        self.brush.resize(steps)
        if self._gesture is None:
            erase = self.tool == "eraser" or self.erase
            self.brush.show(at, erase)
        self.canvas.update_canvas(whence=3)
        self._on_brush(self.brush.radius)


def _drag_handle(name: str, region: PixelRegion, start: Point, end: Point) -> PixelRegion:
    return dragged(region, name, start, end)
