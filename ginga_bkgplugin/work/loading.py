"""From products on disk back to a result."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.names import RECIPE, find_products
from ginga_bkgplugin.files.products import Background, Mask
from ginga_bkgplugin.recipe.errors import ParameterError, ProductError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.background import SkyFit
from ginga_bkgplugin.sky.mesh import LEAST_GOOD_FRACTION
from ginga_bkgplugin.sky.models import box_fractions
from ginga_bkgplugin.work.pipeline import Result

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


def load_result(frame: Frame, folder: str | Path | None = None) -> Result:
    """The result whose products stand beside an image, or in `folder`.

    Raises
    ------
    ProductError
        When mask, background or rms is missing, unreadable or of another size.
    ParameterError
        When the recipe file is broken.
    """
    found = find_products(frame, folder)
    missing = [kind for kind in NEEDED if kind not in found]
    if missing:
        raise ProductError(f"{frame.name}: no saved {', '.join(missing)} to load.")
    mask = Mask.read(found["srcmask"], frame)
    level = Background.read(found["bkgmap"], frame)
    rms = Background.read(found["bkgrms"], frame)
    recipe = read_recipe(found[RECIPE]) if RECIPE in found else Recipe()
    smooth = recipe.background.method == "smooth"
    fit = SkyFit(
        level.data,
        rms.data,
        float(level.header.get("BKGVALU", np.nanmedian(level.data))),
        float(level.header.get("BKGSIG", np.nanmedian(rms.data))),
        box_fractions(mask.data, recipe.background),
        int(np.count_nonzero(rms.data <= 0)),
        recipe.smooth.least_free if smooth else LEAST_GOOD_FRACTION,
    )
    saturation = mask.header.get("MASKSAT")
    return Result(
        recipe, mask.data, fit, (), float(saturation) if isinstance(saturation, float) else None
    )
