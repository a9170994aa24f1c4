"""The two lists of the panel: regions and passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.sky.steps import PassRow
from ginga_bkgplugin.work.viewmodel import RegionRow

_HEIGHT = 96


class RegionTable:
    """The regions: number, x, y, radius in pixels; RA, Dec, arcsec where there is a WCS."""

    def __init__(self, on_selected: Callable[[int | None], None]) -> None:
        self._on_selected = on_selected
        self._shown: tuple[RegionRow, ...] | None = None
        self._keys: list[str] = []
        self._quiet = False
        self.widget = _table(
            [
                ("#", "number"),
                (_tr("x"), "x"),
                (_tr("y"), "y"),
                (_tr("r [px]"), "radius"),
                (_tr("RA [deg]"), "ra"),
                (_tr("Dec [deg]"), "dec"),
                (_tr("r [arcsec]"), "arcsec"),
            ],
            _tr("Circles of this image; pixels are 0-based. Click one to select it."),
        )
        self.widget.add_callback("selected", self._selected)

    def show(self, regions: Sequence[RegionRow], selected: int | None) -> None:
        """Show these regions, one selected."""
        self._quiet = True
        try:
            if self._shown != tuple(regions):
                self._shown = tuple(regions)
                rows = [_region_cells(i, region) for i, region in enumerate(regions)]
                self._keys = [cells["number"] for cells in rows]
                self.widget.set_tree(dict(zip(self._keys, rows, strict=True)))
                self.widget.set_optimal_column_widths()
            self.widget.clear_selection()
            if selected is not None:
                self.widget.select_path([self._keys[selected]])
        finally:
            self._quiet = False

    def _selected(self, _: Any, rows: dict[str, Any]) -> None:
        if not self._quiet:  # rows are told by the text of their first column
            self._on_selected(self._keys.index(next(iter(rows))) if rows else None)


def _region_cells(place: int, region: RegionRow) -> dict[str, str]:
    (x, y), sky = region.pixel.centre, region.sky_centre
    return {
        "number": f"{place + 1}{' sky' if region.on_sky else ''}",
        "x": f"{x:.1f}",
        "y": f"{y:.1f}",
        "radius": region.size(),
        "ra": f"{sky[0]:.5f}" if sky else "–",
        "dec": f"{sky[1]:+.5f}" if sky else "–",
        "arcsec": region.size(2, sky=True),
    }


class PassTable:
    """One row for each pass."""

    def __init__(self) -> None:
        self._shown: tuple[PassRow, ...] | None = None
        self.widget = _table(
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


def _table(columns: list[tuple[str, str]], tip: str) -> Any:
    table = Widgets.TreeView(sortable=False, selection="single", use_alt_row_color=True)
    table.setup_table(columns, 1, "number")
    table.set_tooltip(tip)
    table.set_min_size(200, _HEIGHT)
    table.set_max_size(4000, _HEIGHT)
    table.set_optimal_column_widths()
    return table
