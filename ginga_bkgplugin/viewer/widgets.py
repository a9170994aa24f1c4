"""Small pieces the sections of the panel are built from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ginga.gw import Widgets


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


def show_text(label: Any, text: str) -> None:
    """Set a label's text, and take no room without one."""
    label.set_text(text)
    if text:
        label.show()
    else:
        label.hide()
