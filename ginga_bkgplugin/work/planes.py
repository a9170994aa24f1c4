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

_BYTES = 13  # per pixel: image, level, rms as float32 and the mask


class Planes:
    """Image, level, rms and mask in one piece of memory that two processes map.

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
            memory = mmap.mmap(handle, size * _BYTES)

        def plane(start: int, kind: npt.DTypeLike) -> npt.NDArray[Any]:
            return np.frombuffer(memory, kind, size, start * size).reshape(shape)

        self.image = plane(0, np.float32)
        self.level = plane(4, np.float32)
        self.rms = plane(8, np.float32)
        self.mask = plane(12, np.uint8)

    def put(self, step: Pass | Result) -> Pass | Result:
        """Store the arrays of a step here; returns the step without them."""
        if isinstance(step.layers, BlockMask):
            step.layers.full(self.mask)
        else:
            self.mask[:] = step.layers
        fit = step.fit
        light = dataclasses.replace(
            fit,
            level_map=_stow(fit.level_map, self.level),
            rms_map=_stow(fit.rms_map, self.rms),
        )
        return dataclasses.replace(step, layers=np.empty((0, 0), np.uint8), fit=light)

    def take(self, step: Told) -> Told:
        """The step with copies of the arrays stored here."""
        mask, fit = read_only(self.mask.copy()), step.fit
        full = dataclasses.replace(
            fit,
            level_map=_fetch(fit.level_map, self.level, mask),
            rms_map=_fetch(fit.rms_map, self.rms, mask),
        )
        return dataclasses.replace(step, layers=mask, fit=full)


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
