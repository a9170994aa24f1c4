"""What the user asks for with shapes and layers: by mouse, keyboard, list, numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.region import PixelRegion, Point
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.viewer.drawing import ShapeLayer
from ginga_bkgplugin.viewer.guard import guarded
from ginga_bkgplugin.viewer.jobs import Jobs
from ginga_bkgplugin.viewer.tools import EDIT, TOOLS
from ginga_bkgplugin.work.session import Session

DELETE_KEYS = ("delete", "backspace", "\x08")  # the last is what Qt sends for Backspace
ERASE_KEY, ADOPT_KEY, GROW_KEY = "m", "t", "s"
UP_KEY, DOWN_KEY = "Ctrl+Up", "Ctrl+Down"
_AROUND = 2.5  # of a shape's size: how much is seen when zooming to it


class MaskActions:
    """The plugin's part for shapes and layers; each method is a step that can be undone."""

    fv: Any
    fitsimage: Any
    shapes: ShapeLayer
    panel: Any
    session: Session | None
    render: Callable[[], None]
    jobs: Jobs
    _going: tuple[Session | None, int] = (None, 0)  # a step that waits for its mask

    def _ready(self) -> Session:
        if self.session is None or not self.session.ready:
            raise ParameterError("No image to work on yet.")
        return self.session

    # --- tools

    def set_tool(self, tool: str) -> None:
        """Choose what the left mouse button does; see `TOOLS`."""
        self.shapes.set_tool(tool)
        if self.panel is not None:
            self.panel.masks.show_tool(tool)
            self.render()  # the mask is made ready for the brush

    def set_erase(self, on: bool) -> None:
        """Whether tools erase; the right button does the other."""
        self.shapes.erase = on
        if self.panel is not None:
            self.panel.masks.show_erase(on)

    def set_brush(self, radius: float) -> None:
        """Size the brush, in pixels of the image."""
        self.shapes.brush.radius = radius

    def show_brush(self, radius: float) -> None:
        """Show the size of the brush in the panel."""
        if self.panel is not None:
            self.panel.masks.show_brush(radius)

    def use_key(self, key: str, keys: set[str], at: Point) -> bool:
        """Do what a key over the image stands for; False leaves it to Ginga."""
        lower = key.lower()
        if keys & {"ctrl", "meta"} and not keys & {"alt"}:
            combined: dict[str, Callable[[], object]] = {
                        "z": self.redo_step if "shift" in keys or key == "Z" else self.undo_step,
                        "y": self.redo_step, "a": self.select_all, "c": self.copy_regions,
                        "v": self.paste_regions,
                        "up": lambda: self.shift_regions(-1),
                        "down": lambda: self.shift_regions(1)}  # fmt: skip
            action = combined.get(lower)
            if action is not None:
                action()
            return action is not None
        if keys & {"alt", "ctrl", "meta"}:
            return False
        if key in DELETE_KEYS:
            self.delete_region()
        elif key == ERASE_KEY:
            self.set_erase(not self.shapes.erase)
        elif key == ADOPT_KEY:
            self.adopt(*at)
        elif key == GROW_KEY:
            self.grow(*at)
        else:
            for tool in TOOLS.values():
                if tool.key == key:
                    self.set_tool(tool.name)
                    return True
            return False
        return True

    # --- shapes

    @guarded
    def add_shape(self, shape: PixelRegion) -> None:
        """Add a shape drawn with the mouse."""
        self._ready().add_region(shape)

    @guarded
    def change_shapes(self, changed: dict[int, PixelRegion], step: str) -> None:
        """Take over shapes moved, resized or turned with the mouse."""
        self._ready().move_regions(changed, step)

    @guarded
    def place_region(self, unit: str, numbers: list[str]) -> None:
        """Add a circle typed as numbers; `unit` is ``pixel`` or ``sky``."""
        names = ("x", "y", "radius") if unit == "pixel" else ("RA", "Dec", "radius")
        values = []
        for name, text in zip(names, numbers, strict=True):
            try:
                values.append(float(text))
            except ValueError:
                raise ParameterError(f"{name} must be a number, not {text!r}.") from None
        circle = PixelCircle(*values) if unit == "pixel" else SkyCircle(*values)
        self._ready().add_region(circle)

    @guarded
    def adopt(self, x: float, y: float) -> None:
        """Make a polygon of what the automatic mask has under the cursor."""
        self._ready().adopt(x, y)

    @guarded
    def grow(self, x: float, y: float) -> None:
        """Mask the source under the cursor as far as it stands out."""
        self._ready().grow(x, y)

    @guarded
    def select_regions(self, places: tuple[int, ...]) -> None:
        """Select regions on the image or in the list; selecting goes with editing."""
        if self.session is None:
            return
        self.session.select(places)
        if places and self.shapes.tool != EDIT:
            self.set_tool(EDIT)

    def select_all(self) -> None:
        """Select every region."""
        if self.session is not None:
            self.select_regions(tuple(range(len(self.session.recipe.regions))))

    @guarded
    def delete_region(self) -> None:
        """Delete the selected regions."""
        self._ready().delete_selected()

    @guarded
    def shift_regions(self, by: int) -> None:
        """Move the selected regions up (-1) or down (1) in the list."""
        self._ready().shift_selected(by)

    @guarded
    def clear_regions(self) -> None:
        """Delete all regions of the image that are not locked."""
        self._ready().clear_regions()

    def zoom_to(self, place: int) -> None:
        """Bring a region into view."""
        if self.session is None:
            return
        region = self.session.region_rows()[place].pixel
        left, bottom, right, top = region.bounds()
        (cx, cy), far = region.centre, _AROUND / 2 * max(right - left, top - bottom, 4.0)
        width, height = self.fitsimage.get_window_size()
        self.fitsimage.set_pan(cx, cy)
        self.fitsimage.scale_to(*[min(width, height) / (2 * far)] * 2)

    def later(self, action: Callable[..., None], *arguments: Any) -> None:
        """Call an action once the toolkit is done with the event at hand."""
        self.fv.gui_do(action, *arguments)

    # --- layers

    @guarded
    def change_regions(self, places: tuple[int, ...], step: str, **looks: Any) -> None:
        """Change name, colour, on or locked of regions."""
        self._ready().change_regions(places, step, **looks)

    @guarded
    def change_mask(self, place: int, step: str, **changes: Any) -> None:
        """Change name or on of a mask from a file."""
        self._ready().change_mask(place, step, **changes)

    @guarded
    def delete_mask(self, place: int) -> None:
        """Take a mask from a file out of the recipe."""
        self._ready().delete_mask(place)

    @guarded
    def set_automatic(self, on: bool) -> None:
        """Mask sources automatically, or the other layers only."""
        self._ready().set_automatic(on)

    @guarded
    def say(self, words: str) -> None:
        """Show words, such as why a layer cannot be changed so."""
        self._ready().say(words)

    # --- undo and redo

    def undo_step(self) -> None:
        """Go back one step."""
        self._step_by(-1)

    def redo_step(self) -> None:
        """Take back an undo."""
        self._step_by(1)

    def _step_by(self, by: int) -> None:
        if self.session is not None:
            session, to = self._going
            here = to if session is self.session else self.session.history.place
            self.go_to_step(here + by)

    @guarded
    def go_to_step(self, place: int) -> None:
        """Go to a step of the history; the mask of an earlier run is unpacked in the pool."""
        session = self._ready()
        packed = session.to_unpack(place)
        if packed is None:
            self._going = (None, 0)
            session.go_to(place)
            return
        going = self._going = (session, place)

        def unpacked(_: Any) -> None:
            if self._going is going:  # no further step was asked for meanwhile
                self._going = (None, 0)
                session.go_to(place)

        self.jobs.do(session, packed.unpack_ahead, unpacked)

    def copy_regions(self) -> None:  # noqa: D102 - see `Exchange`
        raise NotImplementedError

    def paste_regions(self) -> None:  # noqa: D102 - see `Exchange`
        raise NotImplementedError
