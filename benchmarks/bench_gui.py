"""The longest time the GUI thread is held, while the plugin works on a large frame.

A timer on the GUI thread ticks every 2 ms; the longest gap between two ticks is what a user
feels as a stall. Ginga's own redraw of the image and its overlays happens on the same thread,
so each step says as well the longest single redraw and the longest stretch outside of redraws:
the column before the last is what this plugin is answerable for. The last one is the longest
time that a process overslept which does nothing but sleep 2 ms: what the machine takes, busy with
the run or with others.

    python benchmarks/bench_gui.py [--size NY NX]
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")

import numpy as np

from ginga_bkgplugin import PixelCircle, mask_regions, sample_field
from ginga_bkgplugin.files.versions import package_version
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.viewer.launch import Viewer
from ginga_bkgplugin.viewer.overlays import MASK
from ginga_bkgplugin.viewer.views import BOXES_KEY, HOLD_KEY, SPLIT_KEY, VIEWS

SLEEPER = """
import time
last = time.perf_counter()
while True:
    time.sleep(0.002)
    now = time.perf_counter()
    if now - last > 0.01:
        print(now, now - last, flush=True)
    last = now
"""


class Heartbeat:
    """Gaps between ticks, with the time Ginga spends redrawing counted apart."""

    def __init__(self) -> None:
        from ginga.ImageView import ImageViewBase
        from qtpy.QtCore import QTimer

        self.timer = QTimer()
        self.timer.timeout.connect(self._tick)
        self.timer.start(2)
        self.reset()
        original, drawing = ImageViewBase.redraw_now, []

        def redraw_now(*arguments: Any, **options: Any) -> Any:
            if drawing:  # a view that another draws
                return original(*arguments, **options)
            drawing.append(True)
            start = time.perf_counter()
            try:
                return original(*arguments, **options)
            finally:
                spent = time.perf_counter() - start
                self.redrawing += spent
                self.redraw = max(self.redraw, spent)
                drawing.clear()

        ImageViewBase.redraw_now = redraw_now  # of every view: image, pan, zoom, thumbnails

    def reset(self) -> None:
        """Begin a new step."""
        self.gap = self.redraw = self.own = 0.0
        self.redrawing = 0.0
        self.last = time.perf_counter()

    def _tick(self) -> None:
        now = time.perf_counter()
        gap = now - self.last
        self.gap = max(self.gap, gap)
        self.own = max(self.own, gap - self.redrawing)
        self.last, self.redrawing = now, 0.0


def main() -> None:
    """Drive the viewer and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, nargs=2, default=(6388, 9576), metavar=("NY", "NX"))
    ny, nx = parser.parse_args().size
    versions = " ".join(f"{name} {package_version(name)}" for name in ("ginga", "numpy", "sep"))
    print("command:", " ".join(sys.argv))
    print(f"machine: {platform.platform()}, {os.cpu_count()} cores, Python "
          f"{platform.python_version()}, {versions}")  # fmt: skip
    start = time.perf_counter()
    rng = np.random.default_rng(1)
    circles = [PixelCircle(*rng.uniform(0, (nx, ny)), rng.uniform(20, 300)) for _ in range(200)]
    mask_regions((ny, nx), circles)
    print(f"200 circles of 20 to 300 px on {nx} x {ny}: {time.perf_counter() - start:.3f} s")
    tile = np.nan_to_num(sample_field().data, nan=1000.0)
    reps = -(-ny // tile.shape[0]), -(-nx // tile.shape[1])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "large.fits")
        write_fits(file, np.tile(tile, reps)[:ny, :nx], sample_field().header)
        viewer, slept = Viewer(), Path(folder, "slept")
        with slept.open("wb") as late:
            sleeper = subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=late)
        try:
            _drive(viewer, file, circles, slept)
        finally:
            sleeper.kill()
            sleeper.wait()
            viewer.close()


def overslept(slept: Path, start: float, stop: float) -> float:
    """Longest time the sleeper was late between two times, seconds."""
    lines = (map(float, line.split()) for line in slept.read_text().splitlines())
    return max((late for at, late in lines if start < at < stop + late), default=0.0)


def _drive(viewer: Viewer, file: Path, circles: list[PixelCircle], slept: Path) -> None:
    beat = Heartbeat()
    print(f"{'step':44} {'s':>6} {'gap ms':>8} {'redraw ms':>10} {'ours ms':>8} {'machine':>8}")

    def step(name: str, action: Callable[[], Any]) -> None:
        viewer.pump(0.3)
        beat.reset()
        start = time.perf_counter()
        action()
        stop = time.perf_counter()
        print(f"{name:44} {stop - start:6.2f} {1e3 * beat.gap:8.0f} {1e3 * beat.redraw:10.0f} "
              f"{1e3 * beat.own:8.0f} {1e3 * overslept(slept, start, stop):8.0f}")  # fmt: skip

    step("Ginga opens the frame (not ours)", lambda: viewer.open([file]))
    step("open the plugin", lambda: viewer.start_plugin())
    plugin = viewer.fv.get_channel("Image").opmon.get_plugin("Background")
    session, panel = plugin.session, plugin.panel
    done = lambda: not session.busy  # noqa: E731
    said = lambda: "…" not in session.view().words  # noqa: E731
    step("draw a circle", lambda: viewer.drag("Image", (4000, 3000), (4300, 3000)))
    step("run, 3 passes", lambda: (viewer.press(panel.running.run), viewer.wait(done, "run", 300)))
    _drive_verdict(viewer, plugin, step)
    step("run again (warm)",
         lambda: (viewer.press(panel.running.run), viewer.wait(done, "run", 300)))  # fmt: skip
    step("cancel in pass 1", lambda: (
        viewer.press(panel.running.run),
        viewer.wait(lambda: "finding" in session.view().words, "pass 1", 60),
        viewer.press(panel.running.cancel), viewer.pump(0.5)))  # fmt: skip
    step("switch mask off and on", lambda: (
        viewer.press(panel.looks.checks[MASK]), viewer.pump(0.3),
        viewer.press(panel.looks.checks[MASK]), viewer.pump(0.3)))  # fmt: skip
    _drive_views(viewer, plugin, step)
    step("200 circles from a recipe", lambda: (
        session.use_recipe(session.recipe.with_regions(*circles)), plugin.render(),
        viewer.pump(0.3)))  # fmt: skip
    _drive_hand(viewer, plugin, step)
    panel.saving.folder.set_text(str(file.parent))
    step("save everything", lambda: (
        viewer.press(panel.saving.save), viewer.wait(said, "saving", 300)))  # fmt: skip
    step("subtract", lambda: (
        viewer.press(panel.saving.subtract), viewer.wait(said, "subtracting", 300)))  # fmt: skip
    step("the page to keep", lambda: (
        viewer.press(panel.saving.report), viewer.wait(said, "the page", 300)))  # fmt: skip
    print(session.view().words)


def _drive_hand(viewer: Viewer, plugin: Any, step: Callable[..., Any]) -> None:
    """Shapes by mouse among many: a stroke, a move, steps back."""
    path = [(2000 + 60 * i, 2000 + 400 * np.sin(i / 8)) for i in range(60)]
    spent: dict[str, list[float]] = {"drag": [], "release": []}

    def timed(name: str) -> Callable[..., Any]:
        original = getattr(plugin.shapes, name)

        def action(*arguments: Any) -> Any:
            start = time.thread_time()
            answer = original(*arguments)
            spent[name].append(1e3 * (time.thread_time() - start))
            return answer

        return action

    def paint() -> None:
        plugin.set_tool("brush")
        plugin.set_brush(150)
        for name in spent:
            setattr(plugin.shapes, name, timed(name))
        viewer.trace("Image", path)
        for name in spent:
            delattr(plugin.shapes, name)

    def move() -> None:
        plugin.set_tool("edit")
        shape = plugin.session.recipe.regions[7]
        viewer.drag("Image", (shape.x, shape.y), (shape.x + 200, shape.y + 80))

    step("paint a stroke of 60 moves, 150 px", paint)
    moves, ends = spent.values()
    print(f"  processor time, redraws included: a move {np.median(moves):.0f} ms, at most "
          f"{max(moves):.0f}; the end {ends[0]:.0f}")  # fmt: skip
    step("move one of 201 shapes", move)
    step("undo, redo", lambda: (plugin.undo_step(), viewer.pump(0.2), plugin.redo_step(),
                                viewer.pump(0.2)))  # fmt: skip


def _drive_verdict(viewer: Viewer, plugin: Any, step: Callable[..., Any]) -> None:
    """The verdict on the run, its plots, and boxes under the cursor."""
    from qtpy.QtCore import QPoint
    from qtpy.QtTest import QTest

    session, running, view = plugin.session, plugin.panel.running, plugin.fitsimage
    step("the verdict, judged in the pool", lambda: viewer.wait(
        lambda: session.judgement is not None, "the verdict", 300))  # fmt: skip
    step("open the tab Verdict", lambda: viewer.press(running.pages.buttons["Verdict"]))
    for name, button in running.verdict.plots.items():
        step(f"plot {name}", lambda button=button: viewer.press(button))
    viewer.press(running.pages.buttons["Box"])

    def hover() -> None:
        width, height = view.get_window_size()
        for share in np.linspace(0.2, 0.8, 30):
            place = QPoint(round(width * share), round(height * share))
            QTest.mouseMove(view.get_widget(), place)
            viewer.pump(0.02)

    step("boxes under the cursor, 30 places", hover)
    viewer.press(running.pages.buttons["Passes"])


def _drive_views(viewer: Viewer, plugin: Any, step: Callable[..., Any]) -> None:
    """Every view by its key, as a whole and at one pixel of the image to one of the window."""
    from qtpy.QtTest import QTest

    view = plugin.fitsimage

    def press(key: str) -> None:
        QTest.keyClicks(view.get_widget(), key)
        while plugin.fitsimage.is_redraw_pending():
            viewer.fv.update_pending(timeout=0.001)

    for zoom, change in (("fit", view.zoom_fit), ("1:1", lambda: view.scale_to(1, 1))):
        change()
        for each in VIEWS.values():
            step(f"view {each.name}, {zoom}, key to picture", lambda key=each.key: press(key))
        step(f"boxes, {zoom}", lambda: press(BOXES_KEY))
        step(f"boxes off, {zoom}", lambda: press(BOXES_KEY))
        press(VIEWS["subtracted"].key)
        step(f"hold, {zoom}", lambda: press(HOLD_KEY))
        viewer.pump(0.3)
        step(f"split, {zoom}", lambda: press(SPLIT_KEY))
        press(SPLIT_KEY)
        press(VIEWS["image"].key)
    view.zoom_fit()


if __name__ == "__main__":
    main()
