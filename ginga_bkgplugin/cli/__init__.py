"""The command line, ``ginga-bkg``: the same recipe, the same bytes as the panel.

Results go to stdout, talk and progress to stderr. Exit status: 0 all done, 1 some image failed,
2 wrong usage.
"""

from __future__ import annotations

import functools
import gc
import os
from collections.abc import Callable, Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return _program()(arguments)


@functools.cache
def _program() -> Callable[[Sequence[str] | None], int]:
    """The program, imported at the first call."""
    # Before numpy is imported: its BLAS has nothing to do here but to keep idle threads spinning
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    collects = gc.isenabled()
    gc.disable()  # modules are no garbage: to look for some there, now and at the end, takes 0.2 s
    from ginga_bkgplugin.cli.parser import run_line

    gc.freeze()
    if collects:
        gc.enable()
    return run_line
