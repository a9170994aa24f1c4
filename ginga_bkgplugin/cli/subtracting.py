"""``ginga-bkg subtract`` and ``restore``: a saved background taken off, and put back."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ginga_bkgplugin.cli.talk import say, talk
from ginga_bkgplugin.files.frames import read_frame
from ginga_bkgplugin.files.names import STYLES
from ginga_bkgplugin.files.subtracted import subtracted_by, subtracted_words
from ginga_bkgplugin.recipe.errors import BackgroundPluginError
from ginga_bkgplugin.work.subtractfiles import restore_file, subtract_file

if TYPE_CHECKING:
    from ginga_bkgplugin.cli.parser import Commands


def add_subtract(commands: Commands) -> None:
    """The command and its options."""
    subtract = commands.add_parser("subtract", help="write image - saved background")
    subtract.add_argument("files", nargs="+", metavar="FILE", help="e.g. image.fits[SCI,1]")
    _add_places(subtract, "a map or mesh to subtract (default: the saved one)")
    subtract.add_argument("--names", choices=STYLES, default=STYLES[0],
                          help="style of the products' names (default: %(default)s)")  # fmt: skip
    text = "subtract although it was done before, or the background is stale"
    subtract.add_argument("--force", action="store_true", help=text)
    subtract.set_defaults(command=subtract_command)


def add_restore(commands: Commands) -> None:
    """The command and its options."""
    restore = commands.add_parser("restore", help="take a subtraction back")
    restore.add_argument("files", nargs="+", metavar="FILE", help="subtracted images")
    _add_places(restore, "the map or mesh that was subtracted (default: as the header says)")
    restore.set_defaults(command=restore_command)


def _add_places(parser: argparse.ArgumentParser, background: str) -> None:
    parser.add_argument("--background", type=Path, metavar="MAP", help=background)
    parser.add_argument("--output", type=Path, metavar="DIR",
                        help="folder of the products (default: beside the image)")  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")


def subtract_command(options: argparse.Namespace) -> int:
    """Subtract saved backgrounds."""

    def work(file: str) -> str:
        frame = read_frame(file)
        if subtracted_by(frame) is not None:
            talk(f"{frame.name}: Look: this image is {subtracted_words(frame)}.")
        path = subtract_file(
            file, background=options.background, folder=options.output, style=options.names,
            overwrite=options.overwrite, force=options.force,
        )  # fmt: skip
        return str(path)

    return _for_each(options.files, work)


def restore_command(options: argparse.Namespace) -> int:
    """Restore subtracted images."""

    def work(file: str) -> str:
        path, words = restore_file(
            file, background=options.background, folder=options.output,
            overwrite=options.overwrite,
        )  # fmt: skip
        return f"{path}: {words}"

    return _for_each(options.files, work)


def _for_each(files: list[str], work: Callable[[str], str]) -> int:
    """Do all files, whatever happens to one; the exit status."""
    failed = 0
    for file in files:
        try:
            say(f"{file}: {work(file)}")
        except (BackgroundPluginError, MemoryError) as error:
            failed += 1
            say(f"{file}: failed: {error or 'out of memory'}")
    return 1 if failed else 0
