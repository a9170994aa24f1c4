"""What the user asks for with many images: the list, the run over it, a line to look at."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ginga.locale.localize import _tr

from ginga_bkgplugin.files.entries import ALL
from ginga_bkgplugin.files.frames import join_spec, split_spec
from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.viewer.dialogs import ask
from ginga_bkgplugin.viewer.guard import guarded
from ginga_bkgplugin.viewer.nightwindow import NightWindow
from ginga_bkgplugin.work.batchtable import check_table, write_table
from ginga_bkgplugin.work.imageset import ImageSet
from ginga_bkgplugin.work.nightrun import NightLine, NightRun
from ginga_bkgplugin.work.session import Session
from ginga_bkgplugin.work.task import DONE, KEPT


class NightDesk:
    """The wiring between a channel's plugin, the window and the night.

    Parameters
    ----------
    plugin : Background
        Its session gives the recipe, its channel the images, its jobs load products.
    """

    def __init__(self, plugin: Any) -> None:
        self._plugin = plugin
        self.logger = plugin.logger
        self.window: NightWindow | None = None
        self.night = NightRun(self._changed)
        self._wanted: NightLine | None = None  # to be loaded when its image is on display
        self._loaded = weakref.WeakKeyDictionary[Session, tuple[Any, Any]]()

    def open(self) -> None:
        """Open the window; at first with the images of the channel."""
        if self.window is None:
            self.window = NightWindow(self._plugin.fv.w.root, self)
        self._plugin.fv.ds.show_dialog(self.window.dialog)
        if not self.night.view().lines:
            self.list_channel()
        self.render()

    def close(self) -> None:
        """Close the window; a run goes on."""
        if self.window is not None:
            self._plugin.fv.ds.hide_dialog(self.window.dialog)

    def stop(self) -> None:
        """End the run and the window."""
        self.night.cancel()
        if self.window is not None:
            window, self.window = self.window, None
            self._plugin.fv.ds.remove_dialog(window.dialog)

    def _changed(self) -> None:
        self._plugin.fv.gui_do_oneshot(f"night-{self._plugin.chname}", self.render)

    def tell(self, error: BaseException | str) -> None:
        """Show an error in the window."""
        self.night.say(str(error), is_error=True)

    def render(self) -> None:
        """Show the night in its window."""
        window, session = self.window, self._plugin.session
        if window is None:
            return
        recipe = plan = ""
        if session is not None and session.ready:
            self._show_products(session)
            regions = len(session.recipe.regions)
            words = _tr("Recipe of {name}; regions: {regions}.")
            recipe = words.format(name=session.frame.name, regions=regions)
            plan = self.night.memory_words(session.recipe, int(window.jobs.get_value()))
        window.show(self.night.view(), recipe, plan)

    # --- which images

    @guarded
    def list_channel(self) -> None:
        """List the files of the channel."""
        infos = [
            self._plugin.channel.get_image_info(name)
            for name in self._plugin.channel.get_image_names()
        ]
        files = [_spec(info.path, info.idx) for info in infos if info.path]
        if not files:
            raise ParameterError("No file is loaded into this channel: choose files.")
        self.list_files(files)

    def choose_files(self) -> None:
        """Ask for files."""
        self._ask(_tr("Images"), "files", self.list_files, (_tr("FITS"), "fits*"))

    def choose_folder(self) -> None:
        """Ask for a folder to search."""
        self._ask(_tr("Folder of images"), "directory", lambda path: self.list_files([path]))

    def choose_output(self) -> None:
        """Ask for the folder of products."""
        self._ask(_tr("Folder for products"), "directory", self._use_output)

    def _use_output(self, path: str) -> None:
        if self.window is not None:
            self.window.output.set_text(path)

    def _ask(self, title: str, mode: str, then: Callable[..., Any], kind: Any = None) -> None:
        self.dialog = ask(self._plugin.fv, title, mode, self._plugin.session, then, kind=kind)

    @guarded
    def list_files(self, files: list[str]) -> None:
        """List files, and the images below folders."""
        if self.window is None:
            return
        how: dict[str, Any] = {"where": self.window.conditions}
        if self.window.chips.get_state():
            how["hdu"] = ALL
            files = list(dict.fromkeys(str(split_spec(file)[0]) for file in files))
        self.night.find(functools.partial(ImageSet.of, files, **how))

    # --- the run

    @guarded
    def run(self) -> None:
        """Run the recipe of the image on display on all images of the list."""
        plugin, window = self._plugin, self.window
        if window is None or not plugin.panel.fields.collect():
            return
        session = plugin.session
        if session is None or not session.ready:
            raise ParameterError("No image on display: its recipe is what is run.")
        session.imported()  # refuses masks that were not read
        self.night.start(
            session.recipe, session.frame, jobs=int(window.jobs.get_value()), kinds=window.chosen,
            folder=window.output.get_text().strip() or None,
            overwrite=bool(window.overwrite.get_state()),
        )  # fmt: skip

    def cancel(self) -> None:
        """End the run."""
        self.night.cancel()

    def save_table(self) -> None:
        """Ask where to write the table."""
        self._ask(_tr("Save table"), "save", self.write_table, (_tr("ECSV"), "ecsv"))

    @guarded
    def write_table(self, path: str) -> None:
        """Write the table of what was done."""
        file = Path(path) if Path(path).suffix else Path(path).with_suffix(".ecsv")
        check_table(file)
        write_table(self.night.table(), file)
        self.night.say(f"Table saved as {file}.")

    # --- a line to look at

    @guarded
    def show_line(self, place: int) -> None:
        """Show an image of the list in the channel, and its products once they are there."""
        line = self._wanted = self.night.view().lines[place]
        for name in self._plugin.channel.get_image_names():
            info = self._plugin.channel.get_image_info(name)
            if info.path and _same(line, info.path, info.idx):
                self._plugin.channel.switch_name(name)
                break
        else:
            fv = self._plugin.fv
            fv.nongui_do(fv.load_file, line.spec, chname=self._plugin.chname, wait=False)

    def _show_products(self, session: Session) -> None:
        """Show those of the image on display, where it is the one that was clicked."""
        line, frame = self._wanted, session.frame
        if line is None or frame.path is None or not _same(line, frame.path, frame.hdu):
            return
        self._wanted = None
        shown, rows = self._loaded.get(session, (None, ()))
        mine = session.result is None or (session.result is shown and line.rows is not rows)
        if line.state not in (DONE, KEPT) or session.busy or not mine:
            return
        session.note_saved(line.products)
        if session.can_load:
            self._plugin.jobs.load(session, lambda: self._note_loaded(session, line))

    def _note_loaded(self, session: Session, line: NightLine) -> None:
        self._loaded[session] = (session.result, line.rows)


def _spec(path: str, idx: Any) -> str:
    """A file and Ginga's index of its HDU as they are named in the shell."""
    return join_spec(path, None if idx in (0, ("PRIMARY", 1)) else idx)


def _same(line: NightLine, path: Any, hdu: Any) -> bool:
    """Whether Ginga's path and HDU are those of a line."""
    entry = line.entry
    if Path(path).absolute() != entry.path.absolute():
        return False
    return hdu in entry.hdus or (entry.first and hdu in (None, 0, ("PRIMARY", 1)))
