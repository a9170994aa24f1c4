"""A recipe over many images from within a viewer: found and run in a thread, told as plain data.

The images themselves are worked on in child processes, as `ginga-bkg run` does it.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ginga_bkgplugin.files.entries import ImageEntry
from ginga_bkgplugin.files.frames import Frame, join_spec
from ginga_bkgplugin.files.maskfile import SELF
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ParameterError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.region import PixelRegion
from ginga_bkgplugin.sky.placing import has_sky
from ginga_bkgplugin.work.batch import Plan, plan_jobs, run_batch, stopped
from ginga_bkgplugin.work.batchtable import table_of
from ginga_bkgplugin.work.carry import anchor_regions
from ginga_bkgplugin.work.gathering import Named
from ginga_bkgplugin.work.imageset import ImageSet
from ginga_bkgplugin.work.task import DONE, FAILED, KEPT, STOPPED, Row

if TYPE_CHECKING:
    from astropy.table import Table

WAITING, RUNNING = "waiting", "running"


@dataclasses.dataclass(frozen=True)
class NightLine:
    """An image of the list and what became of it.

    Attributes
    ----------
    entry : ImageEntry
        The image.
    state : str
        ``waiting``, ``running``, or the worst `Row.state` of its chips.
    rows : tuple of Row
        A row, or one for each chip, once it is done.
    """

    entry: ImageEntry
    state: str = WAITING
    rows: tuple[Row, ...] = ()

    @property
    def spec(self) -> str:
        """Path and HDU, as a viewer opens it: the first chip of a mosaic."""
        alone = self.entry.first and not self.entry.mosaic
        return join_spec(self.entry.path, None if alone else self.entry.hdus[0])

    @property
    def products(self) -> tuple[Path, ...]:
        """The files written or kept, each once."""
        return tuple(
            Path(file) for file in dict.fromkeys(p for r in self.rows for p in r.products)
        )

    @property
    def words(self) -> str:
        """What is to be known of it: why it failed, its numbers, where its products are."""
        told = [f"{self.entry.name}: {self.state}."]
        for row in self.rows:
            chip = f"{row.hdu}: " if len(self.rows) > 1 else ""
            if row.state in (DONE, KEPT):
                told.append(
                    f"{chip}{row.filled} of {row.boxes} boxes filled, {row.seconds:.1f} s."
                )
            if row.note:
                told.append(f"{chip}{' '.join(row.note.split())}")
        folders = {str(path.parent) for path in self.products}
        if folders:
            told.append(f"{len(self.products)} products in {', '.join(sorted(folders))}.")
        elif self.entry.problem and not self.rows:
            told.append(self.entry.problem)
        return " ".join(told)


@dataclasses.dataclass(frozen=True)
class NightView:
    """Everything a window shows of a night."""

    lines: tuple[NightLine, ...] = ()
    words: str = ""
    is_error: bool = False
    fraction: float = 0.0
    busy: bool = False

    @property
    def can_run(self) -> bool:
        """Whether there is something to run."""
        return bool(self.lines) and not self.busy


class NightRun:
    """A list of images and the run over them. All methods return at once.

    Parameters
    ----------
    changed : callable
        Called when there is something new to see, also from the thread that attends to the run.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._images = ImageSet(())
        self._lines: tuple[NightLine, ...] = ()
        self._words, self._is_error = "", False
        self._busy = False
        self._over = threading.Event()
        self._recipe = Recipe()

    def view(self) -> NightView:
        """The state now."""
        with self._lock:
            done = sum(line.state not in (WAITING, RUNNING) for line in self._lines)
            fraction = done / len(self._lines) if self._lines else 0.0
            return NightView(self._lines, self._words, self._is_error, fraction, self._busy)

    # --- which images

    def find(self, find: Callable[[], ImageSet]) -> None:
        """Make the list anew.

        Parameters
        ----------
        find : callable
            Answers the images; it may read files, and raise a BackgroundPluginError.

        Raises
        ------
        ParameterError
            While the list is being worked on.
        """

        def work() -> None:
            images = find()
            with self._lock:
                self._images, self._lines = images, tuple(NightLine(e) for e in images.entries)
            self.say(" ".join([_count(len(images), "image"), "found.", *images.notes]))

        self._idle()
        self._begin(work, "Looking at the headers …", daemon=True)

    def memory_words(self, recipe: Recipe, jobs: int) -> str:
        """How many images there are, how many at a time, and the memory they take."""
        with self._lock:
            entries = self._images.entries
        if not entries:
            return ""
        return f"{_count(len(entries), 'image')}: {plan_jobs(entries, recipe, jobs)[1]}."

    # --- the run

    def start(
        self,
        recipe: Recipe,
        frame: Frame,
        *,
        jobs: int,
        kinds: Sequence[str],
        folder: str | Path | None = None,
        overwrite: bool = False,
    ) -> None:
        """Run a recipe on all images of the list.

        Parameters
        ----------
        recipe : Recipe
        frame : Frame
            The image it was made on; by its WCS regions in pixels are carried to the others.
        jobs : int
            Images at a time, as far as they fit into memory.
        kinds : sequence of str
            Products to write.
        folder : path, optional
            Where; default beside each image.
        overwrite : bool
            Replace products of another recipe or image.

        Raises
        ------
        ParameterError
            When there are no images or products to make, or while the list is worked on.
        """
        self._idle()
        if not self._lines:
            raise ParameterError("Choose images first.")
        if not kinds:
            raise ParameterError("Tick what to save.")
        recipe = portable(recipe, frame)
        masks = [mask.path for mask in recipe.masks if mask.on and mask.path != SELF]

        def work() -> None:
            plan = self._images.with_output(folder).plan(
                recipe, jobs=jobs, kinds=tuple(kinds), overwrite=overwrite,
                named=Named(masks=masks),
            )  # fmt: skip
            self._drive(plan)

        self._recipe = recipe
        self._lines = tuple(NightLine(line.entry) for line in self._lines)
        # the program waits for this thread, which ends the children when it sees it end
        self._begin(work, "Starting …", daemon=False)

    def cancel(self) -> None:
        """End the run; images that are done stay done, and a new run goes on from there."""
        self._over.set()
        if self._busy:
            self.say("Stopping …")

    def table(self) -> Table:
        """The rows of the images that are done, as `ImageSet.run` gives them."""
        return table_of((line.rows for line in self._lines if line.rows), self._recipe)

    def _drive(self, plan: Plan) -> None:
        """Take the rows as they come."""
        found, begun = set[int](), time.monotonic()
        for index, rows in run_batch(plan, attend=self._attend):
            found.add(index)
            self._take(index, rows)
            if not self._over.is_set():
                left = (time.monotonic() - begun) / len(found) * (len(plan.tasks) - len(found))
                self.say(f"{_sum_words(self._lines)} About {_duration(left)} left.")
        for index, rows in stopped(plan, found):
            self._take(index, rows)
        self.say(_sum_words(self._lines))

    def _attend(self, under_way: frozenset[int]) -> bool:
        """Tell waiting from running; False where the run was cancelled."""
        fresh = [index for index in under_way if self._lines[index].state == WAITING]
        for index in fresh:
            self._put(index, dataclasses.replace(self._lines[index], state=RUNNING))
        if fresh:
            self._changed()
        return not self._over.is_set() and threading.main_thread().is_alive()

    def _take(self, index: int, rows: tuple[Row, ...]) -> None:
        states = [row.state for row in rows]
        worst = next((state for state in (FAILED, STOPPED, DONE) if state in states), KEPT)
        self._put(index, NightLine(self._lines[index].entry, worst, rows))

    def _put(self, index: int, line: NightLine) -> None:
        with self._lock:
            self._lines = (*self._lines[:index], line, *self._lines[index + 1 :])

    def _begin(self, work: Callable[[], None], words: str, *, daemon: bool) -> None:
        """Work in a thread of its own; one at a time, see `_idle`."""
        self._busy = True
        self._over.clear()
        self.say(words)

        def attended() -> None:
            try:
                work()
            except BackgroundPluginError as error:
                self.say(str(error), is_error=True)
            except Exception as error:  # noqa: BLE001 - nobody else would see it
                self.say(f"Unexpected error: {error!r}.", is_error=True)
            finally:
                self._busy = False
                self._changed()

        threading.Thread(target=attended, daemon=daemon).start()

    def _idle(self) -> None:
        if self._busy:
            raise ParameterError("The list is being worked on: wait or Cancel.")

    def say(self, words: str, *, is_error: bool = False) -> None:
        """Show words."""
        with self._lock:
            self._words, self._is_error = words, is_error
        self._changed()


def portable(recipe: Recipe, frame: Frame) -> Recipe:
    """The recipe as it is run on other images: regions in pixels are put on the sky, if they can.

    Without a WCS they stay, and fit images of one size only.
    """
    in_pixels = any(isinstance(region, PixelRegion) for region in recipe.regions)
    if not in_pixels or not has_sky(frame.wcs):
        return recipe
    return recipe.with_regions(*anchor_regions(recipe.regions, frame.wcs))


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _sum_words(lines: Sequence[NightLine]) -> str:
    """How it went."""
    states = [line.state for line in lines]
    told = [f"{states.count(state)} {state}" for state in (DONE, KEPT, FAILED, STOPPED)]
    return ", ".join(each for each in told if not each.startswith("0 ")) + "."
