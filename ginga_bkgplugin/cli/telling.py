"""``ginga-bkg status``: what is known of an image and its products."""

from __future__ import annotations

import argparse

from ginga_bkgplugin.cli.talk import say
from ginga_bkgplugin.files.frames import read_frame
from ginga_bkgplugin.files.names import find_products
from ginga_bkgplugin.files.subtracted import subtracted_words
from ginga_bkgplugin.recipe.errors import BackgroundPluginError
from ginga_bkgplugin.work.loading import stale_products


def status_command(options: argparse.Namespace) -> int:
    """Tell the products of images."""
    failed = 0
    for file in options.files:
        try:
            frame = read_frame(file)
        except BackgroundPluginError as error:
            failed += 1
            say(f"{file}: failed: {error}")
            continue
        found = find_products(frame, options.output)
        stale = stale_products(frame, found)
        subtracted = subtracted_words(frame) or "not subtracted"
        say(f"{frame.name}: {subtracted}, {len(found) or 'no'} products")
        for kind, path in found.items():
            why = f"  STALE: {stale[kind]}" if kind in stale else ""
            say(f"  {kind:12} {path}{why}")
    return 1 if failed else 0
