"""``ginga-bkg subtract`` and ``restore``: a saved background taken off, and put back."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from ginga_bkgplugin.cli.talk import say, talk
from ginga_bkgplugin.files.frames import read_frame
from ginga_bkgplugin.files.subtracted import subtracted_by, subtracted_words
from ginga_bkgplugin.recipe.errors import BackgroundPluginError
from ginga_bkgplugin.work.subtractfiles import restore_file, subtract_file


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
