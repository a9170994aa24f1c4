"""All commands and their options. What they do is imported when one of them is given."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from ginga_bkgplugin.cli.options import add_mask_options, add_recipe_options, near_words
from ginga_bkgplugin.cli.talk import say
from ginga_bkgplugin.files.names import BATCH, FORMATS, KINDS, RECIPE, STYLES
from ginga_bkgplugin.recipe.parameters import COMMON


class Parser(argparse.ArgumentParser):
    """Errors in a line, without a page of usage before them."""

    def error(self, message: str) -> NoReturn:
        """Say it and end with status 2."""
        self.exit(2, f"{self.prog}: error: {message}\nSee {self.prog} --help.\n")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from ginga_bkgplugin.files.versions import package_version

        say(f"{parser.prog} {package_version()} (sep {package_version('sep')})")
        parser.exit()


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of a command line; `command` of them names the function that does it."""
    parser = all_commands()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{near_words(unknown, options)}")
    return options


def all_commands() -> argparse.ArgumentParser:
    """The parser of the program and all its commands."""
    parser = Parser(
        prog="ginga-bkg", description="Mask sources, fit and subtract the sky background."
    )
    parser.add_argument("--version", action=_Version, nargs=0, dest=argparse.SUPPRESS,
                        help="show program's version number and exit")  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_view(commands)
    _add_run(commands)
    _add_status(commands)
    _add_subtract(commands)
    _add_restore(commands)
    _add_report(commands)
    return parser


def _add_demo(commands: Commands) -> None:
    demo = commands.add_parser("demo", help="the main job on a sample field, or on FILE")
    demo.add_argument("file", nargs="?", help="any FITS image, e.g. image.fits[SCI,1]")
    demo.add_argument("--output", type=Path, default=Path("demo-output"), metavar="DIR",
                      help="where products and screenshot go (default: %(default)s)")  # fmt: skip
    demo.add_argument("--offscreen", action="store_true",
                      help="do it without a window even where there is a display")  # fmt: skip
    add_recipe_options(demo)
    demo.set_defaults(command="showing.demo_command")


def _add_view(commands: Commands) -> None:
    view = commands.add_parser("view", help="Ginga, with the plugin open")
    view.add_argument("files", nargs="+", metavar="FILE")
    view.set_defaults(command="showing.view_command")


def _add_run(commands: Commands) -> None:
    batch = commands.add_parser("run", help="run a recipe on images, write the products")
    batch.add_argument("files", nargs="*", metavar="FILE|DIR",
                       help="e.g. image.fits[SCI,1]; folders are searched")  # fmt: skip
    _add_finding(batch)
    _add_writing(batch)
    _add_jobs(batch)
    add_recipe_options(batch)
    add_mask_options(batch)
    batch.set_defaults(command="running.run_command", usage_error=batch.error)


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
    add("--save", metavar="KINDS", default=",".join(BATCH), help=text)
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


def _add_status(commands: Commands) -> None:
    status = commands.add_parser("status", help="the products of images, and what they say")
    status.add_argument("files", nargs="+", metavar="FILE")
    status.add_argument("--output", type=Path, metavar="DIR", help="folder of the products")
    status.set_defaults(command="telling.status_command")


def _add_subtract(commands: Commands) -> None:
    subtract = commands.add_parser("subtract", help="write image - saved background")
    subtract.add_argument("files", nargs="+", metavar="FILE", help="e.g. image.fits[SCI,1]")
    _add_places(subtract, "a map or mesh to subtract (default: the saved one)")
    subtract.add_argument("--names", choices=STYLES, default=STYLES[0],
                          help="style of the products' names (default: %(default)s)")  # fmt: skip
    text = "subtract although it was done before, or the background is stale"
    subtract.add_argument("--force", action="store_true", help=text)
    subtract.set_defaults(command="subtracting.subtract_command")


def _add_restore(commands: Commands) -> None:
    restore = commands.add_parser("restore", help="take a subtraction back")
    restore.add_argument("files", nargs="+", metavar="FILE", help="subtracted images")
    _add_places(restore, "the map or mesh that was subtracted (default: as the header says)")
    restore.set_defaults(command="subtracting.restore_command")


def _add_places(parser: argparse.ArgumentParser, background: str) -> None:
    parser.add_argument("--background", type=Path, metavar="MAP", help=background)
    parser.add_argument("--output", type=Path, metavar="DIR",
                        help="folder of the products (default: beside the image)")  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")


def _add_report(commands: Commands) -> None:
    parser = commands.add_parser("report", help="one quick-look page for each image")
    parser.add_argument("files", nargs="+", metavar="FILE", help="e.g. image.fits[SCI,1]")
    text = "folder of the products and the page (default: beside the image)"
    parser.add_argument("--output", type=Path, metavar="DIR", help=text)
    parser.add_argument("--formats", default=",".join(FORMATS), metavar="FORMATS",
                        help=f"of {','.join(FORMATS)} (default: %(default)s)")  # fmt: skip
    parser.add_argument("--anew", action="store_true",
                        help="run the recipe even where its saved products are found")  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace an existing page")
    add_recipe_options(parser)
    add_mask_options(parser)
    parser.set_defaults(command="reporting.report_command")
