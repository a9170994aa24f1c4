"""The hands and eyes of a user before a real Ginga."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.files.frames import read_frame
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.work.pipeline import Result, finish, run_frame

CHANNEL = "Image"


class Desk:
    """Ginga with the plugin open, and the hands and eyes of a user."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.plugin: Any = None

    @property
    def channel(self) -> Any:
        return self.viewer.fv.get_channel(CHANNEL)

    @property
    def session(self) -> Any:
        return self.plugin.session

    @property
    def panel(self) -> Any:
        return self.plugin.panel

    @property
    def view(self) -> Any:
        """Ginga's image viewer."""
        return self.plugin.fitsimage

    @property
    def result(self) -> Result:
        result: Result = self.session.result
        return result

    @property
    def regions(self) -> Any:
        return self.session.recipe.regions

    # --- doing

    def start(self) -> None:
        self.plugin = self.viewer.start_plugin(CHANNEL)

    def stop(self) -> None:
        """Close the plugin by its button's way."""
        self.plugin.close()
        self.viewer.pump()

    def open(self, *paths: Path | str) -> None:
        """Open files; the last one is on display and the plugin knows its header."""
        self.viewer.open(paths)
        self.wait(self._looked_at, "the header")

    def show(self, name: str) -> None:
        """Bring an image of the channel back on display."""
        self.channel.switch_name(name)
        self.wait(
            lambda: self.channel.get_current_image().get("name") == name and self._looked_at(),
            f"{name} on display",
        )
        self.viewer.pump()

    def _looked_at(self) -> bool:
        """Whether the plugin knows the pixels and the header of what is on display."""
        session, image = self.session, self.channel.get_current_image()
        if session is None or not session.ready or image is None:
            return False
        return np.shares_memory(session.frame.data, image.get_data())

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = 60) -> None:
        self.viewer.wait(condition, what, seconds)

    def wait_for_words(self, words: str) -> None:
        self.wait(lambda: words in self.words, f"the words {words!r}, not {self.words!r}")

    def press(self, button: Any) -> None:
        self.viewer.press(button)

    def tick(self, check: Any) -> None:
        """Click a check box on its mark, with its tab in front."""
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest
        from qtpy.QtWidgets import QTabWidget

        native = check.get_widget()
        tab = native.parentWidget()
        while tab is not None and not isinstance(tab.parentWidget().parentWidget(), QTabWidget):
            tab = tab.parentWidget() if tab.parentWidget().parentWidget() else None
        if tab is not None:
            tab.parentWidget().parentWidget().setCurrentWidget(tab)
        place = QPoint(8, native.height() // 2)
        QTest.mouseClick(native, Qt.MouseButton.LeftButton, pos=place)
        self.viewer.pump()

    def draw(self, x: float, y: float, radius: float) -> None:
        self.viewer.drag(CHANNEL, (x, y), (x + radius, y))

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.viewer.drag(CHANNEL, start, end)

    def point(self, x: float, y: float) -> None:
        """Rest the real mouse on a place of the image, coming from beside it."""
        from qtpy.QtCore import QPoint
        from qtpy.QtTest import QTest

        for beside in (3, 0):  # Qt tells of no move to where the mouse is already
            self.wait(lambda: not self.view.is_redraw_pending(), "the redraw")  # or it is dropped
            wx, wy = self.view.get_canvas_xy(x + beside, y)
            QTest.mouseMove(self.view.get_widget(), QPoint(round(float(wx)), round(float(wy))))
            self.viewer.pump(0.1)

    def click(self, x: float, y: float) -> None:
        self.viewer.click(CHANNEL, x, y)

    def key(self, name: str, widget: Any = None, *held: str) -> None:
        """Press a real key over the image, or in a widget of Ginga, while others are held."""
        from qtpy.QtTest import QTest

        with self.holding(*held, widget=widget) as modifiers:
            QTest.keyClick((widget or self.view).get_widget(), _key(name), modifiers)
        self.viewer.pump()

    @contextlib.contextmanager
    def holding(self, *keys: str, widget: Any = None) -> Iterator[Any]:
        """Hold ``Shift`` or ``Control`` down."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        native = (widget or self.view).get_widget()
        modifiers = Qt.KeyboardModifier.NoModifier
        for key in keys:
            modifiers |= getattr(Qt.KeyboardModifier, f"{key}Modifier")
            QTest.keyPress(native, _key(key), modifiers)
        self.viewer.pump()
        yield modifiers
        for key in keys:
            QTest.keyRelease(native, _key(key))
        self.viewer.pump()

    def tool(self, name: str) -> None:
        """Press a tool's button."""
        self.press(self.panel.masks.tools[name])

    def trace(self, *points: tuple[float, float], button: str = "left") -> None:
        """Press the real mouse at the first of these positions, release it at the last."""
        self.viewer.trace(CHANNEL, points, button)

    def wheel(self, steps: int) -> None:
        """Turn the real wheel over the middle of the image; up is above 0."""
        from qtpy.QtCore import QPoint, QPointF, Qt
        from qtpy.QtGui import QWheelEvent
        from qtpy.QtWidgets import QApplication

        native = self.view.get_widget()
        middle = QPointF(native.rect().center())
        event = QWheelEvent(
            middle, QPointF(native.mapToGlobal(middle.toPoint())), QPoint(0, 0),
            QPoint(0, 120 * steps), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(native, event)
        self.viewer.pump()

    def type(self, widget: Any, text: str, *, enter: bool = True) -> None:
        """Replace what stands in an entry or spin box, key by key."""
        from qtpy.QtTest import QTest

        native = widget.get_widget()
        native.setFocus()
        native.selectAll()
        QTest.keyClicks(native, text)
        if enter:
            self.key("Return", widget)
        self.viewer.pump()

    def use_file(self, entry: str, path: Path) -> None:
        """Choose an entry of the menus of masks, then a file in its dialog."""
        self.panel.masks.menu[entry].get_widget().trigger()
        self.viewer.pump()
        dialog = self.plugin._dialog
        dialog.get_widget().hide()
        dialog.make_callback("activated", [str(path)])
        self.viewer.pump()

    def question(self, words: str) -> str:
        """Wait for a question with these words; all it says."""
        self.wait(lambda: words in self._asked, f"the question {words!r}")
        self.viewer.pump()
        return self._asked

    @property
    def _asked(self) -> str:
        dialog = getattr(self.plugin, "_dialog", None)
        if not hasattr(dialog, "buttons"):
            return ""
        return str(dialog.get_content_area().get_children()[0].get_text())

    def ticks(self) -> list[Any]:
        """What can be ticked in the question that is shown."""
        grid = self.plugin._dialog.get_content_area().get_children()[1]
        return list(grid.get_children())

    def answer(self, text: str, typed: str = "") -> None:
        """Type into the question that is shown, if asked to, and press one of its buttons."""
        dialog = self.plugin._dialog
        if typed:
            self.type(dialog.get_content_area().get_children()[-1], typed, enter=False)
        buttons = {button.get_text(): button for button in dialog.buttons}
        self.press(buttons[text])

    def run(self, button: Any = None) -> Result:
        """Press Run, or another of its section, and wait for the end."""
        self.press(button or self.panel.running.run)
        self.wait(lambda: not self.session.busy, "the run")
        self.viewer.pump()
        return self.result

    def take(self, result: Result) -> Result:
        """Show a result as if it were of a run just now: for tests of what comes after."""
        self.session.show_result(result)
        self.plugin.render()
        self.viewer.pump()
        return result

    def place(self, unit: str, *numbers: str) -> None:
        """Type a circle: unit ``pixel`` or ``sky``, and press Add."""
        self.panel.masks.unit.set_index(("pixel", "sky").index(unit))
        for entry, text in zip(self.panel.masks.numbers, numbers, strict=True):
            self.type(entry, text, enter=False)
        self.press(self.panel.masks.add)

    # --- seeing

    @property
    def words(self) -> str:
        """The message that can be read in the panel."""
        lines = (self.panel.running.words, self.panel.running.error)
        return " ".join(str(line.get_text()) for line in lines).strip()

    @property
    def error(self) -> str:
        return str(self.panel.running.error.get_text())

    @property
    def outlines(self) -> Any:
        """The shapes on the canvas: regions, looks, labels."""
        return self.plugin.shapes.outlines

    @property
    def nothing_drawn(self) -> bool:
        """Whether neither a shape nor a gesture is on the canvas."""
        return not self.outlines.regions and self.plugin.shapes.canvas.objects == [
            self.outlines.mark
        ]

    @property
    def shape_rows(self) -> list[list[str]]:
        """The number of every shape, and its cells from x, or RA, on."""
        return [
            [row[0], *row[5:]] for row in self.rows(self.panel.masks.table) if row[0][0].isdigit()
        ]

    def list_sky(self, on: bool) -> None:
        """Choose sky or pixels for list and numbers, by the keyboard."""
        unit = self.panel.masks.unit
        unit.get_widget().setFocus()
        self.key("End" if on else "Home", unit)

    def rows(self, table: Any) -> list[list[str]]:
        """What a list of the panel shows."""
        tree = table.widget.get_widget()
        items = [tree.topLevelItem(i) for i in range(tree.topLevelItemCount())]
        return [[item.text(column) for column in range(tree.columnCount())] for item in items]

    def picture(self) -> npt.NDArray[np.uint8]:
        """The colours of the image window; they must be those of a window drawn anew."""
        self.viewer.pump()
        self.wait(lambda: not self.view.is_redraw_pending(), "the redraw")
        colours: npt.NDArray[np.uint8] = np.array(self.view.getwin_array(order="RGB"))
        self.view.redraw_now(whence=0)
        assert np.array_equal(colours, self.view.getwin_array(order="RGB")), "the window is stale"
        return colours

    # --- the same work by another door

    def in_process(self, recipe: Recipe | None = None) -> Result:
        """What the recipe gives on the file on display, without any viewer."""
        frame = read_frame(self.session.frame.path, self.session.frame.hdu)
        return finish(run_frame(frame, recipe or self.session.recipe))


def _key(name: str) -> Any:
    from qtpy.QtCore import Qt

    return getattr(Qt.Key, f"Key_{name}")
