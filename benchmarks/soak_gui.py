"""Memory through many images and many random acts of a user in one Ginga.

Every act is a real key or mouse event, or a press of a button; what an act may meet (a run under
way, no result yet) is left to chance. An exception, an error that a user could not read, a
process or a shared-memory segment left behind is counted.

    python benchmarks/soak_gui.py [--images 300] [--acts 2000] [--seed 1] [--keep MB]
                                  [--output FILE.md]

Results of images looked at are kept on purpose, up to `sessions.MEMORY`; with `--keep 10` that
limit is reached soon, and what still grows is a leak.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")
sys.path.insert(0, str(Path(__file__).parents[1]))  # for the hands of the tests

import numpy as np
from memory import children, proportional
from peers import banner

from ginga_bkgplugin import sample_field
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.viewer import sessions
from ginga_bkgplugin.viewer.launch import Viewer
from ginga_bkgplugin.viewer.views import VIEWS
from tests.viewer.desk import Desk

SHAPE = (240, 320)
KEPT = 12  # images Ginga keeps in memory; it forgets the others, and the plugin must too


class Soak:
    """A user who does not read."""

    def __init__(self, desk: Desk, files: list[Path], seed: int) -> None:
        self.desk, self.files = desk, files
        self.random = np.random.default_rng(seed)
        self.opened = 0

    def acts(self) -> dict[str, tuple[float, Callable[[], None]]]:
        """What can be done, and how often."""
        desk, press = self.desk, lambda get: lambda: desk.press(get(desk.panel))
        return {
            "open an image": (0.0, self._open),  # as often as there are images
            "back to an image": (4, self._back),
            "draw a circle": (10, self._draw),
            "brush": (4, self._brush),
            "erase": (2, self._erase),
            "run": (8, press(lambda panel: panel.running.run)),
            "run and wait": (8, self._run),
            "cancel": (2, press(lambda panel: panel.running.cancel)),
            "continue": (2, press(lambda panel: panel.running.more)),
            "undo": (5, lambda: desk.key("Z", None, "Control")),
            "redo": (3, lambda: desk.key("Z", None, "Control", "Shift")),
            "select all, delete": (1, self._delete),
            "a view": (10, self._view),
            "a size of boxes": (3, self._box_size),
            "overlays": (3, self._overlays),
            "subtract": (2, press(lambda panel: panel.saving.subtract)),
            "save": (3, self._save),
            "zoom": (4, lambda: desk.wheel(int(self.random.choice([-1, 1])))),
            "copy, paste": (2, self._copy),
            "wait": (6, lambda: desk.viewer.pump(0.3)),
            "close and open the panel": (1, self._reopen),
        }

    def _place(self) -> tuple[float, float]:
        return float(self.random.uniform(5, SHAPE[1] - 5)), float(self.random.uniform(5, 235))

    def _open(self) -> None:
        self.desk.viewer.open([self.files[self.opened % len(self.files)]])
        self.opened += 1

    def _back(self) -> None:
        names = self.desk.channel.get_image_names()
        self.desk.channel.switch_name(str(self.random.choice(names)))

    def _draw(self) -> None:
        self.desk.tool("circle")
        self.desk.draw(*self._place(), float(self.random.uniform(0, 60)))

    def _brush(self) -> None:
        self.desk.tool("brush")
        self.desk.trace(*(self._place() for _ in range(4)))

    def _erase(self) -> None:
        self.desk.tool("brush")
        self.desk.trace(*(self._place() for _ in range(3)), button="right")

    def _run(self) -> None:
        self.desk.press(self.desk.panel.running.run)
        self.desk.wait(lambda: self.desk.session is None or not self.desk.session.busy, "a run")

    def _delete(self) -> None:
        self.desk.key("A", None, "Control")
        self.desk.key("Delete")

    def _view(self) -> None:
        self.desk.key(str(self.random.choice([view.key for view in VIEWS.values()])).upper())

    def _box_size(self) -> None:
        size = int(self.random.choice([16, 32, 48, 64]))
        self.desk.type(self.desk.panel.fields.widgets["box_size"], str(size))

    def _overlays(self) -> None:
        checks = list(self.desk.panel.looks.checks.values())
        self.desk.tick(checks[self.random.integers(len(checks))])

    def _save(self) -> None:
        saving = self.desk.panel.saving
        saving.overwrite.set_state(bool(self.random.integers(2)))
        self.desk.press(saving.save)

    def _copy(self) -> None:
        self.desk.key("C", None, "Control")
        self.desk.key("V", None, "Control")

    def _reopen(self) -> None:
        self.desk.stop()
        self.desk.start()


class Faults(logging.Handler):
    """What Ginga's log says of exceptions."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what it says."""
        self.told.append(record.getMessage())


def used() -> float:
    """MB of this process and those below it, pages they share counted once."""
    total = 0.0
    for pid in (os.getpid(), *children(os.getpid())):
        with contextlib.suppress(OSError):  # it just ended
            total += proportional("Pss:", pid)
    return total / 1e6


def main() -> None:
    """Run it and print the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--acts", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--keep", type=float, metavar="MB", help="of results; default: as users have it"
    )
    parser.add_argument("--output", type=Path, help="also write the page there")
    options = parser.parse_args()
    segments = _segments()
    if options.keep is not None:
        sessions.MEMORY = int(1e6 * options.keep)
    with tempfile.TemporaryDirectory() as folder:
        files = write_images(Path(folder), options.images)
        viewer = Viewer((1150, 850), plugins=())
        faults = Faults()
        viewer.fv.logger.addHandler(faults)
        page, failed = soak(viewer, files, options.acts, options.seed, faults)
        viewer.close()
    for _ in range(50):
        if not children(os.getpid()):
            break
        time.sleep(0.1)
    left = len(children(os.getpid()))
    page += [f"Left behind: {left} processes, {len(_segments() - segments)}"
             " segments of shared memory.", "", *(f"- {line}" for line in failed)]  # fmt: skip
    text = "\n".join(page).rstrip() + "\n"
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


def _segments() -> set[Path]:
    return set(Path("/dev/shm").iterdir())


def write_images(folder: Path, count: int) -> list[Path]:
    """Small fields; every tenth has its own sky, the others only their own name."""
    paths = []
    for number in range(count):
        if number % 10 == 0:
            field = sample_field(SHAPE, stars=30, seed=number)
        paths.append(folder / f"f{number:04d}.fits")
        write_fits(paths[-1], field.data, field.header)
    return paths


def soak(
    viewer: Any, files: list[Path], count: int, seed: int, faults: Faults
) -> tuple[list[str], list[str]]:
    """Do it; the page, and what failed."""
    desk = Desk(viewer)
    desk.channel.datasrc.length = KEPT
    viewer.open([files[0]])
    desk.start()
    user = Soak(desk, files, seed)
    acts = user.acts()
    names = list(acts)
    weights = np.array([acts[name][0] for name in names])
    share = len(files) / count
    weights = (1 - share) * weights / weights.sum()
    weights[names.index("open an image")] = share
    done: Counter[str] = Counter()
    failed: list[str] = []
    curve = [(0, used())]
    for number in range(1, count + 1):
        name = str(user.random.choice(names, p=weights))
        done[name] += 1
        try:
            acts[name][1]()
        except Exception as error:  # noqa: BLE001 - counted
            traceback.print_exc()
            failed.append(f"act {number}, {name}: {type(error).__name__}: {error}"[:300])
        if number % max(1, count // 20) == 0:
            viewer.wait(lambda: desk.session is None or not desk.session.busy, "the run")
            curve.append((number, used()))
            print(f"{number} acts, {curve[-1][1]:.0f} MB, {len(failed)} failed", file=sys.stderr)
    places, megabytes = np.array(curve[len(curve) // 2 :]).T
    slope = np.polyfit(places, megabytes, 1)[0] * 1000
    failed += [f"log: {line}"[:300] for line in dict.fromkeys(faults.told)]
    page = [
        "# Soak of the panel", "", "```text", *banner()[:5], "```", "",
        f"{count} acts, {user.opened} images opened, {len(failed)} faults. Memory of all processes"
        f" grew by {slope:+.1f} MB in 1000 acts over the second half.", "",
        "| acts | MB |", "| ---: | ---: |",
        *(f"| {place} | {megabyte:.0f} |" for place, megabyte in curve), "",
        "Acts: " + ", ".join(f"{name} {number}" for name, number in done.most_common()) + ".", "",
    ]  # fmt: skip
    return page, failed


if __name__ == "__main__":
    main()
