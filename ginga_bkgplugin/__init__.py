"""Sky estimation for astronomical images: mask, fit, look, subtract, save.

The plugin for Ginga is in ``ginga_bkgplugin.viewer``; nothing here imports it.
"""

from ginga_bkgplugin.files.frames import Frame, read_frame
from ginga_bkgplugin.files.products import Background, Mask, Product
from ginga_bkgplugin.files.writing import package_version
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
from ginga_bkgplugin.sky.masking import Pass, PassRow, Stage, iterate_source_mask, mask_invalid
from ginga_bkgplugin.sky.pixels import MaskBit
from ginga_bkgplugin.sky.raster import mask_regions
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.work.image import ScienceImage
from ginga_bkgplugin.work.loading import load_result, read_recipe
from ginga_bkgplugin.work.pipeline import Result, run
from ginga_bkgplugin.work.saving import save_products

__version__ = package_version()

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
]
