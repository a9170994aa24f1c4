"""``ginga-bkg run``: a recipe on images, and the products written."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ginga_bkgplugin.cli.given import effective_recipe, named_masks
from ginga_bkgplugin.cli.talk import say, talk
from ginga_bkgplugin.files.names import KINDS, RECIPE
from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.sky.steps import Pass, PassRow
from ginga_bkgplugin.work.batchtable import check_table, run_rows, table_of
from ginga_bkgplugin.work.imageset import ImageSet
from ginga_bkgplugin.work.memory import keep_freed_memory
from ginga_bkgplugin.work.pipeline import Result, Step
from ginga_bkgplugin.work.task import FAILED, STOPPED, Row
from ginga_bkgplugin.work.viewmodel import summary_words

if TYPE_CHECKING:
    from astropy.table import Table

_SHOWN = ("file", "hdu", "state", "seconds", "masked", "globalback", "globalrms", "filled",
          "verdict")  # fmt: skip


def run_command(options: argparse.Namespace) -> int:
    """Run a recipe on images and write the products."""
    keep_freed_memory()
    if not options.files and options.list is None:
        options.usage_error("name a FILE, a DIR or a --list")
    recipe, named = effective_recipe(options), named_masks(options)
    kinds = _kinds(options)
    images = _images(options)
    for note in images.notes:
        talk(note)
    if options.dry_run:
        _print(images.table)
        return 0
    alone = len(images) == 1 and not images.entries[0].mosaic
    progress = _Progress(images, alone)
    if options.table is not None:
        check_table(options.table)
    plan = images.plan(
        recipe, jobs=options.jobs, kinds=tuple(kinds), style=options.names, named=named,
        overwrite=options.overwrite, redo=options.redo, compress=options.compress,
        verdict=options.verdict, common=options.common or "", offsets=options.chip_offsets,
    )  # fmt: skip
    if not alone and not options.dask:
        talk(plan.words)
    with progress:
        groups = run_rows(
            plan, recipe, table=options.table, each=progress.row, dask=options.dask,
            tell=progress.step if alone else None,
        )  # fmt: skip
        if not alone:  # a table takes longer to import than one row is worth
            table = table_of(groups, recipe)
            table["file"] = [Path(file).name for file in table["file"]]
            _print(table[_SHOWN])
    return 1 if progress.failures else 0


class _Progress:
    """What is said while images are run: one alone step by step, of many a bar."""

    def __init__(self, images: ImageSet, alone: bool) -> None:
        self._alone, self._name = alone, images.entries[0].name if alone else ""
        self._result: Result | None = None
        self._bar = None if alone else _bar(len(images))
        self._files: set[str] = set()
        self.failures = 0

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, step: Step) -> None:
        """A step of the run of one image."""
        if isinstance(step, Pass) and step.row is not None:
            talk(f"{self._name}: {pass_words(step.row)}")
        elif isinstance(step, Result):
            self._result = step

    def row(self, row: Row) -> None:
        """An image, or chip, that is done."""
        name = Path(row.file).name + (f"[{row.hdu}]" if row.hdu else "")
        if row.state in (FAILED, STOPPED):
            self.failures += 1
            say(f"{row.file}{f'[{row.hdu}]' if row.hdu else ''}: failed: {row.note}")
        elif self._alone:
            words = summary_words(self._result) if self._result else "kept, nothing to do"
            say(f"{name}: {words}")
            if row.verdict:
                say(f"  {verdict_words(row)}")
            for path in row.products:
                say(f"  {path}")
        for note in row.note.splitlines() if row.state not in (FAILED, STOPPED) else ():
            talk(f"{name}: {note}")
        if self._bar is None:
            return
        if row.file not in self._files:  # once for all chips
            self._files.add(row.file)
            self._bar.update()
        if self.failures:
            self._bar.set_postfix(failed=self.failures)


def _bar(images: int) -> Any:
    from tqdm import tqdm  # late: an image alone has no bar

    return tqdm(total=images, unit="image", file=sys.stderr, disable=None)


def _kinds(options: argparse.Namespace) -> list[str]:
    kinds = [kind.strip() for kind in options.save.split(",") if kind.strip()]
    for kind in kinds:
        if kind not in (*KINDS, RECIPE):
            raise ParameterError(
                f"--save: unknown product {kind!r}. Known: {', '.join((*KINDS, RECIPE))}."
            )
    if options.subtract and "subbkg" not in kinds:
        kinds.append("subbkg")
    return kinds


def _images(options: argparse.Namespace) -> ImageSet:
    hdu = "all" if options.all_hdus else options.hdu
    how = {"where": options.where, "hdu": hdu, "plane": options.plane}
    files = options.files
    sets = [ImageSet.of(files, pattern=options.glob, **how)] if files else []
    sets += [ImageSet.from_list(options.list, **how)] if options.list else []
    images = sets[0]
    for more in sets[1:]:
        images += more
    images = images.exclude(*options.exclude).with_output(options.output)
    if options.sort:
        images = images.sorted_by(options.sort)
    if options.part:
        match = re.fullmatch(r"(\d+)/(\d+)", options.part)
        if match is None:
            raise ParameterError(f"--part needs K/N, such as 3/20, not {options.part!r}.")
        images = images.part(int(match[1]), int(match[2]))
    return images


def _print(table: Table) -> None:
    for line in table.pformat(max_lines=-1, max_width=-1):
        say(line)


def verdict_words(row: Row) -> str:
    """The verdict in a line."""
    return f"Verdict: {row.verdict}. {row.why}".rstrip()


def pass_words(row: PassRow) -> str:
    """One pass in a line."""
    return (
        f"pass {row.index}: {row.sources} sources, {row.saturated} saturated,"
        f" {row.new_pixels} new pixels, {row.masked_fraction:.2%} masked,"
        f" background {row.globalback:.6g}, rms {row.globalrms:.4g}"
    )
