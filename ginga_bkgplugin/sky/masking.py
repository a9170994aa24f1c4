"""Masks: invalid pixels, and the sources found by iterated SEP detection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.errors import ImageError
from ginga_bkgplugin.recipe.parameters import (
    BackgroundParameters,
    InvalidParameters,
    SourceMaskParameters,
)
from ginga_bkgplugin.sky.background import SkyFit, fit_background
from ginga_bkgplugin.sky.extraction import add_discs, extract
from ginga_bkgplugin.sky.pixels import (
    BoolImage,
    FloatImage,
    MaskBit,
    MaskImage,
    as_sky_array,
    check_image,
    has,
    read_only,
    without_non_finite,
)
from ginga_bkgplugin.sky.steps import Pass, PassRow, Stage
from ginga_bkgplugin.sky.strips import each, spans


def mask_invalid(
    data: Any,
    parameters: InvalidParameters = InvalidParameters(),
    *,
    dq: npt.ArrayLike | None = None,
) -> BoolImage:
    """Pixels with no measurement: NaN, inf, large areas of zeros, and flagged ones.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        The image.
    parameters : InvalidParameters
        The size above which connected (4 neighbours) exact zeros are invalid.
    dq : array_like of int, shape (ny, nx), optional
        Data quality; not 0 is invalid. Looked at only with ``use_dq``.

    Returns
    -------
    ndarray of bool, shape (ny, nx)

    Raises
    ------
    ImageError
        When `data` is not an image or `dq` has another shape.
    """
    return has(invalid_bits(data, parameters, dq=dq), MaskBit.INVALID)


def invalid_bits(
    data: Any,
    parameters: InvalidParameters = InvalidParameters(),
    *,
    dq: npt.ArrayLike | None = None,
) -> MaskImage:
    """`mask_invalid` as a mask: bits of `MaskBit`.

    Where all pixels are valid its memory is not touched, and costs neither room nor time.
    """
    image = check_image(data)
    shape = image.shape[0], image.shape[1]
    bits = np.zeros(shape, np.uint8)

    def look(start: int, stop: int) -> int:
        with np.errstate(over="ignore"):  # beyond float32 becomes inf, hence invalid
            pixels = np.asarray(image[start:stop], np.float32)
        finite = np.isfinite(pixels)
        if not finite.all():
            bits[start:stop][~finite] = MaskBit.INVALID
        return int(np.count_nonzero(pixels == 0))

    zeros = sum(each(look, spans(shape)))
    if zeros > parameters.threshold_invalid_connection:
        from scipy import ndimage

        labels, _ = ndimage.label(image == 0)
        large = np.bincount(labels.ravel()) > parameters.threshold_invalid_connection
        large[0] = False
        bits[large[labels]] = MaskBit.INVALID
    if parameters.use_dq and dq is not None:
        flags = np.asarray(dq)
        if flags.shape != image.shape:
            raise ImageError(f"DQ has shape {flags.shape}, the image {image.shape}.")
        bits[flags != 0] = MaskBit.INVALID
    return bits


def iterate_source_mask(
    data: Any,
    mask: MaskImage,
    source: SourceMaskParameters = SourceMaskParameters(),
    background: BackgroundParameters = BackgroundParameters(),
    *,
    saturation_level: float | None = None,
    first: int = 1,
    keep: BoolImage | None = None,
) -> Iterator[Stage | Pass]:
    """Detect on image - background, grow, re-fit, until a pass masks nothing new.

    Detection sees the pixels under hand-drawn regions (a galaxy whose core is hidden does not
    grow its own mask) but not the invalid ones; the fit leaves out everything masked. The mask
    only ever grows. Stop asking to cancel.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        The image.
    mask : ndarray of uint8, shape (ny, nx)
        The mask to start from, bits of `MaskBit`. Not changed.
    source, background
        The parameters; ``source.passes`` is the number of the last pass at most.
    saturation_level : float, optional
        Used where ``source.saturation_level`` is None, e.g. the header's.
    first : int
        Number of the first pass, above 1 when `mask` already holds earlier ones.
    keep : ndarray of bool, optional
        Pixels no source may mask; detection sees them all the same.

    Yields
    ------
    Stage
        Before each long step.
    Pass
        The start, with no row, then each pass, on the mesh; last, a model's sky with no row.

    Raises
    ------
    SkyFitError
        When the mask leaves no box of the mesh half free.
    DetectionError
        When SEP cannot extract the sources.
    """
    pixels = as_sky_array(data)
    level = saturation_level if source.saturation_level is None else source.saturation_level
    last = max(source.passes, first - 1)
    share = 1.0 / (1 + 2 * (last - first + 1))
    done = 0.0
    yield Stage("Fitting the first background", done)
    mask = mask.copy()
    mesh = background.replace(model="mesh")  # sources stand out against the sky round them
    fit = fit_background(pixels, mesh, mask=mask)
    yield Pass(None, read_only(mask), fit)
    for index in range(first, last + 1):
        done += share
        yield Stage(f"Pass {index}: finding sources", done)
        found = find_sources(pixels, fit, source, mask=mask, saturation_level=level)
        before = np.count_nonzero(mask)
        mask = mask | (found.mask if keep is None else found.mask * ~keep)
        masked = np.count_nonzero(mask)
        done += share
        if masked > before:  # else the sky below the mask is the same
            yield Stage(f"Pass {index}: fitting the background", done)
            fit = fit_background(pixels, mesh, mask=mask)
        row = PassRow(
            index=index,
            sources=found.sources,
            saturated=found.saturated,
            new_pixels=int(masked - before),
            masked_fraction=float(masked / mask.size),
            globalback=fit.globalback,
            globalrms=fit.globalrms,
        )
        yield Pass(row, read_only(mask), fit)
        if masked == before:
            break
    if background.is_2d and background != mesh:
        yield Stage(f"Fitting the model {background.model}", 1 - share / 2)
        yield Pass(None, read_only(mask), fit_background(pixels, background, mask=mask))


@dataclasses.dataclass(frozen=True)
class Found:
    """Sources of one detection; `sure` cannot be noise, `large` is SEP's catalogue."""

    sources: int
    saturated: int
    mask: MaskImage
    sure: BoolImage | None = None
    small: BoolImage | None = None
    large: npt.NDArray[Any] | None = None


def find_sources(
    pixels: FloatImage,
    fit: SkyFit,
    source: SourceMaskParameters,
    *,
    mask: MaskImage,
    saturation_level: float | None = None,
) -> Found:
    """Detect sources with SEP on image - background and grow each to a disc.

    Parameters
    ----------
    pixels : ndarray of float32, shape (ny, nx)
        The image, native byte order.
    fit : SkyFit
        The background to subtract and the rms that sets the threshold.
    source : SourceMaskParameters
        Threshold, least area, growth.
    mask : ndarray of uint8, shape (ny, nx)
        Only its INVALID pixels are hidden from detection.
    saturation_level : float, optional
        Pixel value from which on a source counts as saturated.

    Returns
    -------
    Found
        A source of A pixels is masked by its own pixels and a disc of
        ``mask_radius_factor * sqrt(A / pi)`` round its barycentre. For lines (satellite trails,
        bad columns: longer than 8 times their width by SEP's moments) the disc is
        drawn out to an ellipse of the same area along the line.

    Raises
    ------
    DetectionError
        When SEP gives up.
    """
    hidden = has(mask, MaskBit.INVALID)
    signal = without_non_finite(pixels) - fit.level
    signal[hidden] = 0  # level may be NaN there (blank_invalid)
    rms = np.where(fit.rms > 0, fit.rms, np.float32(fit.globalrms))
    objects, segments = extract(signal, source.sigma, source.min_area, hidden, rms)
    saturated = np.zeros(len(objects), dtype=bool)
    if saturation_level is not None:
        hit = segments[(pixels >= saturation_level) & (segments > 0)]
        saturated[np.unique(hit) - 1] = True
    factor = np.where(saturated, source.saturation_radius_factor, 1.0) * source.mask_radius_factor
    bits = np.zeros(pixels.shape, dtype=np.uint8)
    everything = segments > 0
    radius = factor * np.sqrt(objects["npix"] / np.pi)
    add_discs(everything, objects, radius)
    bits[everything] = MaskBit.SOURCE
    if saturated.any():
        burnt = np.concatenate([[False], saturated])[segments]
        add_discs(burnt, objects[saturated], radius[saturated])
        bits[burnt] |= np.uint8(MaskBit.SATURATED)
    bits[hidden] = 0
    return Found(len(objects), int(saturated.sum()), bits)
