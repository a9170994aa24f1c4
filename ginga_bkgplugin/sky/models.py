"""Models of the sky besides the mesh: one constant, a plane, polynomials; and smooth filling.

A model is fitted to the clipped means of the free pixels of each box. Its terms are averaged
over the same pixels, so that a box half under a mask pulls the model nowhere.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from numpy.polynomial.legendre import legvander

from ginga_bkgplugin.recipe.errors import SkyFitError
from ginga_bkgplugin.sky.binning import any_in_block, bin_image
from ginga_bkgplugin.sky.boxes import Grid, box_statistics
from ginga_bkgplugin.sky.maps import Nodes, at_centres, whole
from ginga_bkgplugin.sky.mesh import free_fractions, good_fractions, measured_boxes
from ginga_bkgplugin.sky.nodes import (
    determined,
    robust_coefficients,
    smooth_surface,
    term_orders,
)
from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage, MaskImage

if TYPE_CHECKING:
    from ginga_bkgplugin.recipe.parameters import BackgroundParameters
    from ginga_bkgplugin.sky.background import SkyFit

DEGREES = {"constant": 0, "plane": 1, "poly2": 2, "poly3": 3, "poly4": 4}
_CLIP = 3.0
_FEWEST_PIXELS = 25  # of a box, to tell its noise
_FEWEST_BLOCKS = 8  # along the side of a box
_STRIP = 16  # rows of a map made at once: they stay in the cache


def model_grid(shape: tuple[int, int], background: BackgroundParameters) -> Grid:
    """The boxes a model is fitted to: of `box_size`, smaller where the frame has too few.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    background : BackgroundParameters
        Its model and box size.
    """
    degree = DEGREES[background.model]
    fewest = 2 * (degree + 1) if degree else 1

    def edges(size: int) -> npt.NDArray[np.intp]:
        count = max(round(size / background.box_size), min(fewest, size))
        return np.round(np.linspace(0, size, count + 1)).astype(np.intp)

    return Grid(edges(shape[0]), edges(shape[1]))


def box_fractions(mask: MaskImage, background: BackgroundParameters) -> Nodes:
    """Share of free pixels in each box of the mesh, or of the model that is not a mesh."""
    if not background.modelled:
        if background.method == "sep":
            return good_fractions(mask, background.box_size)
        even = Grid.over((mask.shape[0], mask.shape[1]), background.box_size)
        return free_fractions(mask, even.rows, even.columns)
    grid = model_grid((mask.shape[0], mask.shape[1]), background)
    return free_fractions(mask, grid.rows, grid.columns)


def with_model(
    pixels: FloatImage, mask: MaskImage, fit: SkyFit, background: BackgroundParameters
) -> SkyFit:
    """A fit with the model's map instead of the mesh's.

    Parameters
    ----------
    pixels : ndarray of float32, shape (ny, nx)
        The image, finite everywhere.
    mask : ndarray of uint8, shape (ny, nx)
        Non-zero pixels are left out.
    fit : SkyFit
        The sky on the mesh, no NaN: pixels are clipped round it.
    background : BackgroundParameters
        With the model mesh or without ``is_2d``, `fit` is given back.

    Raises
    ------
    SkyFitError
        When the free boxes do not determine the model.
    """
    if not background.modelled:
        return fit
    shape = (pixels.shape[0], pixels.shape[1])
    grid, orders = model_grid(shape, background), term_orders(DEGREES[background.model], *shape)
    boxes = box_means(pixels, mask, fit, grid, orders)
    free = np.where(boxes.count > 0, box_fractions(mask, background), 0.0)
    enough = (free >= fit.least_free) & (free > 0)
    terms, means, count = boxes.terms[enough], boxes.mean[enough], boxes.count[enough]
    if not determined(terms):
        raise SkyFitError(_undetermined(background.model, enough, len(orders)))
    fit = dataclasses.replace(fit, fractions=free)
    if background.model == "constant":
        level, rms = _weighted_median(means, count), fit.globalrms
        if background.method == "sep":  # whose rms is that of a clipped Gaussian
            rms = _median_rms(pixels, mask, fit, grid, enough)
        return dataclasses.replace(
            fit,
            level_map=np.full(shape, level, np.float32),
            rms_map=np.full(shape, rms, np.float32),
            globalback=level,
            globalrms=rms,
            unphysical=0,
        )
    surface = polynomial_map(robust_coefficients(terms, means, count), orders, shape)
    middle = float(np.median(at_centres(surface, *grid.centres())))
    return dataclasses.replace(fit, level_map=surface, globalback=middle)


def _median_rms(
    pixels: FloatImage, mask: MaskImage, fit: SkyFit, grid: Grid, enough: BoolImage
) -> float:
    """Median over the boxes of the noise of a pixel; every fourth row is enough where free."""
    guess = np.maximum(at_centres(fit.rms, *grid.centres()), _rounding(fit.level))
    for step in (4, 1):
        few = Grid(-(-grid.rows // step), grid.columns)
        if np.diff(few.rows).min() == 0:
            continue
        found = box_statistics(pixels[::step] - fit.level[::step], mask[::step] != 0, few, guess)
        weights = np.where(enough & (found.count >= _FEWEST_PIXELS / step), found.count, 0.0)
        if 2 * np.count_nonzero(weights) >= np.count_nonzero(enough):
            return _weighted_median(found.rms[weights > 0], weights[weights > 0])
    return fit.globalrms


@dataclasses.dataclass(frozen=True)
class BoxMeans:
    """Of each box, after clipping: mean, pixels it rests on, means of the terms over them.

    NaN where no pixel is left.
    """

    mean: Nodes
    count: Nodes
    terms: npt.NDArray[np.float64]


def box_means(
    pixels: FloatImage, mask: MaskImage, fit: SkyFit, grid: Grid, orders: list[tuple[int, int]]
) -> BoxMeans:
    """Clipped means of boxes, and the means of polynomial terms over the same pixels.

    They are taken on blocks of 4 x 4 pixels where the boxes and the gaps in the mask allow it, as
    the skewed noise of few counts is less so there, and faint stars stand out.
    """
    factor, masked = _blocks(mask, grid)
    ny, nx = masked.shape
    image, level = (
        bin_image(each[: ny * factor, : nx * factor], factor) for each in (pixels, fit.level)
    )
    rows, columns = (
        np.minimum(np.round(edges / factor).astype(np.intp), size)
        for edges, size in ((grid.rows, ny), (grid.columns, nx))
    )
    blocks = Grid(rows, columns)
    rounding = _rounding(level)
    guess = np.maximum(at_centres(fit.rms, *grid.centres()) / factor, rounding)
    residual = image - level
    centre, width = _clipped(residual, masked, blocks, guess)
    width = _CLIP * width + rounding
    along_y, along_x = (
        _legendre(size, orders, axis)[: count * factor].reshape(count, factor, -1).mean(axis=1)
        for axis, (size, count) in enumerate(zip(pixels.shape, (ny, nx), strict=True))
    )
    mean, number = (np.zeros(blocks.shape) for _ in range(2))
    terms = np.zeros((*blocks.shape, len(orders)))
    widths, starts = np.diff(columns), columns[:-1]
    for j in range(blocks.shape[0]):
        strip = slice(rows[j], rows[j + 1])
        low = np.repeat(centre[j] - width[j], widths).astype(np.float32)
        high = np.repeat(centre[j] + width[j], widths).astype(np.float32)
        used = ~masked[strip] & (residual[strip] >= low) & (residual[strip] <= high)
        kept = np.where(used, image[strip], np.float32(0)).sum(axis=0, dtype=np.float64)
        moments = np.einsum("yj,yx->jx", along_y[strip], used.astype(np.float64))  # no BLAS
        number[j] = np.add.reduceat(used.sum(axis=0, dtype=np.float64), starts)
        mean[j] = np.add.reduceat(kept, starts)
        for k, (a, b) in enumerate(orders):
            terms[j, :, k] = np.add.reduceat(moments[a] * along_x[:, b], starts)
    with np.errstate(invalid="ignore"):
        return BoxMeans(mean / number, number * factor**2, terms / number[..., np.newaxis])


def _clipped(
    residual: FloatImage, masked: BoolImage, grid: Grid, guess: Nodes
) -> tuple[Nodes, Nodes]:
    """Mean and rms of boxes, clipped from the guess, or from all where that loses most pixels."""
    found = box_statistics(residual, masked, grid, guess, clip=_CLIP)
    free, square = np.zeros(grid.shape), np.zeros(grid.shape)
    for j, (start, end) in enumerate(itertools.pairwise(grid.rows)):
        here = ~masked[start:end]
        free[j] = np.add.reduceat(here.sum(axis=0, dtype=np.float64), grid.columns[:-1])
        squares = np.where(here, residual[start:end], 0).astype(np.float64) ** 2
        square[j] = np.add.reduceat(squares.sum(axis=0), grid.columns[:-1])
    mean, rms = np.nan_to_num(found.mean), np.nan_to_num(found.rms)
    lost = found.count < free / 2
    if lost.any():
        wide = np.maximum(np.sqrt(square / np.maximum(free, 1)), guess)
        found = box_statistics(residual, masked, grid, wide, clip=_CLIP)
        mean[lost], rms[lost] = np.nan_to_num(found.mean[lost]), np.nan_to_num(found.rms[lost])
    return mean, rms


def _blocks(mask: MaskImage, grid: Grid) -> tuple[int, BoolImage]:
    """The binning, and the blocks with a masked pixel; blocks must keep half of the free ones."""
    masked = mask != 0
    free = masked.size - np.count_nonzero(masked)
    side = min(np.diff(grid.rows).min(), np.diff(grid.columns).min())
    for factor in (4, 2):
        if side >= _FEWEST_BLOCKS * factor:
            ny, nx = (size // factor * factor for size in mask.shape)
            taken = any_in_block(masked[:ny, :nx], factor)
            if 2 * factor**2 * (taken.size - np.count_nonzero(taken)) >= free:
                return factor, taken
    return 1, masked


def _rounding(level: FloatImage) -> float:
    """What float32 may lose of a level: no clipping is finer."""
    return 8 * float(np.finfo(np.float32).eps) * float(max(level.max(), -level.min()))


def _legendre(size: int, orders: list[tuple[int, int]], axis: int) -> npt.NDArray[np.float64]:
    """Legendre polynomials at the pixels along an axis; the frame reaches from -1 to 1."""
    position = (2 * np.arange(size) + 1) / size - 1
    return np.asarray(legvander(position, max(each[axis] for each in orders)), np.float64)


def polynomial_map(
    coefficients: npt.NDArray[np.float64],
    orders: list[tuple[int, int]],
    shape: tuple[int, int],
) -> FloatImage:
    """The polynomial at every pixel, worked out in float64 and rounded once."""
    along_y, along_x = _legendre(shape[0], orders, 0), _legendre(shape[1], orders, 1).T
    factors = np.zeros((along_y.shape[1], along_x.shape[0]))
    for (j, i), value in zip(orders, coefficients, strict=True):
        factors[j, i] = value
    across = np.einsum("yj,ji->yi", along_y, factors)
    out = np.empty(shape, np.float32)
    for start in range(0, shape[0], _STRIP):
        rows = across[start : start + _STRIP, :, np.newaxis]
        block = rows[:, 0] * along_x[0]
        for i in range(1, along_x.shape[0]):
            block += rows[:, i] * along_x[i]
        out[start : start + _STRIP] = block
    return out


def sep_grid(boxes: tuple[int, ...], box_size: int) -> Grid:
    """The grid on which SEP's nodes stand: a partial box has its node where a whole one had."""
    return Grid(*(np.arange(size + 1) * box_size for size in boxes))


def fill_smoothly(
    fit: SkyFit, raw: tuple[Nodes, Nodes], background: BackgroundParameters
) -> SkyFit:
    """SEP's maps with a smooth surface in the boxes it could not measure.

    SEP filters its mesh after filling it, so boxes beside a hole hold its steps as well: they get
    the median of the mesh filled smoothly. All others keep their node. SEP's spline is linear:
    what is added to its map is the spline of what is added to its nodes.

    Parameters
    ----------
    fit : SkyFit
        From `sep.Background` with boxes from pixel (0, 0), no NaN. Its maps are changed in place.
    raw : tuple of two ndarray of float64
        Level and rms of the nodes without the median filter over the mesh.
    background : BackgroundParameters
        Its box and filter size.
    """
    measured = measured_boxes(fit.fractions)
    grid = sep_grid(measured.shape, background.box_size)
    heights, widths = (
        np.diff(np.minimum(edges, size))
        for edges, size in zip((grid.rows, grid.columns), fit.level.shape, strict=True)
    )
    weights = np.where(measured, fit.fractions * heights[:, np.newaxis] * widths, 0.0)
    size = background.filter_size
    _refill(fit.level, raw[0], grid, weights, size, robust=0)  # steep corners are no outliers
    _refill(fit.rms, raw[1], grid, weights, size, robust=2)
    floor = np.float32(max(raw[1][measured].min(), 0.0) / 2)
    np.maximum(fit.rms, floor, out=fit.rms)  # the spline swings below its nodes
    unphysical = int(np.count_nonzero(fit.rms <= 0)) if fit.globalrms > 0 else 0
    return dataclasses.replace(fit, unphysical=unphysical)


def _refill(
    image: FloatImage, raw: Nodes, grid: Grid, weights: Nodes, filter_size: int, *, robust: int
) -> None:
    """Change a map so that its nodes without weight are a smooth surface's."""
    measured, reach = weights > 0, filter_size // 2
    filled = np.where(measured, raw, smooth_surface(raw, weights, robust=robust)[0])
    windows, holes = (
        sliding_window_view(np.pad(each, reach, constant_values=outside), (filter_size,) * 2)
        for each, outside in ((filled, np.nan), (~measured, False))
    )
    beside = holes.any(axis=(2, 3)) & measured
    filled[beside] = np.nanmedian(windows[beside], axis=(1, 2))
    added = filled - at_centres(image, *grid.centres())
    added[measured & ~beside] = 0.0
    image += whole(grid.map(added, (image.shape[0], image.shape[1])))


def _weighted_median(values: Nodes, weights: Nodes) -> float:
    order = np.argsort(values, kind="stable")
    middles = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(weights.sum() / 2, middles, values[order]))


def _undetermined(model: str, enough: npt.NDArray[np.bool_], terms: int) -> str:
    return (
        f"Over-masked: {enough.sum()} of {enough.size} boxes are free, too few or too much in one"
        f" place for the {terms} terms of the model {model}. Mask less, draw smaller regions, or"
        " choose a model of lower degree or the model constant."
    )
