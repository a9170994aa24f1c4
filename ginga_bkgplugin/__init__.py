"""Sky estimation for astronomical images: mask, fit, look, subtract, save.

The plugin for Ginga is in ``ginga_bkgplugin.viewer``; nothing here imports it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ginga_bkgplugin.files.entries import ImageEntry
    from ginga_bkgplugin.files.frames import Frame, read_frame
    from ginga_bkgplugin.files.maskfile import read_mask, read_masks
    from ginga_bkgplugin.files.masklook import MaskLook, look_at_mask, open_mask
    from ginga_bkgplugin.files.meshfile import Mesh, read_mesh
    from ginga_bkgplugin.files.names import find_products
    from ginga_bkgplugin.files.products import Background, Mask, Product
    from ginga_bkgplugin.files.regionfile import RegionsRead, read_regions
    from ginga_bkgplugin.files.regionwriting import write_regions
    from ginga_bkgplugin.files.subtracted import subtracted_words
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
    from ginga_bkgplugin.recipe.imported import ImportedMask
    from ginga_bkgplugin.recipe.parameters import (
        BackgroundParameters,
        InvalidParameters,
        SmoothParameters,
        SourceMaskParameters,
    )
    from ginga_bkgplugin.recipe.recipe import Recipe
    from ginga_bkgplugin.recipe.region import PixelRegion, Region, SkyRegion
    from ginga_bkgplugin.recipe.shapes import (
        PixelAnnulus,
        PixelBox,
        PixelCircle,
        PixelEllipse,
        PixelPolygon,
        PixelStroke,
        SkyAnnulus,
        SkyBox,
        SkyCircle,
        SkyEllipse,
        SkyPolygon,
        SkyStroke,
    )
    from ginga_bkgplugin.sky.advice import Advice
    from ginga_bkgplugin.sky.background import SkyFit, fit_background, subtract_background
    from ginga_bkgplugin.sky.blobs import adopt_blob, grow_from
    from ginga_bkgplugin.sky.boxflags import box_flags
    from ginga_bkgplugin.sky.boxsample import BoxSample, box_sample
    from ginga_bkgplugin.sky.inspection import Box, BoxReport, inspect_boxes
    from ginga_bkgplugin.sky.layers import compose
    from ginga_bkgplugin.sky.masking import iterate_source_mask, mask_invalid
    from ginga_bkgplugin.sky.pixels import MaskBit
    from ginga_bkgplugin.sky.placing import to_pixels, to_skies
    from ginga_bkgplugin.sky.raster import Drawn, draw, mask_regions
    from ginga_bkgplugin.sky.simulate import SimulatedField, sample_field, truth_field
    from ginga_bkgplugin.sky.steps import Pass, PassRow, Stage
    from ginga_bkgplugin.sky.verdict import Finding, Verdict
    from ginga_bkgplugin.work.carry import Carried, anchor_regions, carry_regions
    from ginga_bkgplugin.work.finding import search_products
    from ginga_bkgplugin.work.gathering import Named
    from ginga_bkgplugin.work.image import ScienceImage
    from ginga_bkgplugin.work.imageset import ImageSet
    from ginga_bkgplugin.work.judging import Judgement, judge
    from ginga_bkgplugin.work.loading import load_result, read_recipe, stale_products
    from ginga_bkgplugin.work.pipeline import Result, run
    from ginga_bkgplugin.work.report import report
    from ginga_bkgplugin.work.saving import save_products
    from ginga_bkgplugin.work.subtractfiles import restore_file, subtract_file
    from ginga_bkgplugin.work.task import Row

# Loaded when first asked for: astropy, scipy and sep take longer to import than a small image
# takes to compute.
_HOMES = {
    "files.entries": ("ImageEntry",),
    "files.frames": (
        "Frame",
        "read_frame",
    ),
    "files.maskfile": (
        "read_mask",
        "read_masks",
    ),
    "files.masklook": (
        "MaskLook",
        "look_at_mask",
        "open_mask",
    ),
    "files.meshfile": (
        "Mesh",
        "read_mesh",
    ),
    "files.names": ("find_products",),
    "files.products": (
        "Background",
        "Mask",
        "Product",
    ),
    "files.regionfile": (
        "RegionsRead",
        "read_regions",
    ),
    "files.regionwriting": ("write_regions",),
    "files.subtracted": ("subtracted_words",),
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
    "recipe.imported": ("ImportedMask",),
    "recipe.parameters": (
        "BackgroundParameters",
        "InvalidParameters",
        "SmoothParameters",
        "SourceMaskParameters",
    ),
    "recipe.recipe": ("Recipe",),
    "recipe.region": (
        "PixelRegion",
        "Region",
        "SkyRegion",
    ),
    "recipe.shapes": (
        "PixelAnnulus",
        "PixelBox",
        "PixelCircle",
        "PixelEllipse",
        "PixelPolygon",
        "PixelStroke",
        "SkyAnnulus",
        "SkyBox",
        "SkyCircle",
        "SkyEllipse",
        "SkyPolygon",
        "SkyStroke",
    ),
    "sky.advice": ("Advice",),
    "sky.background": (
        "SkyFit",
        "fit_background",
        "subtract_background",
    ),
    "sky.blobs": (
        "adopt_blob",
        "grow_from",
    ),
    "sky.boxflags": ("box_flags",),
    "sky.boxsample": (
        "BoxSample",
        "box_sample",
    ),
    "sky.inspection": (
        "Box",
        "BoxReport",
        "inspect_boxes",
    ),
    "sky.layers": ("compose",),
    "sky.masking": (
        "iterate_source_mask",
        "mask_invalid",
    ),
    "sky.pixels": ("MaskBit",),
    "sky.placing": (
        "to_pixels",
        "to_skies",
    ),
    "sky.raster": (
        "Drawn",
        "draw",
        "mask_regions",
    ),
    "sky.simulate": (
        "SimulatedField",
        "sample_field",
        "truth_field",
    ),
    "sky.steps": (
        "Pass",
        "PassRow",
        "Stage",
    ),
    "sky.verdict": (
        "Finding",
        "Verdict",
    ),
    "work.carry": (
        "Carried",
        "anchor_regions",
        "carry_regions",
    ),
    "work.finding": ("search_products",),
    "work.gathering": ("Named",),
    "work.image": ("ScienceImage",),
    "work.imageset": ("ImageSet",),
    "work.judging": (
        "Judgement",
        "judge",
    ),
    "work.loading": (
        "load_result",
        "read_recipe",
        "stale_products",
    ),
    "work.pipeline": (
        "Result",
        "run",
    ),
    "work.report": ("report",),
    "work.saving": ("save_products",),
    "work.subtractfiles": (
        "restore_file",
        "subtract_file",
    ),
    "work.task": ("Row",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
            globals()[name] = value
            return value
    if name == "__version__":
        from ginga_bkgplugin.files.versions import package_version

        return package_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "Advice",
    "Background",
    "BackgroundParameters",
    "BackgroundPluginError",
    "Box",
    "BoxReport",
    "BoxSample",
    "Carried",
    "DetectionError",
    "Drawn",
    "Finding",
    "Frame",
    "ImageEntry",
    "ImageError",
    "ImageSet",
    "ImportedMask",
    "InvalidParameters",
    "Judgement",
    "Mask",
    "MaskBit",
    "MaskLook",
    "Mesh",
    "Named",
    "NoWCSError",
    "ParameterError",
    "Pass",
    "PassRow",
    "PixelAnnulus",
    "PixelBox",
    "PixelCircle",
    "PixelEllipse",
    "PixelPolygon",
    "PixelRegion",
    "PixelStroke",
    "Product",
    "ProductError",
    "ProductExistsError",
    "Recipe",
    "Region",
    "RegionsRead",
    "Result",
    "Row",
    "ScienceImage",
    "SimulatedField",
    "SkyAnnulus",
    "SkyBox",
    "SkyCircle",
    "SkyEllipse",
    "SkyFit",
    "SkyFitError",
    "SkyPolygon",
    "SkyRegion",
    "SkyStroke",
    "SmoothParameters",
    "SourceMaskParameters",
    "Stage",
    "Verdict",
    "WorkerError",
    "__version__",
    "adopt_blob",
    "anchor_regions",
    "box_flags",
    "box_sample",
    "carry_regions",
    "compose",
    "draw",
    "find_products",
    "fit_background",
    "grow_from",
    "inspect_boxes",
    "iterate_source_mask",
    "judge",
    "load_result",
    "look_at_mask",
    "mask_invalid",
    "mask_regions",
    "open_mask",
    "read_frame",
    "read_mask",
    "read_masks",
    "read_mesh",
    "read_recipe",
    "read_regions",
    "report",
    "restore_file",
    "run",
    "sample_field",
    "save_products",
    "search_products",
    "stale_products",
    "subtract_background",
    "subtract_file",
    "subtracted_words",
    "to_pixels",
    "to_skies",
    "truth_field",
    "write_regions",
]
