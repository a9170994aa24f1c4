"""The accurate sky: deep masks, clipped box means, a surface as stiff as the data ask for.

Detection is on the means of 4 x 4, then 2 x 2 pixels (`deep`), the surface through the boxes is
chosen by cross-validation (`nodes`), and holes under masks are filled by the same surface.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.parameters import (
    BackgroundParameters,
    SmoothParameters,
    SourceMaskParameters,
)
from ginga_bkgplugin.sky.background import SkyFit, check_size
from ginga_bkgplugin.sky.binning import (
    BinnedFrame,
    BlockMask,
    any_in_block,
    bin_frame,
    taken_anew,
    unbin,
)
from ginga_bkgplugin.sky.boxes import Grid
from ginga_bkgplugin.sky.deep import find_deep
from ginga_bkgplugin.sky.faint import independent
from ginga_bkgplugin.sky.layers import with_regions
from ginga_bkgplugin.sky.maps import Nodes, SplineMap, at_centres
from ginga_bkgplugin.sky.masking import Found
from ginga_bkgplugin.sky.models import with_model
from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage, MaskBit, MaskImage, check_image, has
from ginga_bkgplugin.sky.steps import Pass, PassRow, Stage
from ginga_bkgplugin.sky.strips import together
from ginga_bkgplugin.sky.surface import (
    Boxes,
    NoiseBoxes,
    Surface,
    faint_shift,
    first_boxes,
    measure,
    measure_again,
    measure_noise,
    measure_noise_again,
    noise_nodes,
    solve,
)
from ginga_bkgplugin.sky.wings import Large, large_sources

_SETTLED = 0.005  # of the noise of a pixel: a surface that moves less has converged


def iterate_smooth(
    data: Any,
    mask: MaskImage,
    source: SourceMaskParameters = SourceMaskParameters(),
    background: BackgroundParameters = BackgroundParameters(method="smooth"),
    parameters: SmoothParameters = SmoothParameters(),
    *,
    saturation_level: float | None = None,
    keep: BoolImage | None = None,
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
    keep : ndarray of bool, shape (ny, nx), optional
        Pixels no source may mask; detection sees them all the same. In the fit a block of
        binned pixels is kept only where all of them are.

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
    """
    smoother = Smoother(
        data, mask, source, background, parameters, saturation_level=saturation_level, keep=keep
    )
    yield from smoother.passes()


class Smoother:
    """A frame, its sources and its boxes: what a second look at a moved mask need not repeat.

    The arguments are those of `iterate_smooth`.
    """

    def __init__(
        self,
        data: Any,
        mask: MaskImage,
        source: SourceMaskParameters,
        background: BackgroundParameters,
        parameters: SmoothParameters,
        *,
        saturation_level: float | None = None,
        keep: BoolImage | None = None,
    ) -> None:
        self._image = check_image(data)
        check_size(self._image)
        self._mask, self._keep = mask, keep
        self._source, self._background, self._parameters = source, background, parameters
        self._saturation_level = saturation_level
        self._frame: BinnedFrame | None = None
        self._found = np.zeros((0, 0), np.uint8)
        self._boxes: Boxes | None = None
        self._noise: NoiseBoxes | None = None
        self._shift = 0.0  # for the light of faint sources

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx) of the frame."""
        return self._mask.shape[0], self._mask.shape[1]

    def passes(self) -> Iterator[Stage | Pass]:
        """Run; see `iterate_smooth`."""
        source, background, parameters = self._source, self._background, self._parameters
        share = 1.0 / (source.passes + 2)
        yield Stage("Fitting the first background", 0.0)
        least = min(*self._image.shape, 8 * background.box_size)
        coarse = next((f for f in (4, 2) if least >= 64 * f), 1)
        factors = tuple(sorted({max(1, coarse // 2), coarse}))
        levels, unmarked = bin_frame(self._image, self._mask, factors, self._saturation_level)
        if unmarked:
            finite = np.isfinite(self._image)
            self._mask = np.where(finite, self._mask, self._mask | np.uint8(MaskBit.INVALID))
        fine, binned = levels[0], levels[-1]
        boxes = first_boxes(binned, background)
        surface = solve(boxes, parameters)
        past = [surface]
        blocks, found = np.zeros(fine.shape, np.uint8), np.zeros(binned.shape, np.uint8)
        layers = BlockMask(self._mask, blocks, fine.factor, self._keep)
        yield Pass(None, layers, self._fit(surface))
        for index in range(1, source.passes + 1):
            yield Stage(f"Pass {index}: finding sources", index * share)
            binned = levels.pop() if index == 1 else fine
            level, rms = surface.on(binned)
            saw = find_deep(binned, level, rms, parameters, source.min_area, binned.glare)
            yield Stage(f"Pass {index}: fitting the background", (index + 0.5) * share)
            before, found = blocks, saw.mask
            grid = Grid.over(binned.shape, background.box_size / binned.factor)
            guess = at_centres(rms, *grid.centres()) * (surface.factor / binned.factor)
            boxes = measure(binned, level, self._seen(found, binned.factor), grid, guess)
            boxes = dataclasses.replace(boxes, large=self._large(binned, level, guess, saw))
            surface = solve(boxes, parameters)
            blocks = unbin(found, binned.factor // fine.factor, fine.shape)
            layers = BlockMask(self._mask, found, binned.factor, self._keep)
            row = _row(index, saw, surface, layers, (blocks, before), fine)
            yield Pass(row, layers, self._fit(surface))
            # two passes back: a source at the threshold may be in every second one
            if index > 1 and any(_settled(surface, one, row.globalrms) for one in past):
                break
            past = [past[-1], surface]
        yield Stage("Measuring the noise", 1 - share)
        sure = saw.sure if parameters.faint_light and source.passes else None
        together(
            lambda: self._look_for_faint(surface, binned, sure, layers),
            lambda: self._measure_noise(surface, layers),
        )
        self._frame, self._found, self._boxes = binned, found, boxes
        yield Pass(None, layers, self._finished(surface, layers))

    def _large(
        self, binned: BinnedFrame, level: SplineMap, guess: Nodes, saw: Found
    ) -> tuple[Large, ...]:
        """The large sources whose profiles can be fitted."""
        if not self._parameters.wings or saw.large is None or saw.small is None:
            return ()
        usable = ~(saw.small | binned.bad)
        noise = float(np.median(guess))
        return tuple(large_sources(binned.image, usable, noise, saw.large, level))

    def _look_for_faint(
        self, surface: Surface, binned: BinnedFrame, sure: BoolImage | None, layers: BlockMask
    ) -> None:
        """Note how far the light of faint sources shifts the surface."""
        if sure is None:
            return

        def read(rows: npt.NDArray[np.intp]) -> tuple[FloatImage, BoolImage]:
            pixels = np.asarray(self._image[rows], np.float32)
            free = (layers.sampled(rows) == 0) & np.isfinite(pixels)
            return np.where(free, pixels, np.float32(0)), free

        white = independent(read, self.shape, _noise_of(surface))
        self._shift = faint_shift(surface, binned, sure, white=white)

    def _measure_noise(self, surface: Surface, layers: BlockMask) -> None:
        level = surface.grid.map(surface.level, self.shape, surface.factor)
        box_size = self._background.box_size
        self._noise = measure_noise(self._image, level, layers, box_size, _noise_of(surface))

    def _seen(self, found: MaskImage, factor: int) -> MaskImage:
        """What sources mask of the blocks: not those that are kept whole."""
        if self._keep is None:
            return found
        return np.where(any_in_block(~self._keep, factor), found, np.uint8(0))

    def refit(self, mask: MaskImage, keep: BoolImage | None = None) -> Pass:
        """The sky with another mask by hand, the sources those found by the last run.

        Only boxes that the change touches are measured again; the surface through all is
        solved anew. A whole run differs in that it looks for the sources once more.

        Parameters
        ----------
        mask : ndarray of uint8, shape (ny, nx)
            Regions; the invalid pixels stay those of the run.
        keep : ndarray of bool, shape (ny, nx), optional
            As of `iterate_smooth`.

        Raises
        ------
        SkyFitError
            When too few boxes keep free pixels.
        """
        assert self._frame is not None and self._boxes is not None and self._noise is not None
        new, rows, columns = with_regions((self._mask, self._keep), (mask, keep))
        self._mask, self._keep = new, keep
        layers = BlockMask(new, self._found, self._frame.factor, keep)
        if rows.size:
            factor = self._frame.factor
            y, x = ((int(span[0]), int(span[-1]) + 1) for span in (rows, columns))
            self._frame = taken_anew(self._frame, new, y)
            window = self._boxes.grid.window(
                *((start // factor, -(-stop // factor)) for start, stop in (y, x))
            )
            found = self._seen(self._found, factor)
            self._boxes = measure_again(self._boxes, self._frame, found, window)
            window = self._noise.grid.window(y, x)
            self._noise = measure_noise_again(self._noise, self._image, layers, window)
        surface = solve(self._boxes, self._parameters)
        return Pass(None, layers, self._finished(surface, layers))

    def _fit(self, surface: Surface) -> SkyFit:
        """The maps of a surface; the binned noise times the binning stands for the noise."""
        globalback = float(np.median(surface.level))
        globalrms = _noise_of(surface)
        grid, nodes = surface.grid, (surface.level, surface.rms * surface.factor)
        if not self._background.is_2d:
            grid = Grid(grid.rows[[0, -1]], grid.columns[[0, -1]])
            nodes = np.full((1, 1), globalback), np.full((1, 1), globalrms)
        blank = self._mask if self._background.blank_invalid else None
        level, rms = (grid.map(node, self.shape, surface.factor, blank=blank) for node in nodes)
        least_free = self._parameters.least_free
        return SkyFit(level, rms, globalback, globalrms, surface.free, 0, least_free)

    def _finished(self, surface: Surface, layers: BlockMask) -> SkyFit:
        """Without faint light, with its noise, and the model's map where one is asked for."""
        surface = dataclasses.replace(surface, level=surface.level + self._shift)
        fit, background = self._with_noise(self._fit(surface)), self._background
        if not background.modelled:
            return fit
        finite = np.isfinite(self._image)
        pixels = np.where(finite, self._image, 0).astype(np.float32)
        maps = {
            name: dataclasses.replace(getattr(fit, name), blank=None)
            for name in ("level_map", "rms_map")
        }
        fit = with_model(pixels, layers.whole, dataclasses.replace(fit, **maps), background)
        fit = dataclasses.replace(fit, level_map=fit.level, rms_map=fit.rms)
        if background.blank_invalid:
            invalid = has(self._mask, MaskBit.INVALID)
            fit.level[invalid] = fit.rms[invalid] = np.nan
        return fit

    def _with_noise(self, fit: SkyFit) -> SkyFit:
        """The fit with the noise of full-resolution pixels."""
        assert self._noise is not None and isinstance(fit.level_map, SplineMap)
        found = noise_nodes(self._noise, self._parameters)
        if found is None:
            return fit
        nodes, least = found
        globalrms = float(np.median(nodes))
        level = fit.level_map
        rms = self._noise.grid.map(nodes, level.shape, blank=level.blank, least=least)
        if not self._background.is_2d:
            rms = dataclasses.replace(level, nodes=np.full((1, 1), globalrms))
        return dataclasses.replace(fit, rms_map=rms, globalrms=globalrms)


def _noise_of(surface: Surface) -> float:
    """Of a pixel: the noise of blocks, as if that of their pixels were independent."""
    return float(np.median(surface.rms)) * surface.factor


def _settled(one: Surface, two: Surface, noise: float) -> bool:
    """Whether two surfaces are the same but for what is nothing beside the noise."""
    if one.level.shape != two.level.shape:
        return False
    return float(np.abs(one.level - two.level).max()) < _SETTLED * noise


def _row(
    index: int,
    found: Found,
    surface: Surface,
    layers: BlockMask,
    blocks: tuple[MaskImage, MaskImage],
    frame: BinnedFrame,
) -> PassRow:
    """The pass in numbers.

    Pixels are counted through the free area of each block, now and before, but one by one
    where some are kept free of sources.
    """
    now, before = blocks
    size = layers.base.size
    if layers.keep is None:  # strip by strip: fresh memory for whole planes takes more time
        masked = size - frame.free_in(lambda rows: now[rows] == 0)
        new = frame.free_in(lambda rows: (now[rows] != 0) & (before[rows] == 0))
    else:
        factor = -(-layers.base.shape[0] // before.shape[0])
        full = layers.whole != 0
        masked = int(np.count_nonzero(full))
        new = int(np.count_nonzero(full & (BlockMask(layers.base, before, factor).whole == 0)))
    return PassRow(
        index=index,
        sources=found.sources,
        saturated=found.saturated,
        new_pixels=new,
        masked_fraction=masked / size,
        globalback=float(np.median(surface.level)),
        globalrms=_noise_of(surface),
    )
