"""The light of sources too faint to be found, from the skewness it gives to the free sky.

Compact sources of flux f scattered at random have cumulants k_j = n <f^j>, whatever their counts;
noise that is independent from cell to cell has those that single cells show. Blocks of cells so
yield k_2 and k_3 of the sources alone, and by the Cauchy-Schwarz inequality k_2^2 <= k_1 k_3:
their mean light k_1 is at least k_2^2 / k_3. That lower bound is taken off, no model of counts.
The pedestal of undetected sources: I. Ji et al. 2018, PASP 130, 084504; cumulants of unresolved
sources: P. Scheuer 1957, Proc. Camb. Phil. Soc. 53, 764.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage

Sums = npt.NDArray[np.float64]

_BLOCK = 6  # cells along a block
_GROUP = 12  # blocks along a group: gradients inside are small, and groups tell the errors
GROUP_SIDE = _BLOCK * _GROUP  # cells
_LEAST_BLOCKS, _LEAST_GROUPS = 24, 8
# Least of (c3(6) - c3(1)) / (c2(6) - c2(1))^2 over all widths of a Gaussian source, where cj(b)
# is the mean over places of the sum of (its share in a block of b cells)^j
_SHAPE = 1.4
_OUTLIER = 8.0  # in units of the cells' noise: single hot or dead pixels
_LEAST_FLUX = 0.6  # k_3 / k_2 in units of a block's noise; less is noise more than sources
_FAR = 16  # pixels apart, beyond all but the widest sources
_MOST_SHARED = 0.05  # covariance of neighbouring pixels / variance; crowded fields have 0.02
_MOST_RATIO = 3.0  # of the covariances one and two pixels apart; 2.8 for a FWHM of 2 pixels


@dataclasses.dataclass(frozen=True)
class FaintLight:
    """Mean of the free cells, and how much of it is the light of faint sources, at least."""

    mean: float
    light: float


@dataclasses.dataclass(frozen=True)
class Cumulants:
    """Of blocks, per cell and in excess of single cells, with their errors."""

    second: float
    second_error: float
    third: float
    third_error: float


Read = Callable[[npt.NDArray[np.intp]], tuple[FloatImage, BoolImage]]


def faint_light(read: Read, shape: tuple[int, int], *, white: bool = True) -> FaintLight:
    """The mean of the free sky and a lower bound of the faint sources' share of it.

    A band of rows at a time: fresh memory for whole planes takes more time than the sums.

    Parameters
    ----------
    read : callable
        Takes numbers of rows; returns image minus background there (float32, finite), and which
        cells are without bright sources. Whatever is masked for being high in noise biases the
        mean, so the threshold has to be one that noise does not reach.
    shape : tuple of int
        (ny, nx).
    white : bool
        Whether the noise of neighbours is `independent`.

    Returns
    -------
    FaintLight
        In the units of the image. The light is 0 where it cannot be told from noise: on small
        frames, when the noise of neighbours is correlated, when the excess is not skewed.
    """
    ny, nx = shape
    sample, free = read(np.arange(0, ny, max(1, ny * nx // 100_000)))
    values = sample[free]
    if values.size < 1000:
        return FaintLight(0.0, 0.0)
    low, middle, high = np.quantile(values, (0.16, 0.5, 0.84))
    noise = float(high - low) / 2
    if noise <= 0:
        return FaintLight(0.0, 0.0)
    total, number, groups = 0.0, 0, []
    for start in range(0, ny, GROUP_SIDE):
        cells, free = read(np.arange(start, min(ny, start + GROUP_SIDE)))
        cells = (cells - np.float32(middle)) / np.float32(noise)
        used = free & (np.abs(cells) < _OUTLIER)
        cells[~used] = 0
        total += float(cells.sum(dtype=np.float64))
        number += int(np.count_nonzero(used))
        if white:
            groups.append(in_groups(cells, used))
    mean = total / number
    excess = cumulants(groups) if white else None
    light = 0.0 if excess is None else least_light(excess)
    return FaintLight(float(middle) + mean * noise, light * noise)


def least_light(excess: Cumulants) -> float:
    """The lower bound of the mean light, in the units of the cells.

    Shrunk to 0 where the excess is within its errors. 0 when it is more like noise than sources.
    """
    if excess.second <= 0 or excess.third < _LEAST_FLUX * _BLOCK * excess.second:
        return 0.0
    seen = excess.second**2 / (excess.second**2 + (2 * excess.second_error) ** 2)
    return _SHAPE * seen * excess.second**2 / float(np.hypot(excess.third, 2 * excess.third_error))


def independent(read: Read, shape: tuple[int, int], noise: float) -> bool:
    """Whether the noise of neighbouring pixels is independent.

    Light of resolved sources (FWHM of 2 pixels or more) falls slowly between one and two pixels
    apart, and is little beside the noise. Noise correlated by resampling is neither.

    Parameters
    ----------
    read : callable
        Takes numbers of rows; returns these rows of the image at full resolution, float32, and
        where they are finite and without sources.
    shape : tuple of int
        (ny, nx) of the image, of which some rows are looked at.
    noise : float
        Of a pixel, to leave outliers out.
    """
    if min(shape) <= _FAR:
        return False
    ny, nx = shape
    rows = np.arange(0, ny - _FAR, max(1, ny * nx // 1_000_000))
    pixels, free = read(rows)
    most = np.float32(_OUTLIER * np.sqrt(2) * noise)
    half_squares, pairs = [], 0
    for lag in (1, 2, _FAR):
        total, pairs = 0.0, 0
        for (other, other_free), right in ((read(rows + lag), 0), ((pixels, free), lag)):
            along = nx - right
            change = other[:, right:] - pixels[:, :along]
            used = other_free[:, right:] & free[:, :along] & (np.abs(change) < most)
            change *= used
            change /= np.float32(noise)
            total += float(np.vdot(change, change))
            pairs += int(np.count_nonzero(used))
        half_squares.append(total / 2 / max(pairs, 1))
    near, next_to, variance = half_squares[-1] - np.array([*half_squares[:2], 0.0])
    error = 8 * variance / np.sqrt(max(pairs, 1))  # twice that of near - 3 next_to
    explained = _MOST_RATIO * max(next_to, 0) + error
    return bool(pairs > 0 and near < min(explained, _MOST_SHARED * variance))


def in_groups(cells: FloatImage, used: BoolImage) -> Sums:
    """Of each group of blocks their number, and the excess of their sums over independent cells.

    Parameters
    ----------
    cells : ndarray of float32, shape (ny, nx)
        0 where not used.
    used : ndarray of bool, shape (ny, nx)
        Only blocks with all their cells count.

    Returns
    -------
    ndarray of float64, shape (3, groups)
        Number, second and third cumulants per cell.
    """
    side = GROUP_SIDE
    rows, columns = (size // side * side for size in cells.shape)
    if not rows * columns:
        return np.zeros((3, 0))
    cells, used = cells[:rows, :columns], used[:rows, :columns]
    whole = _sum(used.astype(np.float32)) == _BLOCK**2
    count = _group(whole)
    n = np.maximum(count, _LEAST_BLOCKS)
    blocks = np.where(whole, _sum(cells), np.float32(0))
    centred = np.where(whole, blocks - _spread(_group(blocks) / n, _GROUP), 0.0)
    squares = centred**2
    second = _group(squares) / (n - 1)
    third = _group(squares * centred) * n / ((n - 1) * (n - 2))
    # what blocks two apart share is wider than a block: structure of the sky, no faint source
    shared = sum(_group(_lagged(centred, axis)) for axis in (0, 1))
    pairs = sum(_group(_lagged(whole.astype(float), axis)) for axis in (0, 1))
    second -= shared / np.maximum(pairs, 1) + second / n
    cell_second, cell_third = _moments(cells, whole)
    excess = second / _BLOCK**2 - cell_second, third / _BLOCK**2 - cell_third
    return np.stack([count, *excess]).reshape(3, -1)


def cumulants(groups: list[Sums]) -> Cumulants | None:
    """The means over all groups of `in_groups` with enough blocks, and their errors.

    None where there are too few groups.
    """
    count, *excess = np.concatenate(groups, axis=1)
    good = count >= _LEAST_BLOCKS
    if np.count_nonzero(good) < _LEAST_GROUPS:
        return None
    weight = count[good] / count[good].sum()
    values: list[float] = []
    for each in excess:
        mean = float((weight * each[good]).sum())
        values += [mean, float(np.sqrt((weight**2 * (each[good] - mean) ** 2).sum()))]
    return Cumulants(*values)


def _moments(cells: FloatImage, whole: BoolImage) -> tuple[Sums, Sums]:
    """Second and third central moments of the cells in whole blocks, by group."""
    square = cells * cells
    count = np.maximum(_group(whole), 1) * _BLOCK**2
    first, second, third = (
        _group(np.where(whole, _sum(plane), 0)) / count
        for plane in (cells, square, square * cells)
    )
    return second - first**2, third - 3 * first * second + 2 * first**3


def _sum(cells: FloatImage) -> FloatImage:
    rows = cells[::_BLOCK].copy()
    for i in range(1, _BLOCK):
        rows += cells[i::_BLOCK]
    out = rows[:, ::_BLOCK].copy()
    for i in range(1, _BLOCK):
        out += rows[:, i::_BLOCK]
    return out


def _group(blocks: npt.NDArray[np.generic]) -> Sums:
    ny, nx = blocks.shape
    boxes = blocks.reshape(ny // _GROUP, _GROUP, nx // _GROUP, _GROUP)
    total: Sums = boxes.sum(axis=(1, 3), dtype=np.float64)
    return total


def _spread(groups: Sums, times: int) -> Sums:
    return np.repeat(np.repeat(groups, times, axis=0), times, axis=1)


def _lagged(blocks: Sums, axis: int) -> Sums:
    """Products of blocks two apart, 0 where they are in different groups."""
    lines = np.moveaxis(blocks, axis, 0)
    out = np.zeros_like(lines)
    out[:-2] = lines[:-2] * lines[2:]
    out[np.arange(len(lines)) % _GROUP >= _GROUP - 2] = 0
    return np.moveaxis(out, 0, axis)
