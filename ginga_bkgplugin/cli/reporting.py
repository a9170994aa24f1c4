"""``ginga-bkg report``: one quick-look page for each image."""

from __future__ import annotations

import argparse

from ginga_bkgplugin.cli.given import effective_recipe, named_masks
from ginga_bkgplugin.cli.talk import say, talk
from ginga_bkgplugin.files.frames import Frame, read_frame
from ginga_bkgplugin.files.names import find_products, is_loadable
from ginga_bkgplugin.recipe.errors import BackgroundPluginError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.work.gathering import Named, gather
from ginga_bkgplugin.work.judging import judge
from ginga_bkgplugin.work.loading import load_result, stale_products, stale_words
from ginga_bkgplugin.work.pipeline import Result, finish, run_frame
from ginga_bkgplugin.work.report import check_report, report


def report_command(options: argparse.Namespace) -> int:
    """Write a page for each image, from its saved products or from a run."""
    recipe, named = effective_recipe(options), named_masks(options)
    formats = [kind.strip() for kind in options.formats.split(",") if kind.strip()]
    failed = 0
    for file in options.files:
        try:
            frame = read_frame(file)
            check_report(frame, options.output, formats, overwrite=options.overwrite)
            result = _result(frame, recipe, named, options)
            judgement = judge(frame, result)
            paths = report(
                frame, result, judgement, folder=options.output, formats=formats,
                overwrite=options.overwrite,
            )  # fmt: skip
        except (BackgroundPluginError, MemoryError) as error:
            failed += 1
            say(f"{file}: failed: {error or 'out of memory'}")
            continue
        say(f"{frame.name}: {judgement.verdict.words()}")
        for path in paths:
            say(f"  {path}")
    return 1 if failed else 0


def _result(frame: Frame, recipe: Recipe, named: Named, options: argparse.Namespace) -> Result:
    """The saved result if there is one, up to date, and no other was asked for; else a run's."""
    found = find_products(frame, options.output)
    other = options.anew or recipe != Recipe() or named.regions or named.masks
    if is_loadable(found) and other:
        talk(f"{frame.name}: run anew as asked; what is saved is not used")
    elif is_loadable(found):
        stale = stale_words(stale_products(frame, found))
        if not stale:
            talk(f"{frame.name}: the saved products")
            return load_result(frame, options.output)
        talk(f"{frame.name}: {stale}")
    recipe, imported = gather(recipe, frame, named, lambda told: talk(f"{frame.name}: {told}"))
    return finish(run_frame(frame, recipe, imported))
