"""What the user asks for to look at: views, compare by holding a key, blinking or a divider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ginga_bkgplugin.viewer.divider import Divider
from ginga_bkgplugin.viewer.drawing import ShapeLayer
from ginga_bkgplugin.viewer.overlays import BOXES, OverlayLayer
from ginga_bkgplugin.viewer.tools import BRUSHES
from ginga_bkgplugin.viewer.views import (
    BLINK_KEY,
    BOXES_KEY,
    HOLD_KEY,
    IMAGE,
    SPLIT_KEY,
    VIEWS,
    Boxes,
    Scene,
)
from ginga_bkgplugin.work.session import Session

BLINK = 0.6  # seconds each is seen
_REPEAT = 0.08  # seconds; a key that is held comes as up and down again within less


class LookActions:
    """The plugin's part for views. It changes what is drawn over the image, never the image."""

    fv: Any
    fitsimage: Any
    overlays: OverlayLayer
    shapes: ShapeLayer
    panel: Any
    session: Session | None
    render: Callable[[], None]

    def prepare_looking(self, classes: Any) -> None:
        """Make the divider, the timers and the callbacks."""
        self.divider = Divider(self.fitsimage, classes, self._divide)
        self._compared = "subtracted"
        self._boxes: tuple[Any, Boxes | None] = (None, None)
        # in the browser the view makes no timers, Ginga does (7.5)
        self._released, self._blink = self.fv.make_timer(), self.fv.make_timer()
        self._released.add_callback("expired", lambda *_: self.hold(False))
        self._blink.add_callback("expired", self._turn)
        self.blinking = False
        self.fitsimage.add_callback("focus", self._on_focus)

    # --- views

    def set_view(self, view: str) -> None:
        """Choose what is seen in place of the image; see `VIEWS`."""
        with self.fitsimage.suppress_redraw:  # one for all that changes
            if view != IMAGE:
                self._compared = view
            else:
                self.blink(False)
                self.split(False)
            self.overlays.set_view(view)
            self.render()

    def show_overlay(self, kind: str, on: bool) -> None:
        """Show or hide the mask over the view, or the boxes."""
        with self.fitsimage.suppress_redraw:
            self.overlays.set_visible(kind, bool(on))
            self.render()

    def set_opacity(self, kind: str, opacity: float) -> None:
        """Set the opacity of the mask overlay or of the ``view``, 0 to 1."""
        self.overlays.set_opacity(kind, opacity)

    def scene(self) -> Scene:
        """What there is to see of the image on display."""
        session = self.session
        if session is None:
            return Scene()
        shown = session.shown
        fit = shown.fit if shown is not None else None
        wants_boxes = self.overlays.visible[BOXES] or self.overlays.view == "filled"
        if fit is None or not wants_boxes:
            self._boxes = (None, None)
        elif self._boxes[0] is not fit:
            self._boxes = fit, Boxes.of(fit, session.recipe.background)
        mask = session.live_mask(always=self.shapes.tool in BRUSHES)
        return Scene(session.frame.data, mask, fit, self._boxes[1])

    # --- compare with the image

    def _needs_view(self) -> None:
        """Go from the image to the view seen before it: there must be something to compare."""
        if self.overlays.view == IMAGE:
            self.set_view(self._compared)

    def hold(self, on: bool) -> None:
        """Show the bare image while a key is held."""
        self._released.stop()
        self.overlays.set_bare(on)

    def blink(self, on: bool) -> None:
        """Show image and view in turns."""
        if on:
            self._needs_view()
            self._blink.set(BLINK)
        else:
            self._blink.stop()
            self.overlays.set_bare(False)
        self.blinking = on
        self._show_looks()

    def _turn(self, *_: Any) -> None:
        if self.blinking:
            self.overlays.set_bare(not self.overlays.bare)
            self._blink.set(BLINK)

    def split(self, on: bool) -> None:
        """Show the image left of a line and the view right of it."""
        column = None
        with self.fitsimage.suppress_redraw:
            if on and self.session is not None:
                self._needs_view()
                column = self.divider.middle(self.session.frame.data.shape)
            self._divide(column)
            self._show_looks()

    def _divide(self, column: int | None) -> None:
        shape = self.session.frame.data.shape if self.session is not None else (0, 0)
        self.divider.place(column, shape)
        self.overlays.set_split(column)

    # --- keys

    def use_look_key(self, key: str) -> bool:
        """Do what a key over the image stands for; False if it is none of these."""
        for view in VIEWS.values():
            if view.key == key:
                self.set_view(view.name)
                return True
        if key == HOLD_KEY:
            self.hold(True)
        elif key == BLINK_KEY:
            self.blink(not self.blinking)
        elif key == SPLIT_KEY:
            self.split(self.divider.column is None)
        elif key == BOXES_KEY:
            self.show_overlay(BOXES, not self.overlays.visible[BOXES])
        else:
            return False
        return True

    def release_key(self, canvas: Any, event: Any, x: float, y: float) -> bool:
        """A key went up; a held one that repeats itself comes down again at once."""
        if event.key != HOLD_KEY:
            return False
        self._released.set(_REPEAT)
        return True

    def _on_focus(self, viewer: Any, has_focus: bool) -> None:
        if not has_focus and self.overlays.bare and not self.blinking:
            self.hold(False)

    def stop_looking(self) -> None:
        """End what runs by itself; what was chosen stays for the next time."""
        self.blink(False)
        self.hold(False)
        self._divide(None)

    def _show_looks(self) -> None:
        if self.panel is not None:
            self.panel.looks.show(self.overlays, blinking=self.blinking,
                                  split=self.divider.column is not None)  # fmt: skip
