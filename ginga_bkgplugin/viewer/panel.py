"""The panel: widgets made from the parameters' rules. It shows a view model and holds no truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.recipe.parameters import Rule
from ginga_bkgplugin.recipe.recipe import GROUPS
from ginga_bkgplugin.viewer.tables import PassTable, RegionTable
from ginga_bkgplugin.work.viewmodel import ViewModel

SAVE_CHOICES = (
    ("srcmask", "Mask"),
    ("invalidmask", "Invalid"),
    ("bkgmap", "Background"),
    ("bkgrms", "Rms"),
    ("subbkg", "Subtracted"),
    ("recipe", "Recipe"),
)
OVERLAYS = (
    ("mask", "Mask", "The mask, coloured by its reason (legend below)."),
    ("background", "Background", "The background map, dark to bright from low to high."),
    ("rms", "Rms", "The map of the sky's noise, dark to bright from low to high."),
)
GROUP_TITLES = {
    "invalid": "Invalid pixels",
    "source": "Source mask",
    "background": "Background",
}


class Intents(Protocol):
    """What the user can ask for; the plugin does it."""

    def set_mode(self, mode: str) -> None: ...  # noqa: D102
    def place_region(self, unit: str, numbers: list[str]) -> None: ...  # noqa: D102
    def select_region(self, place: int | None) -> None: ...  # noqa: D102
    def delete_region(self) -> None: ...  # noqa: D102
    def clear_regions(self) -> None: ...  # noqa: D102
    def set_parameter(self, name: str, value: Any) -> None: ...  # noqa: D102
    def run_recipe(self, mode: str) -> None: ...  # noqa: D102
    def cancel_run(self) -> None: ...  # noqa: D102
    def show_overlay(self, kind: str, on: bool) -> None: ...  # noqa: D102
    def set_opacity(self, kind: str, opacity: float) -> None: ...  # noqa: D102
    def subtract(self) -> None: ...  # noqa: D102
    def save(self, kinds: list[str], folder: str, overwrite: bool) -> None: ...  # noqa: D102
    def choose_folder(self) -> None: ...  # noqa: D102
    def open_recipe(self) -> None: ...  # noqa: D102
    def load_saved(self) -> None: ...  # noqa: D102
    def close(self) -> object: ...  # noqa: D102
    def help(self) -> object: ...  # noqa: D102


class Panel:
    """The plugin's widgets, built into a container Ginga gives.

    Parameters
    ----------
    container : ginga.gw.Widgets container
    intents : Intents
        Called when the user acts.
    overlays : dict
        Kind to (visible, opacity) of the overlays at the start.
    legend : list of (text, hex colour)
        Of the mask overlay.
    """

    def __init__(
        self,
        container: Any,
        intents: Intents,
        *,
        overlays: dict[str, tuple[bool, float]],
        legend: list[tuple[str, str]],
    ) -> None:
        self._do = intents
        self._fields: dict[str, Any] = {}
        self._kinds: dict[str, Any] = {}
        self._rules: dict[str, Rule] = {}
        self.w: dict[str, Any] = {}
        top = Widgets.VBox()
        top.set_border_width(4)
        box, scroll, _ = Widgets.get_oriented_box(container, orientation="vertical")
        box.set_spacing(2)
        self.w["title"] = self._label("")
        box.add_widget(self.w["title"], stretch=0)
        self._build_regions(box)
        for name in GROUPS:
            self._build_group(box, name)
        self._build_run(box)
        self._build_overlays(box, overlays, legend)
        self._build_save(box)
        box.add_widget(Widgets.Label(""), stretch=1)
        top.add_widget(scroll, stretch=1)
        self._build_foot(top)
        container.add_widget(top, stretch=1)

    # --- building

    def _build_regions(self, box: Any) -> None:
        _, inner = _frame(box, _tr("Regions to mask"))
        row = _row(inner)
        draw = Widgets.RadioButton(_tr("Draw"))
        edit = Widgets.RadioButton(_tr("Edit"), group=draw)
        draw.set_tooltip(_tr("Left-drag on the image draws a circle, from its centre."))
        edit.set_tooltip(
            _tr("Click a circle to select it, drag to move, drag its handle to resize, Delete.")
        )
        draw.set_state(True)
        for widget, mode in ((draw, "draw"), (edit, "edit")):
            widget.add_callback("activated", self._mode, mode)
            row.add_widget(widget, stretch=0)
        self.w.update(draw=draw, edit=edit)
        row.add_widget(Widgets.Label(""), stretch=1)
        self._button(row, "delete", _tr("Delete"), _tr("Delete the selected circle (Delete key)."),
                     lambda: self._do.delete_region())  # fmt: skip
        self._button(row, "clear", _tr("Clear"), _tr("Delete all circles of this image."),
                     lambda: self._do.clear_regions())  # fmt: skip
        self.regions = RegionTable(self._do.select_region)
        inner.add_widget(self.regions.widget, stretch=0)
        row = _row(inner)
        unit = Widgets.ComboBox()
        for text in (_tr("pixels"), _tr("sky")):
            unit.append_text(text)
        unit.set_index(0)
        unit.set_tooltip(
            _tr("pixels: x, y, radius, 0-based. sky: RA, Dec in degrees, radius in arcsec.")
        )
        row.add_widget(unit, stretch=0)
        entries = []
        tips = (
            _tr("x in pixels (0-based), or RA in degrees"),
            _tr("y in pixels (0-based), or Dec in degrees"),
            _tr("Radius in pixels, or in arcsec"),
        )
        for tip in tips:
            entry = Widgets.TextEntry("")
            entry.set_tooltip(tip)
            row.add_widget(entry, stretch=1)
            entries.append(entry)
        self.w.update(unit=unit, place=entries)
        self._button(row, "add", _tr("Add"), _tr("Place a circle by these numbers."), self._place)

    def _build_group(self, box: Any, group: str) -> None:
        _, inner = _frame(box, _tr(GROUP_TITLES[group]))
        rules = list(GROUPS[group].rules())
        grid = Widgets.GridBox(rows=len(rules), columns=3)
        grid.set_column_spacing(6)
        grid.set_row_spacing(2)
        for row, (name, kind, _, rule) in enumerate(rules):
            widget = self._field(name, kind, rule)
            unit = Widgets.Label(_tr(rule.unit) if rule.unit else "")
            if kind is bool:
                grid.add_widget(widget, row, 0)
            else:
                label = Widgets.Label(_tr(rule.label))
                label.set_tooltip(_tip(name, rule))
                grid.add_widget(label, row, 0)
                grid.add_widget(widget, row, 1, stretch=1)
                grid.add_widget(unit, row, 2)
            if name == "saturation_level":
                self.w["saturation_hint"] = unit
        inner.add_widget(grid, stretch=0)

    def _field(self, name: str, kind: Any, rule: Rule) -> Any:
        """The widget of one parameter; limits come before the value, callbacks last."""
        if kind is bool:
            widget = Widgets.CheckBox(_tr(rule.label))
            widget.add_callback("activated", lambda _, on: self._do.set_parameter(name, bool(on)))
        elif kind in (int, float):
            widget = Widgets.SpinBox(dtype=kind)
            if kind is float:
                widget.set_decimals(2)
            widget.set_limits(rule.low, rule.high, incr_value=rule.step or 1)
            widget.add_callback(
                "value-changed", lambda _, value: self._do.set_parameter(name, value)
            )
        else:
            widget = Widgets.TextEntry("")
            widget.add_callback("activated", lambda _: self.collect())
        widget.set_tooltip(_tip(name, rule))
        self._fields[name], self._kinds[name], self._rules[name] = widget, kind, rule
        return widget

    def _build_run(self, box: Any) -> None:
        _, inner = _frame(box, _tr("Run"))
        row = _row(inner)
        for key, text, tip in (
            ("run", _tr("Run"), _tr("Mask and fit with this recipe, from the start.")),
            ("more", _tr("One more pass"), _tr("Detect, grow and re-fit once more.")),
            ("stable", _tr("Until nothing new"), _tr("Passes until one masks no new pixel.")),
        ):
            self._button(row, key, text, tip, lambda mode=key: self._run(mode))
        self._button(row, "cancel", _tr("Cancel"), _tr("Stop at once; the result before stays."),
                     lambda: self._do.cancel_run())  # fmt: skip
        self.w["progress"] = Widgets.ProgressBar()
        inner.add_widget(self.w["progress"], stretch=0)
        self.w["words"] = self._label("")
        self.w["error"] = self._label("")
        self.w["error"].set_color(fg="#d62728")
        inner.add_widget(self.w["words"], stretch=0)
        inner.add_widget(self.w["error"], stretch=0)
        self.passes = PassTable()
        inner.add_widget(self.passes.widget, stretch=0)
        self.w["summary"] = self._label("")
        inner.add_widget(self.w["summary"], stretch=0)

    def _build_overlays(
        self, box: Any, overlays: dict[str, tuple[bool, float]], legend: list[tuple[str, str]]
    ) -> None:
        _, inner = _frame(box, _tr("Show over the image"))
        grid = Widgets.GridBox(rows=len(OVERLAYS), columns=2)
        grid.set_column_spacing(6)
        for row, (kind, text, tip) in enumerate(OVERLAYS):
            on, opacity = overlays[kind]
            check = Widgets.CheckBox(_tr(text))
            check.set_state(on)
            check.set_tooltip(_tr(tip))
            check.add_callback("activated", lambda _, on, k=kind: self._do.show_overlay(k, on))
            slider = Widgets.Slider(orientation="horizontal", dtype=int, track=True)
            slider.set_limits(0, 100, incr_value=5)
            slider.set_value(int(100 * opacity))
            slider.set_tooltip(_tr("Opacity, 0 to 100 %"))
            slider.add_callback(
                "value-changed", lambda _, value, k=kind: self._do.set_opacity(k, value / 100)
            )
            grid.add_widget(check, row, 0)
            grid.add_widget(slider, row, 1, stretch=1)
            self.w[f"show_{kind}"], self.w[f"opacity_{kind}"] = check, slider
        inner.add_widget(grid, stretch=0)
        row_box = _row(inner)
        for text, color in legend:
            patch = Widgets.Label(f" {_tr(text)} ")
            patch.set_color(bg=color, fg="black")
            patch.set_tooltip(_tr("Why a pixel is masked"))
            row_box.add_widget(patch, stretch=0)
        row_box.add_widget(Widgets.Label(""), stretch=1)
        self.w["value"] = self._label(_tr("Move over the image to read the maps."))
        inner.add_widget(self.w["value"], stretch=0)

    def _build_save(self, box: Any) -> None:
        _, inner = _frame(box, _tr("Subtract and save"))
        grid = Widgets.GridBox(rows=2, columns=3)
        self.w["kinds"] = {}
        for i, (kind, text) in enumerate(SAVE_CHOICES):
            check = Widgets.CheckBox(_tr(text))
            check.set_state(True)
            check.set_tooltip(_tr(f"Save <image>.{'bkg.json' if kind == 'recipe' else kind}"
                                  f"{'' if kind == 'recipe' else '.fits'}"))  # fmt: skip
            grid.add_widget(check, i // 3, i % 3)
            self.w["kinds"][kind] = check
        inner.add_widget(grid, stretch=0)
        row = _row(inner)
        row.add_widget(Widgets.Label(_tr("Folder")), stretch=0)
        self.w["folder"] = Widgets.TextEntry("")
        self.w["folder"].set_tooltip(_tr("Where products go. Empty: beside the image."))
        row.add_widget(self.w["folder"], stretch=1)
        self._button(row, "browse", _tr("Choose…"), _tr("Choose the folder."),
                     lambda: self._do.choose_folder())  # fmt: skip
        self.w["overwrite"] = Widgets.CheckBox(_tr("Overwrite"))
        self.w["overwrite"].set_tooltip(_tr("Replace products that exist."))
        row.add_widget(self.w["overwrite"], stretch=0)
        row = _row(inner)
        for key, text, tip, action in (
            ("save", _tr("Save"), _tr("Save the ticked products."), self._save),
            ("subtract", _tr("Subtract"),
             _tr("Image minus background as a new image in another channel."),
             lambda: self._do.subtract()),
            ("load", _tr("Load saved"), _tr("Load the products saved beside this image."),
             lambda: self._do.load_saved()),
            ("open", _tr("Open recipe…"), _tr("Take regions and parameters from a .bkg.json."),
             lambda: self._do.open_recipe()),
        ):  # fmt: skip
            self._button(row, key, text, tip, action)

    def _build_foot(self, top: Any) -> None:
        row = _row(top)
        self._button(row, "close", _tr("Close"), _tr("Close the plugin; the state is kept."),
                     lambda: self._do.close())  # fmt: skip
        self._button(row, "help", _tr("Help"), _tr("How to use this."), lambda: self._do.help())
        row.add_widget(Widgets.Label(""), stretch=1)

    def _button(
        self, row: Any, key: str, text: str, tip: str, action: Callable[[], object]
    ) -> None:
        button = Widgets.Button(text)
        button.set_tooltip(tip)
        button.add_callback("activated", lambda _: action())
        row.add_widget(button, stretch=0)
        self.w[key] = button

    @staticmethod
    def _label(text: str) -> Any:
        label = Widgets.Label(text)
        native = label.get_widget()
        if hasattr(native, "setWordWrap"):  # Qt; GTK and the browser wrap or scroll themselves
            native.setWordWrap(True)
            native.setMinimumWidth(50)
        return label

    # --- what the user does

    def _mode(self, _: Any, on: bool, mode: str) -> None:
        if on:
            self._do.set_mode(mode)

    def _place(self) -> None:
        unit = "pixel" if self.w["unit"].get_index() == 0 else "sky"
        self._do.place_region(unit, [entry.get_text() for entry in self.w["place"]])

    def _run(self, mode: str) -> None:
        if self.collect():
            self._do.run_recipe(mode)

    def _save(self) -> None:
        kinds = [kind for kind, check in self.w["kinds"].items() if check.get_state()]
        folder = self.w["folder"].get_text().strip()
        self._do.save(kinds, folder, bool(self.w["overwrite"].get_state()))

    def collect(self) -> bool:
        """Take over typed values that no callback told of; False if one is no number."""
        for name, kind in self._kinds.items():
            if kind not in (bool, int, float):
                text = self._fields[name].get_text().strip()
                try:
                    value = float(text) if text else None
                except ValueError:
                    value = text  # refused by its rule, in words
                self._do.set_parameter(name, value)
                if isinstance(value, str):
                    return False
        return True

    # --- what the session shows

    def render(self, view: ViewModel | None, idle_words: str = "") -> None:
        """Show a view model; None where there is no usable image, with words on why."""
        ready = view is not None and view.ready and not view.busy
        for key in ("delete", "clear", "add", "open", "load", "save", "subtract"):
            self.w[key].set_enabled(ready)
        for key in ("run", "more", "stable"):
            self.w[key].set_enabled(ready)
        self.w["cancel"].set_enabled(view is not None and view.busy)
        if view is None:
            self.w["title"].set_text(idle_words)
            self._show_words("", "")
            self.w["summary"].set_text("")
            self.w["progress"].set_value(0.0)
            self.regions.show((), None)
            self.passes.show(())
            return
        if ready:
            self.w["delete"].set_enabled(view.selected is not None)
            self.w["clear"].set_enabled(bool(view.regions))
            self.w["more"].set_enabled(view.can_continue)
            self.w["load"].set_enabled(view.can_load)
            for key in ("save", "subtract"):
                self.w[key].set_enabled(view.has_result)
        self.w["title"].set_text(view.title)
        self._show_words("" if view.is_error else view.words, view.words if view.is_error else "")
        self.w["summary"].set_text(view.summary)
        self.w["progress"].set_value(view.fraction)
        self.w["saturation_hint"].set_text(view.saturation_hint)
        self._fields["use_dq"].set_enabled(view.has_dq)
        for _, group in view.recipe.groups():
            for name, value in group.to_dict().items():
                self._show_value(name, value)
        self.regions.show(view.regions, view.selected)
        self.passes.show(view.rows)

    def _show_words(self, words: str, error: str) -> None:
        for key, text in (("words", words), ("error", f"⚠ {error}" if error else "")):
            self.w[key].set_text(text)
            if text:
                self.w[key].show()
            else:
                self.w[key].hide()

    def _show_value(self, name: str, value: Any) -> None:
        widget, kind = self._fields[name], self._kinds[name]
        if kind is bool:
            if bool(widget.get_state()) != value:
                widget.set_state(value)
        elif kind in (int, float):
            if widget.get_value() != value:
                widget.set_value(value)
        else:
            text = "" if value is None else f"{value:g}"
            if widget.get_text() != text:
                widget.set_text(text)

    def show_value(self, text: str) -> None:
        """Show what lies under the cursor."""
        self.w["value"].set_text(text)

    def set_mode(self, mode: str) -> None:
        """Show the mouse mode."""
        self.w[mode].set_state(True)


def _tip(name: str, rule: Rule) -> str:
    allowed = f" ({rule.range_text()})" if rule.range_text() else ""
    return f"{_tr(rule.help)}{allowed} [{name}]"


def _frame(box: Any, title: str) -> tuple[Any, Any]:
    frame, inner = Widgets.Frame(title), Widgets.VBox()
    inner.set_border_width(2)
    inner.set_spacing(2)
    frame.set_widget(inner)
    box.add_widget(frame, stretch=0)
    return frame, inner


def _row(box: Any) -> Any:
    row = Widgets.HBox()
    row.set_spacing(3)
    box.add_widget(row, stretch=0)
    return row
