"""Mask the sources, fit the sky background, look at it, subtract it, save it.

**Plugin Type: Local**

``Background`` is a local plugin: it belongs to a channel. Every image of the channel has its
own regions, parameters and result, kept while you look at others.

**Usage**

1. *Draw* a circle over what must not count as sky, such as a large galaxy: left-drag from its
   centre. In *Edit* mode click a circle to select it, drag it, resize it by its handle, and
   press Delete. Numbers can be typed too, in pixels or as RA, Dec and arcsec.
2. Press *Run*. Sources are found by SEP on image minus background and masked by discs, the
   background is fitted again outside the mask, and so on: one row for each pass. *One more
   pass* and *Until nothing new* go on from there. *Cancel* stops at once.
3. Look: tick *Mask*, *Background* or *Rms*; the numbers under the cursor stand below.
4. *Subtract* shows image minus background in another channel. *Save* writes the ticked
   products beside the image or into the folder. The image file itself is never changed.

Circles are left out of the fit of the sky; detection still sees the pixels below them, so that
a galaxy larger than your circle still grows its own mask.

**Colours of the mask**

Blue: region. Yellow: source. Red: saturated. Pink: invalid.

**Messages**

"Over-masked" means that no box of the mesh has half its pixels free: raise *Sigma*, lower
*Mask radius factor*, or change *Box size*. The same recipe runs from the shell:
``ginga-bkg run FILE --recipe FILE.bkg.json``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ginga.GingaPlugin import LocalPlugin
from ginga.locale.localize import _tr

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ParameterError
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.viewer.circles import CircleLayer
from ginga_bkgplugin.viewer.dialogs import ask
from ginga_bkgplugin.viewer.guard import guarded
from ginga_bkgplugin.viewer.images import complete_frame
from ginga_bkgplugin.viewer.jobs import Jobs
from ginga_bkgplugin.viewer.overlays import KINDS, OverlayLayer, legend
from ginga_bkgplugin.viewer.panel import Panel
from ginga_bkgplugin.viewer.results import add_to_channel
from ginga_bkgplugin.viewer.sessions import Sessions
from ginga_bkgplugin.work.loading import read_recipe
from ginga_bkgplugin.work.session import Session


class Background(LocalPlugin):
    """Wiring between Ginga, the panel, the layers and the session of the image on display."""

    def __init__(self, fv: Any, fitsimage: Any, ident: str | None = None) -> None:
        super().__init__(fv, fitsimage, ident=ident)
        self.settings = fv.get_preferences().create_category("plugin_Background")
        self.settings.add_defaults(mask_opacity=0.45, map_opacity=0.6)
        self.settings.load(onError="silent")
        self.panel: Panel | None = None
        self.session: Session | None = None
        self.sessions = Sessions()
        self._why_not = _tr("No image in this channel.")
        self.jobs = Jobs(
            fv, self.logger, on_step=self.render, on_end=self._on_end,
            maps_wanted=lambda: self.overlays.wants_maps,
        )  # fmt: skip
        classes = fv.get_draw_classes()
        self.overlays = OverlayLayer(fitsimage, classes, self.logger)
        for kind in KINDS:
            name = "mask_opacity" if kind == "mask" else "map_opacity"
            self.overlays.set_opacity(kind, float(self.settings.get(name)))
        self.circles = CircleLayer(
            fitsimage,
            classes,
            on_drawn=self.add_circle,
            on_moved=self.move_circle,
            on_selected=self.select_region,
            on_delete=self.delete_region,
        )
        fitsimage.add_callback("cursor-changed", self._on_cursor)
        fv.add_callback("remove-image", self._on_removed)

    # --- Ginga's life cycle

    def build_gui(self, container: Any) -> None:
        """Build the panel; Ginga calls it at every opening."""
        overlays = {
            kind: (self.overlays.visible[kind], self.overlays.opacity[kind]) for kind in KINDS
        }
        self.panel = Panel(container, self, overlays=overlays, legend=legend())

    def start(self) -> None:
        """Show the layers and begin with the image on display."""
        canvas = self.fitsimage.get_canvas()
        for layer in (self.overlays, self.circles):
            if not canvas.has_object(layer.canvas):
                canvas.add(layer.canvas, redraw=False)
        self.jobs.warm_up()
        self.circles.set_mode("draw")
        self.resume()
        self.redo()

    def resume(self) -> None:
        """Take the mouse; may be called twice."""
        self.modes_off()
        self.circles.activate(True)

    def pause(self) -> None:
        """Give the mouse back."""
        self.circles.activate(False)

    def stop(self) -> None:
        """End the work, take the layers off. Also called when Ginga quits."""
        self.cancel_run()
        self.jobs.close()
        self.circles.activate(False)
        canvas = self.fitsimage.get_canvas()
        for layer in (self.circles, self.overlays):
            if canvas.has_object(layer.canvas):
                canvas.delete_object(layer.canvas, redraw=False)
        canvas.update_canvas(whence=0)
        self.panel = None

    def redo(self) -> None:
        """Another image is on display, or its pixels changed."""
        self._look_at_display()

    def blank(self) -> None:
        """No image is left in the channel."""
        self._look_at_display()

    def _on_removed(self, fv: Any, channel: str, name: str, path: Any) -> None:
        if channel == self.chname and self.channel.get_current_image() is None:
            self._look_at_display()  # Ginga does not call `blank` for the image on display

    def close(self) -> bool:
        """The Close button."""
        self.fv.stop_local_plugin(self.chname, str(self))
        return True

    def help(self, text_kind: str = "rst") -> None:
        """The Help button: this module's docstring."""
        self._help_docstring()

    # --- the image on display

    @guarded
    def _look_at_display(self) -> None:
        if self.panel is None:
            return
        image = self.channel.get_current_image()
        last, self.session = self.session, None
        if image is None:
            self._why_not = _tr("No image in this channel: open one to begin.")
            return
        self.jobs.worker.forget()
        self.panel.show_value("")
        try:
            self.session, new = self.sessions.of(image, last)
        except BackgroundPluginError as error:
            self._why_not = str(error)
            return
        if new:
            self.fv.nongui_do(self._describe, self.session, self.session.frame)

    def _describe(self, session: Session, frame: Frame) -> None:
        complete = complete_frame(frame)
        self.fv.gui_do(self._described, session, complete)

    @guarded
    def _described(self, session: Session, frame: Frame) -> None:
        session.describe(frame)

    def render(self) -> None:
        """Show the session in the panel and on the canvas."""
        if self.panel is None:
            return
        session = self.session
        if session is None:
            self.panel.render(None, self._why_not)
            self.circles.show((), None)
            self.overlays.set_arrays()
            return
        view = session.view()
        self.panel.render(view)
        self.circles.show([row.pixel for row in view.regions], view.selected)
        shown = session.shown
        fit = shown.fit if shown and shown.fit.made else None
        self.overlays.set_arrays(
            mask=session.mask,
            background=fit.level if fit else None,
            rms=fit.rms if fit else None,
        )
        if session.wants_look:
            self.jobs.look(session)

    def tell(self, error: BaseException | str) -> None:
        """Show an error in the panel and in Ginga's status bar."""
        if self.session is not None:
            self.session.fail(error)
        self.fv.show_status(str(error))

    def _on_cursor(self, viewer: Any, button: int, x: float, y: float) -> None:
        if self.panel is not None and self.session is not None:
            self.panel.show_value(self.session.value_at(int(x + 0.5), int(y + 0.5)))

    # --- what the user asks for

    def _ready(self) -> Session:
        if self.session is None or not self.session.ready:
            raise ParameterError("No image to work on yet.")
        return self.session

    def set_mode(self, mode: str) -> None:
        """Draw or edit circles with the mouse."""
        self.circles.set_mode(mode)

    @guarded
    def add_circle(self, circle: PixelCircle) -> None:
        """Add a circle drawn with the mouse."""
        self._ready().add_region(circle)

    @guarded
    def move_circle(self, place: int, circle: PixelCircle) -> None:
        """Take over a circle moved or resized with the mouse."""
        self._ready().move_region(place, circle)

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
    def select_region(self, place: int | None) -> None:
        """Select a region on the image or in the list; selecting goes with editing."""
        if self.session is None:
            return
        self.session.select(place)
        if place is not None and self.panel is not None and self.circles.mode != "edit":
            self.circles.set_mode("edit")
            self.panel.regions.show_mode("edit")

    @guarded
    def delete_region(self) -> None:
        """Delete the selected region."""
        self._ready().delete_selected()

    @guarded
    def clear_regions(self) -> None:
        """Delete all regions of the image."""
        self._ready().clear_regions()

    @guarded
    def set_parameter(self, name: str, value: Any) -> None:
        """Change one parameter of the recipe."""
        if self.session is not None:
            self.session.set_parameter(name, value)

    @guarded
    def run_recipe(self, mode: str) -> None:
        """Start a run: ``run``, ``more`` or ``stable`` (see `Session.begin`)."""
        session = self._ready()
        if self.jobs.busy:
            raise ParameterError(
                "Another image of this channel is being worked on: wait or Cancel."
            )
        self.jobs.run(session, session.begin(mode))

    @guarded
    def _on_end(self, session: Session) -> None:
        self.sessions.bound_memory(session)

    @guarded
    def cancel_run(self) -> None:
        """Stop what is running."""
        self.jobs.cancel()

    def show_overlay(self, kind: str, on: bool) -> None:
        """Show or hide ``mask``, ``background`` or ``rms``."""
        self.overlays.set_visible(kind, bool(on))

    def set_opacity(self, kind: str, opacity: float) -> None:
        """Set the opacity of an overlay, 0 to 1."""
        self.overlays.set_opacity(kind, opacity)

    @guarded
    def subtract(self) -> None:
        """Show image minus background in the channel ``<channel>_bkg``."""
        session = self._ready()
        self.jobs.subtract(session, functools.partial(add_to_channel, self.fv, self.channel))

    @guarded
    def save(self, kinds: list[str], folder: str, overwrite: bool) -> None:
        """Save products of the result."""
        self.jobs.save(self._ready(), kinds, folder or None, overwrite)

    @guarded
    def load_saved(self) -> None:
        """Load the products saved beside the image."""
        self.jobs.load(self._ready())

    def choose_folder(self) -> None:
        """Ask for the folder of products."""
        self._ask(_tr("Folder for products"), "directory", self._folder_chosen)

    def open_recipe(self) -> None:
        """Ask for a recipe file."""
        self._ask(_tr("Open recipe"), "file", self.use_recipe_file)

    def _ask(self, title: str, mode: str, then: Callable[[str], None]) -> None:
        path = self.session.frame.path if self.session else None
        self._dialog = ask(self.fv, title, mode, path.parent if path else None, then)

    def _folder_chosen(self, path: str) -> None:
        if self.panel is not None:
            self.panel.saving.folder.set_text(path)

    @guarded
    def use_recipe_file(self, path: str) -> None:
        """Take regions and parameters from a recipe file."""
        session = self._ready()
        session.use_recipe(read_recipe(Path(path)))
