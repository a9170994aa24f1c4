"""All commands and their options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, TypeAlias

from ginga_bkgplugin.cli.options import add_recipe_options, effective_recipe, near_words
from ginga_bkgplugin.cli.reporting import add_report
from ginga_bkgplugin.cli.running import add_run
from ginga_bkgplugin.cli.subtracting import add_restore, add_subtract
from ginga_bkgplugin.cli.talk import say, talk
from ginga_bkgplugin.cli.telling import add_status
from ginga_bkgplugin.files.writing import package_version
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ParameterError


class Parser(argparse.ArgumentParser):
    """Errors in a line, without a page of usage before them."""

    def error(self, message: str) -> NoReturn:
        """Say it and end with status 2."""
        self.exit(2, f"{self.prog}: error: {message}\nSee {self.prog} --help.\n")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def run_line(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit status."""
    parser = all_commands()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{near_words(unknown, options)}")
    try:
        return int(options.command(options))
    except ParameterError as error:
        talk(f"ginga-bkg: {error}")
        return 2
    except BackgroundPluginError as error:
        talk(f"ginga-bkg: {error}")
        return 1
    except KeyboardInterrupt:
        talk("ginga-bkg: stopped; the files written so far are whole.")
        return 1


def all_commands() -> argparse.ArgumentParser:
    """The parser of the program and all its commands."""
    parser = Parser(
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
    add_recipe_options(demo)
    demo.set_defaults(command=_demo)

    view = commands.add_parser("view", help="Ginga, with the plugin open")
    view.add_argument("files", nargs="+", metavar="FILE")
    view.set_defaults(command=_view)

    add_run(commands)
    add_status(commands)
    add_subtract(commands)
    add_restore(commands)
    add_report(commands)
    return parser


def _view(options: argparse.Namespace) -> int:
    from ginga_bkgplugin.viewer.demo import view

    view(options.files)
    return 0


def _demo(options: argparse.Namespace) -> int:
    from ginga_bkgplugin.viewer.demo import demo

    demo(options.file, effective_recipe(options), options.output,
         offscreen=options.offscreen, say=say)  # fmt: skip
    return 0
