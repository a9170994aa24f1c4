"""The sky on the unmasked pixels: `sep.Background` to the bit, with its silences spoken.

Method: E. Bertin & S. Arnouts 1996, A&AS 117, 393, as implemented in SEP (K. Barbary 2016,
JOSS 1, 58): clipped mode per box, median filter over the mesh, bicubic spline.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import numpy.typing as npt
import sep

from ginga_bkgplugin.recipe.errors import ImageError, SkyFitError
from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.sky.maps import Map, SplineMap, at_centres, rows_of, whole
from ginga_bkgplugin.sky.mesh import LEAST_GOOD_FRACTION, good_fractions, measured_boxes
from ginga_bkgplugin.sky.pixels import (
    BoolImage,
    FloatImage,
    MaskBit,
    MaskImage,
    as_sky_array,
    check_image,
    check_same_shape,
    has,
    without_non_finite,
)
from ginga_bkgplugin.sky.strips import each, spans

FEWEST_PIXELS = 25  # of a frame: below, SEP's numbers are noise (it doubles a 1 x 1 image)


@dataclasses.dataclass(frozen=True)
class SkyFit:
    """A background and what it rests on.

    Attributes
    ----------
    level_map, rms_map : ndarray of float32, shape (ny, nx), or SplineMap
        Background and its per-pixel noise, in the image's units; `level` and `rms` have them
        as arrays.
    globalback, globalrms : float
        Their summary: medians over the boxes, as SEP gives them.
    fractions : ndarray of float64
        Share of free pixels in each box of the mesh, or of the model.
    unphysical : int
        Pixels where the rms map is not above 0: SEP's spline overshoots beside steep filled
        boxes.
    least_free : float
        Share of free pixels from which on a box was measured.
    """

    level_map: Map
    rms_map: Map
    globalback: float
    globalrms: float
    fractions: npt.NDArray[np.float64]
    unphysical: int = 0
    least_free: float = LEAST_GOOD_FRACTION

    @functools.cached_property
    def level(self) -> FloatImage:
        """The background, float32, shape (ny, nx); made when first asked for."""
        return whole(self.level_map)

    @functools.cached_property
    def rms(self) -> FloatImage:
        """Its noise, float32, shape (ny, nx); made when first asked for."""
        return whole(self.rms_map)

    @property
    def made(self) -> bool:
        """Whether `level` and `rms` are there already, as arrays."""
        arrays = isinstance(self.level_map, np.ndarray) and isinstance(self.rms_map, np.ndarray)
        return arrays or {"level", "rms"} <= vars(self).keys()

    @property
    def boxes(self) -> int:
        """Number of boxes of the mesh."""
        return int(self.fractions.size)

    @property
    def filled(self) -> int:
        """Boxes with too few free pixels: filled from their neighbours, or left out by a model."""
        return int(np.count_nonzero(~self.measured))

    @property
    def measured(self) -> BoolImage:
        """Boxes with enough free pixels."""
        enough: BoolImage = (self.fractions >= self.least_free) & (self.fractions > 0)
        return enough


def fit_background(
    data: Any,
    parameters: BackgroundParameters = BackgroundParameters(),
    *,
    mask: npt.ArrayLike | None = None,
) -> SkyFit:
    """Measure the sky on the pixels that are not masked.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        The image, any real type. NaN and inf are left out whether or not they are masked.
    parameters : BackgroundParameters
        Constant, model, filling, box and filter size.
    mask : array_like of uint8 or bool, shape (ny, nx), optional
        Non-zero pixels are left out. Pixels with `MaskBit.INVALID` become NaN in the maps
        where ``blank_invalid`` is on.

    Returns
    -------
    SkyFit
        With ``is_2d`` and the model mesh, the maps of ``sep.Background(data, mask, bw, bh, fw,
        fh)``, over-masked boxes filled anew with ``fill="smooth"``; with another model, its map.
        Without ``is_2d``, SEP's globalback and globalrms at every pixel.

    Raises
    ------
    ImageError
        When `data` is not an image, is too small, or the mask has another shape.
    SkyFitError
        When no box of the mesh has half its pixels free, where SEP itself would return 0 +- 1;
        or the free boxes do not determine the model.
    """
    pixels = as_sky_array(data)
    check_size(pixels)
    masked = _full_mask(pixels, mask)
    fractions = good_fractions(masked, parameters.box_size)
    if not measured_boxes(fractions).any():
        raise SkyFitError(_over_masked(fractions, masked, parameters.box_size))
    pixels = without_non_finite(pixels)
    fit = _seps_fit(pixels, masked, fractions, parameters)
    if parameters.is_2d and (parameters.model, parameters.fill) != ("mesh", "nearest"):
        from ginga_bkgplugin.sky.models import fill_smoothly, with_model

        if not measured_boxes(fractions).all():
            raw = _unfiltered_nodes(pixels, masked, fractions, parameters)
            fit = fill_smoothly(fit, raw, parameters)
        fit = with_model(pixels, masked, fit, parameters)
    if parameters.blank_invalid:
        invalid = has(masked, MaskBit.INVALID)
        fit.level[invalid] = fit.rms[invalid] = np.nan
    return fit


def _seps_fit(
    pixels: FloatImage,
    masked: MaskImage,
    fractions: npt.NDArray[np.float64],
    parameters: BackgroundParameters,
) -> SkyFit:
    """The maps of `sep.Background`, or its global values, untouched."""
    box, median = parameters.box_size, parameters.filter_size
    sky = sep.Background(
        pixels,
        mask=masked.astype(bool) if masked.any() else None,
        bw=box, bh=box, fw=median, fh=median,
    )  # fmt: skip
    globalback, globalrms = float(sky.globalback), float(sky.globalrms)
    if globalrms == 1.0 and not sky.rms().any():
        globalrms = 0.0  # SEP's word for a constant image, whose rms map it gives as 0
    if parameters.is_2d:
        level, rms = sky.back(), sky.rms()
    else:
        level = np.full(pixels.shape, globalback, dtype=np.float32)
        rms = np.full(pixels.shape, globalrms, dtype=np.float32)
    unphysical = int(np.count_nonzero(rms <= 0)) if globalrms > 0 else 0
    return SkyFit(level, rms, globalback, globalrms, fractions, unphysical)


def _unfiltered_nodes(
    pixels: FloatImage,
    masked: MaskImage,
    fractions: npt.NDArray[np.float64],
    parameters: BackgroundParameters,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Level and rms in SEP's boxes before the median filter over the mesh."""
    from ginga_bkgplugin.sky.models import sep_grid

    raw = _seps_fit(pixels, masked, fractions, parameters.replace(filter_size=1))
    centres = sep_grid(fractions.shape, parameters.box_size).centres()
    return at_centres(raw.level, *centres), at_centres(raw.rms, *centres)


def check_size(pixels: FloatImage) -> None:
    """Refuse an image with too few pixels to tell sky from noise.

    Raises
    ------
    ImageError
        With the number it has and the number it needs.
    """
    if pixels.size < FEWEST_PIXELS:
        raise ImageError(
            f"The image has {pixels.size} pixels; a sky needs at least {FEWEST_PIXELS}."
        )


def _full_mask(pixels: FloatImage, mask: npt.ArrayLike | None) -> MaskImage:
    """The mask as one uint8 plane, non-finite pixels joined in as invalid."""
    full: MaskImage
    if mask is None:
        full = np.zeros(pixels.shape, dtype=np.uint8)
    else:
        given = np.asarray(mask)
        if given.shape != pixels.shape:
            raise ImageError(
                f"The mask has shape {given.shape}, the image {pixels.shape}: they must agree."
            )
        full = given if given.dtype == np.uint8 else (given != 0).astype(np.uint8)
    finite = np.isfinite(pixels)
    if not finite.all():
        full = np.where(finite, full, full | np.uint8(MaskBit.INVALID))
    return full


def _over_masked(fractions: npt.NDArray[np.float64], mask: MaskImage, box_size: int) -> str:
    masked = np.count_nonzero(mask) / mask.size
    return (
        f"Over-masked: 0 of {fractions.size} boxes ({box_size} px) have half their pixels free;"
        f" the best has {fractions.max():.0%}, {masked:.0%} of the frame is masked. Raise sigma,"
        " lower mask_radius_factor or the passes, draw smaller regions, or change box_size."
    )


def subtract_background(
    data: Any, level: npt.ArrayLike | SplineMap
) -> npt.NDArray[np.floating[Any]]:
    """The image minus a background, in a new array.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        The image. Integers are promoted, so negative values survive.
    level : array_like, shape (ny, nx), float or SplineMap
        The background.

    Returns
    -------
    ndarray, shape (ny, nx)
        float64 for float64 (or wide integer) input, else float32; native byte order.

    Raises
    ------
    ImageError
        When the shapes differ.
    """
    image = check_image(data)
    sky = level if isinstance(level, SplineMap) else np.asarray(level)
    if sky.shape:
        check_same_shape(image, sky.shape)
    wide = image.dtype.itemsize > 4 or image.dtype in (np.int32, np.uint32)
    exact = np.float64 if wide else np.float32
    difference = np.empty((image.shape[0], image.shape[1]), exact)

    def strip(start: int, stop: int) -> None:
        part = sky if isinstance(sky, np.ndarray) and not sky.ndim else rows_of(sky, start, stop)
        np.subtract(image[start:stop], part, out=difference[start:stop], dtype=exact)

    each(strip, spans((image.shape[0], image.shape[1])))
    return difference
