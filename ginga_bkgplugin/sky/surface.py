"""Boxes measured on a binned frame, the smooth surface through them, and the noise map.

Everything is kept box by box, so that when a mask moves only the boxes under it are measured
again.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import sep

from ginga_bkgplugin.recipe.errors import SkyFitError
from ginga_bkgplugin.recipe.parameters import BackgroundParameters, SmoothParameters
from ginga_bkgplugin.sky.binning import Binned, BinnedFrame, BlockMask
from ginga_bkgplugin.sky.boxes import BoxStatistics, Grid, measure_boxes
from ginga_bkgplugin.sky.faint import GROUP_SIDE, faint_light
from ginga_bkgplugin.sky.maps import Map, Nodes, SplineMap, at_centres, natural_spline, rows_of
from ginga_bkgplugin.sky.mesh import good_fractions, measured_boxes
from ginga_bkgplugin.sky.nodes import polynomial_surface, smooth_surface
from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage, MaskImage
from ginga_bkgplugin.sky.strips import one_blas_thread
from ginga_bkgplugin.sky.wings import Large

_TURNS = 2  # of wings and surface, each fitted to what the other leaves
_MOST_CELLS = 6_000_000  # looked at for faint light: enough for 3e-4 of the noise of a pixel
_FEWEST = 30  # pixels of a box, to tell its noise

Window = tuple[slice, slice]


@dataclasses.dataclass(frozen=True)
class Boxes:
    """Boxes of a binned frame, measured.

    Attributes
    ----------
    grid : Grid
        On the binned frame.
    statistics : BoxStatistics
        Of image - level.
    level : SplineMap or ndarray
        What was taken off.
    at_centres, guess : ndarray
        The level at the boxes' centres, and the noise the clipping began with.
    large : tuple of Large
        Sources whose light beyond the masks is to be taken off.
    """

    factor: int
    grid: Grid
    statistics: BoxStatistics
    level: Map
    at_centres: Nodes
    guess: Nodes
    large: tuple[Large, ...] = ()

    @property
    def free(self) -> Nodes:
        """Share of the pixels of each box that were used."""
        area = np.diff(self.grid.rows)[:, np.newaxis] * np.diff(self.grid.columns)
        share: Nodes = self.statistics.count / area
        return share


@dataclasses.dataclass(frozen=True)
class Surface:
    """Nodes of background and noise on the boxes of an image binned by `factor`."""

    grid: Grid
    factor: int
    level: Nodes
    rms: Nodes
    free: Nodes
    wings: Nodes | float = 0.0  # light of large sources that is not in the level

    def on(self, binned: Binned) -> tuple[SplineMap, SplineMap]:
        """Level, and rms up to a factor, on an image of the same or finer binning."""
        scale = self.factor // binned.factor
        least = float(self.rms.min()) / 2
        return (
            self.grid.map(self.level, binned.shape, scale),
            self.grid.map(self.rms, binned.shape, scale, least=least),
        )


def first_boxes(binned: BinnedFrame, background: BackgroundParameters) -> Boxes:
    """Boxes round a first guess, from `sep.Background` where it can measure."""
    box = max(4, background.box_size // binned.factor)
    grid = Grid.over(binned.shape, background.box_size / binned.factor)
    masked = binned.taken
    if measured_boxes(good_fractions(masked, box)).any():
        sky = sep.Background(binned.image, mask=masked, bw=box, bh=box, fw=3, fh=3)
        level = sky.back()
        noise = np.maximum(at_centres(sky.rms(), *grid.centres()), 1e-3 * sky.globalrms)
    else:  # SEP would say 0 +- 1
        free = np.zeros(1, np.float32) if masked.all() else binned.image[~masked]
        middle = np.median(free)
        level = np.full(binned.shape, middle, np.float32)
        noise = np.full(grid.shape, 1.4826 * float(np.median(np.abs(free - middle))))
    return measure(binned, level, np.zeros(binned.shape, np.uint8), grid, noise)


def measure(binned: BinnedFrame, level: Map, found: MaskImage, grid: Grid, guess: Nodes) -> Boxes:
    """Statistics of image - level in all boxes, outside `found` and what is taken."""
    window = slice(0, grid.shape[0]), slice(0, grid.shape[1])
    statistics = _statistics(binned, level, found, grid, guess, window)
    return Boxes(binned.factor, grid, statistics, level, at_centres(level, *grid.centres()), guess)


def measure_again(boxes: Boxes, binned: BinnedFrame, found: MaskImage, window: Window) -> Boxes:
    """The boxes, those of a window of them measured anew."""
    args = binned, boxes.level, found, boxes.grid, boxes.guess
    return dataclasses.replace(
        boxes, statistics=boxes.statistics.with_part(window, _statistics(*args, window))
    )


def _statistics(
    binned: BinnedFrame, level: Map, found: MaskImage, grid: Grid, guess: Nodes, window: Window
) -> BoxStatistics:
    part, columns = grid.part(window)

    def read(start: int, stop: int) -> tuple[FloatImage, BoolImage]:
        masked = (found[start:stop, columns] != 0) | binned.taken[start:stop, columns]
        return binned.image[start:stop, columns] - rows_of(level, start, stop)[:, columns], masked

    return measure_boxes(read, part, guess[window])


def solve(boxes: Boxes, parameters: SmoothParameters) -> Surface:
    """The smooth surface through level + means, and the noise's.

    Raises
    ------
    SkyFitError
        When too few boxes keep free pixels.
    """
    statistics, free = boxes.statistics, boxes.free
    enough = (free >= parameters.least_free) & np.isfinite(statistics.mean)
    least = min(6, -(-free.size // 2))
    if enough.sum() < least:
        raise SkyFitError(
            f"Over-masked: {enough.sum()} of {free.size} boxes have {parameters.least_free:.0%} of"
            f" their pixels free, {least} are needed; {1 - free.mean():.0%} of the frame is"
            " masked. Raise low_sigma and high_sigma, lower growth, draw smaller regions, or"
            " change box_size."
        )
    with one_blas_thread():
        return _solved(boxes, parameters, np.where(enough, statistics.count, 0.0))


def _solved(boxes: Boxes, parameters: SmoothParameters, weights: Nodes) -> Surface:
    statistics = boxes.statistics
    large = [one.anew() for one in boxes.large]
    wings: Nodes | float = 0.0
    level = polynomial_surface(boxes.at_centres, weights, 2) if large else boxes.at_centres
    for _ in range(_TURNS if large else 1):
        if large:
            wings = _wings(large, boxes, level - boxes.at_centres)
        level = smooth_surface(  # not robust: steep corners would count as outliers
            boxes.at_centres + statistics.mean - wings, weights,
            degree=parameters.degree, robust=0, stiffness=parameters.stiffness,
        )[0]  # fmt: skip
    noise = smooth_surface(statistics.rms, weights, degree=parameters.degree)[0]
    positive = statistics.rms[(weights > 0) & (statistics.rms > 0)]
    floor = float(positive.min()) if positive.size else 1e-30
    return Surface(boxes.grid, boxes.factor, level, np.maximum(noise, floor), boxes.free, wings)


def _wings(larges: list[Large], boxes: Boxes, change: Nodes) -> Nodes:
    """Light of large sources at the boxes, when the surface moves by `change`."""
    rows, columns = boxes.grid.centres()
    noise = float(np.median(boxes.guess))
    for one in larges:
        along = natural_spline(rows, change / noise, one.rows)
        sky = natural_spline(columns, along.T, one.columns).T
        others = [two.light(one.rows, one.columns) for two in larges if two is not one]
        one.fit(np.sum([sky, *others], axis=0))
    light = np.sum([one.light(rows, columns) for one in larges], axis=0)
    return np.asarray(noise * light, np.float64)


def faint_shift(surface: Surface, binned: BinnedFrame, sure: BoolImage, *, white: bool) -> float:
    """From the surface to the mean of the sky free of sure sources, less the faint ones' light.

    On a large frame every second or third band of rows is looked at; see `faint_light`.
    """
    bands = np.arange(binned.shape[0]) // GROUP_SIDE
    rows = np.flatnonzero(bands % max(1, round(binned.image.size / _MOST_CELLS)) == 0)
    level = surface.grid.map(surface.level + surface.wings, binned.shape)

    def read(some: npt.NDArray[np.intp]) -> tuple[FloatImage, BoolImage]:
        at = rows[some]
        return binned.image[at] - level.sampled(at), ~(binned.taken[at] | sure[at])

    found = faint_light(read, (rows.size, binned.shape[1]), white=white)
    return found.mean - found.light


# --- the noise


@dataclasses.dataclass(frozen=True)
class NoiseBoxes:
    """The noise of pixels in boxes of every `step`-th row of the frame.

    Not from the binned image: the rms of correlated noise cannot be scaled up.

    Attributes
    ----------
    grid : Grid
        On the whole frame.
    level : SplineMap
        What was taken off.
    globalrms : float
        The noise the clipping began with.
    """

    grid: Grid
    step: int
    statistics: BoxStatistics
    level: SplineMap
    globalrms: float

    @property
    def weights(self) -> Nodes:
        """Pixels of each box, 0 where too few; the boxes may be small all over."""
        count = self.statistics.count
        enough = np.where(count >= _FEWEST, count, 0.0)
        return enough if enough.any() else np.nan_to_num(count)


def measure_noise(
    data: Any, level: SplineMap, layers: BlockMask, box_size: int, globalrms: float
) -> NoiseBoxes:
    """Measure on a quarter of the rows; on all where those are masked or the boxes small."""
    grid = Grid.over(level.shape, box_size)
    every = slice(0, grid.shape[0]), slice(0, grid.shape[1])
    for step in (4, 1) if level.shape[0] >= 4 * box_size else (1,):
        statistics = _noise_statistics(data, level, layers, grid, step, globalrms, every)
        if (statistics.count >= _FEWEST).any():
            break
    return NoiseBoxes(grid, step, statistics, level, globalrms)


def measure_noise_again(
    boxes: NoiseBoxes, data: Any, layers: BlockMask, window: Window
) -> NoiseBoxes:
    """The boxes, those of a window of them measured anew."""
    part = _noise_statistics(
        data, boxes.level, layers, boxes.grid, boxes.step, boxes.globalrms, window
    )
    return dataclasses.replace(boxes, statistics=boxes.statistics.with_part(window, part))


def _noise_statistics(
    data: Any,
    level: SplineMap,
    layers: BlockMask,
    grid: Grid,
    step: int,
    globalrms: float,
    window: Window,
) -> BoxStatistics:
    rows = -(-grid.rows // step)
    part, columns = Grid(rows, grid.columns).part(window)

    def read(start: int, stop: int) -> tuple[FloatImage, BoolImage]:
        span = start * step, min(stop * step, level.shape[0]), step
        pixels = np.asarray(data[span[0] : span[1] : step, columns], np.float32)
        masked: npt.NDArray[np.bool_] = layers.rows(*span)[:, columns] != 0
        return pixels - level.every(*span)[:, columns], masked

    return measure_boxes(read, part, np.full(part.shape, globalrms))


def noise_nodes(boxes: NoiseBoxes, parameters: SmoothParameters) -> tuple[Nodes, float] | None:
    """Nodes of the rms map and the least value a map may have; None where nothing is free."""
    weights, rms = boxes.weights, boxes.statistics.rms
    if not weights.any():
        return None
    floor = float(rms[weights > 0].min())
    nodes = smooth_surface(rms, weights, degree=parameters.degree)[0]
    return np.maximum(nodes, floor), floor / 2
