"""Mask the sources, fit the sky background, look at it, subtract it, save it.

**Plugin Type: Local**

``Background`` is a local plugin: it belongs to a channel. Every image of the channel has its
own regions, parameters and result, kept while you look at others.

**Usage**

1. *Mask* by hand what must not count as sky, such as a large galaxy: choose a tool and drag on
   the image. In *Edit* click a shape to select it, drag it, resize it by its square handles, turn
   it by the round one, press Delete. A circle can be typed too, in pixels or RA, Dec, arcsec.
   The list shows all layers: tick *On* or *Lock*, double-click to zoom there or to rename.
2. Press *Run*. Sources are found by SEP on image minus background and masked by discs, the
   background is fitted again outside the mask, and so on: one row for each pass. *One more
   pass* and *Until nothing new* go on from there. *Cancel* stops at once.
3. Read the verdict: good, look here, or do not use, and why. *Verdict* has its numbers, plots and
   advice, one click each; *Box* tells the box of the mesh under the cursor.
4. Look: a button or a key for each view; the numbers under the cursor stand below.
5. *Subtract* shows image minus background in another channel, *Restore* takes it back. *Save*
   writes the ticked products beside the image or into the folder, *Report* a page to keep. The
   image file itself is never changed.

Shapes are left out of the fit of the sky; detection still sees the pixels below them, so that
a galaxy larger than your circle still grows its own mask.

**Keys over the image**

``e`` edit, ``d`` circle, ``l`` ellipse, ``x`` box, ``r`` ring, ``g`` polygon, ``f`` freehand,
``b`` brush, ``w`` eraser. The right button or Shift erases; ``m`` turns that round. The wheel,
``[`` and ``]`` size the brush. ``t`` adopts the masked source there as a shape, ``s`` masks the
source there. Ctrl+Z undoes, Ctrl+Shift+Z redoes, Ctrl+A, Ctrl+C and Ctrl+V select, copy and
paste, Ctrl+Up and Ctrl+Down move shapes in the list. Ctrl-drag and the middle button pan. A region
file can be dropped on the image.

``i`` image, ``u`` subtracted, ``B`` background, ``N`` rms, ``M`` mask, ``j`` filled boxes. ``q``
held shows the bare image, ``y`` blinks, ``Q`` splits, ``G`` draws the boxes, ``P`` keeps the box
under the cursor.

**Colours of the mask**

Blue: region. Yellow: source. Red: saturated. Green: imported. Pink: invalid.

**Messages**

"Over-masked" means that no box of the mesh has half its pixels free: raise *Sigma*, lower
*Mask radius factor*, or change *Box size*. The same recipe runs from the shell:
``ginga-bkg run FILE --recipe FILE.bkg.json``; *Many images…* runs it on the channel's images, on
files or a folder.
"""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Any

from ginga.GingaPlugin import LocalPlugin
from ginga.locale.localize import _tr

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ParameterError
from ginga_bkgplugin.recipe.region import Point
from ginga_bkgplugin.viewer.drawing import GINGAS, ShapeLayer
from ginga_bkgplugin.viewer.exchange import Exchange
from ginga_bkgplugin.viewer.guard import guarded
from ginga_bkgplugin.viewer.images import complete_frame
from ginga_bkgplugin.viewer.jobs import Jobs
from ginga_bkgplugin.viewer.judges import JudgeActions
from ginga_bkgplugin.viewer.looking import LookActions
from ginga_bkgplugin.viewer.night import NightDesk
from ginga_bkgplugin.viewer.overlays import MASK, OverlayLayer, legend
from ginga_bkgplugin.viewer.panel import Panel
from ginga_bkgplugin.viewer.results import add_to_channel, show_original
from ginga_bkgplugin.viewer.sessions import Sessions
from ginga_bkgplugin.viewer.views import PIN_KEY, Scene
from ginga_bkgplugin.work.judged import begin_judging, wants_judging
from ginga_bkgplugin.work.loading import read_recipe
from ginga_bkgplugin.work.look import wants_look
from ginga_bkgplugin.work.session import Session


class Background(LookActions, JudgeActions, Exchange, LocalPlugin):
    """Wiring between Ginga, the panel, the layers and the session of the image on display."""

    def __init__(self, fv: Any, fitsimage: Any, ident: str | None = None) -> None:
        super().__init__(fv, fitsimage, ident=ident)
        self.settings = fv.get_preferences().create_category("plugin_Background")
        self.settings.add_defaults(mask_opacity=0.45, view_opacity=1.0)
        self.settings.load(onError="silent")
        self.panel: Panel | None = None
        self.session: Session | None = None
        self._cursor: Point | None = None  # where the mouse was last over the image
        self.sessions = Sessions()
        self._why_not = _tr("No image in this channel.")
        self.jobs = Jobs(
            fv, self.logger, on_step=self.render, on_end=self._on_end
        )  # fmt: skip
        classes = fv.get_draw_classes()
        self.overlays = OverlayLayer(fitsimage, classes, self.logger)
        for kind, name in ((MASK, "mask_opacity"), ("view", "view_opacity")):
            self.overlays.set_opacity(kind, float(self.settings.get(name)))
        self.prepare_looking(classes)
        self.prepare_judging(classes)
        self.nights = NightDesk(self)
        self.shapes = ShapeLayer(
            fitsimage,
            classes,
            on_drawn=self.add_shape,
            on_changed=self.change_shapes,
            on_selected=self.select_regions,
            on_key=self.use_key,
            on_brush=self.show_brush,
        )
        self.shapes.canvas.add_callback("drag-drop", self.dropped)
        self.shapes.canvas.add_callback("key-up-none", self.release_key)
        fitsimage.add_callback("cursor-changed", self._on_cursor)
        fv.add_callback("remove-image", self._on_removed)

    # --- Ginga's life cycle

    def build_gui(self, container: Any) -> None:
        """Build the panel; Ginga calls it at every opening."""
        self.panel = Panel(container, self, overlays=self.overlays, legend=legend())

    def start(self) -> None:
        """Show the layers and begin with the image on display."""
        canvas = self.fitsimage.get_canvas()
        for layer in (self.overlays, self.mark, self.shapes, self.divider):
            if not canvas.has_object(layer.canvas):
                canvas.add(layer.canvas, redraw=False)
        self.jobs.warm_up()
        self.set_tool("circle")
        self.set_erase(False)
        self.resume()
        self.redo()

    def resume(self) -> None:
        """Take the mouse; may be called twice."""
        self.modes_off()
        self.shapes.activate(True)

    def pause(self) -> None:
        """Give the mouse back."""
        self.shapes.activate(False)

    def stop(self) -> None:
        """End the work, take the layers off. Also called when Ginga quits."""
        self.cancel_run()
        self.nights.stop()
        self.jobs.close()
        self.shapes.activate(False)
        canvas = self.fitsimage.get_canvas()
        self.stop_looking()
        self.forget_box()
        for layer in (self.divider, self.shapes, self.mark, self.overlays):
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
        self.take_waiting(session)

    def render(self) -> None:
        """Show the session in the panel and on the canvas."""
        if self.panel is None:
            return
        self.nights.render()
        session = self.session
        if session is None:
            self.panel.render(None, self._why_not)
            self.shapes.show(())
            self.overlays.show(Scene())
            self._show_looks()
            self.forget_box()
            return
        self.read_own_masks(session)
        to_judge = begin_judging(session) if wants_judging(session) else None
        view = session.view()
        self.panel.render(view, cancellable=self.jobs.busy)
        with self.fitsimage.suppress_redraw:  # one for all layers
            self.shapes.show([row.pixel for row in view.regions], view.selection)
            self.overlays.show(self.scene(), session.live.changes)
            self._show_looks()
        self.forget_box(view.judgement)
        self._read_out()
        if to_judge is not None:  # shown first: beside other work a redraw takes longer
            self.jobs.judge(session, to_judge)
        if wants_look(session):
            self.jobs.look(session)

    def tell(self, error: BaseException | str) -> None:
        """Show an error in the panel and in Ginga's status bar."""
        if self.session is not None:
            self.session.fail(error)
        self.fv.show_status(str(error))

    def _on_cursor(self, viewer: Any, button: int, x: float, y: float) -> None:
        self._cursor = x, y
        self._read_out()

    def _read_out(self) -> None:
        """Say what lies under the cursor, which may rest there while the maps change."""
        if self.panel is None or self.session is None or self._cursor is None:
            return
        x, y = self._cursor
        self.panel.show_value(self.session.value_at(math.floor(x + 0.5), math.floor(y + 0.5)))
        self.point_at_box(x, y)

    # --- what the user asks for

    def use_key(self, key: str, keys: set[str], at: Point) -> bool:
        """Do what a key over the image stands for; False leaves it to Ginga."""
        if not keys & GINGAS and self.use_look_key(key):
            return True
        if not keys & GINGAS and key == PIN_KEY:
            self.pin_box(*at)
            return True
        return super().use_key(key, keys, at)

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

    @guarded
    def subtract(self) -> None:
        """Show image minus background in the channel ``<channel>_bkg``."""
        session, name = self._ready(), str(self.channel.get_current_image().get("name"))
        show = functools.partial(add_to_channel, self.fv, self.channel, name)
        self.jobs.subtract(session, show)

    @guarded
    def restore(self) -> None:
        """Show the image as it was before its background was subtracted."""
        session, image = self._ready(), self.channel.get_current_image()
        words = show_original(self.fv, image)
        if words:
            session.say(words)
        else:
            self.jobs.restore(session, lambda path: self.fv.load_file(path, chname=self.chname))

    @guarded
    def save(self, kinds: list[str], folder: str, overwrite: bool) -> None:
        """Save products of the result."""
        self.jobs.save(self._ready(), kinds, folder or None, overwrite)

    @guarded
    def report(self, folder: str, overwrite: bool) -> None:
        """Write the quick-look page of the result."""
        self.jobs.report(self._ready(), folder or None, overwrite)

    @guarded
    def load_saved(self) -> None:
        """Load the products saved beside the image."""
        self.jobs.load(self._ready())

    def open_night(self) -> None:
        """Open the window to run the recipe on many images."""
        self.nights.open()

    def choose_folder(self) -> None:
        """Ask for the folder of products."""
        self._ask(_tr("Folder for products"), "directory", self._folder_chosen)

    def open_recipe(self) -> None:
        """Ask for a recipe file."""
        self._ask(_tr("Open recipe"), "file", self.use_recipe_file)

    def _folder_chosen(self, path: str) -> None:
        if self.panel is not None:
            self.panel.saving.folder.set_text(path)

    @guarded
    def use_recipe_file(self, path: str) -> None:
        """Take regions and parameters from a recipe file."""
        session = self._ready()
        session.use_recipe(read_recipe(Path(path)))
