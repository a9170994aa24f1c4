"""The command line, ``ginga-bkg``: the same recipe, the same bytes as the panel.

Results go to stdout, talk and progress to stderr. Exit status: 0 all done, 1 some image failed,
2 wrong usage.
"""

from __future__ import annotations

import argparse
import functools
import gc
import importlib
import os
from collections.abc import Callable, Sequence

from ginga_bkgplugin.cli.parser import parse
from ginga_bkgplugin.cli.talk import talk
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ParameterError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = parse(arguments)
    try:
        return _function(options.command)(options)
    except ParameterError as error:
        talk(f"ginga-bkg: {error}")
        return 2
    except BackgroundPluginError as error:
        talk(f"ginga-bkg: {error}")
        return 1
    except KeyboardInterrupt:
        talk("ginga-bkg: stopped; the files written so far are whole.")
        return 1


@functools.cache
def _function(name: str) -> Callable[[argparse.Namespace], int]:
    """What does a command, e.g. ``running.run_command``, imported at the first call."""
    # Before numpy is imported: its BLAS has nothing to do here but to keep idle threads spinning
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    collects = gc.isenabled()
    gc.disable()  # modules are no garbage: to look for some there, now and at the end, takes 0.2 s
    module, _, function = name.partition(".")
    found: Callable[[argparse.Namespace], int] = getattr(
        importlib.import_module(f"ginga_bkgplugin.cli.{module}"), function
    )
    gc.freeze()
    if collects:
        gc.enable()
    return found
