"""The parameters as widgets, made from the rules that stand beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.recipe.parameters import METHOD_OF
from ginga_bkgplugin.recipe.recipe import GROUPS
from ginga_bkgplugin.recipe.rules import Rule
from ginga_bkgplugin.viewer import widgets
from ginga_bkgplugin.work.viewmodel import ViewModel

TITLES = {
    "source": "Source mask",
    "background": "Background",
    "smooth": "Smooth",
    "invalid": "Invalid",
}


class ParameterFields:
    """A tab for each group of parameters, a widget for each parameter.

    Parameters
    ----------
    box : ginga.gw.Widgets container
    on_change : callable
        Called with name and value when the user changes one.
    """

    def __init__(self, box: Any, on_change: Callable[[str, Any], None]) -> None:
        self._on_change = on_change
        self.widgets: dict[str, Any] = {}
        self._kinds: dict[str, Any] = {}
        self._units: dict[str, Any] = {}
        self._choices: dict[str, tuple[str, ...]] = {}
        self._texts: dict[str, str] = {}  # as shown
        tabs = Widgets.TabWidget(tabpos="top")
        pages = []
        for group, title in TITLES.items():
            inner = Widgets.VBox()
            inner.set_border_width(4)
            rules = list(GROUPS[group].rules())
            grid = Widgets.GridBox(rows=len(rules), columns=3)
            grid.set_column_spacing(6)
            grid.set_row_spacing(2)
            for place, (name, kind, _, rule) in enumerate(rules):
                self._add(grid, place, name, kind, rule)
            inner.add_widget(grid, stretch=0)
            widgets.fill(inner)
            tabs.add_widget(inner, title=_tr(title))
            pages.append(inner)
        tabs.set_index(0)
        widgets.fit_tabs(tabs, pages)
        box.add_widget(tabs, stretch=0)

    def _add(self, grid: Any, place: int, name: str, kind: Any, rule: Rule) -> None:
        field = self._field(name, kind, rule)
        allowed = f" ({rule.range_text()})" if rule.range_text() else ""
        field.set_tooltip(f"{_tr(rule.help)}{allowed} [{name}]")
        self.widgets[name], self._kinds[name] = field, kind
        if kind is bool:
            grid.add_widget(field, place, 0)
            return
        field.set_min_size(70, 20)  # the panel need not be wider than 400 pixels
        label, unit = Widgets.Label(_tr(rule.label)), Widgets.Label(_tr(rule.unit))
        label.set_tooltip(_tr(rule.help))
        for text in (label, unit):
            if hasattr(text, "set_valign"):  # not in the browser
                text.set_valign("center")
        self._units[name] = unit
        grid.add_widget(label, place, 0)
        grid.add_widget(field, place, 1, stretch=1)
        grid.add_widget(unit, place, 2)

    def _field(self, name: str, kind: Any, rule: Rule) -> Any:
        """The widget of one parameter; limits come before the value, callbacks last."""
        if kind is bool:
            field = Widgets.CheckBox(_tr(rule.label))
            field.add_callback("activated", lambda _, on: self._on_change(name, bool(on)))
        elif kind in (int, float):
            field = Widgets.SpinBox(dtype=kind)
            if kind is float:
                field.set_decimals(2)
            field.set_limits(rule.low, rule.high, incr_value=rule.step or 1)
            native = field.get_widget()
            if hasattr(native, "setKeyboardTracking"):  # Qt: tell of whole numbers, not digits
                native.setKeyboardTracking(False)
            field.add_callback("value-changed", lambda _, value: self._on_change(name, value))
        elif kind is str:
            self._choices[name] = rule.choices
            field = Widgets.ComboBox()
            for choice in rule.choices:
                field.append_text(choice)
            field.set_index(0)
            field.add_callback(
                "activated", lambda _, place: self._on_change(name, rule.choices[place])
            )
        else:
            field = Widgets.TextEntry("")
            field.add_callback("activated", lambda _: self.collect())
        return field

    def collect(self) -> bool:
        """Take over typed values that no callback told of; False if one is no number."""
        for name, kind in self._kinds.items():
            native = self.widgets[name].get_widget()
            if hasattr(native, "interpretText"):  # Qt's spin boxes
                native.interpretText()
            if kind in (bool, int, float, str):
                continue
            text = self.widgets[name].get_text().strip()
            if text == self._texts.get(name):
                continue  # as it was shown
            try:
                value: Any = float(text) if text else None
            except ValueError:
                value = text  # refused by its rule, in words
            self._on_change(name, value)
            if isinstance(value, str):
                return False
        return True

    def render(self, view: ViewModel) -> None:
        """Show the recipe's values."""
        background = view.recipe.background
        for name, method in METHOD_OF.items():
            self.widgets[name].set_enabled(method == background.method)
        self.widgets["model"].set_enabled(background.is_2d)
        meshed = background.is_2d and background.model == "mesh"
        self.widgets["fill"].set_enabled(meshed and background.method == "sep")
        self.widgets["use_dq"].set_enabled(view.has_dq)
        self._units["saturation_level"].set_text(view.saturation_hint)
        for _, group in view.recipe.groups():
            for name, value in group.to_dict().items():
                self._show(name, value)

    def _show(self, name: str, value: Any) -> None:
        field, kind = self.widgets[name], self._kinds[name]
        if kind is bool:
            if bool(field.get_state()) != value:
                field.set_state(value)
        elif kind is str:
            field.set_index(self._choices[name].index(value))
        elif kind in (int, float):
            if field.get_value() != value:
                field.set_value(value)
        else:
            text = self._texts[name] = "" if value is None else str(value).removesuffix(".0")
            if field.get_text() != text:
                field.set_text(text)
