"""From products on disk back to a result."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.history import last_entry
from ginga_bkgplugin.files.meshfile import read_mesh
from ginga_bkgplugin.files.names import RECIPE, find_products, is_loadable
from ginga_bkgplugin.files.products import Background, Mask, Product, read_header
from ginga_bkgplugin.recipe.errors import ParameterError, ProductError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.background import SkyFit
from ginga_bkgplugin.sky.maps import Map, whole
from ginga_bkgplugin.sky.mesh import LEAST_GOOD_FRACTION
from ginga_bkgplugin.sky.models import box_fractions
from ginga_bkgplugin.work.pipeline import Result

_SAME_BOXES = ("MASKSUM", "BKGTYPE", "BKGBOX", "SMFREE")
NEEDED = ("srcmask", "bkgmap", "bkgrms")


def read_recipe(path: str | Path) -> Recipe:
    """Read a ``.bkg.json`` file.

    Raises
    ------
    ParameterError
        When it is missing, unreadable or not a valid recipe; the message names the file.
    """
    try:
        return Recipe.from_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ParameterError(f"{path}: cannot be read as a recipe ({reason}).") from error
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from error


def load_result(frame: Frame, *folders: str | Path | None) -> Result:
    """The result whose products stand beside an image, or in one of `folders`.

    Where the recipe's file is not there, the recipe is that in the header of the mask.

    Raises
    ------
    ProductError
        When mask, background or rms is missing, unreadable or of another size.
    ParameterError
        When the recipe file is broken.
    """
    found = find_products(frame, *folders)
    if not is_loadable(found):
        missing = [kind for kind in NEEDED if kind not in found]
        raise ProductError(f"{frame.name}: no saved {', '.join(missing)} to load.")
    mask = Mask.read(found["srcmask"], frame)
    level, rms, header = _maps(found, frame)
    recipe = read_recipe(found[RECIPE]) if RECIPE in found else _recipe_in(mask.header)
    smooth = recipe.background.method == "smooth"
    least_free = recipe.smooth.least_free if smooth else LEAST_GOOD_FRACTION
    fractions = box_fractions(mask.data, recipe.background)
    flags = Product.read(found["bkgflag"], frame) if "bkgflag" in found else None
    filled = header.get("BKGNFIL")
    if flags is not None and all(
        flags.header.get(card) == mask.header.get(card) for card in _SAME_BOXES
    ):
        from ginga_bkgplugin.sky.boxflags import flagged_fractions  # late: few have them

        fractions = flagged_fractions(fractions, flags.data, recipe.background, least_free)
    elif smooth and isinstance(filled, int) and 0 <= filled < fractions.size:
        # the run counts what it did not clip of blocks: a box at the limit may differ by a pixel
        least_free = float(np.sort(fractions, axis=None)[filled])
    fit = SkyFit(
        level,
        rms,
        float(header.get("BKGVALU", np.nanmedian(whole(level)))),
        float(header.get("BKGSIG", np.nanmedian(whole(rms)))),
        fractions,
        int(np.count_nonzero(whole(rms) <= 0)),
        least_free,
    )
    saturation = mask.header.get("MASKSAT")
    return Result(
        recipe, mask.data, fit, (), float(saturation) if isinstance(saturation, float) else None
    )


def load_and_look(frame: Frame, *folders: str | Path | None) -> tuple[Result, str]:
    """As `load_result`, with a warning where what is loaded is stale."""
    result = load_result(frame, *folders)
    return result, stale_words(stale_products(frame, find_products(frame, *folders)))


def _maps(found: dict[str, Path], frame: Frame) -> tuple[Map, Map, fits.Header]:
    """Background and rms, from their maps or from their mesh, and the background's header."""
    if {"bkgmap", "bkgrms"} <= set(found):
        level = Background.read(found["bkgmap"], frame)
        return level.data, Background.read(found["bkgrms"], frame).data, level.header
    mesh, noise, header = read_mesh(found["bkgmesh"])
    if mesh.shape != frame.data.shape:
        raise ProductError(
            f"{found['bkgmesh']}: its size {mesh.shape} is not that of {frame.name},"
            f" {frame.data.shape}."
        )
    return mesh.map(), noise.map(), header


def _recipe_in(header: fits.Header) -> Recipe:
    """The recipe in the HISTORY of a product; the default one where there is none."""
    told = last_entry(header, "recipe")
    return Recipe() if told is None else Recipe.from_json(json.dumps(told))


def stale_products(frame: Frame, found: dict[str, Path]) -> dict[str, str]:
    """Which products no longer belong to their image, or to one another, and why, in words.

    Parameters
    ----------
    frame : Frame
        The image as it is now, or one of its products.
    found : dict
        Path of each product by its kind, see `find_products`.

    Returns
    -------
    dict
        By kind. Products without checksums are not judged.
    """
    headers = {}
    for kind, path in found.items():
        if kind != RECIPE:
            with contextlib.suppress(ProductError):  # told when it is loaded
                headers[kind] = read_header(path)
    is_product = "BKGPROD" in frame.header
    image = frame.header.get("TGTSUM") if is_product else frame.checksum if headers else None
    sums = {kind: header.get("PIXSUM") for kind, header in headers.items()}
    stale = {}
    for kind, header in headers.items():
        if _differ(header.get("TGTSUM"), image):
            stale[kind] = "made from other pixels than the image has now"
        elif kind == "subbkg" and _differ(header.get("BKGID"), sums.get("bkgmap")):
            stale[kind] = "another background was subtracted than the saved one"
        elif kind != "srcmask" and _differ(header.get("MASKSUM"), sums.get("srcmask")):
            stale[kind] = "made with another mask than the saved one"
    return stale


def stale_words(stale: dict[str, str]) -> str:
    """A warning in one line; empty where nothing is stale."""
    if not stale:
        return ""
    reasons = dict.fromkeys(stale.values())
    told = [
        f"{', '.join(kind for kind in stale if stale[kind] == reason)}: {reason}"
        for reason in reasons
    ]
    return f"Stale: {'; '.join(told)}. Run again."


def _differ(one: Any, two: Any) -> bool:
    return bool(one) and bool(two) and one != two
