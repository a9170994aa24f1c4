"""The window "Many images": which, what to save, a line for each. It shows and tells, no more."""

from __future__ import annotations

import math
from typing import Any, Protocol

from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.files.names import BATCH
from ginga_bkgplugin.sky.verdict import DO_NOT_USE
from ginga_bkgplugin.viewer import widgets
from ginga_bkgplugin.viewer.sections import SAVE_CHOICES
from ginga_bkgplugin.viewer.tables import Pager, make_table
from ginga_bkgplugin.work.memory import cores
from ginga_bkgplugin.work.nightrun import NightLine, NightView
from ginga_bkgplugin.work.viewmodel import COLORS

_SIZE = (480, 640)
_HEIGHT = 220


class NightIntents(Protocol):
    """What the user can ask for here; the plugin does it."""

    def list_channel(self) -> None: ...  # noqa: D102
    def choose_files(self) -> None: ...  # noqa: D102
    def choose_folder(self) -> None: ...  # noqa: D102
    def choose_output(self) -> None: ...  # noqa: D102
    def run(self) -> None: ...  # noqa: D102
    def cancel(self) -> None: ...  # noqa: D102
    def save_table(self) -> None: ...  # noqa: D102
    def show_line(self, place: int) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102
    def render(self) -> None: ...  # noqa: D102


class NightWindow:
    """A window of its own beside the viewer.

    Parameters
    ----------
    parent : Ginga's top window
    do : NightIntents
    """

    def __init__(self, parent: Any, do: NightIntents) -> None:
        self._do = do
        title = _tr("Background of many images")
        self.dialog = Widgets.Dialog(title=title, flags=0, parent=parent)
        self.dialog.add_callback("close", lambda *_: do.close())
        self.dialog.resize(*_SIZE)
        box = self.dialog.get_content_area()
        box.set_border_width(4)
        box.set_spacing(3)
        self._which(box)
        self.table = NightTable(box, do)
        self.details = widgets.text_line(box)
        self._saving(box)
        self.recipe = widgets.text_line(box)
        self.plan = widgets.text_line(box)
        self.progress = Widgets.ProgressBar()
        box.add_widget(self.progress, stretch=0)
        self.words = widgets.text_line(box)
        self.error = widgets.text_line(box)
        widgets.color_text(self.error, COLORS[DO_NOT_USE])
        line = widgets.row(box)
        self.run = widgets.button(
            line, _tr("Run"), _tr("Run this recipe on all images. What is there already is kept."),
            do.run,
        )  # fmt: skip
        self.cancel = widgets.button(
            line, _tr("Cancel"), _tr("Stop; what is done stays, Run goes on from there."),
            do.cancel,
        )  # fmt: skip
        widgets.fill(line)
        self.save_table = widgets.button(
            line, _tr("Save table…"), _tr("A line for each image, as ECSV."), do.save_table
        )
        self.close = widgets.button(
            line, _tr("Close"), _tr("Close this window; a run goes on."), do.close
        )

    def _which(self, box: Any) -> None:
        do, line = self._do, widgets.row(box)
        self.channel = widgets.button(
            line, _tr("Channel's images"), _tr("List the files loaded into this channel."),
            do.list_channel,
        )  # fmt: skip
        self.files = widgets.button(
            line, _tr("Files…"), _tr("List files you choose."), do.choose_files
        )
        self.folder = widgets.button(
            line, _tr("Folder…"), _tr("List all images below a folder; products are left out."),
            do.choose_folder,
        )  # fmt: skip
        widgets.fill(line)
        line = widgets.row(box)
        widgets.caption(line, _tr("Only"))
        self.where = Widgets.TextEntry("")
        self.where.set_tooltip(
            _tr("Conditions on the header for the next list: FILTER=m600, EXPTIME>=60")
        )
        line.add_widget(self.where, stretch=1)
        self.chips = widgets.check(
            _tr("All chips"), _tr("Every science HDU of each file, for the next list."), False
        )
        line.add_widget(self.chips, stretch=0)

    def _saving(self, box: Any) -> None:
        grid = Widgets.GridBox(rows=2, columns=3)
        self.kinds = {}
        for place, (kind, text, tip) in enumerate(SAVE_CHOICES):
            self.kinds[kind] = widgets.check(_tr(text), _tr(tip), kind in BATCH)
            grid.add_widget(self.kinds[kind], place // 3, place % 3)
        box.add_widget(grid, stretch=0)
        line = widgets.row(box)
        widgets.caption(line, _tr("Folder"))
        self.output = Widgets.TextEntry("")
        self.output.set_tooltip(_tr("Where products go. Empty: beside each image."))
        line.add_widget(self.output, stretch=1)
        widgets.button(line, _tr("Choose…"), _tr("Choose the folder."),
                       self._do.choose_output)  # fmt: skip
        line = widgets.row(box)
        widgets.caption(line, _tr("Images at a time"))
        self.jobs = Widgets.SpinBox(dtype=int)
        self.jobs.set_limits(1, cores(), incr_value=1)
        self.jobs.set_value(max(1, cores() - 1))  # one is left for the viewer
        self.jobs.set_tooltip(_tr("Fewer are taken where they would not fit into memory."))
        self.jobs.add_callback("value-changed", lambda *_: self._do.render())
        line.add_widget(self.jobs, stretch=0)
        self.overwrite = widgets.check(
            _tr("Overwrite"), _tr("Replace products of another recipe or image."), False
        )
        line.add_widget(self.overwrite, stretch=0)
        widgets.fill(line)

    # --- what is chosen

    @property
    def conditions(self) -> list[str]:
        """The conditions on the header, by commas."""
        return [each.strip() for each in self.where.get_text().split(",") if each.strip()]

    @property
    def chosen(self) -> list[str]:
        """The kinds of products ticked."""
        return [kind for kind, check in self.kinds.items() if check.get_state()]

    # --- what is shown

    def show(self, view: NightView, recipe: str, plan: str) -> None:
        """Show the night, and the words of recipe and memory."""
        self.table.show(view.lines)
        widgets.show_text(self.details, self.table.words)
        widgets.show_text(self.recipe, recipe)
        widgets.show_text(self.plan, plan)
        self.progress.set_value(view.fraction)
        widgets.show_text(self.words, "" if view.is_error else view.words)
        widgets.show_text(self.error, f"⚠ {view.words}" if view.is_error else "")
        self.run.set_enabled(view.can_run)
        self.cancel.set_enabled(view.busy)
        for button in (self.channel, self.files, self.folder):
            button.set_enabled(not view.busy)
        self.save_table.set_enabled(view.can_run and any(line.rows for line in view.lines))


class NightTable:
    """The list of images, a page at a time."""

    def __init__(self, box: Any, do: NightIntents) -> None:
        self._do = do
        self._lines: tuple[NightLine, ...] = ()
        self._shown: dict[str, dict[str, str]] = {}
        self._selected = -1
        self.widget = make_table(
            [
                (_tr("No."), "number"),
                (_tr("Image"), "image"),
                (_tr("State"), "state"),
                (_tr("Verdict"), "verdict"),
                (_tr("Masked"), "masked"),
                (_tr("Backgr."), "background"),
                (_tr("Rms"), "rms"),
            ],
            _tr("Click a line to see the image, with its products once it is done."),
            height=_HEIGHT,
        )
        self.widget.set_max_size(4000, 4000)
        self.widget.add_callback("selected", self._on_selected)
        box.add_widget(self.widget, stretch=1)
        self.pager = Pager(box, lambda: self.show(self._lines))

    @property
    def words(self) -> str:
        """What is known of the line selected."""
        return self._lines[self._selected].words if self._selected >= 0 else ""

    def show(self, lines: tuple[NightLine, ...]) -> None:
        """Show these lines; only those that changed are written."""
        if [a.entry for a in lines] != [b.entry for b in self._lines]:
            self._selected = -1
        self._lines = lines
        rows = {str(k + 1): _cells(k, lines[k]) for k in self.pager.page(len(lines))}
        before, self._shown = self._shown, rows
        if list(rows) == list(before):
            fresh = {number: row for number, row in rows.items() if row != before[number]}
            if fresh:
                self.widget.add_tree(fresh)
        else:
            self.widget.set_tree(rows)
        if rows != before:
            self.widget.set_optimal_column_widths()

    def _on_selected(self, _: Any, chosen: dict[str, Any]) -> None:
        if chosen:
            self._selected = int(next(iter(chosen))) - 1
            self._do.show_line(self._selected)


def _cells(place: int, line: NightLine) -> dict[str, str]:
    """The cells of a line; of several chips the first one's numbers."""
    row = line.rows[0] if line.rows else None
    known = row is not None and not math.isnan(row.globalback)
    return {
        "number": str(place + 1),
        "image": line.entry.name,
        "state": _tr(line.state),
        "verdict": _tr(row.verdict) if row and row.verdict else "",
        "masked": f"{row.masked:.1f}%" if row and known else "",
        "background": f"{row.globalback:.6g}" if row and known else "",
        "rms": f"{row.globalrms:.4g}" if row and known else "",
    }
