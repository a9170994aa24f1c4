"""Deep detection on binned images: faint wings and noise of either sign.

Sources are looked for on the means of blocks of pixels, where faint wings stand out of the noise.
Those of negative sign are masked as well, so that masking positive noise leaves no bias. A low
threshold finds the extent, a high one decides what is kept (hysteresis).
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ginga_bkgplugin.recipe.parameters import SmoothParameters
from ginga_bkgplugin.sky.binning import Binned
from ginga_bkgplugin.sky.extraction import add_discs
from ginga_bkgplugin.sky.maps import Map, sampled_rows
from ginga_bkgplugin.sky.masking import Found
from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage, MaskBit
from ginga_bkgplugin.sky.segments import Segments, find_segments
from ginga_bkgplugin.sky.strips import each, spans, together
from ginga_bkgplugin.sky.wings import LEAST_RADIUS

_NEIGHBOURS = 17  # lines a line is compared with
_LINE_SAMPLE = 400  # pixels of a line looked at: its median is known to 0.06 of the noise
_LINE_SIGMA = 1.0  # off by more than this times the noise of a block, a whole line is a defect
_MOST_BAD = 0.3  # of a line; its median says little beyond
SURE_SIGMA = 4.0  # a threshold in units of the smoothed noise that noise itself hardly reaches
_STEP = 4  # rows
_NOISE_SAMPLE = 400_000  # blocks looked at: their noise is known to 0.3 %
_KERNEL_NOISE = 0.375  # of white noise after SEP's 3 x 3 kernel: the root of the sum of squares


def find_deep(
    binned: Binned,
    level: Map,
    rms: Map,
    parameters: SmoothParameters,
    min_area: int,
    saturated: BoolImage | None,
) -> Found:
    """Sources of either sign on a binned image, grown to discs.

    Parameters
    ----------
    binned : Binned
        The image.
    level, rms : ndarray of float32, of the binned image's shape, or SplineMap
        Its background, and its noise up to a common factor.
    parameters : SmoothParameters
        Thresholds and growth.
    min_area : int
        Fewest connected blocks, in white noise; more where noise is correlated.
    saturated : ndarray of bool or None
        Blocks with saturated pixels.

    Returns
    -------
    Found
        On the binned image; the number is that of the positive sources. `sure` is the mask of
        what reaches `SURE_SIGMA`.
    """
    signal = _signal(binned, level, rms)
    lines = bad_lines(signal, binned.bad)
    if lines is not None:
        signal[lines] = 0
    unit, noise = signal_noise(signal, binned.bad if lines is None else binned.bad | lines)
    # correlated noise has larger peaks, not more of them: as many independent cells as of white
    min_area = round(min_area * (noise / _KERNEL_NOISE) ** 2)
    scale = noise * unit
    bright, dark = find_segments(
        signal, parameters.low_sigma * scale, parameters.high_sigma * scale, min_area
    )
    del signal  # the masks below need its room
    burnt = np.zeros(len(bright.objects), bool)
    if saturated is not None:  # a source may be joined to a line, which does not saturate it
        burnt = bright.touched(saturated if lines is None else saturated & ~lines)
    radius = disc_radii(bright.objects["npix"], burnt, binned, parameters)
    cold = np.zeros(len(dark.objects), bool)
    dark_radius = disc_radii(dark.objects["npix"], cold, binned, parameters)

    def start() -> BoolImage:
        return np.zeros(binned.shape, bool) if lines is None else lines.copy()

    found, sure = start(), start()
    for side, radii in ((bright, radius), (dark, dark_radius)):
        _grow_into(found, side, radii, radii >= 0)
        _grow_into(sure, side, radii, side.objects["cpeak"] >= SURE_SIGMA * scale)
    small, large = None, None
    big = bright.objects["npix"] * binned.factor**2 > np.pi * LEAST_RADIUS**2
    if big.any():
        small, large = _grow_into(start(), bright, radius, ~big), bright.objects[big]
        large["cpeak"] /= np.float32(unit)
    bits = found.view(np.uint8)  # in place: fresh memory takes longer
    bits *= np.uint8(MaskBit.SOURCE)
    if burnt.any():
        halo = _grow_into(np.zeros(binned.shape, bool), bright, radius, burnt)
        bits |= halo.view(np.uint8) * np.uint8(MaskBit.SATURATED)
    bits[binned.bad] = 0
    return Found(len(bright.objects), int(burnt.sum()), bits, sure, small, large)


def _signal(binned: Binned, level: Map, rms: Map) -> FloatImage:
    """(image - level) / rms; 0 where blocks are bad."""
    signal = np.empty(binned.shape, np.float32)

    def make(start: int, stop: int) -> None:
        _stand_out(binned.image, level, rms, signal, start, stop)
        if binned.bad[start:stop].any():
            signal[start:stop][binned.bad[start:stop]] = 0

    each(make, spans(binned.shape))
    return signal


def _grow_into(
    mask: BoolImage, side: Segments, radius: npt.NDArray[np.float64], chosen: BoolImage
) -> BoolImage:
    """The mask with the pixels and the discs of the chosen sources, in place."""
    side.add_to(mask, chosen)
    add_discs(mask, side.objects[chosen], radius[chosen])
    return mask


def _stand_out(
    image: FloatImage, level: Map, rms: Map, out: FloatImage, start: int, stop: int
) -> None:
    """(image - level) / rms of some rows.

    Between every fourth row the level is a straight line and the noise constant: off by less than
    0.1 of a block's noise where the sky bends by one noise of a pixel from box to box.
    """
    places = np.minimum(np.arange(start, stop + _STEP, _STEP), len(image) - 1)
    sky = sampled_rows(level, places)
    slope = np.diff(sky, axis=0) / np.float32(_STEP)
    scale = 1 / sampled_rows(rms, places[:-1])
    for j in range(_STEP):
        rows = out[start + j : stop : _STEP]
        n = len(rows)
        np.subtract(image[start + j : stop : _STEP], sky[:n] + np.float32(j) * slope[:n], out=rows)
        rows *= scale[:n]


def bad_lines(signal: FloatImage, bad: BoolImage) -> BoolImage | None:
    """Whole rows and columns that stand out from their neighbours; None where there are none.

    A hot column would join the sources it crosses to one, and draw their discs out of place.

    Parameters
    ----------
    signal : ndarray of float32, shape (ny, nx)
        Image minus background in units of the noise.
    bad : ndarray of bool, shape (ny, nx)
        Pixels left out.
    """
    if min(signal.shape) < _NEIGHBOURS:
        return None
    rows, columns = (
        _standing_out(medians)
        for medians in together(lambda: _medians(signal, bad), lambda: _medians(signal.T, bad.T))
    )
    return rows[:, np.newaxis] | columns if rows.any() or columns.any() else None


def _medians(lines: FloatImage, bad: BoolImage) -> FloatImage:
    """The median of each line, from a sample of its pixels; NaN where too many are bad."""
    sample = np.s_[:, :: max(1, lines.shape[1] // _LINE_SAMPLE)]
    # numpy sorts contiguous float32 by vector instructions, faster than it finds a median
    ranked = np.sort(np.ascontiguousarray(lines[sample]), axis=1)
    half = ranked.shape[1] // 2
    medians: FloatImage = ranked[:, ranked.shape[1] - 1 - half : half + 1].mean(axis=1)
    medians[bad[sample].mean(axis=1) > _MOST_BAD] = np.nan
    return medians


def _standing_out(medians: FloatImage) -> BoolImage:
    """Lines whose median is off from those of their neighbours."""
    width = _NEIGHBOURS // 2
    windows = sliding_window_view(np.pad(medians, width, mode="reflect"), 2 * width + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing but NaN
        off: BoolImage = np.abs(medians - np.nanmedian(windows, axis=1)) > _LINE_SIGMA
    return off


def signal_noise(signal: FloatImage, bad: BoolImage) -> tuple[float, float]:
    """Noise of a signal, and that after SEP's 3 x 3 kernel in units of the first.

    The second is 0.375 for white noise and more for correlated noise.
    """
    if min(signal.shape) < 16:
        return 1.0, _KERNEL_NOISE
    step = max(1, signal.shape[0] // 256)
    rows = np.arange(1, signal.shape[0] - 1, step)
    along = signal[rows - 1] + 2 * signal[rows] + signal[rows + 1]
    smooth = (along[:, :-2] + 2 * along[:, 1:-1] + along[:, 2:]) / 16
    plain, free = signal[rows, 1:-1], ~bad[rows, 1:-1]
    thin = np.s_[:, :: 1 + free.size // _NOISE_SAMPLE]
    plain, smooth, free = plain[thin], smooth[thin], free[thin]
    if free.sum() < 100:
        return 1.0, _KERNEL_NOISE
    # from the lower half: sources stand in the upper one
    low_s, mid_s = np.quantile(smooth[free], (0.1587, 0.5))
    low_p, mid_p = np.quantile(plain[free], (0.1587, 0.5))
    plain_noise = float(mid_p - low_p)
    if plain_noise <= 0:
        return 1.0, _KERNEL_NOISE
    return plain_noise, max(_KERNEL_NOISE, float(mid_s - low_s) / plain_noise)


def disc_radii(
    areas: npt.NDArray[np.int64], burnt: BoolImage, binned: Binned, parameters: SmoothParameters
) -> npt.NDArray[np.float64]:
    """Radii in binned pixels, smaller where they would cover more than `most_coverage`."""
    isophote = np.sqrt(areas / np.pi)
    growth = parameters.growth
    while True:
        factor = growth * np.where(burnt, parameters.saturated_growth, 1.0)
        most = isophote + parameters.most_growth / binned.factor
        radius: npt.NDArray[np.float64] = np.minimum(factor * isophote, most)
        covered = 1 - np.exp(-np.sum(np.pi * radius**2) / binned.image.size)
        if covered <= parameters.most_coverage or growth <= 1.2:
            return radius
        growth = max(1.2, growth - 0.1)
