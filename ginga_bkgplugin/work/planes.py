"""Memory that two processes share: the image and what was made of it."""

from __future__ import annotations

import contextlib
import dataclasses
import mmap
import os
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.binning import BlockMask
from ginga_bkgplugin.sky.maps import Map, SplineMap
from ginga_bkgplugin.sky.pixels import FloatImage, MaskImage, read_only
from ginga_bkgplugin.sky.steps import Pass
from ginga_bkgplugin.work.pipeline import Result

Told = TypeVar("Told", Pass, Result)

_BYTES = 14  # per pixel: image, level, rms as float32, the mask and its blocks
_PIECE = 1 << 24  # bytes given back at once: 2 ms


@dataclasses.dataclass(frozen=True)
class _Blocks:
    """What to send of a `BlockMask`: where to find it.

    Attributes
    ----------
    factor : int
        Its binning.
    base : {"empty", "new", "same"}
        Nothing masked, in the mask's plane, or that of the step before.
    again : bool
        Whether all of it is that of the step before.
    """

    factor: int
    base: str
    again: bool


class Planes:
    """Image, level, rms and mask in one piece of memory that two processes map.

    A mask in blocks travels as blocks; the base below them, which seldom changes, once.

    Parameters
    ----------
    handle : int or str
        File descriptor of the unnamed memory; on Windows, which has none, a file's name.
    shape : tuple of int
        (ny, nx).
    """

    def __init__(self, handle: int | str, shape: tuple[int, int]) -> None:
        size = shape[0] * shape[1]
        with contextlib.ExitStack() as stack:
            if isinstance(handle, str):
                handle = stack.enter_context(Path(handle).open("r+b")).fileno()
            if os.fstat(handle).st_size < size * _BYTES:
                os.ftruncate(handle, size * _BYTES)
            memory = self._memory = mmap.mmap(handle, size * _BYTES)

        def plane(start: int, kind: npt.DTypeLike) -> npt.NDArray[Any]:
            return np.frombuffer(memory, kind, size, start * size).reshape(shape)

        self.image = plane(0, np.float32)
        self.level = plane(4, np.float32)
        self.rms = plane(8, np.float32)
        self.mask = plane(12, np.uint8)
        self._blocks = plane(13, np.uint8).reshape(-1)
        self._last: BlockMask | None = None  # that went through here

    def give_back(self) -> None:
        """Let go of the memory here, bit by bit; what another still reads is read anew.

        Python holds its lock while it takes a mapping down, which a window would feel.
        """
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            for start in range(0, len(self._memory), _PIECE):
                size = min(_PIECE, len(self._memory) - start)
                self._memory.madvise(mmap.MADV_DONTNEED, start, size)

    def put(self, step: Pass | Result) -> Pass | Result:
        """Store the arrays of a step here; returns the step without them."""
        fit = step.fit
        light = dataclasses.replace(
            fit,
            level_map=_stow(fit.level_map, self.level),
            rms_map=_stow(fit.rms_map, self.rms),
        )
        sent: Any = self._put_mask(step.layers)
        return dataclasses.replace(step, layers=sent, fit=light)

    def take(self, step: Told) -> Told:
        """The step with copies of the arrays stored here."""
        layers, fit = self._take_mask(step.layers), step.fit
        base = layers.base if isinstance(layers, BlockMask) else layers
        full = dataclasses.replace(
            fit,
            level_map=_fetch(fit.level_map, self.level, base),
            rms_map=_fetch(fit.rms_map, self.rms, base),
        )
        return dataclasses.replace(step, layers=layers, fit=full)

    def _put_mask(self, layers: MaskImage | BlockMask) -> _Blocks | None:
        last, self._last = self._last, None
        if not isinstance(layers, BlockMask):
            self.mask[:] = layers
            return None
        if layers.keep is not None:
            self.mask[:] = layers.whole
            return None
        self._last = layers
        base = "same" if last is not None and last.base is layers.base else "new"
        if base == "new" and not layers.base.any():
            base = "empty"
        elif base == "new":
            self.mask[:] = layers.base
        if layers is not last:
            self._blocks[: layers.blocks.size] = layers.blocks.reshape(-1)
        return _Blocks(layers.factor, base, again=layers is last)

    def _take_mask(self, sent: Any) -> MaskImage | BlockMask:
        last, self._last = self._last, None
        if not isinstance(sent, _Blocks):
            return read_only(self.mask.copy())
        if sent.again and last is not None:
            self._last = last
            return last
        if sent.base == "same" and last is not None:
            base = last.base
        else:
            empty = sent.base == "empty"
            base = read_only(np.zeros(self.mask.shape, np.uint8) if empty else self.mask.copy())
        ny, nx = (-(-size // sent.factor) for size in self.mask.shape)
        blocks = read_only(self._blocks[: ny * nx].reshape(ny, nx).copy())
        self._last = BlockMask(base, blocks, sent.factor)
        return self._last


def _stow(sky_map: Map, plane: FloatImage) -> Map:
    """What to send of a map: its nodes, or nothing when its pixels are in the plane."""
    if isinstance(sky_map, SplineMap):
        blank = None if sky_map.blank is None else np.empty((0, 0), np.uint8)
        return dataclasses.replace(sky_map, blank=blank)
    plane[:] = sky_map
    return np.empty((0, 0), np.float32)


def _fetch(sent: Map, plane: FloatImage, mask: MaskImage) -> Map:
    """The map that was stowed."""
    if isinstance(sent, SplineMap):
        return sent if sent.blank is None else dataclasses.replace(sent, blank=mask)
    return plane.copy()


def anonymous_memory() -> int | str:
    """A file descriptor of memory without a name; on Windows, which has none, a file's name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("ginga-bkgplugin")
    if os.name == "posix":
        with tempfile.TemporaryFile(prefix="ginga-bkgplugin") as file:
            return os.dup(file.fileno())
    handle, name = tempfile.mkstemp(prefix="ginga-bkgplugin")
    os.close(handle)
    return name


def free(handle: int | str | None) -> None:
    """Give the memory back once nothing maps it any more."""
    if isinstance(handle, int):
        os.close(handle)
    elif handle is not None:
        Path(handle).unlink(missing_ok=True)
