"""Whether products on disk are what a recipe would make of an image now.

The content decides, not a date: size and time of a file say nothing after a copy, and lie after a
clock was set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ginga_bkgplugin.files.frames import Frame, open_fits
from ginga_bkgplugin.files.names import RECIPE
from ginga_bkgplugin.files.versions import package_version
from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.pixels import BoolImage
from ginga_bkgplugin.work.loading import read_recipe

CARD = "BKGPRINT"


def fingerprint(frame: Frame, recipe: Recipe, imported: BoolImage | None = None) -> str:
    """32 hexadecimal digits of everything that decides the products of an image.

    Pixels, header, data quality where the recipe uses it, what decides of the recipe, the pixels
    of its masks from files, and the versions of this package and of SEP.
    """
    found = hashlib.sha256()
    found.update(frame.checksum.encode())
    found.update(frame.header.tostring().encode("utf-8", "replace"))
    if recipe.invalid.use_dq and frame.dq is not None:
        found.update(np.ascontiguousarray(frame.dq).data)
    if imported is not None:
        found.update(np.packbits(imported).data)
    found.update(recipe.essence.to_json().encode())
    found.update(f"{package_version()} {package_version('sep')}".encode())
    return found.hexdigest()[:32]


def joined(prints: Iterable[str], more: str) -> str:
    """One fingerprint of several, and of what else decided."""
    return hashlib.sha256(" ".join([*prints, more]).encode()).hexdigest()[:32]


def outdated(
    paths: Mapping[str, Path], prints: Mapping[str, str], recipe: Recipe
) -> tuple[list[Path], list[Path]]:
    """Which products are of something else, and which are missing or not whole.

    Parameters
    ----------
    paths : mapping
        Where each kind of product belongs.
    prints : mapping
        The fingerprint for each tag (HDU and plane) of the images in a product.
    recipe : Recipe
        For the recipe file, which has no header.

    Returns
    -------
    other, missing : list of Path
    """
    other, missing = [], []
    for kind, path in paths.items():
        if not path.exists():
            missing.append(path)
        elif kind == RECIPE:
            if not _same_recipe(path, recipe):
                other.append(path)
        elif (there := printed(path)) != prints:
            ours = there and there.items() <= prints.items()  # without a chip that failed
            (missing if ours else other).append(path)
    return other, missing


def _same_recipe(path: Path, recipe: Recipe) -> bool:
    """Whether a recipe file makes the same: names and colours of regions decide nothing."""
    try:
        return read_recipe(path).essence == recipe.essence
    except ParameterError:
        return False


def printed(path: Path) -> dict[str, str]:
    """The fingerprints in a product, by tag; none where it cannot be read."""
    try:
        with open_fits(path) as hdus:
            return {
                str(hdu.header.get("TGTHDU", "")): str(hdu.header[CARD])
                for hdu in hdus
                if CARD in hdu.header
            }
    except Exception:  # noqa: BLE001 - any broken file is not what the recipe would make
        return {}
