"""Masks: invalid pixels, and the sources found by iterated SEP detection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import sep

from ginga_bkgplugin.recipe.errors import DetectionError, ImageError
from ginga_bkgplugin.recipe.parameters import (
    BackgroundParameters,
    InvalidParameters,
    SourceMaskParameters,
)
from ginga_bkgplugin.sky.background import SkyFit, fit_background
from ginga_bkgplugin.sky.pixels import (
    BoolImage,
    FloatImage,
    MaskBit,
    MaskImage,
    as_sky_array,
    check_image,
    has,
    without_non_finite,
)

LINE_RATIO = 8.0  # length to width from which on a source is a line, not a disc
_FIRST_PIXEL_STACK = 1_000_000  # SEP initialises all at every call; doubled when full


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
    image = check_image(data)
    invalid: BoolImage = ~np.isfinite(as_sky_array(image))
    zeros = image == 0
    if np.count_nonzero(zeros) > parameters.threshold_invalid_connection:
        from scipy import ndimage

        labels, _ = ndimage.label(zeros)
        large = np.bincount(labels.ravel()) > parameters.threshold_invalid_connection
        large[0] = False
        invalid |= large[labels]
    if parameters.use_dq and dq is not None:
        flags = np.asarray(dq)
        if flags.shape != image.shape:
            raise ImageError(f"DQ has shape {flags.shape}, the image {image.shape}.")
        invalid |= flags != 0
    return invalid


@dataclasses.dataclass(frozen=True)
class Stage:
    """A word on what is being done now; `fraction` of the whole work is behind it."""

    text: str
    fraction: float


@dataclasses.dataclass(frozen=True)
class PassRow:
    """One pass of detect, grow, re-fit, in numbers.

    Attributes
    ----------
    index : int
        1 for the first pass.
    sources, saturated : int
        Found in this pass, and how many of them reach the saturation level.
    new_pixels : int
        Masked by this pass and free before it.
    masked_fraction : float
        Share of the frame that is masked after it, whatever the reason.
    globalback, globalrms : float
        The sky fitted after it.
    """

    index: int
    sources: int
    saturated: int
    new_pixels: int
    masked_fraction: float
    globalback: float
    globalrms: float


@dataclasses.dataclass(frozen=True)
class Pass:
    """A pass, and the mask (read-only, all bits) and sky after it.

    `row` is None for the start and for the end; `fit` is None where maps are made at the end
    only.
    """

    row: PassRow | None
    mask: MaskImage
    fit: SkyFit | None


def iterate_source_mask(
    data: Any,
    mask: MaskImage,
    source: SourceMaskParameters = SourceMaskParameters(),
    background: BackgroundParameters = BackgroundParameters(),
    *,
    saturation_level: float | None = None,
    first: int = 1,
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

    Yields
    ------
    Stage
        Before each long step.
    Pass
        The start, with no row, then each pass.

    Raises
    ------
    SkyFitError
        When the mask leaves no box of the mesh half free.
    DetectionError
        When SEP cannot extract the sources.
    """
    pixels = as_sky_array(data)
    level = source.saturation_level
    level = saturation_level if level is None else level
    last = max(source.passes, first - 1)
    share = 1.0 / (1 + 2 * (last - first + 1))
    done = 0.0
    yield Stage("Fitting the first background", done)
    mask = mask.copy()
    fit = fit_background(pixels, background, mask=mask)
    yield Pass(None, _read_only(mask), fit)
    for index in range(first, last + 1):
        done += share
        yield Stage(f"Pass {index}: finding sources", done)
        found = find_sources(pixels, fit, source, mask=mask, saturation_level=level)
        before = np.count_nonzero(mask)
        mask = mask | found.mask
        masked = np.count_nonzero(mask)
        done += share
        if masked > before:  # else the sky below the mask is the same
            yield Stage(f"Pass {index}: fitting the background", done)
            fit = fit_background(pixels, background, mask=mask)
        row = PassRow(
            index=index,
            sources=found.sources,
            saturated=found.saturated,
            new_pixels=int(masked - before),
            masked_fraction=float(masked / mask.size),
            globalback=fit.globalback,
            globalrms=fit.globalrms,
        )
        yield Pass(row, _read_only(mask), fit)
        if masked == before:
            return


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
        bad columns: longer than `LINE_RATIO` times their width by SEP's moments) the disc is
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
    _add_discs(everything, objects, factor)
    bits[everything] = MaskBit.SOURCE
    if saturated.any():
        burnt = np.concatenate([[False], saturated])[segments]
        _add_discs(burnt, objects[saturated], factor[saturated])
        bits[burnt] |= np.uint8(MaskBit.SATURATED)
    bits[hidden] = 0
    return Found(len(objects), int(saturated.sum()), bits)


def extract(
    signal: FloatImage,
    threshold: float,
    min_area: int,
    hidden: BoolImage,
    rms: FloatImage | None = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
    """`sep.extract` without deblending and cleaning, with a pixel stack that grows as needed.

    Parameters
    ----------
    signal : ndarray of float32, shape (ny, nx)
        Image minus background.
    threshold : float
        In units of `rms`, or of the signal where that is None.
    min_area : int
        Fewest connected pixels.
    hidden : ndarray of bool
        Pixels not to be seen.
    rms : ndarray of float32, optional
        Noise of each pixel.

    Returns
    -------
    objects : structured ndarray
        SEP's catalogue.
    segments : ndarray of int32, shape (ny, nx)
        1 + the number of the object a pixel belongs to; 0 for none.

    Raises
    ------
    DetectionError
        When SEP gives up.
    """
    stack = _FIRST_PIXEL_STACK
    while True:
        sep.set_extract_pixstack(stack)
        try:
            objects, segments = sep.extract(
                signal,
                threshold,
                err=rms,
                mask=hidden if hidden.any() else None,
                minarea=min_area,
                filter_type="conv",  # the same as "matched" for flat noise, and 4 times faster
                deblend_nthresh=1,  # deblend_cont=1 alone still builds the whole tree
                deblend_cont=1.0,
                clean=False,  # quadratic in the number of sources
                segmentation_map=True,
            )
        except Exception as error:  # SEP raises the bare class
            if "pixel buffer full" in str(error) and stack < 2 * signal.size:
                stack *= 2
                continue
            raise DetectionError(f"SEP could not extract the sources: {error}") from error
        return objects, segments


def _add_discs(
    mask: BoolImage, objects: npt.NDArray[Any], factor: npt.NDArray[np.float64]
) -> None:
    """Mask a disc for each source in place, or an ellipse of its area for a line."""
    radius = factor * np.sqrt(objects["npix"] / np.pi)
    ratio = objects["a"] / objects["b"]
    stretch = np.where(ratio > LINE_RATIO, np.sqrt(ratio), 1.0)
    grown = radius > 0
    sep.mask_ellipse(
        mask, objects["x"][grown], objects["y"][grown],
        a=stretch[grown], b=1 / stretch[grown], theta=objects["theta"][grown], r=radius[grown],
    )  # fmt: skip


def _read_only(mask: MaskImage) -> MaskImage:
    view = mask.view()
    view.flags.writeable = False
    return view
