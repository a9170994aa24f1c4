"""``ginga-bkg view`` and ``demo``: Ginga with the plugin, with a user or alone."""

from __future__ import annotations

import argparse

from ginga_bkgplugin.cli.given import effective_recipe
from ginga_bkgplugin.cli.talk import say
from ginga_bkgplugin.viewer.demo import demo, view


def view_command(options: argparse.Namespace) -> int:
    """Open a window; returns when the user quits."""
    view(options.files)
    return 0


def demo_command(options: argparse.Namespace) -> int:
    """Do the main job of the panel."""
    demo(options.file, effective_recipe(options), options.output,
         offscreen=options.offscreen, say=say)  # fmt: skip
    return 0
