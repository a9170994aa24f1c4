"""One image of a batch: plain data in, plain rows out, files written on the way.

What runs in a child process or on a cluster; it raises nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ginga_bkgplugin.files.entries import ImageEntry
from ginga_bkgplugin.files.frames import Frame, read_frame
from ginga_bkgplugin.files.names import BATCH, RECIPE, product_path
from ginga_bkgplugin.files.products import Mask
from ginga_bkgplugin.files.subtracted import subtracted_by, subtracted_words
from ginga_bkgplugin.recipe.errors import (
    BackgroundPluginError,
    ProductError,
    ProductExistsError,
)
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky import strips
from ginga_bkgplugin.sky.pixels import BoolImage
from ginga_bkgplugin.work.fingerprint import CARD, fingerprint, outdated
from ginga_bkgplugin.work.gathering import NOTHING, Named, gather
from ginga_bkgplugin.work.pipeline import Result, Step, finish, run_frame
from ginga_bkgplugin.work.saving import check_saving, save_products

if TYPE_CHECKING:
    from ginga_bkgplugin.work.judging import Judgement

WORD = "BKGWORD"
DONE, KEPT, FAILED, STOPPED = "done", "kept", "failed", "stopped"

_BYTES = {"srcmask": 1, "invalidmask": 1, "bkgmap": 4, "bkgrms": 4, "subbkg": 8,
          "bkgflag": 1}  # fmt: skip  # a pixel
_LITTER = 600.0  # seconds after which a part of a file is nobody's any more

Tell = Callable[[Step], object]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """One image and what to do with it.

    Attributes
    ----------
    entry : ImageEntry
        The image, its path absolute: workers have other folders.
    recipe : str
        Its JSON.
    named : Named
        Region files and masks.
    kinds : tuple of str
        Products to write.
    folder : str or None
        Where; None is beside the image.
    style : str
        Of the names.
    overwrite : bool
        Replace products of another recipe or image.
    redo : bool
        Compute even what is there already, and replace it.
    compress : bool
        Write masks as compressed tiles.
    verdict : bool
        Judge the result.
    common, offsets
        The surface common to all chips, see `sky.mosaic.common_levels`; "" for none.
    threads : int
        Of numpy's steps; 0 leaves them.
    """

    entry: ImageEntry
    recipe: str
    named: Named = NOTHING
    kinds: tuple[str, ...] = BATCH
    folder: str | None = None
    style: str = "default"
    overwrite: bool = False
    redo: bool = False
    compress: bool = True
    verdict: bool = True
    common: str = ""
    offsets: bool = False
    threads: int = 0

    def paths(self, frame: Frame) -> dict[str, Path]:
        """Where the products of an image of the file belong."""
        return {kind: product_path(frame, kind, self.folder, self.style) for kind in self.kinds}


@dataclasses.dataclass(frozen=True)
class Row:
    """What became of an image; a line of the table.

    Attributes
    ----------
    file : str
        Path of the file.
    hdu : str
        HDU and plane; empty for the first image of the file.
    state : {"done", "kept", "failed", "stopped"}
        ``kept``: the products were there already. ``stopped``: the batch was, before its end.
    seconds : float
        From reading to writing.
    masked : float
        Percent of the pixels.
    globalback, globalrms : float
        Global background and rms, image units.
    boxes, filled : int
        Boxes of the mesh, and those that were not measured.
    passes : int
        Of source detection.
    verdict : {"good", "look here", "do not use", ""}
        Whether the background can be trusted, see `judge`; empty where that was not asked for.
    why : str
        What speaks against it, and advice.
    note : str
        Why it failed, or what to know.
    products : tuple of str
        Files written or kept.
    """

    file: str
    hdu: str = ""
    state: str = FAILED
    seconds: float = 0.0
    masked: float = math.nan
    globalback: float = math.nan
    globalrms: float = math.nan
    boxes: int = 0
    filled: int = 0
    passes: int = 0
    verdict: str = ""
    why: str = ""
    note: str = ""
    products: tuple[str, ...] = ()


def run_task(task: Task, tell: Tell | None = None) -> tuple[Row, ...]:
    """Do it; one row, or one for each chip of a mosaic. Raises nothing but KeyboardInterrupt.

    Parameters
    ----------
    task : Task
    tell : callable, optional
        Given every step of the run, in this process.
    """
    begun = time.perf_counter()
    with _threads(task.threads):
        try:
            if task.entry.mosaic:
                from ginga_bkgplugin.work.mosaic import run_mosaic

                rows = run_mosaic(task, tell)
            else:
                rows = (run_single(task, tell),)
        except BackgroundPluginError as error:
            rows = (failed(task, str(error)),)
        except MemoryError:
            rows = (failed(task, "Out of memory. Use fewer jobs or a smaller image."),)
        except Exception:  # noqa: BLE001 - a fault of ours is this image's row, not the batch's end
            rows = (failed(task, f"Unexpected: {traceback.format_exc()}"),)
    seconds = (time.perf_counter() - begun) / len(rows)
    return tuple(dataclasses.replace(row, seconds=seconds) for row in rows)


def failed(task: Task, why: str, state: str = FAILED) -> Row:
    """The row of an image that was not done."""
    tag = "all" if task.entry.mosaic else task.entry.bare.tag
    return Row(str(task.entry.path), tag, state, note=why)


def run_single(task: Task, tell: Tell | None) -> Row:
    """One image, its products each in a file of its own."""
    frame = read_frame(task.entry.path, task.entry.hdus[0], task.entry.plane)
    notes: list[str] = []
    recipe, imported = gather(Recipe.from_json(task.recipe), frame, task.named, notes.append)
    prints = {frame.tag: fingerprint(frame, recipe, imported)}
    paths = task.paths(frame)
    replace = keep_or_replace(task, paths, prints, recipe)
    if replace is None:
        return kept_row(task, frame, paths, notes)
    where: Any = {"folder": task.folder, "style": task.style, "overwrite": replace}
    check_saving(frame, task.kinds, **where)
    if subtracted_by(frame) is not None:
        notes.append(f"Look: this image is {subtracted_words(frame)}.")
    check_space(paths, frame.data.size)
    result = computed(frame, recipe, imported, tell)
    judgement = None
    if task.verdict:
        from ginga_bkgplugin.work.judging import judge  # late: not every run asks for it

        judgement = judge(frame, result)
    cards = [(CARD, prints[frame.tag], "of image, recipe and versions"), *word_cards(judgement)]
    written = save_products(
        frame, result, task.kinds, **where, compress=task.compress, cards=cards
    )
    return done_row(task, frame, result, judgement, written, notes)


def keep_or_replace(
    task: Task, paths: Mapping[str, Path], prints: Mapping[str, str], recipe: Recipe
) -> bool | None:
    """None where all products are there already; else whether any may be replaced.

    Raises
    ------
    ProductExistsError
        When some are of another recipe or image, and `overwrite` is off.
    """
    sweep(paths.values(), older=_LITTER)
    if task.redo:
        return True
    other, missing = outdated(paths, prints, recipe)
    if other and not task.overwrite:
        names = ", ".join(path.name for path in other)
        raise ProductExistsError(
            f"{other[0].parent}: {names} already there, of another recipe or image. Allow it"
            " (--overwrite, overwrite=True), or choose another folder."
        )
    if not (other or missing):
        return None
    return True  # what is not of something else is ours, of a run that was ended


def check_folder(folder: Path) -> None:
    """Refuse, before anything is computed, a folder that nothing can be written into.

    Raises
    ------
    ProductError
        Naming the folder, or what stands in its way.
    """
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir():
        raise ProductError(f"{folder}: {there} is not a folder. Choose another for the products.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ProductError(
            f"{folder}: you may not write there. Choose another folder for the products."
        )


def check_space(paths: Mapping[str, Path], pixels: int) -> None:
    """Refuse to compute what the disk has no room for.

    Raises
    ------
    ProductError
        With what is free and what is needed.
    """
    needed: dict[Path, int] = {}
    for kind, path in paths.items():
        check_folder(path.parent)
        folder = next(each for each in path.absolute().parents if each.is_dir())
        needed[folder] = needed.get(folder, 0) + _BYTES.get(kind, 0) * pixels
    for folder, wanted in needed.items():
        free = shutil.disk_usage(folder).free
        if free < wanted:
            raise ProductError(
                f"{folder}: the disk has {free / 1e6:.0f} MB left, the products need up to"
                f" {wanted / 1e6:.0f} MB. Make room, or choose another folder."
            )


def computed(
    frame: Frame, recipe: Recipe, imported: BoolImage | None, tell: Tell | None
) -> Result:
    """The result of a run, its steps told."""
    return finish(run_frame(frame, recipe, imported), tell)


def word_cards(judgement: Judgement | None) -> list[tuple[str, str, str]]:
    """The card that says the verdict."""
    return [] if judgement is None else [(WORD, judgement.word, "verdict on the background")]


def done_row(
    task: Task,
    frame: Frame,
    result: Result,
    judgement: Judgement | None,
    written: Sequence[Path],
    notes: Sequence[str],
) -> Row:
    """The row of an image that was done."""
    fit = result.fit
    word, why = (judgement.word, judgement.why) if judgement else ("", "")
    return Row(
        str(task.entry.path), frame.tag, DONE, 0.0, 100 * result.masked_fraction,
        fit.globalback, fit.globalrms, fit.boxes, fit.filled, len(result.rows), word, why,
        "\n".join(notes), tuple(str(path) for path in written),
    )  # fmt: skip


def kept_row(task: Task, frame: Frame, paths: Mapping[str, Path], notes: Sequence[str]) -> Row:
    """The row of an image whose products were there: its numbers are read from them."""
    told: dict[str, Any] = {}
    for kind, path in paths.items():
        if kind != RECIPE:
            product = Mask.read(path, frame)
            told = dict(product.header)
            if kind == "srcmask":
                told["masked"] = 100 * product.fraction
                break
    return Row(
        str(task.entry.path), frame.tag, KEPT, 0.0, told.get("masked", math.nan),
        told.get("BKGVALU", math.nan), told.get("BKGSIG", math.nan), told.get("BKGNBOX", 0),
        told.get("BKGNFIL", 0), told.get("MASKATMP", 0), told.get(WORD, ""), "",
        "\n".join(notes), tuple(str(path) for path in paths.values()),
    )  # fmt: skip


def sweep(paths: Iterable[Path], older: float = 0.0) -> None:
    """Remove what a process that was killed while it wrote these files left of them."""
    wanted = set(paths)
    for folder in {path.parent for path in wanted}:
        for part in folder.glob(".*.part"):
            product = part.name[1:].rsplit(".", 2)[0]  # as `files.writing` names it
            with contextlib.suppress(OSError):
                if folder / product in wanted and time.time() - part.stat().st_mtime >= older:
                    part.unlink()


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = strips.threads()
    strips.set_threads(count or before)
    try:
        yield
    finally:
        strips.set_threads(before)
