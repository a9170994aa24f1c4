"""Undo and redo: the states of one image's session, each with the name of what led to it.

A state is a recipe, which is small, and the mask of the run it goes with, which is packed. Maps
are not kept: the same recipe gives the same ones again.
"""

from __future__ import annotations

import dataclasses
import threading
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.pixels import MaskImage
from ginga_bkgplugin.sky.steps import PassRow
from ginga_bkgplugin.work.pipeline import Result

MOST_STEPS = 200
MOST_BYTES = 40 * 2**20  # of packed masks; beyond it the oldest are dropped, their recipes kept

_STRIP = 1 << 24  # bytes packed at a time


class PackedMask:
    """A mask, compressed in a thread of its own; zlib lets other threads run meanwhile.

    Parameters
    ----------
    mask : ndarray of uint8 or bool, shape (ny, nx)
        Not to be changed while it is being packed.
    """

    def __init__(self, mask: npt.NDArray[Any]) -> None:
        self._shape, self._kind = mask.shape, mask.dtype
        self._mask: MaskImage | None = np.ascontiguousarray(mask).view(np.uint8)
        self._parts: list[bytes] = []
        self._ahead: npt.NDArray[Any] | None = None
        self._thread = threading.Thread(target=self._pack, daemon=True)
        self._thread.start()

    def _pack(self) -> None:
        assert self._mask is not None
        flat = self._mask.reshape(-1)
        for start in range(0, flat.size, _STRIP):
            self._parts.append(zlib.compress(flat[start : start + _STRIP].data, 1))
        self._mask = None

    @property
    def nbytes(self) -> int:
        """Bytes of the packed form, as far as it is made."""
        return sum(map(len, self._parts))

    def unpack_ahead(self) -> None:
        """Do the work of the next `unpack`, in any thread."""
        self._ahead = self.unpack()

    def unpack(self) -> npt.NDArray[Any]:
        """The mask in its own type, read-only."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            return ahead
        self._thread.join()
        whole = b"".join(map(zlib.decompress, self._parts))
        return np.frombuffer(whole, self._kind).reshape(self._shape)


class Outcome:
    """A run that was made: what came out of it, without its maps.

    Parameters
    ----------
    result : Result
        Its mask is packed.
    """

    def __init__(self, result: Result) -> None:
        self.recipe: Recipe = result.recipe
        self.rows: tuple[PassRow, ...] = result.rows
        self.packed: PackedMask | None = PackedMask(result.mask)


@dataclasses.dataclass(frozen=True)
class Moment:
    """One state: the recipe, what was selected, and the run whose mask is shown."""

    recipe: Recipe
    selection: tuple[int, ...] = ()
    outcome: Outcome | None = None


class History:
    """States in a row, and the one that counts now.

    Parameters
    ----------
    start : Moment
        What the first undo cannot go behind.
    """

    def __init__(self, start: Moment) -> None:
        self._steps: list[tuple[str, Moment]] = [("Start", start)]
        self.place = 0

    @property
    def now(self) -> Moment:
        """The state that counts."""
        return self._steps[self.place][1]

    @property
    def names(self) -> tuple[str, ...]:
        """What led to each state, the oldest first; the one at `place` counts."""
        return tuple(name for name, _ in self._steps)

    @property
    def nbytes(self) -> int:
        """Bytes of the packed masks."""
        return sum(packed.nbytes for packed in self._packed().values())

    def record(self, name: str, moment: Moment) -> None:
        """Add a state after the one that counts; those undone are gone."""
        del self._steps[self.place + 1 :]
        self._steps.append((name, moment))
        del self._steps[: -MOST_STEPS - 1]
        self.place = len(self._steps) - 1
        self._bound()

    def go(self, place: int) -> Moment:
        """Make another state the one that counts; places beyond the ends are the ends."""
        self.place = self._within(place)
        return self.now

    def at(self, place: int) -> Moment:
        """The state at a place; beyond the ends that of the end."""
        return self._steps[self._within(place)][1]

    def _within(self, place: int) -> int:
        return min(max(place, 0), len(self._steps) - 1)

    def _packed(self) -> dict[Outcome, PackedMask]:
        """The packed masks, the oldest first."""
        return {
            moment.outcome: moment.outcome.packed
            for _, moment in self._steps
            if moment.outcome is not None and moment.outcome.packed is not None
        }

    def _bound(self) -> None:
        packed = self._packed()
        held = sum(mask.nbytes for mask in packed.values())
        for outcome, mask in packed.items():
            if held <= MOST_BYTES or outcome is self.now.outcome:
                return
            held -= mask.nbytes
            outcome.packed = None
