"""One real Ginga, offscreen, for all tests here; each begins with an image and ends clean."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from ginga_bkgplugin.files.frames import celestial_wcs, read_frame
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.simulate import SimulatedField, sample_field
from ginga_bkgplugin.viewer.launch import PLUGIN, Viewer
from ginga_bkgplugin.work.pipeline import Result, finish, run

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
    def shapes(self) -> Any:
        """What the canvas of shapes shows."""
        return self.plugin.shapes.canvas.objects

    @property
    def shape_rows(self) -> list[list[str]]:
        """The cells of the list, from x on, of every shape."""
        return [
            [row[0], *row[5:]] for row in self.rows(self.panel.masks.table) if row[0][0].isdigit()
        ]

    def rows(self, table: Any) -> list[list[str]]:
        """What a list of the panel shows."""
        tree = table.widget.get_widget()
        items = [tree.topLevelItem(i) for i in range(tree.topLevelItemCount())]
        return [[item.text(column) for column in range(tree.columnCount())] for item in items]

    def picture(self) -> npt.NDArray[np.uint8]:
        """The colours of the image window."""
        self.view.redraw_now(whence=0)
        colours: npt.NDArray[np.uint8] = np.array(self.view.getwin_array(order="RGB"))
        return colours

    # --- the same work by another door

    def in_process(self, recipe: Recipe | None = None) -> Result:
        """What the recipe gives on the file on display, without any viewer."""
        frame = read_frame(self.session.frame.path, self.session.frame.hdu)
        return finish(
            run(
                frame.data,
                recipe or self.session.recipe,
                wcs=frame.wcs,
                dq=frame.dq,
                saturation_level=frame.saturation_level,
            )
        )


def _key(name: str) -> Any:
    from qtpy.QtCore import Qt

    return getattr(Qt.Key, f"Key_{name}")


def same_bytes(one: Result, other: Result) -> bool:
    """Whether two results agree bit for bit."""
    return (
        one.mask.tobytes() == other.mask.tobytes()
        and one.fit.level.tobytes() == other.fit.level.tobytes()
        and one.fit.rms.tobytes() == other.fit.rms.tobytes()
        and one.fit.globalback == other.fit.globalback
        and one.rows == other.rows
    )


def write_images(path: Path, images: Sequence[Any], header: fits.Header | None = None) -> Path:
    """Write images as the HDUs of one file."""
    hdus = [fits.PrimaryHDU(images[0], header)]
    hdus += [fits.ImageHDU(image, header) for image in images[1:]]
    fits.HDUList(hdus).writeto(path)
    return path


@pytest.fixture(scope="session")
def small() -> SimulatedField:
    """A field that a pass takes milliseconds for; shared, so its arrays are locked."""
    field = sample_field((300, 360), stars=40)
    field.data.flags.writeable = False
    return field


@pytest.fixture(scope="session")
def small_result(small: SimulatedField) -> Result:
    """What a recipe with a circle over the galaxy gives on the small field."""
    recipe = Recipe().with_regions(small.galaxy)
    options: dict[str, Any] = {"wcs": celestial_wcs(small.header), "saturation_level": 60_000.0}
    return finish(run(small.data, recipe, **options))


@pytest.fixture
def image(small: SimulatedField, tmp_path: Path) -> Path:
    """A file of the small field."""
    path = tmp_path / "field.fits"
    write_fits(path, small.data, small.header)
    return path


@pytest.fixture(scope="package")
def ginga() -> Iterator[Any]:
    """The one Ginga of this process."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QT_LOGGING_RULES"] = "*.warning=false"  # it lacks size hints, and says so
    from ginga_bkgplugin.viewer.demo import qt_problem

    problem = qt_problem()
    if problem:
        pytest.skip(problem)
    viewer = Viewer((1150, 850), plugins=("Pick",))  # with all of them each step takes longer
    yield viewer
    viewer.close()


@pytest.fixture
def empty(ginga: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Ginga with an empty channel, the plugin not yet open."""
    desk = Desk(ginga)
    # the first run starts the process too; most tests have none and need not pay for it
    monkeypatch.setattr(desk.channel.opmon.get_plugin(PLUGIN).jobs, "warm_up", lambda: None)
    limit = desk.channel.datasrc.length
    yield desk
    fv = ginga.fv
    fv.close_plugins(desk.channel)
    for name in list(fv.get_channel_names()):
        channel = fv.get_channel(name)
        channel.viewer.clear()
        for each in channel.get_image_names():
            channel.remove_image(each)
        if name != CHANNEL:
            fv.delete_channel(name)
    desk.channel.datasrc.length = limit
    ginga.pump()
    if desk.plugin is not None:
        desk.view.transform(False, False, False)
        desk.view.rotate(0)
        desk.plugin.sessions = type(desk.plugin.sessions)()
        desk.plugin.session = None
        for kind, on in (("mask", True), ("background", False), ("rms", False)):
            desk.plugin.overlays.set_visible(kind, on)
            desk.plugin.overlays.set_opacity(kind, 0.45 if kind == "mask" else 0.6)


@pytest.fixture
def desk(empty: Desk, image: Path) -> Desk:
    """The small field on display, the plugin open."""
    empty.viewer.open([image])
    empty.start()
    return empty
