"""The list of passes, and how lists of the panel are made."""

from __future__ import annotations

from typing import Any

from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.sky.steps import PassRow

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


def selected_paths(table: Any) -> list[Any]:
    """Paths of the selected rows; in the browser (7.5) they come in dictionaries, or None does."""
    found = table.get_selected_paths() or ()
    return [each["path"] if isinstance(each, dict) else each for each in found]
