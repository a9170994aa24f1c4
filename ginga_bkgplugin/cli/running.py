"""``ginga-bkg run``: a recipe on images, and the products written."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ginga_bkgplugin.cli.options import (
    add_mask_options,
    add_recipe_options,
    effective_recipe,
    named_masks,
)
from ginga_bkgplugin.cli.talk import say, talk
from ginga_bkgplugin.files.names import KINDS, RECIPE, STYLES
from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.sky.mosaic import COMMON
from ginga_bkgplugin.sky.steps import Pass, PassRow
from ginga_bkgplugin.work.batchtable import check_table, run_rows, table_of
from ginga_bkgplugin.work.imageset import ImageSet
from ginga_bkgplugin.work.memory import keep_freed_memory
from ginga_bkgplugin.work.pipeline import Result, Step
from ginga_bkgplugin.work.task import FAILED, STOPPED, USUAL, Row
from ginga_bkgplugin.work.viewmodel import summary_words

if TYPE_CHECKING:
    from astropy.table import Table

    from ginga_bkgplugin.cli.parser import Commands

_SHOWN = ("file", "hdu", "state", "seconds", "masked", "globalback", "globalrms", "filled",
          "verdict")  # fmt: skip


def add_run(commands: Commands) -> None:
    """The command and its options."""
    batch = commands.add_parser("run", help="run a recipe on images, write the products")
    batch.add_argument("files", nargs="*", metavar="FILE|DIR",
                       help="e.g. image.fits[SCI,1]; folders are searched")  # fmt: skip
    _add_finding(batch)
    _add_writing(batch)
    _add_jobs(batch)
    add_recipe_options(batch)
    add_mask_options(batch)
    batch.set_defaults(command=run_command, usage_error=batch.error)


def _add_finding(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("images", "which, and where in their files").add_argument
    text = "of files in a DIR: *.fits in it, '**/*100.fits' at any depth (default: all FITS files)"
    add("--glob", metavar="PATTERN", help=text)
    text = "only images whose header is so, e.g. FILTER=m600, 'EXPTIME>=60'; may be repeated"
    add("--where", action="append", default=[], metavar="CONDITION", help=text)
    add("--list", type=Path, metavar="FILE", help="a text file that names images, one a line")
    text = "leave out files of this name or path; may be repeated"
    add("--exclude", action="append", default=[], metavar="PATTERN", help=text)
    add("--sort", metavar="CARD", help="take the images in the order of a header card")
    add("--part", metavar="K/N", help="the K-th of N parts of the images, for arrays of jobs")
    add("--dry-run", action="store_true", help="print what was found, and do nothing")
    add("--hdu", help="number, EXTNAME or EXTNAME,EXTVER of the image")
    add("--plane", type=int, help="plane of a cube, 0-based")
    text = "every science HDU of a mosaic file; products have the same EXTNAME and EXTVER"
    add("--all-hdus", action="store_true", help=text)
    text = "with --all-hdus: one background surface for all chips"
    add("--common", choices=COMMON, help=text)
    text = "with --common: each chip keeps a constant of its own"
    add("--chip-offsets", action="store_true", help=text)


def _add_writing(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("products", "what is written, and where").add_argument
    text = "folder of the products (default: beside the image)"
    add("--output", type=Path, metavar="DIR", help=text)
    text = f"of {','.join((*KINDS, RECIPE))} (default: %(default)s)"
    add("--save", metavar="KINDS", default=",".join(USUAL), help=text)
    add("--subtract", action="store_true", help="also write image - background")
    add("--overwrite", action="store_true", help="replace products of another recipe or image")
    text = "compute anew what is there already, of the same recipe and image, and replace it"
    add("--redo", action="store_true", help=text)
    text = "masks as compressed tiles (default), or plain"
    add("--compress", action=argparse.BooleanOptionalAction, default=True, help=text)
    text = "judge each result (default): can it be trusted, and why not"
    add("--verdict", action=argparse.BooleanOptionalAction, default=True, help=text)
    text = "style of the products' names (default: %(default)s)"
    add("--names", choices=STYLES, default=STYLES[0], help=text)
    text = "a row for each image: state, seconds, masked, background, ...; replaced if there"
    add("--table", type=Path, metavar="FILE.ecsv", help=text)


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("jobs", "how many images at a time, and where").add_argument
    text = "images at a time (default: the cores; fewer where memory would not do)"
    add("--jobs", type=int, metavar="N", help=text)
    text = "run on the workers of this dask scheduler, e.g. tcp://host:8786"
    add("--dask", metavar="ADDRESS", help=text)


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
        from tqdm import tqdm

        self._alone, self._name = alone, images.entries[0].name if alone else ""
        self._result: Result | None = None
        self._bar = tqdm(total=len(images), unit="image", file=sys.stderr,
                         disable=True if alone else None)  # fmt: skip
        self._files: set[str] = set()
        self.failures = 0

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
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
        if row.file not in self._files:  # once for all chips
            self._files.add(row.file)
            self._bar.update()
        if self.failures:
            self._bar.set_postfix(failed=self.failures)


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
