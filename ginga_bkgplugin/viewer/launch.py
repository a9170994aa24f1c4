"""Starting Ginga with the plugin: for `ginga-bkg view` and `demo`, tests and screenshots."""

from __future__ import annotations

import importlib.util
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ginga_bkgplugin.recipe.errors import BackgroundPluginError

PLUGIN = "Background"


class ViewerError(BackgroundPluginError, RuntimeError):
    """Ginga could not be started or did not do what it should."""


class Viewer:
    """Ginga's reference viewer in this process, with its own empty settings folder.

    Parameters
    ----------
    size : tuple of int
        Width and height of the window.
    base : path, optional
        Ginga's settings folder. Default: a new temporary one, so that no layout or plugin of
        the user's own interferes.
    plugins : sequence of str, optional
        Which of Ginga's own plugins to load beside ours, by module. Default: all that work
        here and write nothing beside the images.

    Raises
    ------
    ImportError
        When no Qt can be loaded.
    """

    def __init__(
        self,
        size: tuple[int, int] = (1400, 900),
        base: Path | None = None,
        plugins: Sequence[str] | None = None,
    ) -> None:
        from ginga.locale import localize
        from ginga.misc import Settings
        from ginga.rv import main
        from ginga.util import paths

        folder = base or Path(tempfile.mkdtemp(prefix="ginga-bkg-"))
        paths.set_home(str(folder))
        own = [spec for spec in main.plugins if plugins is None or spec.module in plugins]
        without = ["Thumbs"]  # makes a folder beside the user's files
        if importlib.util.find_spec("matplotlib") is None:
            without.append("Plot")  # in the names of those that would complain
        own = [
            spec
            for spec in own
            if not any(word in str(spec.get("klass") or spec.module) for word in without)
        ]
        reference = main.ReferenceViewer(
            layout=main.default_layout, plugins=own, appname="ginga", basedir=str(folder),
            channels=["Image"],
        )  # fmt: skip
        reference.add_default_plugins()
        reference.add_separately_distributed_plugins()
        if PLUGIN not in reference.plugin_dct:  # run from a bare folder, not installed
            from ginga_bkgplugin.viewer import ginga_plugin

            reference.add_plugin_spec(ginga_plugin())
        reference.logger = logging.getLogger("ginga")
        if not reference.logger.handlers:
            shown = logging.StreamHandler()  # "the log" of our messages
            shown.setLevel(logging.ERROR)
            reference.logger.addHandler(shown)
        reference.ev_quit = threading.Event()
        reference.prefs = Settings.Preferences(basefolder=str(folder), logger=reference.logger)
        settings = reference.prefs.create_category("general")
        settings.set_defaults(
            appname="ginga", title="Ginga", widgetSet="qt6", WCSpkg="choose", FITSpkg="astropy",
            suppress_fits_warnings=True, save_layout=False, layout_file="layout.json",
            plugin_file=None, channel_prefix="Image", confirm_shutdown=False, language="en",
            show_languages=True, showBanner=False, http_server=False, load_bundled_fonts=True,
            min_threads=2, num_threads=10, recursion_limit=2000, numImages=10,
            geometry=f"{size[0]}x{size[1]}+20+20",
        )  # fmt: skip
        reference.settings = settings
        localize.set_language("en")
        self.reference = reference
        self.fv = reference.setup()

    # --- doing

    def pump(self, seconds: float = 0.012) -> None:
        """Let Ginga's event loop run for a while."""
        from qtpy.QtCore import QCoreApplication, QEvent

        end = time.monotonic() + seconds
        while True:
            self.fv.update_pending(timeout=0.005)
            # what is to be deleted later: Qt's own loop does it, processEvents() outside does not
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            if time.monotonic() >= end:
                return

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = 60.0) -> None:
        """Run the event loop until something is so.

        Raises
        ------
        ViewerError
            When it is not within `seconds`, naming `what`.
        """
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise ViewerError(f"Waited {seconds:g} s for {what}.")
            self.pump(0.01)

    def open(self, files: Sequence[str | Path], channel: str = "Image") -> None:
        """Load files into a channel; the last one is on display."""
        for file in files:
            self._open(file, self.fv.get_channel(channel))

    def _open(self, file: str | Path, channel: Any) -> None:
        before = channel.get_current_image()
        self.fv.load_file(str(file), chname=channel.name)
        self.wait(lambda: channel.get_current_image() not in (None, before), f"{file} to load")

    def start_plugin(self, channel: str = "Image") -> Any:
        """Open the plugin on a channel and return it, once its image is looked at."""
        self.fv.start_local_plugin(channel, PLUGIN)
        plugin = self.fv.get_channel(channel).opmon.get_plugin(PLUGIN)
        self.wait(
            lambda: plugin.session is None or plugin.session.ready, "the image's header", 120
        )
        return plugin

    def run(self) -> None:
        """Give Ginga the floor until the user quits."""
        self.fv.mainloop(timeout=0.001)

    def close(self) -> None:
        """Close all plugins and end the threads."""
        for name in list(self.fv.get_channel_names()):
            self.fv.close_plugins(self.fv.get_channel(name))
        self.pump(0.05)
        self.reference.ev_quit.set()
        self.fv.gpmon.stop_all_plugins()
        # one of the pool may wait for ever for a task (CPython 3.11, docs/upstream.md): wake it
        self.fv.threadPool.queue.put((0, None))
        self.fv.threadPool.stopall(wait=True)
        listener = getattr(self.reference, "_gui_log_listener", None)
        if listener is not None:
            listener.stop()

    # --- the mouse and the window (Qt)

    def drag(self, channel: str, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag with the real left mouse button between two image positions."""
        shares = [step / 5 for step in range(6)]
        between = [[a + s * (b - a) for a, b in zip(start, end, strict=True)] for s in shares]
        self.trace(channel, between)

    def trace(self, channel: str, points: Sequence[Sequence[float]], button: str = "left") -> None:
        """Press the real mouse at the first image position, move along, release at the last."""
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest

        view = self.fv.get_channel(channel).viewer
        widget, code = view.get_widget(), getattr(Qt.MouseButton, f"{button.title()}Button")

        def at(point: Sequence[float]) -> QPoint:
            wx, wy = view.get_canvas_xy(*point)
            return QPoint(round(float(wx)), round(float(wy)))

        def move(point: Sequence[float]) -> None:
            # Ginga drops moves of the mouse that come while a redraw is due
            self.wait(lambda: not view.is_redraw_pending(), "the redraw", 10)
            QTest.mouseMove(widget, at(point))
            self.pump(0.006)

        move(points[0])
        QTest.mousePress(widget, code, pos=at(points[0]))
        self.pump()
        for point in points[1:]:
            move(point)
        QTest.mouseRelease(widget, code, pos=at(points[-1]))
        self.pump()

    def click(self, channel: str, x: float, y: float) -> None:
        """Click with the real left mouse button at an image position."""
        self.drag(channel, (x, y), (x, y))

    def press(self, widget: Any) -> None:
        """Click a Ginga widget with the real left mouse button."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        QTest.mouseClick(widget.get_widget(), Qt.MouseButton.LeftButton)
        self.pump()

    def grab(self, file: str | Path) -> Path:
        """Save a picture of the whole window as PNG."""
        self.pump(0.3)
        self.fv.w.root.get_widget().grab().save(str(file))
        return Path(file)


def has_display() -> bool:
    """Whether a window can be shown to a person."""
    if os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal"):
        return False
    if os.name == "nt" or os.uname().sysname == "Darwin":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def window_problem() -> str:
    """Why Qt cannot open a window on the display there is; empty when it can.

    Asked in a process of its own: Qt aborts where a library or the display is missing.
    """
    program = "from qtpy.QtWidgets import QApplication; QApplication([])"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    if answer.returncode == 0:
        return ""
    lines = [line for line in answer.stderr.splitlines() if line.strip()]
    return lines[0] if lines else f"exit code {answer.returncode}"
