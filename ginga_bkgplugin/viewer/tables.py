"""The list of passes, and how lists of the panel are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.sky.steps import PassRow
from ginga_bkgplugin.viewer import widgets

_HEIGHT = 96


class PassTable:
    """One row for each pass."""

    def __init__(self) -> None:
        self._shown: tuple[PassRow, ...] | None = None
        self.widget = make_table(
            [
                (_tr("Pass"), "number"),
                (_tr("Sources"), "sources"),
                (_tr("Sat."), "saturated"),
                (_tr("New px"), "new"),
                (_tr("Masked"), "masked"),
                (_tr("Backgr."), "background"),
                (_tr("Rms"), "rms"),
            ],
            _tr("What each pass found, masked, and the sky fitted after it."),
        )

    def show(self, rows: tuple[PassRow, ...]) -> None:
        """Show these passes."""
        if rows == self._shown:
            return
        self._shown = rows
        self.widget.set_tree(
            {
                str(row.index): {
                    "number": str(row.index),
                    "sources": str(row.sources),
                    "saturated": str(row.saturated),
                    "new": str(row.new_pixels),
                    "masked": f"{row.masked_fraction:.2%}",
                    "background": f"{row.globalback:.6g}",
                    "rms": f"{row.globalrms:.4g}",
                }
                for row in rows
            }
        )
        self.widget.set_optimal_column_widths()


def make_table(
    columns: list[tuple[str, ...]],
    tip: str,
    *,
    key: str = "number",
    selection: str = "single",
    height: int = _HEIGHT,
) -> Any:
    """A list whose rows are told apart by the column `key`."""
    table = Widgets.TreeView(sortable=False, selection=selection, use_alt_row_color=True)
    table.setup_table(columns, 1, key)
    table.set_tooltip(tip)
    table.set_min_size(200, height)
    table.set_max_size(4000, height)
    table.set_optimal_column_widths()
    return table


class Pager:
    """Which rows of a long list are shown: the toolkit takes 0.3 ms for a row.

    Parameters
    ----------
    box : widget
        Below the list; nothing is seen in it while one page is enough.
    turned : callable
        Called when the user wants another page; it asks `page` for its rows.
    """

    SIZE = 100

    def __init__(self, box: Any, turned: Callable[[], object]) -> None:
        self._first = 0
        self._turned = turned
        self.line = widgets.row(box)
        self.back = widgets.button(self.line, "‹", _tr("Those before"), lambda: self._turn(-1))
        self.where = Widgets.Label("")
        self.line.add_widget(self.where, stretch=0)
        self.on = widgets.button(self.line, "›", _tr("Those after"), lambda: self._turn(1))
        widgets.fill(self.line)
        self.line.hide()

    def go_to(self, place: int) -> None:
        """Turn to the page of a row."""
        self._first = place - place % self.SIZE

    def page(self, count: int) -> range:
        """The rows to show, of `count`."""
        last = max(0, count - 1)
        self._first = min(self._first, last - last % self.SIZE)
        end = min(self._first + self.SIZE, count)
        self.where.set_text(f"{self._first + 1}–{end} {_tr('of')} {count}")
        self.back.set_enabled(self._first > 0)
        self.on.set_enabled(end < count)
        (self.line.show if count > self.SIZE else self.line.hide)()
        return range(self._first, end)

    def _turn(self, pages: int) -> None:
        self._first = max(0, self._first + pages * self.SIZE)
        self._turned()


def selected_paths(table: Any) -> list[Any]:
    """Paths of the selected rows; in the browser (7.5) they come in dictionaries, or None does."""
    found = table.get_selected_paths() or ()
    return [each["path"] if isinstance(each, dict) else each for each in found]
