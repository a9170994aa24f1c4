"""The accurate sky: deep masks, clipped box means, a surface as stiff as the data ask for.

Detection is on the means of 4 x 4, then 2 x 2 pixels (`deep`), the surface through the boxes is
chosen by cross-validation (`nodes`), and holes under masks are filled by the same surface.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import sep

from ginga_bkgplugin.recipe.errors import SkyFitError
from ginga_bkgplugin.recipe.parameters import (
    BackgroundParameters,
    SmoothParameters,
    SourceMaskParameters,
)
from ginga_bkgplugin.sky.background import SkyFit, check_size
from ginga_bkgplugin.sky.binning import Binned, BinnedFrame, BlockMask, bin_frame, unbin
from ginga_bkgplugin.sky.deep import find_deep
from ginga_bkgplugin.sky.maps import Map, SplineMap, rows_of, sampled_rows
from ginga_bkgplugin.sky.masking import Found
from ginga_bkgplugin.sky.mesh import good_fractions, measured_boxes
from ginga_bkgplugin.sky.nodes import Grid, Nodes, measure_boxes, smooth_surface
from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage, MaskBit, MaskImage, check_image
from ginga_bkgplugin.sky.steps import Pass, PassRow, Stage

_SETTLED = 0.005  # of the noise of a pixel: a surface that moves less has converged


@dataclasses.dataclass(frozen=True)
class Surface:
    """Nodes of background and noise on the boxes of an image binned by `factor`."""

    grid: Grid
    factor: int
    level: Nodes
    rms: Nodes
    free: Nodes

    def on(self, binned: Binned) -> tuple[SplineMap, SplineMap]:
        """Level, and rms up to a factor, on an image of the same or finer binning."""
        scale = self.factor // binned.factor
        least = float(self.rms.min()) / 2
        return (
            self.grid.map(self.level, binned.shape, scale),
            self.grid.map(self.rms, binned.shape, scale, least=least),
        )


def iterate_smooth(
    data: Any,
    mask: MaskImage,
    source: SourceMaskParameters = SourceMaskParameters(),
    background: BackgroundParameters = BackgroundParameters(method="smooth"),
    parameters: SmoothParameters = SmoothParameters(),
    *,
    saturation_level: float | None = None,
) -> Iterator[Stage | Pass]:
    """Mask deeply and fit a smooth surface, until it no longer moves.

    The first pass sees means of 4 x 4 pixels, the others of 2 x 2; each looks for all sources
    anew on the last surface. Small images are binned less.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        The image, any real type and byte order; read a strip of rows at a time.
    mask : ndarray of uint8, shape (ny, nx)
        Regions and invalid pixels, bits of `MaskBit`. Not changed.
    source, background, parameters
        Of the first `min_area` and `passes` are used, of the second `box_size` and `is_2d`.
    saturation_level : float, optional
        Sources with a pixel at or above it grow larger discs.

    Yields
    ------
    Stage, Pass
        As `iterate_source_mask`; the last Pass has the final maps and no row.

    Raises
    ------
    ImageError
        When `data` is not an image or is too small.
    SkyFitError
        When too few boxes keep free pixels.
    DetectionError
        When SEP gives up.
    """
    image = check_image(data)
    check_size(image)
    least = min(*image.shape, 8 * background.box_size)
    coarse = next((f for f in (4, 2) if least >= 64 * f), 1)
    factors = tuple(sorted({max(1, coarse // 2), coarse}))
    share = 1.0 / (source.passes + 2)
    yield Stage("Fitting the first background", 0.0)
    levels, unmarked = bin_frame(image, mask, factors, saturation_level)
    if unmarked:
        mask = np.where(np.isfinite(image), mask, mask | np.uint8(MaskBit.INVALID))
    fine, binned = levels[0], levels[-1]
    surface = _first_surface(binned, background, parameters)
    blocks = np.zeros(fine.shape, np.uint8)
    layers = BlockMask(mask, blocks, fine.factor)
    yield Pass(None, layers, _fit(surface, mask, background, parameters))
    for index in range(1, source.passes + 1):
        yield Stage(f"Pass {index}: finding sources", index * share)
        binned = levels[-1] if index == 1 else fine
        level, rms = surface.on(binned)
        found = find_deep(binned, level, rms, parameters, source.min_area, binned.glare)
        yield Stage(f"Pass {index}: fitting the background", (index + 0.5) * share)
        before, old = blocks, surface
        grid = Grid.over(binned.shape, background.box_size / binned.factor)
        guess = _at_centres(rms, grid) * (surface.factor / binned.factor)
        surface = _fit_surface(binned, level, found.mask, grid, guess, parameters)
        blocks = unbin(found.mask, binned.factor // fine.factor, fine.shape)
        layers = BlockMask(mask, found.mask, binned.factor)
        row = _row(index, found, surface, blocks, before, fine.area, mask.shape)
        yield Pass(row, layers, _fit(surface, mask, background, parameters))
        if index > 1 and old.level.shape == surface.level.shape:
            moved = float(np.abs(surface.level - old.level).max())
            if moved < _SETTLED * row.globalrms:
                break
    yield Stage("Measuring the noise", 1 - share)
    fit = _fit(surface, mask, background, parameters)
    noise = _noise(image, fit, layers, background, parameters)
    yield Pass(None, layers, dataclasses.replace(fit, **noise))


def _row(
    index: int,
    found: Found,
    surface: Surface,
    blocks: MaskImage,
    before: MaskImage,
    area: MaskImage,
    shape: tuple[int, ...],
) -> PassRow:
    """The pass in numbers; pixels are counted through the free area of each block."""
    now = blocks != 0
    size = shape[0] * shape[1]
    masked = size - int((area * ~now).sum(dtype=np.int64))
    return PassRow(
        index=index,
        sources=found.sources,
        saturated=found.saturated,
        new_pixels=int((area * (now & (before == 0))).sum(dtype=np.int64)),
        masked_fraction=masked / size,
        globalback=float(np.median(surface.level)),
        globalrms=float(np.median(surface.rms)) * surface.factor,
    )


def _first_surface(
    binned: BinnedFrame, background: BackgroundParameters, parameters: SmoothParameters
) -> Surface:
    """A first guess, from `sep.Background` on the binned image where it can measure."""
    box = max(4, background.box_size // binned.factor)
    grid = Grid.over(binned.shape, background.box_size / binned.factor)
    masked = binned.taken
    if measured_boxes(good_fractions(masked, box)).any():
        sky = sep.Background(binned.image, mask=masked, bw=box, bh=box, fw=3, fh=3)
        level = sky.back()
        noise = np.maximum(_at_centres(sky.rms(), grid), 1e-3 * sky.globalrms)
    else:  # SEP would say 0 +- 1
        free = np.zeros(1, np.float32) if masked.all() else binned.image[~masked]
        middle = np.median(free)
        level = np.full(binned.shape, middle, np.float32)
        noise = np.full(grid.shape, 1.4826 * float(np.median(np.abs(free - middle))))
    none = np.zeros(binned.shape, np.uint8)
    return _fit_surface(binned, level, none, grid, noise, parameters)


def _fit_surface(
    binned: BinnedFrame,
    level: Map,
    found: MaskImage,
    grid: Grid,
    rms: Nodes,
    parameters: SmoothParameters,
) -> Surface:
    """Box means of image - level, and the smooth surface through level + means."""

    def read(start: int, stop: int) -> tuple[FloatImage, BoolImage]:
        free = (found[start:stop] == 0) & ~binned.taken[start:stop]
        return binned.image[start:stop] - rows_of(level, start, stop), free

    statistics = measure_boxes(read, grid, rms)
    free = statistics.count / (np.diff(grid.rows)[:, np.newaxis] * np.diff(grid.columns))
    enough = (free >= parameters.least_free) & np.isfinite(statistics.mean)
    least = min(6, free.size)
    if enough.sum() < least:
        masked = np.mean(binned.taken | (found != 0))
        raise SkyFitError(
            f"Over-masked: {enough.sum()} of {free.size} boxes have {parameters.least_free:.0%} of"
            f" their pixels free, {least} are needed; {masked:.0%} of the frame is masked."
            " Raise low_sigma and high_sigma, lower growth, draw smaller regions, or change"
            " box_size."
        )
    weights = np.where(enough, statistics.count, 0.0)
    node = _at_centres(level, grid) + statistics.mean
    smooth = smooth_surface(  # not robust: steep corners would count as outliers, round by round
        node, weights, degree=parameters.degree, robust=0, stiffness=parameters.stiffness
    )[0]
    noise = smooth_surface(statistics.rms, weights, degree=parameters.degree)[0]
    positive = statistics.rms[enough & (statistics.rms > 0)]
    floor = float(positive.min()) if positive.size else 1e-30
    return Surface(grid, binned.factor, smooth, np.maximum(noise, floor), free)


def _at_centres(array: Map, grid: Grid) -> Nodes:
    """Values at the boxes' centres; a centre between pixels is the mean of its neighbours."""
    rows, columns = grid.centres()
    lines = [sampled_rows(array, side(rows)) for side in (np.floor, np.ceil)]
    corners = [
        line[:, side(columns).astype(int)].astype(np.float64)
        for line in lines
        for side in (np.floor, np.ceil)
    ]
    values: Nodes = np.mean(corners, axis=0)
    return values


def _fit(
    surface: Surface,
    mask: MaskImage,
    background: BackgroundParameters,
    parameters: SmoothParameters,
) -> SkyFit:
    """The sky of a surface; the binned noise times the binning stands for the noise."""
    globalback = float(np.median(surface.level))
    globalrms = float(np.median(surface.rms)) * surface.factor
    grid, nodes = surface.grid, (surface.level, surface.rms * surface.factor)
    if not background.is_2d:
        grid = Grid(grid.rows[[0, -1]], grid.columns[[0, -1]])
        nodes = np.full((1, 1), globalback), np.full((1, 1), globalrms)
    blank = mask if background.blank_invalid else None
    shape = mask.shape[0], mask.shape[1]
    level, rms = (grid.map(each, shape, surface.factor, blank=blank) for each in nodes)
    return SkyFit(level, rms, globalback, globalrms, surface.free, 0, parameters.least_free)


def _noise(
    data: Any,
    fit: SkyFit,
    layers: BlockMask,
    background: BackgroundParameters,
    parameters: SmoothParameters,
) -> dict[str, Any]:
    """The rms map from a quarter of the full-resolution rows, and its median over the mesh.

    Not from the binned image: the rms of correlated noise cannot be scaled up.
    """
    ny, nx = layers.base.shape
    across = Grid.over((ny, nx), background.box_size)
    level = fit.level_map
    assert isinstance(level, SplineMap)
    for step in (4, 1) if ny >= 4 * background.box_size else (1,):
        grid = Grid(-(-across.rows // step), across.columns)

        def read(start: int, stop: int, step: int = step) -> tuple[FloatImage, BoolImage]:
            rows = start * step, min(stop * step, ny), step
            pixels = np.asarray(data[rows[0] : rows[1] : step], np.float32)
            return pixels - level.every(*rows), layers.rows(*rows) == 0

        statistics = measure_boxes(read, grid, np.full(grid.shape, fit.globalrms))
        weights = np.where(statistics.count >= 30, statistics.count, 0.0)
        if weights.any():
            break  # else those rows are masked, or the boxes small
    else:
        weights = np.nan_to_num(statistics.count)
    if not weights.any():
        return {}
    nodes = smooth_surface(statistics.rms, weights, degree=parameters.degree)[0]
    floor = float(statistics.rms[weights > 0].min())
    nodes = np.maximum(nodes, floor)
    globalrms = float(np.median(nodes))
    rms = across.map(nodes, (ny, nx), blank=level.blank, least=floor / 2)
    if not background.is_2d:
        rms = dataclasses.replace(level, nodes=np.full((1, 1), globalrms))
    return {"rms_map": rms, "globalrms": globalrms}
