"""Means of blocks of pixels, and masks to blocks and back."""

from __future__ import annotations

import dataclasses

import numpy as np

from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage, MaskImage


@dataclasses.dataclass(frozen=True)
class Binned:
    """Means of `factor` x `factor` pixels; `bad` where less than half of them are good."""

    factor: int
    image: FloatImage
    bad: BoolImage


def bin_image(pixels: FloatImage, bad: BoolImage | None, factor: int) -> Binned:
    """Average blocks of pixels; the last row and column of blocks may be partial.

    Parameters
    ----------
    pixels : ndarray of float32, shape (ny, nx)
    bad : ndarray of bool, optional
        Left out of the means.
    factor : int
        Side of a block.
    """
    ny, nx = pixels.shape
    pad = (-ny % factor, -nx % factor)
    if bad is None and any(pad):
        bad = np.zeros(pixels.shape, bool)
    if any(pad):
        assert bad is not None
        around = ((0, pad[0]), (0, pad[1]))
        pixels, bad = np.pad(pixels, around), np.pad(bad, around, constant_values=True)
    if bad is None:
        mean = _block_sum(pixels, factor)
        mean /= np.float32(factor**2)
        return Binned(factor, mean, np.zeros(mean.shape, bool))
    good = ~bad
    count = _block_sum(good.astype(np.float32), factor)
    total = _block_sum(np.where(good, pixels, np.float32(0)), factor)
    poor = count < factor**2 / 2
    mean = np.where(poor, np.float32(0), total / np.maximum(count, np.float32(1)))
    return Binned(factor, mean, poor)


def _block_sum(array: FloatImage, factor: int) -> FloatImage:
    rows = array[0::factor].copy()
    for i in range(1, factor):
        rows += array[i::factor]
    out = rows[:, 0::factor].copy()
    for i in range(1, factor):
        out += rows[:, i::factor]
    return out


def any_in_block(mask: BoolImage, factor: int) -> BoolImage:
    """True for blocks with any masked pixel."""
    pad = ((0, -mask.shape[0] % factor), (0, -mask.shape[1] % factor))
    mask = np.pad(mask, pad) if any(p for _, p in pad) else mask
    rows = mask[0::factor].copy()
    for i in range(1, factor):
        rows |= mask[i::factor]
    out: BoolImage = rows[:, 0::factor].copy()
    for i in range(1, factor):
        out |= rows[:, i::factor]
    return out


def unbin(mask: MaskImage, factor: int, shape: tuple[int, int]) -> MaskImage:
    """Blocks back to pixels."""
    return np.repeat(np.repeat(mask, factor, axis=0), factor, axis=1)[: shape[0], : shape[1]]
