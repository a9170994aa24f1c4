"""The numbers behind the lines of a verdict, each with the error that noise gives it."""

from __future__ import annotations

import dataclasses
from statistics import NormalDist

import numpy as np

from ginga_bkgplugin.sky.inspection import BoxReport
from ginga_bkgplugin.sky.maps import Nodes
from ginga_bkgplugin.sky.nodes import polynomial_surface
from ginga_bkgplugin.sky.pixels import BoolImage
from ginga_bkgplugin.sky.residuals import BLOCK, Residual, cell_variance

_FALSE_ALARM = 1e-4  # of one line, all its places together
_LEAST_CELL = 64  # pixels along a cell of the large scale
_LEAST_CELLS = 6
_LEAST_FREE = 0.3  # of a cell
_STANDS_OUT = 2.5  # of the blocks' scatter
_NEIGHBOURS = 17  # lines a line is compared with
_LEAST_LINE = 0.2  # of a line that is free
_LEAST_LINES = 32
_LEAST_BOXES = 36  # to look for hills
_HILL_ROUNDS = 4
_HILL = 4.0  # of the map's scatter about its surface
_NARROW = 0.15  # of the boxes; wider is structure of the sky


def surely(value: float, error: float, places: int) -> float:
    """The size that is sure when the worst of so many places is looked at; 0 when none is."""
    if not (np.isfinite(value) and np.isfinite(error)):
        return 0.0
    return abs(value) if abs(value) > threshold(places) * error else 0.0


def threshold(places: int) -> float:
    """How many errors noise hardly reaches in any of so many places, either sign."""
    return -NormalDist().inv_cdf(_FALSE_ALARM / 2 / max(places, 1))


@dataclasses.dataclass(frozen=True)
class LargeScale:
    """Means of the residual in large cells, in units of the noise of a pixel.

    Attributes
    ----------
    side : int
        Of a cell, pixels.
    excess, error : float
        Scatter of the cells beyond noise, 0 where that is not sure; what noise alone gives.
    worst, sign, x, y : float
        The cell farthest off, its size 0 when no cell is surely off, and where it is.
    """

    side: int
    excess: float
    error: float
    worst: float
    sign: float
    x: float
    y: float


def large_scale(residual: Residual, box_size: int) -> LargeScale:
    """Scatter of the means of cells about one box wide, beyond that of noise."""
    factor = max(1, round(max(_LEAST_CELL, box_size) / BLOCK))
    side = factor * BLOCK
    mean, count = residual.means(factor, _LEAST_FREE)
    used = np.isfinite(mean)
    n = int(np.count_nonzero(used))
    if n < _LEAST_CELLS or residual.sigma <= 0:
        return LargeScale(side, float("nan"), float("nan"), 0.0, 1.0, 0.0, 0.0)
    off = (mean - np.average(mean[used], weights=count[used])) / residual.sigma
    error = residual.error(np.where(used, count, 1)) / residual.sigma
    weight = np.where(used, 1 / error**2, 0.0)
    chi = np.where(used, off, 0.0) ** 2 * weight
    noise = float(np.sqrt(n / weight.sum()))
    beyond = chi.sum() / (n - 1) - 1
    sure = beyond > threshold(1) * np.sqrt(2 / (n - 1)) + 2 / (n - 1)
    excess = noise * float(np.sqrt(beyond)) if sure else 0.0
    j, i = np.unravel_index(int(np.argmax(chi)), chi.shape)
    worst = surely(float(off[j, i]), float(error[j, i]), n)
    middle = (side - 1) / 2
    return LargeScale(
        side, excess, noise, worst, float(np.sign(off[j, i])), i * side + middle, j * side + middle
    )


@dataclasses.dataclass(frozen=True)
class Pattern:
    """Scatter of rows or columns beyond noise, 0 where that is not sure; what noise gives."""

    excess: float
    error: float


def line_pattern(residual: Residual, axis: int) -> Pattern:
    """How far rows (0) or columns (1) are off from the median of their neighbours.

    The scatter is a robust one: a few bad columns are no pattern.
    """
    from scipy.ndimage import median_filter  # late: the command line starts sooner

    mean, count = (
        (residual.rows, residual.row_count)
        if axis == 0
        else (residual.columns, residual.column_count)
    )
    length = residual.shape[1 - axis]
    used = count >= _LEAST_LINE * length
    n = int(np.count_nonzero(used))
    if n < _LEAST_LINES or residual.sigma <= 0:
        return Pattern(float("nan"), float("nan"))
    values = mean[used] / residual.sigma
    off = values - median_filter(values, _NEIGHBOURS, mode="reflect")
    expected = residual.error(count[used]) / residual.sigma
    scatter = 1.4826 * float(np.median(np.abs(off / expected)))
    noise = float(np.median(expected))
    # the robust scatter of n values is known to 1.17 / sqrt(2 n); the median filter adds some
    sure = scatter > 1.1 + threshold(1) * 1.2 / np.sqrt(2 * n)
    return Pattern(noise * float(np.sqrt(scatter**2 - 1)) if sure else 0.0, noise)


def faint_blocks(residual: Residual) -> tuple[float, float]:
    """Light in the blocks that stand out upwards, less that downwards, over all free pixels.

    Correlated noise is as wide on both sides; sources are not. Returns value and error, in units
    of the noise of a pixel.
    """
    mean, count = residual.means()
    used = np.isfinite(mean)
    if np.count_nonzero(used) < 100 or residual.sigma <= 0:
        return float("nan"), float("nan")
    off, count = mean[used] - np.median(mean[used]), count[used]
    spread = np.sqrt(cell_variance(mean, residual.count) / np.median(count))
    if not spread > 0:
        return float("nan"), float("nan")
    size = np.abs(off) * np.sqrt(count / np.median(count)) / spread
    light = np.where(size > _STANDS_OUT, off * count, 0.0)
    total = float(count.sum()) * residual.sigma
    return float(light.sum()) / total, float(np.sqrt((light**2).sum())) / total


def bright_pixels(residual: Residual) -> tuple[float, float]:
    """Share of pixels above 3 sigma less that below -3, and its error."""
    values = residual.values
    if not values.size or residual.sigma <= 0:
        return float("nan"), float("nan")
    off = values - np.float32(residual.statistics.median)
    limit = 3 * residual.sigma
    above, below = (int(np.count_nonzero(side > limit)) for side in (off, -off))
    error = np.sqrt(max(above + below, 1) * residual.correlation) / values.size
    return (above - below) / values.size, float(error)


def filling_error(level: Nodes, measured: BoolImage, away: int, *, stepped: bool) -> float:
    """How far the sky in a box is from what boxes `away` boxes off say of it, where all are known.

    Between two boxes, half their sum, after a surface of degree two, which smooth filling carries
    on; where holes are filled in steps, the nearer one. The rms over all places along both axes;
    NaN where fewer than 5 can be tried.

    Parameters
    ----------
    level : ndarray
        Means of the boxes.
    measured : ndarray of bool
    away : int
        Boxes.
    stepped : bool
        Whether holes are filled from the nearest box.
    """
    changes = []
    if not stepped and measured.any():
        known = np.where(measured, level, 0.0)
        level = known - polynomial_surface(known, measured.astype(float), 2)
    for axis in (0, 1):
        values, known = np.moveaxis(level, axis, 0), np.moveaxis(measured, axis, 0)
        if stepped:
            pair = known[away:] & known[:-away]
            changes.append((values[away:] - values[:-away])[pair])
        else:
            both = known[2 * away :] & known[: -2 * away] & known[away:-away]
            bend = values[away:-away] - (values[2 * away :] + values[: -2 * away]) / 2
            changes.append(bend[both])
    found = np.concatenate(changes)
    return float(np.sqrt(np.mean(found**2))) if found.size >= 5 else float("nan")


@dataclasses.dataclass(frozen=True)
class Hill:
    """The highest place of the map above a surface of degree two, in units of the noise.

    Attributes
    ----------
    height, error : float
        0 where nothing stands out of the map's own scatter, which is the error; NaN where there
        are too few boxes.
    x, y : float
        Where it is, pixels.
    """

    height: float
    error: float
    x: float
    y: float


def map_hill(boxes: BoxReport, sigma: float) -> Hill:
    """Look for hills of the map that take up few of the boxes."""
    level = boxes.level
    if min(boxes.shape) < 4 or level.size < _LEAST_BOXES or not sigma > 0:
        return Hill(float("nan"), float("nan"), 0.0, 0.0)
    weights = np.ones(level.shape)
    for _ in range(_HILL_ROUNDS):
        off = (level - polynomial_surface(level, weights, 2)) / sigma
        scatter = 1.4826 * float(np.median(np.abs(off)))
        weights = (np.abs(off) <= 3 * scatter + 1e-9).astype(float)
    j, i = np.unravel_index(int(np.argmax(off)), off.shape)
    height = float(off[j, i])
    wide = np.count_nonzero(off > height / 3) > _NARROW * off.size
    if height < _HILL * scatter or wide:
        height = 0.0
    y, x = boxes.grid.centres()
    return Hill(height, scatter, float(x[i]), float(y[j]))
