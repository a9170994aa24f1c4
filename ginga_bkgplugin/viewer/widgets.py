"""Small pieces the sections of the panel are built from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ginga.gw import Widgets
from ginga.locale.localize import _tr

_PRESSED = """QPushButton:checked {
    background-color: palette(highlight); color: palette(highlighted-text);
    border: 1px solid palette(shadow); border-radius: 3px; padding: 3px; }"""


def frame(box: Any, title: str) -> Any:
    """A titled frame in `box`; answers the box inside it."""
    outer, inner = Widgets.Frame(title), Widgets.VBox()
    inner.set_border_width(2)
    inner.set_spacing(2)
    outer.set_widget(inner)
    box.add_widget(outer, stretch=0)
    return inner


def row(box: Any) -> Any:
    """A row in `box`."""
    line = Widgets.HBox()
    line.set_spacing(3)
    box.add_widget(line, stretch=0)
    return line


def fill(line: Any) -> None:
    """Take up the rest of a row."""
    line.add_widget(Widgets.Label(""), stretch=1)


def button(line: Any, text: str, tip: str, action: Callable[[], object]) -> Any:
    """A button with a tooltip."""
    widget = Widgets.Button(text)
    widget.set_tooltip(tip)
    widget.add_callback("activated", lambda _: action())
    line.add_widget(widget, stretch=0)
    return widget


def caption(line: Any, text: str) -> None:
    """A label before a widget of a row."""
    label = Widgets.Label(text)
    if hasattr(label, "set_valign"):  # not in the browser
        label.set_valign("center")
    line.add_widget(label, stretch=0)


def fit_tabs(tabs: Any, pages: list[Any]) -> None:
    """Let tabs be as large as the page in front (Qt), not as the largest of all."""
    native = tabs.get_widget()
    if not hasattr(native, "currentChanged"):
        return

    def fit(current: int) -> None:
        for place, page in enumerate(pages):
            policy = page.get_widget().sizePolicy()
            kinds = type(policy).Policy
            kind = kinds.Preferred if place == current else kinds.Ignored
            policy.setVerticalPolicy(kind)
            policy.setHorizontalPolicy(kind)
            page.get_widget().setSizePolicy(policy)
        native.setMaximumHeight(native.minimumSizeHint().height())

    native.currentChanged.connect(fit)
    fit(native.currentIndex())


class Pages:
    """Pages of which one is seen, with a button for each; as tall as the page seen.

    A tab widget is as tall as its tallest page where that has texts that wrap.
    """

    def __init__(self, box: Any, titles: dict[str, str]) -> None:
        line = row(box)
        self.buttons: dict[str, Any] = {}
        self.boxes: dict[str, Any] = {}
        for name, tip in titles.items():
            button = self.buttons[name] = choice(name, name, tip, self.open)
            line.add_widget(button, stretch=1)
            page = self.boxes[name] = Widgets.VBox()
            page.set_border_width(0)
            page.set_spacing(2)
            box.add_widget(page, stretch=0)
        self.open(next(iter(titles)))

    def open(self, name: str) -> None:
        """Show this page."""
        self.current = name
        for each, page in self.boxes.items():
            self.buttons[each].set_state(each == name)
            if each == name:
                page.show()
            else:
                page.hide()


def toggle(text: str, tip: str, action: Callable[[bool], object]) -> Any:
    """A button that stays pressed, which can be told from the others on any ground."""
    widget = Widgets.ToggleButton(text)
    widget.set_tooltip(tip)
    widget.add_callback("activated", lambda _, on: action(bool(on)))
    native = widget.get_widget()
    if hasattr(native, "setStyleSheet"):  # Qt, whose Fusion shades it by a hair when dark
        native.setStyleSheet(_PRESSED)
    return widget


def choice(name: str, text: str, tip: str, action: Callable[[str], object]) -> Any:
    """One of several toggles: it says which it is, and whoever is told sets their states."""
    return toggle(text, tip, lambda _: action(name))


def with_key(tip: str, key: str) -> str:
    """A tooltip that names the key as well."""
    return f"{tip} [{_tr('key')} {key}]"


def check(text: str, tip: str, on: bool) -> Any:
    """A check box with a tooltip."""
    widget = Widgets.CheckBox(text)
    widget.set_state(on)
    widget.set_tooltip(tip)
    return widget


def text_line(box: Any, text: str = "") -> Any:
    """A label that wraps instead of widening the panel."""
    label = Widgets.Label(text)
    native = label.get_widget()
    if hasattr(native, "setWordWrap"):  # Qt; the other toolkits scroll
        native.setWordWrap(True)
        native.setMinimumWidth(50)
    box.add_widget(label, stretch=0)
    return label


def color_text(label: Any, color: str) -> None:
    """Give a label a colour that is read on light ground, mixed with white where it is dark."""
    native = label.get_widget()
    if hasattr(native, "palette") and native.palette().window().color().lightness() < 128:  # Qt
        parts = (int(color[i : i + 2], 16) for i in (1, 3, 5))
        color = "#" + "".join(f"{(part + 255) // 2:02x}" for part in parts)
    label.set_color(fg=color)


def show_text(label: Any, text: str) -> None:
    """Set a label's text, and take no room without one."""
    label.set_text(text)
    if text:
        label.show()
    else:
        label.hide()
