"""The boxes of a frame, and the clipped mean and rms of the free pixels in each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.maps import Nodes, SplineMap
from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage

CLIPPED_SIGMA = 0.98658  # of a Gaussian cut at 3 sigma, relative to its own
_NOT_USED = np.float32(1e37)  # above every clipping limit, and a pixel may be added to it
_INSIDE, _LISTED = 0.75, 1.35  # of a limit: how near to it pixels are listed one by one


@dataclasses.dataclass(frozen=True)
class Grid:
    """Boxes that divide a frame evenly.

    Attributes
    ----------
    rows, columns : ndarray of int
        Edges of the boxes, pixels.
    """

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]

    @classmethod
    def over(cls, shape: tuple[int, int], box: float) -> Grid:
        """The grid whose boxes come closest to `box` pixels."""

        def edges(size: int) -> npt.NDArray[np.intp]:
            count = max(1, round(size / box))
            return np.round(np.linspace(0, size, count + 1)).astype(np.intp)

        return cls(edges(shape[0]), edges(shape[1]))

    @property
    def shape(self) -> tuple[int, int]:
        """Boxes along y and x."""
        return self.rows.size - 1, self.columns.size - 1

    def centres(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Pixel coordinates of the boxes' centres along y and x."""
        return (
            (self.rows[1:] + self.rows[:-1] - 1) / 2,
            (self.columns[1:] + self.columns[:-1] - 1) / 2,
        )

    def part(self, window: tuple[slice, slice]) -> tuple[Grid, slice]:
        """Some of the boxes, as a grid on the frame's rows and on a slice of its columns."""
        rows, columns = (
            edges[chosen.start : chosen.stop + 1]
            for edges, chosen in zip((self.rows, self.columns), window, strict=True)
        )
        return Grid(rows, columns - columns[0]), slice(int(columns[0]), int(columns[-1]))

    def window(self, y: tuple[int, int], x: tuple[int, int]) -> tuple[slice, slice]:
        """The boxes that rows y[0] to y[1] and columns x[0] to x[1] of pixels touch."""

        def touched(edges: npt.NDArray[np.intp], span: tuple[int, int]) -> slice:
            first = np.searchsorted(edges, span[0], side="right") - 1
            return slice(int(first), int(np.searchsorted(edges, span[1], side="left")))

        return touched(self.rows, y), touched(self.columns, x)

    def map(
        self, nodes: Nodes, shape: tuple[int, int], scale: int = 1, **options: Any
    ) -> SplineMap:
        """The map of nodes on a frame whose pixels are `scale` times smaller than the grid's."""
        y, x = (centre * scale + (scale - 1) / 2 for centre in self.centres())
        return SplineMap(nodes, y, x, shape, **options)


@dataclasses.dataclass(frozen=True)
class BoxStatistics:
    """Mean, rms and number of the pixels used in each box; NaN where there are none."""

    mean: Nodes
    rms: Nodes
    count: Nodes

    def with_part(self, window: tuple[slice, slice], part: BoxStatistics) -> BoxStatistics:
        """A copy with the boxes of a window replaced."""
        copies = [plane.copy() for plane in (self.mean, self.rms, self.count)]
        for copy, new in zip(copies, (part.mean, part.rms, part.count), strict=True):
            copy[window] = new
        return BoxStatistics(*copies)


def box_statistics(
    residual: FloatImage, masked: BoolImage, grid: Grid, rms: Nodes, **options: Any
) -> BoxStatistics:
    """Clipped mean and rms of the free pixels of each box of an array; see `measure_boxes`."""
    return measure_boxes(lambda a, b: (residual[a:b], masked[a:b]), grid, rms, **options)


def measure_boxes(
    read: Callable[[int, int], tuple[FloatImage, BoolImage]],
    grid: Grid,
    rms: Nodes,
    *,
    clip: float = 3.0,
    passes: int = 4,
) -> BoxStatistics:
    """Clipped mean and rms of the free pixels of each box, a row of boxes at a time.

    Parameters
    ----------
    read : callable
        Takes the first and one past the last row of pixels; returns the residual there
        (float32: image minus the last background, so that a gradient inside a box does no
        harm) and which pixels are masked (bool); those may be NaN.
    grid : Grid
        The boxes.
    rms : ndarray
        A guess for each box, to clip with in the first pass.
    clip : float
        Pixels farther than this times the rms from the mean are left out.
    passes : int
        Rounds of clipping, at most.
    """
    # in units of the noise, so that float32 holds the squares; a power of two rounds nothing
    middle = float(np.median(rms[rms > 0])) if (rms > 0).any() else 1.0
    unit = 2.0 ** round(np.log2(middle)) if np.isfinite(middle) else 1.0
    # one thread: of many small steps each waits for the GIL, two took half as long again
    mean, width, count = np.zeros(grid.shape), rms / unit, np.zeros(grid.shape)
    left, wanted = np.full(grid.shape, passes), np.ones(grid.shape, bool)

    def look(j: int) -> _Look:
        values, masked = read(int(grid.rows[j]), int(grid.rows[j + 1]))
        scaled = values * np.float32(1 / unit)
        scaled += masked * _NOT_USED
        if not np.isfinite(scaled).all():
            scaled[masked] = _NOT_USED
        limit = np.where(wanted[j], clip * width[j], -1.0)  # of the others no pixel is looked at
        return _look(scaled, np.diff(grid.columns), mean[j], limit, j)

    while wanted.any():
        rows = np.flatnonzero(wanted.any(axis=1)).tolist()
        wanted = _clip([look(j) for j in rows], rows, (mean, width, count, left), wanted, clip)
    empty = count == 0
    return BoxStatistics(
        np.where(empty, np.nan, mean * unit), np.where(empty, np.nan, width * unit), count
    )


@dataclasses.dataclass(frozen=True)
class _Look:
    """What one look at a row of boxes leaves.

    Attributes
    ----------
    sums : ndarray, shape (3, boxes)
        Number, sum and sum of squares of the pixels well inside the limits of each box.
    near, box : ndarray
        Pixels near the limits, and the boxes they are in.
    """

    sums: Nodes
    near: FloatImage
    box: npt.NDArray[np.int32]


def _look(
    values: FloatImage, widths: npt.NDArray[np.intp], centre: Nodes, limit: Nodes, row: int
) -> _Look:
    edge, wide = np.cumsum(widths) - widths, widths.size
    away = values - np.repeat(centre.astype(np.float32), widths)
    np.abs(away, out=away)
    inside = away <= np.repeat((_INSIDE * limit).astype(np.float32), widths)
    listed = (away <= np.repeat((_LISTED * limit).astype(np.float32), widths)) != inside
    places = np.flatnonzero(listed)
    box = np.repeat(np.arange(wide, dtype=np.int32), widths)[places % values.shape[1]]
    kept = np.multiply(values, inside, out=away)
    number = np.dtype(np.uint8 if len(values) < 256 else np.uint32)
    sums = (
        inside.view(np.uint8).sum(axis=0, dtype=number),
        kept.sum(axis=0),
        np.einsum("ij,ij->j", kept, kept),
    )
    total = np.stack([np.add.reduceat(line.astype(np.float64), edge) for line in sums])
    return _Look(total, values.reshape(-1)[places], box + np.int32(row * wide))


def _clip(
    looks: list[_Look],
    rows: list[int],
    state: tuple[Nodes, Nodes, Nodes, npt.NDArray[np.intp]],
    wanted: BoolImage,
    clip: float,
) -> BoolImage:
    """Rounds of clipping by what was listed; mean, width, count and rounds left in place.

    Each box for itself: what others do changes nothing.

    Returns
    -------
    ndarray of bool
        Boxes whose limits moved farther than the list reaches: to be looked at anew.
    """
    mean, width, count, left = (plane.reshape(-1) for plane in state)
    near, box = (
        np.concatenate([getattr(look, name) for look in looks]) for name in ("near", "box")
    )
    sums = np.zeros((3, *wanted.shape))
    sums[:, rows] = np.stack([look.sums for look in looks], axis=1)
    sums = sums.reshape(3, -1)
    first, limit = mean.copy(), clip * width
    active, again = wanted.reshape(-1).copy(), np.zeros(mean.size, bool)
    while active.any():
        low, high = ((mean + side * clip * width).astype(np.float32) for side in (-1, 1))
        used = (near >= low[box]) & (near <= high[box])
        value, of = near[used].astype(np.float64), box[used]
        number, total, square = (
            inner + np.bincount(of, part, mean.size)
            for inner, part in zip(sums, (None, value, value * value), strict=True)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            new = total / number
            new_width = np.sqrt(np.maximum(square / number - new**2, 0)) / CLIPPED_SIGMA
            step = np.maximum(np.abs(new - mean), np.abs(new_width - width))
        # both: a mean may stand still by chance while a poor guess of the width still moves
        moving = active & (step >= 1e-3 * np.maximum(width, 1e-300))
        count[active], left[active] = number[active], left[active] - 1
        full = active & (number > 0)
        mean[full], width[full] = new[full], new_width[full]
        off, now = np.abs(mean - first), clip * width
        within = (now - off >= _INSIDE * limit) & (now + off <= _LISTED * limit)
        active = moving & (left > 0)
        again |= active & ~within
        active &= within
        if 2 * np.count_nonzero(active) < active.size:
            some = active[box]
            near, box = near[some], box[some]
    return again.reshape(wanted.shape)
