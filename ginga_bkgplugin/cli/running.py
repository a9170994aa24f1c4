"""``ginga-bkg run``: a recipe on images, and the products written."""

from __future__ import annotations

import argparse
import dataclasses
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
from ginga_bkgplugin.files.frames import read_frame
from ginga_bkgplugin.files.names import KINDS, RECIPE, STYLES
from ginga_bkgplugin.files.subtracted import subtracted_by, subtracted_words
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ParameterError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.steps import Pass, PassRow
from ginga_bkgplugin.work.gathering import Named, gather
from ginga_bkgplugin.work.memory import keep_freed_memory
from ginga_bkgplugin.work.pipeline import Result, run
from ginga_bkgplugin.work.saving import check_saving, save_products
from ginga_bkgplugin.work.viewmodel import summary_words

if TYPE_CHECKING:
    from ginga_bkgplugin.cli import Commands

USUAL = ("srcmask", "invalidmask", "bkgmap", "bkgrms", RECIPE)


def add_run(commands: Commands) -> None:
    """The command and its options."""
    batch = commands.add_parser("run", help="run a recipe on images, write the products")
    batch.add_argument("files", nargs="+", metavar="FILE", help="e.g. image.fits[SCI,1]")
    batch.add_argument("--hdu", help="number, EXTNAME or EXTNAME,EXTVER of the image")
    batch.add_argument("--plane", type=int, help="plane of a cube, 0-based")
    batch.add_argument("--output", type=Path, metavar="DIR",
                       help="folder of the products (default: beside the image)")  # fmt: skip
    batch.add_argument("--save", metavar="KINDS", default=",".join(USUAL),
                       help=f"of {','.join((*KINDS, RECIPE))} (default: %(default)s)")  # fmt: skip
    batch.add_argument("--subtract", action="store_true", help="also write image - background")
    batch.add_argument("--overwrite", action="store_true", help="replace existing products")
    batch.add_argument("--compress", action=argparse.BooleanOptionalAction, default=True,
                       help="masks as compressed tiles (default), or plain")  # fmt: skip
    batch.add_argument("--names", choices=STYLES, default=STYLES[0],
                       help="style of the products' names (default: %(default)s)")  # fmt: skip
    add_recipe_options(batch)
    add_mask_options(batch)
    batch.set_defaults(command=run_command)


def run_command(options: argparse.Namespace) -> int:
    """Run a recipe on images and write the products."""
    from tqdm import tqdm

    keep_freed_memory()
    recipe, named = effective_recipe(options), named_masks(options)
    if options.no_automatic:
        recipe = dataclasses.replace(recipe, automatic=False)
    kinds = [kind.strip() for kind in options.save.split(",") if kind.strip()]
    for kind in kinds:
        if kind not in (*KINDS, RECIPE):
            raise ParameterError(
                f"--save: unknown product {kind!r}. Known: {', '.join((*KINDS, RECIPE))}."
            )
    if options.subtract and "subbkg" not in kinds:
        kinds.append("subbkg")
    failed = 0
    files = tqdm(options.files, unit="image", disable=len(options.files) < 2, file=sys.stderr)
    for file in files:
        try:
            _run_one(file, recipe, named, kinds, options)
        except (BackgroundPluginError, MemoryError) as error:
            failed += 1
            say(f"{file}: failed: {error or 'out of memory'}")
    return 1 if failed else 0


def _run_one(
    file: str, recipe: Recipe, named: Named, kinds: list[str], options: argparse.Namespace
) -> None:
    frame = read_frame(file, options.hdu, options.plane)
    where = {"folder": options.output, "style": options.names, "overwrite": options.overwrite}
    check_saving(frame, kinds, **where)
    if subtracted_by(frame) is not None:
        talk(f"{frame.name}: Look: this image is {subtracted_words(frame)}.")
    recipe, imported = gather(recipe, frame, named, lambda told: talk(f"{frame.name}: {told}"))
    result: Result | None = None
    for step in run(
        frame.data, recipe, wcs=frame.wcs, dq=frame.dq, saturation_level=frame.saturation_level,
        imported=imported,
    ):  # fmt: skip
        if isinstance(step, Pass) and step.row is not None:
            talk(f"{frame.name}: {pass_words(step.row)}")
        elif isinstance(step, Result):
            result = step
    assert result is not None
    paths = save_products(frame, result, kinds, compress=options.compress, **where)
    say(f"{frame.name}: {summary_words(result)}")
    for path in paths:
        say(f"  {path}")


def pass_words(row: PassRow) -> str:
    """One pass in a line."""
    return (
        f"pass {row.index}: {row.sources} sources, {row.saturated} saturated,"
        f" {row.new_pixels} new pixels, {row.masked_fraction:.2%} masked,"
        f" background {row.globalback:.6g}, rms {row.globalrms:.4g}"
    )
