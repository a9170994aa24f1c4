"""The list of layers: masks from files, automatic sources, invalid pixels, and every shape."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.viewer.tables import Pager, make_table, selected_paths
from ginga_bkgplugin.work.viewmodel import RegionRow, ViewModel

SOURCES, INVALID, FILE = "sources", "invalid", "file"
INVALID_STAYS = "Invalid pixels stay masked: they hold no measurement."
LOCKED_ALWAYS = "This layer is not drawn: there is nothing to lock."
_HEIGHT = 170
_FIXED = {INVALID: "pixels", SOURCES: "automatic"}  # cannot be renamed, and what they are
_NAME = 3  # the column
_FONT, _WIDEST_NAME = 9, 62  # all columns in 340 pixels
_TIP = (
    "What masks, in its order: later shapes decide over earlier ones. Tick On to use a layer, Lock"
    " to protect it; double-click a name to change it, anything else to zoom there."
)


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
    def later(self, action: Callable[..., None], *arguments: Any) -> None: ...  # noqa: D102


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
        self._view: ViewModel | None = None
        self._shown: dict[str, dict[str, Any]] = {}
        self._layers: dict[str, Layer] = {}
        self._marked: Any = None  # what is selected, of which rows
        self._sky, self._quiet = False, False
        self.box = Widgets.VBox()
        self.box.set_spacing(2)
        self.widget = make_table(_columns(sky=False), _tr(_TIP), selection="multiple",
                                 height=_HEIGHT)  # fmt: skip
        self.widget.set_font("sans", _FONT)
        getattr(self.widget.get_widget(), "setIndentation", lambda _: None)(0)  # Qt
        self.widget.add_callback("selected", self._selected)
        self.widget.add_callback("activated", self._activated)
        self.widget.add_callback("changed", self._after(self._ticked))
        self.widget.add_callback("cell_edited", self._after(self._renamed))
        self.box.add_widget(self.widget, stretch=0)
        self.pager = Pager(self.box, lambda: self.show(self._view))

    def show(self, view: ViewModel | None) -> None:
        """Show the layers of a view model, its selected regions selected."""
        last, self._view = self._view, view
        if (
            view
            and view.selected is not None
            and (last is None or view.selection != last.selection)
        ):
            self.pager.go_to(view.selected)
        self._quiet = True
        try:
            self._show_rows()
            self._mark()
        finally:
            self._quiet = False

    def show_sky(self, on: bool) -> None:
        """Show positions on the sky, or in pixels."""
        if on != self._sky:
            self._sky, self._shown, self._marked = on, {}, None
            self._quiet = True  # clearing the list is no choice of the user's
            self.widget.setup_table(_columns(sky=on), 1, "number")
            self.show(self._view)

    def _show_rows(self) -> None:
        page = self.pager.page(len(self._view.regions) if self._view else 0)
        rows = _rows(self._view, page) if self._view else {}
        self._layers = _layers(self._view, page) if self._view else {}
        if rows == self._shown:
            return
        before, self._shown = self._shown, rows
        native = self.widget.get_widget()
        hush = getattr(native, "blockSignals", lambda _: None)  # Qt tells of every cell
        hush(True)
        if before and list(rows)[: len(before)] == list(before):
            self.widget.add_tree({k: row for k, row in rows.items() if row != before.get(k)})
        else:
            self.widget.set_tree(rows)
            self._marked = None
        hush(False)
        self.widget.set_optimal_column_widths()
        found: list[int] = getattr(self.widget, "get_column_widths", list)()  # Qt
        if found:
            self.widget.set_column_width(_NAME, min(found[_NAME], _WIDEST_NAME))
            self.widget.set_column_width(len(found) - 1, 40)  # it takes what is left

    def _mark(self) -> None:
        """Select what is selected."""
        view = self._view
        selection = view.selection if view else ()
        marked = (selection, tuple(self._shown))
        others = [layer for layer in self.selected if layer.kind != "shape"]
        if marked == self._marked or (view and not selection and others):
            return
        self._marked = marked
        self.widget.clear_selection()
        keys = {layer.place: key for key, layer in self._layers.items() if layer.kind == "shape"}
        self.widget.select_paths([[keys[place]] for place in selection if place in keys])
        if selection and selection[-1] in keys:
            self.widget.scroll_to_path([keys[selection[-1]]])

    @property
    def selected(self) -> list[Layer]:
        """The selected layers."""
        found = (self._layers.get(path[-1]) for path in selected_paths(self.widget))
        return [layer for layer in found if layer is not None]

    def delete(self) -> None:
        """Delete the selected layers."""
        files = [layer.place for layer in self.selected if layer.kind == FILE]
        fixed = [layer for layer in self.selected if layer.kind in _FIXED]
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
            self._marked = (places, tuple(self._shown))
            self._do.select_regions(places)

    def _activated(self, _: Any, rows: dict[str, Any]) -> None:
        layer = self._layers.get(next(iter(rows), ""))
        column = getattr(self.widget.get_widget(), "currentColumn", lambda: -1)()  # Qt
        if layer is not None and layer.kind == "shape" and column != _NAME:
            self._do.zoom_to(layer.place)

    def _after(self, action: Callable[..., None]) -> Callable[..., None]:
        """Act once the toolkit is done with the row: it crashes where its row goes before."""

        def changed(_: Any, *change: Any) -> None:
            if not self._quiet:
                self._do.later(action, *change)

        return changed

    def _renamed(self, path: list[str], column: str, old: str, name: str) -> None:
        layer = self._layers.get(path[-1])
        self._shown = {}  # whatever comes of it, the list is shown anew
        if layer is not None and layer.kind == FILE:
            self._do.change_mask(layer.place, "Name", name=name)
        elif layer is not None and layer.kind == "shape":
            self._do.change_regions((layer.place,), "Name", name=name)

    def _ticked(self, *change: Any) -> None:
        if len(change) != 3 or not change[0]:
            return
        path, column, value = change
        layer = self._layers.get(path[-1])
        if layer is None or column not in ("on", "locked"):
            return
        self._shown = {}  # whatever comes of it, the list is shown anew
        if layer.kind == "shape":
            places = self._view.selection if self._view else ()
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


def _columns(*, sky: bool) -> list[Any]:
    places = (("RA", "ra"), ("Dec", "dec"), ("Size", "arcsec"))
    pixels = (("x", "x"), ("y", "y"), ("Size", "size"))
    return [
        (_tr("#"), "number"),
        (_tr("On"), "on", "check"),
        (_tr("Lock"), "locked", "check"),
        {"label": _tr("Name"), "key": "name", "type": "str", "editable": True},
        (_tr("Shape"), "shape"),
        *((_tr(label), key) for label, key in (places if sky else pixels)),
    ]


def _layers(view: ViewModel, page: range) -> dict[str, Layer]:
    layers = {
        INVALID: Layer(INVALID, 0, "Invalid pixels", True, True),
        SOURCES: Layer(SOURCES, 0, "Automatic sources", view.recipe.automatic),
    }
    for place, mask in enumerate(view.recipe.masks):
        layers[f"{FILE} {place + 1}"] = Layer(FILE, place, mask.name, mask.on)
    for place in page:
        row = view.regions[place]
        region = row.pixel
        layers[_number(place, row)] = Layer("shape", place, region.name, region.on, region.locked)
    return layers


def _rows(view: ViewModel, page: range) -> dict[str, dict[str, Any]]:
    missing = [mask.replace(name="") for mask in view.missing_masks]
    rows = {}
    for key, layer in _layers(view, page).items():
        cells: dict[str, Any] = {"number": key, "on": layer.on, "locked": layer.locked}
        if layer.kind in _FIXED:
            cells["shape"] = _FIXED[layer.kind]
        else:
            cells["name"] = layer.name
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
        "size": _compact(row.size()),
        "ra": f"{sky[0]:.5f}" if sky else "–",
        "dec": f"{sky[1]:+.5f}" if sky else "–",
        "arcsec": _compact(row.size(2, sky=True)),
    }


def _compact(size: str) -> str:
    """A size in a narrow cell: without spaces, and of a stroke its radius alone."""
    return size.split(" (")[0].replace(" ", "") if "×" in size or "(" in size else size
