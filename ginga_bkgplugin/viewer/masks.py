"""The panel's section for shapes and layers: tools, undo, the list, numbers."""

from __future__ import annotations

from typing import Any, Protocol

from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.viewer import widgets
from ginga_bkgplugin.viewer.actions import ADOPT_KEY, DOWN_KEY, ERASE_KEY, GROW_KEY, UP_KEY
from ginga_bkgplugin.viewer.layertable import LayerIntents, LayerTable
from ginga_bkgplugin.viewer.tools import BRUSHES, EDIT, OF_SHAPE, TOOLS
from ginga_bkgplugin.work.viewmodel import ViewModel

_COLUMNS = 5


class MaskIntents(LayerIntents, Protocol):
    """What the user can ask for here; the plugin does it."""

    def set_tool(self, tool: str) -> None: ...  # noqa: D102
    def set_erase(self, on: bool) -> None: ...  # noqa: D102
    def set_brush(self, radius: float) -> None: ...  # noqa: D102
    def undo_step(self) -> None: ...  # noqa: D102
    def redo_step(self) -> None: ...  # noqa: D102
    def go_to_step(self, place: int) -> None: ...  # noqa: D102
    def clear_regions(self) -> None: ...  # noqa: D102
    def shift_regions(self, by: int) -> None: ...  # noqa: D102
    def place_region(self, unit: str, numbers: list[str]) -> None: ...  # noqa: D102
    def select_all(self) -> None: ...  # noqa: D102
    def copy_regions(self) -> None: ...  # noqa: D102
    def paste_regions(self) -> None: ...  # noqa: D102
    def apply_to_channel(self) -> None: ...  # noqa: D102
    def open_regions(self) -> None: ...  # noqa: D102
    def save_regions(self) -> None: ...  # noqa: D102
    def open_mask_file(self) -> None: ...  # noqa: D102


class MaskSection:
    """Tools, history, the list of layers, a circle by numbers."""

    def __init__(self, box: Any, do: MaskIntents) -> None:
        self._do = do
        inner = widgets.frame(box, _tr("Mask"))
        self._menus(inner)
        self._tools(inner)
        self._history(inner)
        self.table = LayerTable(do)
        inner.add_widget(self.table.box, stretch=0)
        line = widgets.row(inner)
        self.up = widgets.button(
            line, _tr("Up"), _tr("Move the selected shapes up in the list") + f" [{UP_KEY}]",
            lambda: do.shift_regions(-1),
        )  # fmt: skip
        self.down = widgets.button(
            line, _tr("Down"),
            _tr("Move the selected shapes down: later ones decide over earlier ones")
            + f" [{DOWN_KEY}]",
            lambda: do.shift_regions(1),
        )  # fmt: skip
        widgets.fill(line)
        self.delete = widgets.button(
            line, _tr("Delete"), _tr("Delete the selected layers (Delete key)."),
            self.table.delete,
        )  # fmt: skip
        self.clear = widgets.button(
            line, _tr("Clear"), _tr("Delete all shapes that are not locked."), do.clear_regions
        )
        self._numbers(inner)

    def _menus(self, inner: Any) -> None:
        """A menu bar: what is not needed all the time."""
        do = self._do
        bar = Widgets.Menubar()
        self.menu: dict[str, Any] = {}
        for title, entries in (
            (_tr("Edit"), (
                ("select", _tr("Select all\tCtrl+A"), do.select_all),
                ("adopt", _tr("Adopt a masked source\t{key}").format(key=ADOPT_KEY),
                 lambda: do.say(_tr("Point at a masked source and press {key}: it becomes"
                                             " a shape.").format(key=ADOPT_KEY))),
                ("grow", _tr("Grow from a source\t{key}").format(key=GROW_KEY),
                 lambda: do.say(_tr("Point at a source and press {key}: it is masked as"
                                             " far as it stands out.").format(key=GROW_KEY))),
                ("copy", _tr("Copy shapes\tCtrl+C"), do.copy_regions),
                ("paste", _tr("Paste shapes\tCtrl+V"), do.paste_regions),
                ("apply", _tr("Apply to all images of this channel"), do.apply_to_channel),
            )),
            (_tr("Files"), (
                ("load", _tr("Load DS9 regions…"), do.open_regions),
                ("save", _tr("Save DS9 regions…"), do.save_regions),
                ("mask", _tr("Load mask…"), do.open_mask_file),
            )),
        ):  # fmt: skip
            menu = bar.add_name(title)
            for name, text, action in entries:
                self.menu[name] = item = menu.add_name(text)
                item.add_callback("activated", lambda *_, action=action: action())
        inner.add_widget(bar, stretch=0)

    def _tools(self, inner: Any) -> None:
        grid = Widgets.GridBox(rows=2, columns=_COLUMNS)
        grid.set_column_spacing(2)
        grid.set_row_spacing(2)
        self.tools = {}
        for place, tool in enumerate(TOOLS.values()):
            tip = _tr(tool.tip) if tool.name in (EDIT, "eraser") else (
                f"{_tr(tool.tip)} {_tr(OF_SHAPE)}"
            )  # fmt: skip
            button = self.tools[tool.name] = widgets.choice(
                tool.name, _tr(tool.label), widgets.with_key(tip, tool.key), self._do.set_tool
            )
            button.set_min_size(60, 22)
            grid.add_widget(button, place // _COLUMNS, place % _COLUMNS, stretch=1)
        self.erase = widgets.toggle(
            _tr("Erase"),
            widgets.with_key(
                _tr("Tools take out of the mask; the right button or Shift then masks."), ERASE_KEY
            ),
            self._do.set_erase,
        )
        self.erase.set_min_size(60, 22)
        grid.add_widget(self.erase, 1, _COLUMNS - 1, stretch=1)
        inner.add_widget(grid, stretch=0)

    def _history(self, inner: Any) -> None:
        line = widgets.row(inner)
        self.undo = widgets.button(
            line, _tr("Undo"), _tr("Go back one step [Ctrl+Z]"), self._do.undo_step
        )
        self.redo = widgets.button(
            line, _tr("Redo"), _tr("Take back an undo [Ctrl+Shift+Z]"), self._do.redo_step
        )
        for button in (self.undo, self.redo):
            button.set_min_size(46, 22)
            button.set_max_size(60, 26)
        self.history = Widgets.ComboBox()
        self.history.set_min_size(90, 22)
        self.history.set_tooltip(_tr("The steps made; choose one to go there."))
        self.history.add_callback("activated", lambda _, place: self._do.go_to_step(place))
        self._names: tuple[str, ...] = ()
        line.add_widget(self.history, stretch=1)
        widgets.caption(line, _tr("Brush"))
        self.brush = Widgets.SpinBox(dtype=float)
        self.brush.set_decimals(1)
        self.brush.set_limits(0.5, 10000.0, incr_value=1.0)
        self.brush.set_value(10.0)
        self.brush.set_tooltip(_tr("Radius of the brush in pixels of the image [wheel, [ and ]]"))
        self.brush.add_callback("value-changed", lambda _, value: self._do.set_brush(value))
        line.add_widget(self.brush, stretch=0)

    def _numbers(self, inner: Any) -> None:
        line = widgets.row(inner)
        self.unit = Widgets.ComboBox()
        for text in (_tr("pixels"), _tr("sky")):
            self.unit.append_text(text)
        self.unit.set_index(0)
        self.unit.set_tooltip(
            _tr("pixels: x, y, size, 0-based. sky: RA, Dec in degrees, size in arcsec. Counts for"
                " the list as well.")
        )  # fmt: skip
        self.unit.add_callback("activated", lambda _, place: self.table.show_sky(place == 1))
        line.add_widget(self.unit, stretch=0)
        self.numbers = []
        for tip in (
            _tr("x in pixels (0-based), or RA in degrees"),
            _tr("y in pixels (0-based), or Dec in degrees"),
            _tr("Radius in pixels, or in arcsec"),
        ):
            entry = Widgets.TextEntry("")
            entry.set_tooltip(tip)
            entry.add_callback("activated", lambda _: self._place())
            line.add_widget(entry, stretch=1)
            self.numbers.append(entry)
        self.add = widgets.button(
            line, _tr("Add"), _tr("Place a circle by these numbers."), self._place
        )

    def _place(self) -> None:
        unit = "pixel" if self.unit.get_index() == 0 else "sky"
        self._do.place_region(unit, [entry.get_text().strip() for entry in self.numbers])

    def show_tool(self, tool: str) -> None:
        """Show what the left mouse button does."""
        for name, button in self.tools.items():
            button.set_state(name == tool)
        self.brush.set_enabled(tool in BRUSHES)

    def show_erase(self, on: bool) -> None:
        """Show whether tools erase."""
        self.erase.set_state(on)

    def show_brush(self, radius: float) -> None:
        """Show the size of the brush."""
        self.brush.set_value(radius)

    def render(self, view: ViewModel | None, ready: bool) -> None:
        """Show layers and history."""
        busy = view is not None and view.busy
        self.add.set_enabled(ready)
        self.delete.set_enabled(ready)
        chosen = ready and view is not None and bool(view.selection)
        self.up.set_enabled(chosen)
        self.down.set_enabled(chosen)
        self.clear.set_enabled(ready and view is not None and bool(view.regions))
        place, names = (view.history_place, view.history) if view else (0, ())
        self.undo.set_enabled(view is not None and not busy and place > 0)
        self.redo.set_enabled(view is not None and not busy and place < len(names) - 1)
        if names != self._names:
            self._names = names
            self.history.clear()
            for i, name in enumerate(names):
                self.history.append_text(f"{i} {_tr(name)}")
        if names:
            self.history.set_index(place)
        self.table.show(view)
