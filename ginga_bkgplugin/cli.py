"""The command line, ``ginga-bkg``: the same recipe, the same bytes as the panel.

Results go to stdout, talk and progress to stderr. Exit status: 0 all done, 1 some image failed,
2 wrong usage.
"""

from __future__ import annotations

import os

# Before numpy is imported: its BLAS has nothing to do here but to keep idle threads spinning
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from ginga_bkgplugin.files.frames import read_frame
from ginga_bkgplugin.files.names import KINDS, RECIPE, STYLES, find_products
from ginga_bkgplugin.files.writing import package_version
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ParameterError
from ginga_bkgplugin.recipe.imported import KINDS as MASK_KINDS
from ginga_bkgplugin.recipe.imported import POLARITIES
from ginga_bkgplugin.recipe.recipe import GROUPS, Recipe
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.sky.steps import Pass, PassRow
from ginga_bkgplugin.work.gathering import Named, gather
from ginga_bkgplugin.work.loading import read_recipe
from ginga_bkgplugin.work.pipeline import Result, run
from ginga_bkgplugin.work.saving import check_saving, save_products
from ginga_bkgplugin.work.viewmodel import summary_words

USUAL = ("srcmask", "invalidmask", "bkgmap", "bkgrms", RECIPE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except ParameterError as error:
        _talk(f"ginga-bkg: {error}")
        return 2
    except BackgroundPluginError as error:
        _talk(f"ginga-bkg: {error}")
        return 1
    except KeyboardInterrupt:
        _talk("ginga-bkg: stopped; the files written so far are whole.")
        return 1


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _talk(text: str) -> None:
    sys.stderr.write(text + "\n")


# --- the options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ginga-bkg", description="Mask sources, fit and subtract the sky background."
    )
    version = f"%(prog)s {package_version()} (sep {package_version('sep')})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="the main job on a sample field, or on FILE")
    demo.add_argument("file", nargs="?", help="any FITS image, e.g. image.fits[SCI,1]")
    demo.add_argument("--output", type=Path, default=Path("demo-output"), metavar="DIR",
                      help="where products and screenshot go (default: %(default)s)")  # fmt: skip
    demo.add_argument("--offscreen", action="store_true",
                      help="do it without a window even where there is a display")  # fmt: skip
    _add_recipe_options(demo)
    demo.set_defaults(command=_demo)

    view = commands.add_parser("view", help="Ginga, with the plugin open")
    view.add_argument("files", nargs="+", metavar="FILE")
    view.set_defaults(command=_view)

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
    batch.add_argument("--names", choices=STYLES, default=STYLES[0],
                       help="style of the products' names (default: %(default)s)")  # fmt: skip
    _add_recipe_options(batch)
    _add_mask_options(batch)
    batch.set_defaults(command=_run)

    status = commands.add_parser("status", help="the products of images, and what they say")
    status.add_argument("files", nargs="+", metavar="FILE")
    status.add_argument("--output", type=Path, metavar="DIR", help="folder of the products")
    status.set_defaults(command=_status)
    return parser


def _add_recipe_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("recipe", "a file, and options that override it")
    group.add_argument("--recipe", type=Path, metavar="FILE.bkg.json")
    group.add_argument("--circle", action="append", default=[], metavar="X,Y,R",
                       help="mask a circle, 0-based pixels; may be repeated")  # fmt: skip
    group.add_argument("--sky-circle", action="append", default=[], metavar="RA,DEC,R",
                       help="mask a circle, degrees and arcsec; may be repeated")  # fmt: skip
    for parameters in GROUPS.values():
        for name, kind, default, rule in parameters.rules():
            flag = "--" + name.replace("_", "-")
            unit = f" [{rule.unit}]" if rule.unit else ""
            text = f"{rule.help} Default: {default}{unit}.".replace("%", "%%")
            if kind is bool:
                group.add_argument(flag, action=argparse.BooleanOptionalAction,
                                   default=argparse.SUPPRESS, help=text)  # fmt: skip
            elif kind is str:
                group.add_argument(flag, choices=rule.choices, default=argparse.SUPPRESS,
                                   help=text)  # fmt: skip
            else:
                number = int if kind is int else float
                group.add_argument(flag, type=number, default=argparse.SUPPRESS,
                                   metavar=number.__name__.upper(), help=text)  # fmt: skip


def _add_mask_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("masks", "files beside the recipe").add_argument
    text = "DS9 regions, after those of the recipe; -circle(…) erases"
    add("--regions", action="append", default=[], metavar="FILE.reg", help=text)
    text = "the image regions in pixels were drawn on: they are carried to each FILE by WCS"
    add("--drawn-on", metavar="IMAGE", help=text)
    text = (
        "a FITS mask; self[EXT] is in the image's own file; a mask the recipe wants is read only"
        " if named here"
    )
    add("--mask", action="append", default=[], metavar="FILE[EXT]", help=text)
    text = "what the values of --mask are (default: as the file tells)"
    add("--mask-kind", choices=MASK_KINDS, help=text)
    text = "bad: what is set is masked (1 = bad); good: what is not (1 = good)"
    add("--mask-polarity", choices=POLARITIES, help=text)
    text = "flags by value or name with commas, e.g. SATURATED,16; or numbers of objects"
    add("--mask-bits", default="", metavar="BITS", help=text)
    text = "look for no sources: mask by regions and masks only"
    add("--no-automatic", action="store_true", help=text)


def _named(options: argparse.Namespace) -> Named:
    words = [word.strip() for word in options.mask_bits.split(",") if word.strip()]
    return Named(
        regions=options.regions, masks=options.mask, kind=options.mask_kind,
        polarity=options.mask_polarity, drawn_on=options.drawn_on,
        bits=[int(word) if word.isdigit() else word for word in words],
    )  # fmt: skip


def effective_recipe(options: argparse.Namespace) -> Recipe:
    """The recipe file, if any, with the options put over it.

    Raises
    ------
    ParameterError
        When file, option or circle is wrong.
    """
    recipe = read_recipe(options.recipe) if options.recipe else Recipe()
    names = {name for parameters in GROUPS.values() for name, *_ in parameters.rules()}
    recipe = recipe.with_parameters(
        **{name: value for name, value in vars(options).items() if name in names}
    )
    drawn = [PixelCircle(*_three("--circle", text)) for text in options.circle]
    placed = [SkyCircle(*_three("--sky-circle", text)) for text in options.sky_circle]
    return recipe.with_regions(*recipe.regions, *drawn, *placed)


def _three(option: str, text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3:
        raise ParameterError(f"{option} needs three numbers with commas, not {text!r}.")
    return numbers


# --- the commands


def _run(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    recipe, named = effective_recipe(options), _named(options)
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
            _say(f"{file}: failed: {error or 'out of memory'}")
    return 1 if failed else 0


def _run_one(
    file: str, recipe: Recipe, named: Named, kinds: list[str], options: argparse.Namespace
) -> None:
    frame = read_frame(file, options.hdu, options.plane)
    where = {"folder": options.output, "style": options.names, "overwrite": options.overwrite}
    check_saving(frame, kinds, **where)
    recipe, imported = gather(recipe, frame, named, lambda told: _talk(f"{frame.name}: {told}"))
    result: Result | None = None
    for step in run(
        frame.data, recipe, wcs=frame.wcs, dq=frame.dq, saturation_level=frame.saturation_level,
        imported=imported,
    ):  # fmt: skip
        if isinstance(step, Pass) and step.row is not None:
            _talk(f"{frame.name}: {pass_words(step.row)}")
        elif isinstance(step, Result):
            result = step
    assert result is not None
    paths = save_products(frame, result, kinds, **where)
    _say(f"{frame.name}: {summary_words(result)}")
    for path in paths:
        _say(f"  {path}")


def pass_words(row: PassRow) -> str:
    """One pass in a line."""
    return (
        f"pass {row.index}: {row.sources} sources, {row.saturated} saturated,"
        f" {row.new_pixels} new pixels, {row.masked_fraction:.2%} masked,"
        f" background {row.globalback:.6g}, rms {row.globalrms:.4g}"
    )


def _status(options: argparse.Namespace) -> int:
    failed = 0
    for file in options.files:
        try:
            frame = read_frame(file)
        except BackgroundPluginError as error:
            failed += 1
            _say(f"{file}: failed: {error}")
            continue
        found = find_products(frame, options.output)
        subtracted = "subtracted" if frame.header.get("BKGSUB") is True else "not subtracted"
        _say(f"{frame.name}: {subtracted}, {len(found) or 'no'} products")
        for kind, path in found.items():
            _say(f"  {kind:12} {path}")
    return 1 if failed else 0


def _view(options: argparse.Namespace) -> int:
    from ginga_bkgplugin.viewer.demo import view

    view(options.files)
    return 0


def _demo(options: argparse.Namespace) -> int:
    from ginga_bkgplugin.viewer.demo import demo

    demo(options.file, effective_recipe(options), options.output,
         offscreen=options.offscreen, say=_say)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
