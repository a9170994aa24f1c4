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
from ginga_bkgplugin.sky.binning import Binned, any_in_block, bin_image, unbin
from ginga_bkgplugin.sky.deep import find_deep
from ginga_bkgplugin.sky.faint import faint_light, independent
from ginga_bkgplugin.sky.masking import Pass, PassRow, Stage
from ginga_bkgplugin.sky.mesh import good_fractions, measured_boxes
from ginga_bkgplugin.sky.nodes import (
    Grid,
    Nodes,
    box_statistics,
    full_map,
    polynomial_surface,
    smooth_surface,
    spline_factors,
)
from ginga_bkgplugin.sky.pixels import (
    BoolImage,
    FloatImage,
    MaskBit,
    MaskImage,
    as_sky_array,
    has,
)
from ginga_bkgplugin.sky.wings import Large, large_sources

_SETTLED = 0.005  # of the noise of a pixel: a surface that moves less has converged
_TURNS = 2  # of wings and surface, each fitted to what the other leaves


@dataclasses.dataclass(frozen=True)
class Surface:
    """Nodes of background and noise on the boxes of an image binned by `factor`."""

    grid: Grid
    factor: int
    level: Nodes
    rms: Nodes
    free: Nodes
    wings: Nodes | float = 0.0  # light of large sources that is not in the level

    def on(self, binned: Binned) -> tuple[FloatImage, FloatImage]:
        """Level, and rms up to a factor, on an image of the same or finer binning."""
        shape, scale = _shape(binned.image), self.factor // binned.factor
        rms = full_map(self.rms, self.grid, shape, scale=scale)
        floor = np.float32(self.rms.min() / 2)
        return full_map(self.level, self.grid, shape, scale=scale), np.maximum(rms, floor)


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
        The image, any real type.
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
    pixels = as_sky_array(data)
    check_size(pixels)
    invalid = has(mask, MaskBit.INVALID) | ~np.isfinite(pixels)
    bad = invalid if invalid.any() else None
    clean = pixels if bad is None else np.where(bad, np.float32(0), pixels)
    burnt = None if saturation_level is None else (clean >= saturation_level) & ~invalid
    hidden = (mask & ~np.uint8(MaskBit.INVALID)) != 0  # the invalid are left out of the means
    least = min(*pixels.shape, 8 * background.box_size)
    coarse = next((f for f in (4, 2) if least >= 64 * f), 1)
    binned = bin_image(clean, bad, coarse)
    taken = any_in_block(hidden, coarse) | binned.bad
    last = source.passes
    share = 1.0 / (last + 2)
    yield Stage("Fitting the first background", 0.0)
    surface = _first_surface(binned, taken, background, parameters)
    mask = np.where(invalid, mask | np.uint8(MaskBit.INVALID), mask)
    bits = mask
    yield Pass(None, _locked(bits), None)
    for index in range(1, last + 1):
        yield Stage(f"Pass {index}: finding sources", index * share)
        factor = coarse if index == 1 else max(1, coarse // 2)
        if factor != binned.factor:
            binned = bin_image(clean, bad, factor)
            taken = any_in_block(hidden, factor) | binned.bad
        level, rms = surface.on(binned)
        glare = None if burnt is None or not burnt.any() else any_in_block(burnt, factor)
        found = find_deep(binned, level, rms, parameters, source.min_area, glare)
        before, old = bits, surface
        bits = mask | unbin(found.mask, factor, _shape(mask))
        bits[invalid] = mask[invalid]
        yield Stage(f"Pass {index}: fitting the background", (index + 0.5) * share)
        grid = Grid.over(_shape(binned.image), background.box_size / factor)
        guess = _at_centres(rms, grid) * (surface.factor / factor)
        large: list[Large] = []
        if parameters.wings and found.large is not None and found.small is not None:
            usable = ~(found.small | binned.bad)
            noise = float(np.median(guess))
            large = large_sources(binned.image - level, usable, noise, found.large)
        surface = _fit_surface(
            binned, level, taken | (found.mask != 0), grid, guess, parameters, large
        )
        masked = np.count_nonzero(bits)
        row = PassRow(
            index=index,
            sources=found.sources,
            saturated=found.saturated,
            new_pixels=int(np.count_nonzero((bits != 0) & (before == 0))),
            masked_fraction=float(masked / bits.size),
            globalback=float(np.median(surface.level)),
            globalrms=float(np.median(surface.rms)) * factor,
        )
        yield Pass(row, _locked(bits), None)
        if index > 1 and old.level.shape == surface.level.shape:
            moved = float(np.abs(surface.level - old.level).max())
            if moved < _SETTLED * row.globalrms:
                break
    if parameters.faint_light and last > 0 and found.sure is not None:
        white = independent(clean, bits == 0, row.globalrms)
        surface = _without_faint(surface, binned, ~(taken | found.sure), white)
    yield Stage("Measuring the noise", 1 - share)
    yield Pass(None, _locked(bits), _final(surface, clean, bits, background, parameters))


def _first_surface(
    binned: Binned,
    masked: BoolImage,
    background: BackgroundParameters,
    parameters: SmoothParameters,
) -> Surface:
    """A first guess, from `sep.Background` on the binned image where it can measure."""
    box = max(4, background.box_size // binned.factor)
    grid = Grid.over(_shape(binned.image), background.box_size / binned.factor)
    if measured_boxes(good_fractions(masked, box)).any():
        sky = sep.Background(binned.image, mask=masked, bw=box, bh=box, fw=3, fh=3)
        level = sky.back()
        noise = np.maximum(_at_centres(sky.rms(), grid), 1e-3 * sky.globalrms)
    else:  # SEP would say 0 +- 1
        free = np.zeros(1, np.float32) if masked.all() else binned.image[~masked]
        middle = np.median(free)
        level = np.full(binned.image.shape, middle, np.float32)
        noise = np.full(grid.shape, 1.4826 * float(np.median(np.abs(free - middle))))
    return _fit_surface(binned, level, masked, grid, noise, parameters)


def _fit_surface(
    binned: Binned,
    level: FloatImage,
    masked: BoolImage,
    grid: Grid,
    rms: Nodes,
    parameters: SmoothParameters,
    large: list[Large] | None = None,
) -> Surface:
    """Box means of image - level, and the smooth surface through level + means."""
    statistics = box_statistics(binned.image - level, masked, grid, rms)
    free = statistics.count / (np.diff(grid.rows)[:, np.newaxis] * np.diff(grid.columns))
    enough = (free >= parameters.least_free) & np.isfinite(statistics.mean)
    least = min(6, free.size)
    if enough.sum() < least:
        raise SkyFitError(
            f"Over-masked: {enough.sum()} of {free.size} boxes have {parameters.least_free:.0%} of"
            f" their pixels free, {least} are needed; {masked.mean():.0%} of the frame is masked."
            " Raise low_sigma and high_sigma, lower growth, draw smaller regions, or change"
            " box_size."
        )
    weights = np.where(enough, statistics.count, 0.0)
    before = _at_centres(level, grid)
    wings: Nodes | float = 0.0
    smooth = polynomial_surface(before, weights, 2)
    for _ in range(_TURNS if large else 1):
        if large:
            wings = _wings(large, float(np.median(rms)), smooth - before, grid)
        smooth = smooth_surface(  # not robust: steep corners would count as outliers
            before + statistics.mean - wings, weights,
            degree=parameters.degree, robust=0, stiffness=parameters.stiffness,
        )[0]  # fmt: skip
    noise = smooth_surface(statistics.rms, weights, degree=parameters.degree)[0]
    positive = statistics.rms[enough & (statistics.rms > 0)]
    floor = float(positive.min()) if positive.size else 1e-30
    return Surface(grid, binned.factor, smooth, np.maximum(noise, floor), free, wings)


def _wings(larges: list[Large], noise: float, change: Nodes, grid: Grid) -> Nodes:
    """Light of large sources at the boxes, when the surface moves by `change`."""
    rows, columns = grid.centres()
    centres = [(one.rows, one.columns) for one in larges]
    skies = [
        spline_factors(rows, y) @ (change / noise) @ spline_factors(columns, x).T
        for y, x in centres
    ]
    for i, one in enumerate(larges):
        others = [two.light(*centres[i]) for j, two in enumerate(larges) if j != i]
        one.fit(np.sum([skies[i], *others], axis=0))
    light = np.sum([one.light(rows, columns) for one in larges], axis=0)
    return np.asarray(noise * light, np.float64)


def _without_faint(surface: Surface, binned: Binned, free: BoolImage, white: bool) -> Surface:
    """The surface at the mean of the sky free of sure sources, less the light of faint ones."""
    level = full_map(surface.level + surface.wings, surface.grid, _shape(binned.image))
    found = faint_light(binned.image - level, free, white=white)
    return dataclasses.replace(surface, level=surface.level + (found.mean - found.light))


def _at_centres(array: FloatImage, grid: Grid) -> Nodes:
    """Values at the boxes' centres; a centre between pixels is the mean of its neighbours."""
    rows, columns = grid.centres()
    corners = [
        array[np.ix_(row(rows).astype(int), column(columns).astype(int))].astype(np.float64)
        for row in (np.floor, np.ceil)
        for column in (np.floor, np.ceil)
    ]
    values: Nodes = np.mean(corners, axis=0)
    return values


def _fit(surface: Surface, pixels: FloatImage, parameters: SmoothParameters) -> SkyFit:
    """The maps of a surface; the binned noise times the binning stands for the noise."""
    shape, factor = _shape(pixels), surface.factor
    return SkyFit(
        level=full_map(surface.level, surface.grid, shape, scale=factor),
        rms=full_map(surface.rms * factor, surface.grid, shape, scale=factor),
        globalback=float(np.median(surface.level)),
        globalrms=float(np.median(surface.rms)) * factor,
        fractions=surface.free,
        least_free=parameters.least_free,
    )


def _final(
    surface: Surface,
    pixels: FloatImage,
    mask: MaskImage,
    background: BackgroundParameters,
    parameters: SmoothParameters,
) -> SkyFit:
    """The final maps, with the noise measured on full-resolution pixels."""
    fit = _fit(surface, pixels, parameters)
    fit = dataclasses.replace(fit, **_noise(pixels, fit, mask, background, parameters))
    if not background.is_2d:
        constant = np.full_like(fit.level, fit.globalback)
        fit = dataclasses.replace(fit, level=constant, rms=np.full_like(constant, fit.globalrms))
    if background.blank_invalid:
        invalid = has(mask, MaskBit.INVALID)
        fit.level[invalid] = fit.rms[invalid] = np.nan
    return fit


def _noise(
    pixels: FloatImage,
    fit: SkyFit,
    mask: MaskImage,
    background: BackgroundParameters,
    parameters: SmoothParameters,
) -> dict[str, Any]:
    """The rms map from a quarter of the full-resolution rows, and its median over the mesh.

    Not from the binned image: the rms of correlated noise cannot be scaled up.
    """
    ny, nx = pixels.shape
    across = Grid.over((ny, nx), background.box_size)
    for step in (4, 1) if ny >= 4 * background.box_size else (1,):
        rows = np.arange(0, ny, step)
        grid = Grid(-(-across.rows // step), across.columns)
        guess = np.full(grid.shape, fit.globalrms)
        residual = pixels[::step] - fit.level[::step]
        statistics = box_statistics(residual, mask[rows] != 0, grid, guess)
        weights = np.where(statistics.count >= 30, statistics.count, 0.0)
        if weights.any():
            break  # else those rows are masked, or the boxes small
    else:
        weights = np.nan_to_num(statistics.count)
    if not weights.any():
        return {}
    nodes = smooth_surface(statistics.rms, weights, degree=parameters.degree)[0]
    floor = statistics.rms[weights > 0].min()
    nodes = np.maximum(nodes, floor)
    rms = full_map(nodes, across, (ny, nx))
    return {
        "rms": np.maximum(rms, np.float32(floor / 2)),  # the spline swings below its nodes
        "globalrms": float(np.median(nodes)),
    }


def _shape(array: Any) -> tuple[int, int]:
    return array.shape[0], array.shape[1]


def _locked(mask: MaskImage) -> MaskImage:
    view = mask.view()
    view.flags.writeable = False
    return view
