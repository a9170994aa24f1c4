"""The list of layers: masks from files, automatic sources, invalid pixels, and every shape."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

from ginga.locale.localize import _tr

from ginga_bkgplugin.viewer.tables import make_table
from ginga_bkgplugin.work.viewmodel import RegionRow, ViewModel

SOURCES, INVALID, FILE = "sources", "invalid", "file"
INVALID_STAYS = "Invalid pixels stay masked: they hold no measurement."
LOCKED_ALWAYS = "This layer is not drawn: there is nothing to lock."
_HEIGHT = 132


class LayerIntents(Protocol):
    """What the user can ask for in the list."""

    def select_regions(self, places: tuple[int, ...]) -> None: ...  # noqa: D102
    def change_regions(self, places: tuple[int, ...], step: str, **looks: Any) -> None: ...  # noqa: D102
    def change_mask(self, place: int, step: str, **changes: Any) -> None: ...  # noqa: D102
    def delete_mask(self, place: int) -> None: ...  # noqa: D102
    def delete_region(self) -> None: ...  # noqa: D102
    def set_automatic(self, on: bool) -> None: ...  # noqa: D102
    def say(self, words: str) -> None: ...  # noqa: D102
    def zoom_to(self, place: int) -> None: ...  # noqa: D102


@dataclasses.dataclass(frozen=True)
class Layer:
    """One row: its kind ("shape" or one of the above) and its place among them."""

    kind: str
    place: int
    name: str
    on: bool
    locked: bool = False


class LayerTable:
    """The list. It shows what it is told; selecting, ticking and double-clicking are told on."""

    def __init__(self, do: LayerIntents) -> None:
        self._do = do
        self._shown: Any = None
        self._layers: dict[str, Layer] = {}
        self._quiet = False
        self.widget = make_table(
            [
                (_tr("#"), "number"),
                (_tr("On"), "on", "check"),
                (_tr("Lock"), "locked", "check"),
                (_tr("Shape"), "shape"),
                (_tr("Name"), "name"),
                (_tr("x"), "x"),
                (_tr("y"), "y"),
                (_tr("Size [px]"), "size"),
                (_tr("RA [deg]"), "ra"),
                (_tr("Dec [deg]"), "dec"),
                (_tr("Size [arcsec]"), "arcsec"),
            ],
            _tr("What masks, in its order: later regions decide over earlier ones. Tick On to"
                " use a layer, Lock to protect it; double-click zooms; pixels are 0-based."),
            selection="multiple",
            height=_HEIGHT,
        )  # fmt: skip
        self.widget.add_callback("selected", self._selected)
        self.widget.add_callback("activated", self._activated)
        self.widget.add_callback("changed", self._ticked)

    def show(self, view: ViewModel | None) -> None:
        """Show the layers of a view model, its selected regions selected."""
        self._quiet = True
        try:
            rows = _rows(view) if view else {}
            if rows != self._shown:
                self._shown, self._layers = rows, _layers(view) if view else {}
                self.widget.set_tree(rows)
                self.widget.set_optimal_column_widths()
            chosen = [layer for layer in self.selected if layer.kind != "shape"]
            if view is None or view.selection or not chosen:
                self.widget.clear_selection()
                for place in view.selection if view else ():
                    self.widget.select_path([_number(place, view.regions[place])])  # type: ignore[union-attr]
                if view and view.selected is not None:
                    key = _number(view.selected, view.regions[view.selected])
                    self.widget.scroll_to_path([key])
        finally:
            self._quiet = False

    @property
    def selected(self) -> list[Layer]:
        """The selected layers."""
        found = (self._layers.get(path[-1]) for path in self.widget.get_selected_paths())
        return [layer for layer in found if layer is not None]

    def rename(self, name: str) -> None:
        """Name the selected layers."""
        places = tuple(each.place for each in self.selected if each.kind == "shape")
        if places:
            self._do.change_regions(places, "Name", name=name)
        for layer in self.selected:
            if layer.kind == FILE:
                self._do.change_mask(layer.place, "Name", name=name)

    def delete(self) -> None:
        """Delete the selected layers."""
        files = [layer.place for layer in self.selected if layer.kind == FILE]
        fixed = [layer for layer in self.selected if layer.kind in (SOURCES, INVALID)]
        if any(layer.kind == "shape" for layer in self.selected) or not (files or fixed):
            self._do.delete_region()
        for place in sorted(files, reverse=True):
            self._do.delete_mask(place)
        if fixed and not files:
            self._do.say(f"{fixed[0].name}: this layer can be switched off, not deleted.")

    # --- what the user does in the list

    def _selected(self, *_: Any) -> None:
        if not self._quiet:
            places = tuple(each.place for each in self.selected if each.kind == "shape")
            self._do.select_regions(places)

    def _activated(self, _: Any, rows: dict[str, Any]) -> None:
        layer = self._layers.get(next(iter(rows), ""))
        if layer is not None and layer.kind == "shape":
            self._do.zoom_to(layer.place)

    def _ticked(self, _: Any, *change: Any) -> None:
        if self._quiet or len(change) != 3 or not change[0]:
            return
        path, column, value = change
        layer = self._layers.get(path[-1])
        if layer is None or column not in ("on", "locked"):
            return
        self._shown = None  # whatever comes of it, the list is shown anew
        if layer.kind == "shape":
            places = tuple(each.place for each in self.selected if each.kind == "shape")
            chosen = places if layer.place in places else (layer.place,)
            word = ("On" if value else "Off") if column == "on" else "Lock" if value else "Unlock"
            self._do.change_regions(chosen, word, **{column: bool(value)})
        elif column == "locked":
            self._do.say(LOCKED_ALWAYS)
        elif layer.kind == INVALID:
            self._do.say(INVALID_STAYS)
        elif layer.kind == SOURCES:
            self._do.set_automatic(bool(value))
        else:
            self._do.change_mask(layer.place, "On" if value else "Off", on=bool(value))


def _number(place: int, region: RegionRow) -> str:
    return f"{place + 1}{' sky' if region.on_sky else ''}"


def _layers(view: ViewModel) -> dict[str, Layer]:
    layers = {
        INVALID: Layer(INVALID, 0, "Invalid pixels", True, True),
        SOURCES: Layer(SOURCES, 0, "Automatic sources", view.recipe.automatic),
    }
    for place, mask in enumerate(view.recipe.masks):
        layers[f"{FILE} {place + 1}"] = Layer(FILE, place, mask.name, mask.on)
    for place, row in enumerate(view.regions):
        region = row.pixel
        layers[_number(place, row)] = Layer("shape", place, region.name, region.on, region.locked)
    return layers


def _rows(view: ViewModel) -> dict[str, dict[str, Any]]:
    missing = [mask.replace(name="") for mask in view.missing_masks]
    rows = {}
    for key, layer in _layers(view).items():
        cells: dict[str, Any] = {"number": key, "on": layer.on, "locked": layer.locked,
                                 "name": layer.name}  # fmt: skip
        if layer.kind == "shape":
            cells |= _region_cells(view.regions[layer.place])
        elif layer.kind == FILE:
            mask = view.recipe.masks[layer.place]
            cells["shape"] = "not read" if mask.replace(name="") in missing else mask.kind
        rows[key] = cells
    return rows


def _region_cells(row: RegionRow) -> dict[str, str]:
    (x, y), sky = row.pixel.centre, row.sky_centre
    return {
        "shape": f"− {row.pixel.shape}" if row.pixel.erase else row.pixel.shape,
        "x": f"{x:.1f}",
        "y": f"{y:.1f}",
        "size": row.size(),
        "ra": f"{sky[0]:.5f}" if sky else "–",
        "dec": f"{sky[1]:+.5f}" if sky else "–",
        "arcsec": row.size(2, sky=True),
    }
