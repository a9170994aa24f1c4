"""What a background leaves: the image minus the map on the free pixels, in numbers.

One pass over the frame, a strip of rows at a time, sums it up in blocks of 8 x 8 pixels, rows and
columns; single pixels are kept of some rows. Pixels beyond 5 times the noise are left out of the
sums: hot pixels and stars no mask caught are no sky.
"""

from __future__ import annotations

import dataclasses
import functools
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.binning import Layers, masked_rows, over_blocks
from ginga_bkgplugin.sky.maps import Nodes, rows_of, sampled_rows
from ginga_bkgplugin.sky.pixels import (
    BoolImage,
    FloatImage,
    MaskBit,
    check_image,
    check_same_shape,
    has,
)
from ginga_bkgplugin.sky.strips import each, spans

if TYPE_CHECKING:
    from ginga_bkgplugin.sky.background import SkyFit

BLOCK = 8  # pixels along a block
CLIP = 5.0  # of the rms map: pixels beyond are left out of the sums
_SAMPLE = 4_000_000  # pixels kept, at most: their mean is known to 0.0005 of their sigma
_CLIPPED = 3.0
_CLIPPED_SIGMA = 0.98658  # of a Gaussian cut at 3 sigma, relative to its own
_COARSE = 4  # blocks along the coarse cells that tell how far noise is correlated


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Plain numbers of some values, nothing clipped.

    Attributes
    ----------
    count : int
    mean, median, sigma, mad, skew : float
        `mad` is the median absolute deviation times 1.4826, which is sigma for a Gaussian; `skew`
        the third moment over the cube of sigma. NaN where there are too few values.
    """

    count: int
    mean: float
    median: float
    sigma: float
    mad: float
    skew: float


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Counts of the residual in units of the rms map, and the Gaussian that map promises.

    Attributes
    ----------
    edges : ndarray of float64
        In units of the rms.
    counts, gaussian : ndarray of float64
        Pixels seen and expected in each bin.
    """

    edges: Nodes
    counts: Nodes
    gaussian: Nodes


@dataclasses.dataclass(frozen=True, eq=False)
class Residual:
    """Image minus map, summed up.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    values, rms : ndarray of float32
        The residual of free pixels of every `step`-th row, and the rms map there.
    step : int
        Every how many rows single pixels are kept.
    total, count : ndarray of float64
        Sums of the residual over the free pixels of blocks of `BLOCK` x `BLOCK` pixels, and their
        numbers; beyond `CLIP` sigma left out.
    light, hidden : ndarray of float64
        The same over pixels that are masked and valid, none left out.
    rows, columns, row_count, column_count : ndarray of float64
        Means over the free pixels of each row and column, NaN where none is free; their numbers.
    globalrms : float
        Of the fit.
    masked : float
        Share of masked or non-finite pixels.
    """

    shape: tuple[int, int]
    values: FloatImage
    rms: FloatImage
    step: int
    total: Nodes
    count: Nodes
    light: Nodes
    hidden: Nodes
    rows: Nodes
    columns: Nodes
    row_count: Nodes
    column_count: Nodes
    globalrms: float
    masked: float

    @functools.cached_property
    def statistics(self) -> Statistics:
        """Of `values`, in the image's units."""
        return describe(self.values)

    @functools.cached_property
    def sigma(self) -> float:
        """Noise of a pixel: clipped at 3 sigma, in the image's units."""
        return clipped_sigma(self.values, self.statistics.mad)

    @functools.cached_property
    def normalised(self) -> FloatImage:
        """`values` in units of the rms map; where that is not above 0 left out."""
        good = self.rms > 0
        ratio: FloatImage = self.values[good] / self.rms[good]
        return ratio

    def means(self, factor: int = 1, least: float = 0.5) -> tuple[Nodes, Nodes]:
        """Means and numbers of free pixels in cells of `factor` x `factor` blocks.

        NaN where less than `least` of a cell is free.
        """
        total, count = (summed(plane, factor) for plane in (self.total, self.count))
        area = summed(_areas(self.shape), factor)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(count >= np.maximum(least * area, 1), total / count, np.nan)
        return mean, count

    @functools.cached_property
    def correlation(self) -> float:
        """How many times larger the variance of means is than of independent pixels; at least 1.

        From the differences of neighbouring blocks and of cells of 4 x 4 blocks: drizzled and
        resampled frames have correlated noise, and undetected sources count as noise here.
        """
        factors = [
            cell_variance(*self.means(factor)) / self.sigma**2
            for factor in (1, _COARSE)
            if self.sigma > 0
        ]
        return max([1.0, *(value for value in factors if np.isfinite(value))])

    def error(self, count: Any) -> Any:
        """Error of the mean of so many free pixels."""
        with np.errstate(divide="ignore"):
            return self.sigma * np.sqrt(self.correlation / np.maximum(count, 0))

    def histogram(self, bins: int = 60, reach: float = 6.0) -> Histogram:
        """The residual over the rms map from -reach to reach, beside the Gaussian."""
        edges = np.linspace(-reach, reach, bins + 1)
        counts = np.histogram(self.normalised, edges)[0].astype(np.float64)
        below = np.array([NormalDist().cdf(edge) for edge in edges])
        return Histogram(edges, counts, self.normalised.size * np.diff(below))


def describe(values: FloatImage) -> Statistics:
    """Count, mean, median, sigma, MAD and skew of values, worked out in float64."""
    n = values.size
    if not n:
        return Statistics(0, *[float("nan")] * 5)
    exact = values.astype(np.float64)
    mean, median = float(exact.mean()), float(np.median(values))
    mad = 1.4826022185056018 * float(np.median(np.abs(exact - median)))
    exact -= mean
    square = exact * exact
    variance = float(square.mean())
    exact *= square
    skew = float(exact.mean()) / variance**1.5 if variance > 0 else float("nan")
    return Statistics(n, mean, median, float(np.sqrt(variance)), mad, skew)


def clipped_sigma(values: FloatImage, start: float) -> float:
    """Sigma of a Gaussian whose values were cut at 3 sigma round 0, found in a few rounds."""
    sigma = start if start > 0 else float(values.std(dtype=np.float64)) if values.size else 0.0
    for _ in range(5):
        kept = values[np.abs(values) <= _CLIPPED * sigma]
        if not kept.size:
            break
        new = float(kept.std(dtype=np.float64)) / _CLIPPED_SIGMA
        moved, sigma = abs(new - sigma), new
        if moved < 1e-4 * sigma:
            break
    return sigma


def cell_variance(mean: Nodes, count: Nodes) -> float:
    """Variance of the means of neighbouring cells, times the pixels in a cell; robust.

    From differences, so that a slope does no harm. NaN with less than 30 of them.
    """
    differences = []
    for axis in (0, 1):
        weight = 1 / np.maximum(count, 1)
        one, two = (np.swapaxes(plane, 0, axis) for plane in (mean, weight))
        differences.append(((one[1:] - one[:-1]) / np.sqrt(two[1:] + two[:-1])).ravel())
    found = np.concatenate(differences)
    found = found[np.isfinite(found)]
    if found.size < 30:
        return float("nan")
    return float((1.4826 * np.median(np.abs(found))) ** 2)


def summed(plane: Nodes, factor: int) -> Nodes:
    """Sums over cells of `factor` x `factor` entries; the last ones may be partial."""
    if factor == 1:
        return plane
    for axis in (0, 1):
        plane = np.add.reduceat(plane, np.arange(0, plane.shape[axis], factor), axis=axis)
    return plane


def _areas(shape: tuple[int, int]) -> Nodes:
    """Pixels in each block."""
    sides = [
        np.diff(np.append(np.arange(0, size, BLOCK), size)).astype(np.float64) for size in shape
    ]
    return sides[0][:, np.newaxis] * sides[1]


def measure_residual(data: Any, layers: Layers, fit: SkyFit) -> Residual:
    """Sum up image - map on the pixels that are not masked.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        The image, any real type and byte order; read a strip of rows at a time.
    layers : ndarray of uint8, shape (ny, nx), or BlockMask
        The mask, bits of `MaskBit`; non-zero is masked.
    fit : SkyFit
        Its maps. Pixels where they are NaN count as masked.

    Raises
    ------
    ImageError
        When the image has another shape than the fit.
    """
    image = check_image(data)
    shape = image.shape[0], image.shape[1]
    check_same_shape(image, fit.level_map.shape)
    step = max(1, -(-shape[0] * shape[1] // _SAMPLE)) | 1  # odd: read-out repeats in powers of 2

    def strip(start: int, stop: int) -> tuple[Any, ...]:
        residual, free, hidden = _strip(image, layers, fit, start, stop)
        first = -start % step
        chosen = free[first::step]
        rows = np.arange(start + first, stop, step)
        rms = sampled_rows(fit.rms_map, rows)[chosen] if rows.size else residual[:0, :0].ravel()
        kept = residual[first::step][chosen]
        light = _blocks(residual, hidden), _blocks(hidden)
        masked = residual.size - np.count_nonzero(free)
        free &= np.abs(residual) <= CLIP * _noise(fit, (start + stop) // 2)
        used = np.where(free, residual, np.float32(0))
        lines = [(plane.sum(axis=1, dtype=np.float64), plane.sum(axis=0, dtype=np.float64))
                 for plane in (used, free)]  # fmt: skip
        return kept, rms, _blocks(used), _blocks(free), *light, lines, masked

    answers = each(strip, spans(shape, BLOCK))
    kept, rms, *planes, lines, masked = zip(*answers, strict=True)
    total, count, light, hidden = (np.concatenate(plane) for plane in planes)
    rows, row_count = (np.concatenate([line[k][0] for line in lines]) for k in (0, 1))
    columns, column_count = (np.sum([line[k][1] for line in lines], axis=0) for k in (0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        rows, columns = rows / row_count, columns / column_count
    return Residual(
        shape=shape, values=np.concatenate(kept), rms=np.concatenate(rms), step=step,
        total=total, count=count, light=light, hidden=hidden,
        rows=rows, columns=columns, row_count=row_count, column_count=column_count,
        globalrms=fit.globalrms, masked=float(sum(masked)) / image.size,
    )  # fmt: skip


def _strip(
    image: npt.NDArray[Any], layers: Layers, fit: SkyFit, start: int, stop: int
) -> tuple[FloatImage, BoolImage, BoolImage]:
    """Image - map, where it is free, and where it is masked but valid; 0 where not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        residual = np.asarray(image[start:stop], np.float32) - rows_of(fit.level_map, start, stop)
    mask = masked_rows(layers, start, stop)
    finite = np.isfinite(residual)
    if not finite.all():
        residual = np.where(finite, residual, np.float32(0))
    hidden = (mask != 0) & finite & ~has(mask, MaskBit.INVALID)
    return residual, (mask == 0) & finite, hidden


def _noise(fit: SkyFit, row: int) -> FloatImage:
    """The rms map along a row: it hardly changes within a strip; the global one where missing."""
    rms = sampled_rows(fit.rms_map, np.array([row]))[0]
    return np.where(rms > 0, rms, np.float32(fit.globalrms if fit.globalrms > 0 else np.inf))


def _blocks(plane: Any, where: BoolImage | None = None) -> Nodes:
    """Sums over blocks, in float64."""
    if where is not None:
        if not where.any():
            plane = np.zeros(plane.shape, bool)
        else:
            plane = np.where(where, plane, np.float32(0))
    sums: Nodes = over_blocks(np.add, plane, BLOCK, np.uint8 if plane.dtype == bool else None)
    return sums.astype(np.float64)
