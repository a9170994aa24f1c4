"""Sky estimation for astronomical images: mask, fit, look, subtract, save.

The plugin for Ginga is in ``ginga_bkgplugin.viewer``; nothing here imports it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ginga_bkgplugin.files.frames import Frame, read_frame
    from ginga_bkgplugin.files.products import Background, Mask, Product
    from ginga_bkgplugin.recipe.errors import (
        BackgroundPluginError,
        DetectionError,
        ImageError,
        NoWCSError,
        ParameterError,
        ProductError,
        ProductExistsError,
        SkyFitError,
        WorkerError,
    )
    from ginga_bkgplugin.recipe.parameters import (
        BackgroundParameters,
        InvalidParameters,
        SmoothParameters,
        SourceMaskParameters,
    )
    from ginga_bkgplugin.recipe.recipe import Recipe
    from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
    from ginga_bkgplugin.sky.background import SkyFit, fit_background, subtract_background
    from ginga_bkgplugin.sky.masking import iterate_source_mask, mask_invalid
    from ginga_bkgplugin.sky.pixels import MaskBit
    from ginga_bkgplugin.sky.raster import mask_regions
    from ginga_bkgplugin.sky.simulate import SimulatedField, sample_field, truth_field
    from ginga_bkgplugin.sky.steps import Pass, PassRow, Stage
    from ginga_bkgplugin.work.image import ScienceImage
    from ginga_bkgplugin.work.loading import load_result, read_recipe
    from ginga_bkgplugin.work.pipeline import Result, run
    from ginga_bkgplugin.work.saving import save_products

# Loaded when first asked for: astropy, scipy and sep take longer to import than a small image
# takes to compute.
_HOMES = {
    "files.frames": ("Frame", "read_frame"),
    "files.products": ("Background", "Mask", "Product"),
    "recipe.errors": (
        "BackgroundPluginError",
        "DetectionError",
        "ImageError",
        "NoWCSError",
        "ParameterError",
        "ProductError",
        "ProductExistsError",
        "SkyFitError",
        "WorkerError",
    ),
    "recipe.parameters": (
        "BackgroundParameters",
        "InvalidParameters",
        "SmoothParameters",
        "SourceMaskParameters",
    ),
    "recipe.recipe": ("Recipe",),
    "recipe.shapes": ("PixelCircle", "SkyCircle"),
    "sky.background": ("SkyFit", "fit_background", "subtract_background"),
    "sky.masking": ("iterate_source_mask", "mask_invalid"),
    "sky.pixels": ("MaskBit",),
    "sky.raster": ("mask_regions",),
    "sky.simulate": ("SimulatedField", "sample_field", "truth_field"),
    "sky.steps": ("Pass", "PassRow", "Stage"),
    "work.image": ("ScienceImage",),
    "work.loading": ("load_result", "read_recipe"),
    "work.pipeline": ("Result", "run"),
    "work.saving": ("save_products",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
            globals()[name] = value
            return value
    if name == "__version__":
        from ginga_bkgplugin.files.writing import package_version

        return package_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "Background",
    "BackgroundParameters",
    "BackgroundPluginError",
    "DetectionError",
    "Frame",
    "ImageError",
    "InvalidParameters",
    "Mask",
    "MaskBit",
    "NoWCSError",
    "ParameterError",
    "Pass",
    "PassRow",
    "PixelCircle",
    "Product",
    "ProductError",
    "ProductExistsError",
    "Recipe",
    "Result",
    "ScienceImage",
    "SimulatedField",
    "SkyCircle",
    "SkyFit",
    "SkyFitError",
    "SmoothParameters",
    "SourceMaskParameters",
    "Stage",
    "WorkerError",
    "__version__",
    "fit_background",
    "iterate_source_mask",
    "load_result",
    "mask_invalid",
    "mask_regions",
    "read_frame",
    "read_recipe",
    "run",
    "sample_field",
    "save_products",
    "subtract_background",
    "truth_field",
]
