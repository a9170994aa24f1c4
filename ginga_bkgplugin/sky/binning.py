"""Means of blocks of pixels, and masks to blocks and back."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage, MaskBit, MaskImage, has, read_only
from ginga_bkgplugin.sky.strips import each, spans


@dataclasses.dataclass(frozen=True)
class Binned:
    """Means of `factor` x `factor` pixels; `bad` where less than half of them are good."""

    factor: int
    image: FloatImage
    bad: BoolImage

    @property
    def shape(self) -> tuple[int, int]:
        """Blocks along y and x."""
        return self.image.shape[0], self.image.shape[1]


@dataclasses.dataclass(frozen=True)
class BinnedFrame(Binned):
    """A binned frame and what of it is masked.

    Attributes
    ----------
    taken : ndarray of bool
        `bad`, or with any pixel that is masked for the fit.
    hidden : ndarray of uint8
        Number of pixels of each block that are masked for any reason, or off the image.
    glare : ndarray of bool, optional
        With any saturated pixel; None where the frame has none.
    """

    taken: BoolImage
    hidden: MaskImage
    glare: BoolImage | None

    def free_in(self, chosen: Callable[[slice], BoolImage]) -> int:
        """Number of pixels that are not hidden, in the blocks that `chosen` says of some rows."""
        total = 0
        for start, stop in spans(self.shape):
            here, hidden = chosen(slice(start, stop)), self.hidden[start:stop]
            total += self.factor**2 * int(np.count_nonzero(here))
            if hidden.any():
                total -= int(hidden[here].sum(dtype=np.int64))
        return total


@dataclasses.dataclass(frozen=True, eq=False)
class BlockMask:
    """A full-resolution mask as a base and, on top of its valid pixels, a binned mask.

    Attributes
    ----------
    base : ndarray of uint8, shape (ny, nx)
        Bits of `MaskBit`.
    blocks : ndarray of uint8
        Binned by `factor`.
    keep : ndarray of bool, shape (ny, nx), optional
        Pixels that the blocks do not mask.
    """

    base: MaskImage
    blocks: MaskImage
    factor: int
    keep: BoolImage | None = None

    @functools.cached_property
    def whole(self) -> MaskImage:
        """The mask at full resolution, read-only; made once."""
        shape = self.base.shape[0], self.base.shape[1]
        whole = np.empty(shape, np.uint8)

        def strip(start: int, stop: int) -> None:
            whole[start:stop] = self.rows(start, stop)

        each(strip, spans(shape, self.factor))
        return read_only(whole)

    def rows(self, start: int, stop: int, step: int = 1) -> MaskImage:
        """Every `step`-th row from `start` to before `stop`."""
        return self._chosen(np.arange(start, stop, step), slice(start, stop, step))

    def sampled(self, rows: npt.NDArray[np.intp]) -> MaskImage:
        """Some rows."""
        return self._chosen(rows, rows)

    def _chosen(self, index: npt.NDArray[np.intp], rows: Any) -> MaskImage:
        base = self.base[rows]
        blocks = self.blocks[index // self.factor]
        part = _widened(blocks, self.factor)[:, : base.shape[1]]
        if self.keep is not None:
            part[self.keep[rows]] = 0
        if base.any():
            part[has(base, MaskBit.INVALID)] = 0
            part |= base
        return part


Layers = MaskImage | BlockMask


def masked_rows(layers: Layers, start: int, stop: int, step: int = 1) -> MaskImage:
    """Every `step`-th row of a mask from `start` to before `stop`."""
    if isinstance(layers, BlockMask):
        return layers.rows(start, stop, step)
    return layers[start:stop:step]


def full_mask(layers: Layers) -> MaskImage:
    """The mask as one read-only plane."""
    return layers.whole if isinstance(layers, BlockMask) else read_only(layers)


def bin_frame(
    data: Any, mask: MaskImage, factors: tuple[int, ...], saturation_level: float | None
) -> tuple[list[BinnedFrame], bool]:
    """Bin a frame by several factors in one pass over its rows.

    Parameters
    ----------
    data : array, shape (ny, nx)
        Any real type and byte order; converted a strip at a time.
    mask : ndarray of uint8, shape (ny, nx)
        Invalid pixels are left out of the means, others only marked `taken`.
    factors : tuple of int
        Ascending, each a multiple of the one before.
    saturation_level : float, optional
        Value from which on a pixel is saturated.

    Returns
    -------
    list of BinnedFrame
        In the order of `factors`.
    bool
        Whether a pixel that is not finite is not marked invalid in the mask.
    """
    shape = mask.shape[0], mask.shape[1]
    frames = [_unmasked(factor, shape) for factor in factors]

    def strip(start: int, stop: int) -> tuple[bool, bool]:
        with np.errstate(over="ignore"):  # beyond float32 becomes inf, hence invalid
            pixels = np.ascontiguousarray(data[start:stop], np.float32)
        marked, infinite = mask[start:stop], ~np.isfinite(pixels)
        unmarked, bad, hidden = False, None, None
        if marked.max() or infinite.any():
            bad = has(marked, MaskBit.INVALID)
            unmarked = bool((infinite & ~bad).any())
            bad |= infinite
            hidden = (marked & ~np.uint8(MaskBit.INVALID)) != 0
            pixels = np.where(bad, np.float32(0), pixels)
        burnt = None
        if saturation_level is not None and pixels.max(initial=0) >= saturation_level:
            burnt = pixels >= saturation_level
            if bad is not None:
                burnt &= ~bad
        blocks = _Blocks.of(pixels, bad, hidden, burnt)
        for frame in frames:
            blocks = blocks.joined(frame.factor)
            blocks.into(frame, start // frame.factor)
        return unmarked, burnt is not None and bool(burnt.any())

    answers = each(strip, spans(shape, factors[-1]))
    if not any(burnt for _, burnt in answers):
        frames = [dataclasses.replace(frame, glare=None) for frame in frames]
    return frames, any(unmarked for unmarked, _ in answers)


@dataclasses.dataclass(frozen=True)
class _Blocks:
    """Blocks of a strip of rows: sums, and of what is masked numbers; None where nothing is.

    `lost` counts what is bad or hidden, None where nothing is hidden.
    """

    factor: int
    size: tuple[int, int]
    sums: FloatImage
    bad: MaskImage | None
    lost: MaskImage | None
    hidden: BoolImage | None
    burnt: BoolImage | None

    @classmethod
    def of(
        cls, pixels: FloatImage, bad: BoolImage | None, hidden: BoolImage | None,
        burnt: BoolImage | None,
    ) -> _Blocks:  # fmt: skip
        """Single pixels; `bad` ones are 0."""
        size = pixels.shape[0], pixels.shape[1]
        if bad is None or hidden is None:
            return cls(1, size, pixels, None, None, None, burnt)
        count = bad.view(np.uint8)
        if not hidden.any():
            return cls(1, size, pixels, count, None, None, burnt)
        return cls(1, size, pixels, count, (bad | hidden).view(np.uint8), hidden, burnt)

    def joined(self, factor: int) -> _Blocks:
        """Larger blocks."""
        by = factor // self.factor

        def join(how: Any, plane: Any) -> Any:
            return None if plane is None else over_blocks(how, plane, by)

        return dataclasses.replace(
            self, factor=factor, sums=join(np.add, self.sums),
            bad=join(np.add, self.bad), lost=join(np.add, self.lost),
            hidden=join(np.logical_or, self.hidden), burnt=join(np.logical_or, self.burnt),
        )  # fmt: skip

    def into(self, frame: BinnedFrame, at: int) -> None:
        """Write to a frame, from row `at`; memory that is not touched costs no room nor time."""
        part = slice(at, at + len(self.sums))
        area = _area(self.factor, self.size)
        good = area if self.bad is None else area - self.bad
        mean = _means(self.sums, good.astype(np.float32), self.factor)
        frame.image[part] = mean.image
        if mean.bad.any():
            frame.bad[part] = frame.taken[part] = mean.bad
        if self.hidden is not None:
            frame.taken[part] |= self.hidden
        lost = self.bad if self.lost is None else self.lost
        if lost is not None:
            frame.hidden[part] = lost + (self.factor**2 - area)
        if self.burnt is not None and frame.glare is not None:
            frame.glare[part] = self.burnt


def _unmasked(factor: int, shape: tuple[int, int]) -> BinnedFrame:
    """A frame with nothing in it and nothing masked; blocks at its far edges may be partial."""
    size = -(-shape[0] // factor), -(-shape[1] // factor)
    bad, taken, glare = (np.zeros(size, bool) for _ in range(3))
    hidden = np.zeros(size, np.uint8)  # not touched where nothing is masked: that takes time
    hidden[-1:] = factor**2 - _area(factor, (shape[0] - (size[0] - 1) * factor, shape[1]))
    hidden[:, -1:] = factor**2 - _area(factor, (shape[0], shape[1] - (size[1] - 1) * factor))
    return BinnedFrame(factor, np.empty(size, np.float32), bad, taken, hidden, glare)


def _area(factor: int, shape: tuple[int, ...]) -> MaskImage:
    """Pixels of each block of an image; those at its far edges may be partial."""
    y, x = (np.minimum(factor, n - np.arange(0, n, factor)).astype(np.uint8) for n in shape)
    return y[:, np.newaxis] * x


def taken_anew(frame: BinnedFrame, mask: MaskImage, rows: tuple[int, int]) -> BinnedFrame:
    """The frame with what is masked in some rows looked up again."""
    factor = frame.factor
    part = slice(rows[0] // factor, -(-rows[1] // factor))
    marked = mask[part.start * factor : part.stop * factor]
    hidden = (marked & ~np.uint8(MaskBit.INVALID)) != 0
    taken = frame.taken.copy()
    taken[part] = frame.bad[part] | any_in_block(hidden, factor)
    return dataclasses.replace(frame, taken=taken)


def bin_image(pixels: FloatImage, factor: int) -> FloatImage:
    """Means of blocks of finite pixels; the last row and column of blocks may be partial."""
    count = _area(factor, pixels.shape).astype(np.float32)
    return _means(over_blocks(np.add, pixels, factor), count, factor).image


def _means(sums: FloatImage, count: FloatImage, factor: int) -> Binned:
    poor = count < factor**2 / 2
    mean = np.divide(sums, np.maximum(count, np.float32(1)), dtype=np.float32)
    mean[poor] = 0
    return Binned(factor, mean, poor)


def any_in_block(mask: BoolImage, factor: int) -> BoolImage:
    """True for blocks with any masked pixel."""
    found: BoolImage = over_blocks(np.logical_or, mask, factor)
    return found


def over_blocks(join: Any, array: Any, factor: int, kind: Any = None) -> Any:
    """Join the pixels of each block, rows first: they are contiguous."""
    pad = tuple((0, -size % factor) for size in array.shape)
    array = np.pad(array, pad) if any(after for _, after in pad) else array
    array = array.astype(kind or array.dtype, copy=factor == 1)
    for axis in (0, 1):
        cut = (slice(None),) * axis
        parts = [array[(*cut, slice(i, None, factor))] for i in range(factor)]
        array = functools.reduce(join, parts[1:], parts[0])
    return array


def unbin(mask: MaskImage, factor: int, shape: tuple[int, int]) -> MaskImage:
    """Blocks back to pixels; of blocks of one pixel a view."""
    if factor == 1:
        return mask[: shape[0], : shape[1]]
    return np.repeat(_widened(mask, factor), factor, axis=0)[: shape[0], : shape[1]]


def _widened(mask: MaskImage, factor: int) -> MaskImage:
    """Every byte `factor` times: for a few of them a multiplication, 5 times as fast as repeat."""
    if factor not in (1, 2, 4, 8):
        return np.repeat(mask, factor, axis=1)
    wide = np.dtype(f"u{factor}")
    bytes_of_one = int.from_bytes(bytes([1] * factor), "little")
    widened: MaskImage = (mask.astype(wide) * wide.type(bytes_of_one)).view(np.uint8)
    return widened
