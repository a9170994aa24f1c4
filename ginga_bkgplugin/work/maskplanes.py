"""The pixels of masks from files, kept for one image: packed each, unpacked together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ginga_bkgplugin.recipe.imported import ImportedMask
from ginga_bkgplugin.sky.pixels import BoolImage
from ginga_bkgplugin.work.history import PackedMask


class MaskPlanes:
    """What masks from files mask, as far as they were read."""

    def __init__(self) -> None:
        self._packed: dict[ImportedMask, PackedMask] = {}
        self._joined: tuple[tuple[ImportedMask, ...], BoolImage | None] = ((), None)

    def put(self, mask: ImportedMask, plane: BoolImage) -> None:
        """Keep the pixels of a mask."""
        self._packed[content(mask)] = PackedMask(plane)

    def __contains__(self, mask: ImportedMask) -> bool:
        return content(mask) in self._packed

    def joined(self, masks: Iterable[ImportedMask]) -> BoolImage | None:
        """What those that are on and were read mask together; kept while they are the same."""
        contents = tuple(content(mask) for mask in masks if mask.on and mask in self)
        if self._joined[0] != contents:
            planes = [self._packed[each].unpack() for each in contents]
            self._joined = contents, np.logical_or.reduce(planes) if planes else None
        return self._joined[1]


def content(mask: ImportedMask) -> ImportedMask:
    """What decides a mask's pixels, to find them by."""
    return mask.replace(name="", on=True)
