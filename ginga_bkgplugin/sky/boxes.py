"""The boxes of a frame, and the clipped mean and rms of the free pixels in each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.maps import Nodes, SplineMap
from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage
from ginga_bkgplugin.sky.strips import each

CLIPPED_SIGMA = 0.98658  # of a Gaussian cut at 3 sigma, relative to its own
_NOT_USED = np.finfo(np.float32).max  # above every clipping limit; 0 times it is 0
_INSIDE, _LISTED = 0.8, 1.25  # of a limit: how near to it pixels are listed one by one


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

    def row(j: int, _: int) -> tuple[Nodes, Nodes, Nodes]:
        values, masked = read(int(grid.rows[j]), int(grid.rows[j + 1]))
        # in units of the noise, so that float32 holds the squares; a power of two rounds nothing
        width = rms[j]
        middle = float(np.median(width[width > 0])) if (width > 0).any() else 1.0
        unit = 2.0 ** round(np.log2(middle)) if np.isfinite(middle) else 1.0
        scaled = values * np.float32(1 / unit)
        scaled += masked * _NOT_USED
        if not np.isfinite(scaled).all():
            scaled[masked] = _NOT_USED
        start = np.zeros(width.size), width / unit
        mean, width, count = _clipped(scaled, np.diff(grid.columns), start, clip, passes)
        empty = count == 0
        return np.where(empty, np.nan, mean * unit), np.where(empty, np.nan, width * unit), count

    rows = each(row, [(j, j + 1) for j in range(grid.shape[0])])
    mean, spread, count = (np.stack(column) for column in zip(*rows, strict=True))
    return BoxStatistics(mean, spread, count)


def _clipped(
    values: FloatImage,
    widths: npt.NDArray[np.intp],
    start: tuple[Nodes, Nodes],
    clip: float,
    passes: int,
) -> tuple[Nodes, Nodes, Nodes]:
    """Mean, rms and number of the pixels used in each box of one row, from a guess of both.

    All pixels are looked at once: what is well inside the limits is summed, what is near them is
    listed, and each round goes through the list alone. A box whose limits move farther than the
    list reaches is looked at anew. Each box for itself: what others do changes nothing.
    """
    centre, width = start
    reach = clip * width
    away = values - np.repeat(centre.astype(np.float32), widths)
    np.abs(away, out=away)
    inside = away <= np.repeat((_INSIDE * reach).astype(np.float32), widths)
    listed = (away <= np.repeat((_LISTED * reach).astype(np.float32), widths)) != inside
    sums = _sums(values, inside, widths)
    places = np.flatnonzero(listed)
    near, box = values.reshape(-1)[places], np.repeat(np.arange(widths.size), widths)
    box = box[places % values.shape[1]]
    settled, count = np.zeros(widths.size, bool), sums[0]
    for done in range(1, passes + 1):
        low, high = ((centre + side * clip * width).astype(np.float32) for side in (-1, 1))
        used = (near >= low[box]) & (near <= high[box])
        value, of = near[used].astype(np.float64), box[used]
        number, total, square = (
            inner + np.bincount(of, part, widths.size)
            for inner, part in zip(sums, (None, value, value * value), strict=True)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            new = total / number
            width_new = np.sqrt(np.maximum(square / number - new**2, 0)) / CLIPPED_SIGMA
        count, moving = np.where(settled, count, number), ~settled & (number > 0)
        # both: a mean may stand still by chance while a poor guess of the width still moves
        step = np.maximum(np.abs(new - centre), np.abs(width_new - width))
        settled |= ~(step >= 1e-3 * np.maximum(width, 1e-300))
        centre, width = np.where(moving, new, centre), np.where(moving, width_new, width)
        off, limit = np.abs(centre - start[0]), clip * width
        within = (limit - off >= _INSIDE * reach) & (limit + off <= _LISTED * reach)
        beyond = ~(settled | within)
        if beyond.any() and done < passes:
            part, again = values[:, np.repeat(beyond, widths)], (centre[beyond], width[beyond])
            found = _clipped(part, widths[beyond], again, clip, passes - done)
            centre[beyond], width[beyond], count[beyond] = found
            settled |= beyond
        if settled.all():
            break
    return centre, width, count


def _sums(
    values: FloatImage, used: BoolImage, widths: npt.NDArray[np.intp]
) -> tuple[Nodes, Nodes, Nodes]:
    """Number, sum and sum of squares of the used pixels of each box."""
    starts = np.cumsum(widths) - widths
    kept = values * used
    number = np.dtype(np.uint8 if len(values) < 256 else np.uint32)
    count, total, square = (
        np.add.reduceat(line, starts, dtype=np.float64)
        for line in (
            used.view(np.uint8).sum(axis=0, dtype=number),
            kept.sum(axis=0),
            np.einsum("ij,ij->j", kept, kept),
        )
    )
    return count, total, square
