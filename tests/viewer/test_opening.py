"""The plugin in Ginga: found, opened, closed, and a panel that fits and explains itself."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from ginga_bkgplugin.recipe.recipe import GROUPS
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.viewer.launch import PLUGIN
from ginga_bkgplugin.viewer.overlays import MASK
from ginga_bkgplugin.work.pipeline import Result
from tests.viewer.desk import Desk

pytestmark = pytest.mark.viewer

WIDEST = 400  # pixels: what Ginga gives a local plugin


def _native(desk: Desk) -> Any:
    """The panel as Qt has it: the widget that scrolls."""
    from qtpy.QtWidgets import QScrollArea, QWidget

    widget: Any = desk.panel.title.get_widget()
    while not isinstance(widget.parentWidget().parentWidget(), QScrollArea):
        widget = widget.parentWidget()
    assert isinstance(widget, QWidget)
    return widget


def _top(desk: Desk) -> Any:
    """The whole panel, with the foot below the part that scrolls."""
    from qtpy.QtWidgets import QScrollArea

    widget = _native(desk)
    while not isinstance(widget, QScrollArea):
        widget = widget.parentWidget()
    return widget.parentWidget()


def test_the_entry_point_says_what_ginga_needs(ginga: Any) -> None:
    (found,) = entry_points(group="ginga.rv.plugins", name="ginga_bkgplugin")

    spec = found.load()()

    assert (spec.ptype, spec.category, spec.menu) == ("local", "Analysis", "Background")
    module = importlib.import_module(spec.module)
    assert getattr(module, spec.klass).__name__ == PLUGIN


def test_ginga_has_found_the_plugin_and_offers_it_for_a_channel(ginga: Any) -> None:
    specs = ginga.reference.plugin_dct

    assert specs[PLUGIN].module == "ginga_bkgplugin.viewer.plugin"
    assert ginga.fv.get_channel("Image").opmon.has_plugin(PLUGIN)


def test_opening_shows_a_panel_ready_for_the_image(desk: Desk, image: Path) -> None:
    assert desk.panel.title.get_text() == image.name
    assert desk.panel.running.run.get_widget().isEnabled()
    assert desk.panel.masks.tools["circle"].get_state()


def test_opening_starts_the_computing_process_so_that_run_need_not(
    empty: Desk, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    empty.viewer.open([image])

    empty.start()

    assert empty.plugin.jobs.worker._process.poll() is None


def test_every_parameter_has_a_field_with_its_help(desk: Desk) -> None:
    for group in GROUPS.values():
        for name, _, _, rule in group.rules():
            tip = desk.panel.fields.widgets[name].get_widget().toolTip()
            assert rule.help in tip
            assert name in tip


def test_every_control_has_a_tooltip(desk: Desk) -> None:
    from qtpy import QtWidgets as Qt

    kinds = (Qt.QAbstractButton, Qt.QAbstractSpinBox, Qt.QLineEdit, Qt.QComboBox, Qt.QSlider,
             Qt.QTreeWidget)  # fmt: skip
    inner = (
        Qt.QAbstractSpinBox,
        Qt.QComboBox,
        Qt.QTabBar,
        Qt.QTreeWidget,
        Qt.QMenuBar,
    )  # Qt's own
    controls = [
        widget
        for kind in kinds
        for widget in _top(desk).findChildren(kind)
        if not isinstance(widget.parentWidget(), inner)
    ]

    assert len(controls) > 30
    assert [repr(each) for each in controls if not each.toolTip()] == []


def test_nothing_in_the_panel_is_wider_than_what_ginga_gives_it(
    desk: Desk, small_result: Result
) -> None:
    desk.take(small_result)
    desk.plugin.add_shape(PixelCircle(1234.5, 1234.5, 123.4))

    assert _native(desk).minimumSizeHint().width() <= WIDEST
    assert _top(desk).minimumSizeHint().width() <= WIDEST


def test_a_long_message_wraps_instead_of_widening_the_panel(desk: Desk) -> None:
    desk.plugin.tell("A very long message " * 20 + "with/a/long/path" * 3)
    desk.plugin.render()

    assert _native(desk).minimumSizeHint().width() <= WIDEST


def test_closing_and_opening_again_keeps_everything(desk: Desk) -> None:
    desk.draw(200, 150, 40)
    desk.plugin.set_parameter("sigma", 4.5)
    result = desk.run()
    regions = desk.regions

    desk.stop()
    assert desk.panel is None
    desk.start()

    assert desk.regions == regions
    assert desk.panel.fields.widgets["sigma"].get_value() == 4.5
    assert desk.result is result
    assert len(desk.shape_rows) == 1
    assert len(desk.rows(desk.panel.running.passes)) == len(result.rows)
    assert desk.plugin.overlays.shown() == {MASK}


def test_the_close_button_takes_circles_and_overlays_off_the_image(
    desk: Desk, small_result: Result
) -> None:
    before = len(desk.view.get_canvas().objects)
    desk.draw(200, 150, 40)
    desk.take(small_result)

    desk.stop()

    assert len(desk.view.get_canvas().objects) == before - 4  # views, shapes, divider, box
    assert not desk.channel.opmon.is_active(PLUGIN.lower())


def test_after_closing_the_mouse_draws_nothing(desk: Desk) -> None:
    desk.stop()

    desk.draw(200, 150, 40)

    assert desk.regions == ()


def test_after_opening_again_circles_can_be_drawn_and_run(desk: Desk) -> None:
    desk.stop()
    desk.start()

    desk.draw(200, 150, 40)
    result = desk.run()

    assert len(desk.regions) == 1
    assert result.mask[150, 200] & 1


def test_another_plugin_takes_the_mouse_and_gives_it_back(desk: Desk) -> None:
    desk.viewer.fv.start_local_plugin("Image", "Pick")
    desk.viewer.pump()
    desk.draw(120, 100, 20)
    assert desk.regions == ()

    desk.viewer.fv.stop_local_plugin("Image", "Pick")
    desk.channel.opmon.set_focus(PLUGIN.lower())
    desk.viewer.pump()
    desk.draw(200, 150, 40)

    assert len(desk.regions) == 1


def test_help_tells_how_to_use_it(desk: Desk) -> None:
    text = desk.plugin._get_docstring()[1] if hasattr(desk.plugin, "_get_docstring") else ""
    document = importlib.import_module(type(desk.plugin).__module__).__doc__

    assert document is not None
    assert "**Usage**" in document
    assert text == "" or "Mask" in str(text)
