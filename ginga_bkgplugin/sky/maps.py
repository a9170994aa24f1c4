"""Maps kept as the nodes they come from, made row by row where they are asked for.

A background of 61 Mpix is 245 MB of pixels and 120 kB of nodes: what is only written to a
file, or looked at in one place, never exists as a whole.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.pixels import FloatImage, MaskBit, MaskImage, has
from ginga_bkgplugin.sky.strips import each, spans

Nodes = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class SplineMap:
    """The natural cubic spline through nodes; a straight line outside the outermost.

    Attributes
    ----------
    nodes : ndarray of float64, shape (my, mx)
        Values at the crossings of `y` and `x`.
    y, x : ndarray of float64
        Places of the nodes, pixels of the frame, ascending.
    shape : tuple of int
        (ny, nx) of the frame.
    least : float
        Smaller values are raised to it.
    blank : ndarray of uint8, shape (ny, nx), optional
        The map is NaN where it has `MaskBit.INVALID`.
    """

    nodes: Nodes
    y: Nodes
    x: Nodes
    shape: tuple[int, int]
    least: float = -np.inf
    blank: MaskImage | None = None

    def rows(self, start: int, stop: int, out: FloatImage | None = None) -> FloatImage:
        """Rows `start` to `stop` of the map, float32, in `out` if given."""
        positions = np.arange(start, stop, dtype=np.float64)
        block = self._at(positions, out)
        if self.blank is not None:
            block[has(self.blank[start:stop], MaskBit.INVALID)] = np.nan
        return block

    def every(self, start: int, stop: int, step: int) -> FloatImage:
        """Every `step`-th row from `start` to before `stop`, whatever is blank."""
        return self.sampled(np.arange(start, stop, step))

    def sampled(self, rows: npt.NDArray[Any]) -> FloatImage:
        """Rows at ascending places, whatever is blank."""
        return self._at(np.asarray(rows, np.float64), None)

    def points(self, rows: npt.NDArray[Any], columns: npt.NDArray[Any]) -> FloatImage:
        """The crossings of ascending rows with columns: the map's own values, to the bit."""
        block = self._at(np.asarray(rows, np.float64), None, columns)
        if self.blank is not None:
            block[has(self.blank[np.ix_(rows, columns)], MaskBit.INVALID)] = np.nan
        return block

    def _at(
        self, positions: Nodes, out: FloatImage | None, columns: npt.NDArray[Any] | None = None
    ) -> FloatImage:
        cubics = self._cubics if columns is None else self._cubics_at(columns)
        if out is None:
            out = np.empty((positions.size, cubics.shape[2]), np.float32)
        _evaluate(cubics, self.y, positions, out)
        # looking takes a tenth of the time of raising
        if np.isfinite(self.least) and out.size and out.min() < self.least:
            np.maximum(out, np.float32(self.least), out=out)
        return out

    @functools.cached_property
    def _cubics(self) -> npt.NDArray[np.float32]:
        return self._cubics_at(np.arange(self.shape[1]))

    def _cubics_at(self, columns: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Polynomials along y at columns; see `_cubics`."""
        n = self.y.size
        both = np.empty((columns.size, 2 * n))
        _evaluate(self._across, self.x, np.asarray(columns, np.float64), both)
        both = np.ascontiguousarray(both.T)
        cubics = _cubics(self.y, both[:n].astype(np.float32), both[n:].astype(np.float32))
        cubics[1:, 3] = both[:n] + self._middle
        cubics[0, 3] = cubics[1, 3]
        return cubics

    @functools.cached_property
    def _across(self) -> Nodes:
        """Polynomials along x: of the nodes, then of their second derivatives along y.

        Kept, as they are nearly all the work of looking at one pixel.
        """
        nodes = self.nodes - self._middle
        both = np.concatenate([nodes, _second_derivatives(self.y, nodes)]).T
        return _cubics(self.x, both, _second_derivatives(self.x, both))

    @functools.cached_property
    def _middle(self) -> float:
        """Taken off the nodes so that float32 keeps its digits for their structure."""
        return float(self.nodes.mean())


Map = SplineMap | FloatImage


def whole(sky_map: Map) -> FloatImage:
    """All rows of a map, float32."""
    if isinstance(sky_map, np.ndarray):
        return sky_map
    out = np.empty(sky_map.shape, np.float32)
    _ = sky_map._cubics  # once, not in every thread
    each(lambda start, stop: sky_map.rows(start, stop, out[start:stop]), spans(sky_map.shape))
    return out


def rows_of(sky_map: Map, start: int, stop: int) -> FloatImage:
    """Some rows of a map."""
    if isinstance(sky_map, np.ndarray):
        return sky_map[start:stop]
    return sky_map.rows(start, stop)


def points_of(sky_map: Map, rows: npt.NDArray[Any], columns: npt.NDArray[Any]) -> FloatImage:
    """A map where ascending rows cross columns, shape (rows, columns)."""
    if isinstance(sky_map, np.ndarray):
        block: FloatImage = sky_map[np.ix_(rows, columns)]
        return block
    return sky_map.points(rows, columns)


def value_at(sky_map: Map, y: int, x: int) -> float:
    """The value of a map at one pixel."""
    return float(points_of(sky_map, np.array([y]), np.array([x]))[0, 0])


def sampled_rows(sky_map: Map, rows: npt.NDArray[Any]) -> FloatImage:
    """Single rows of a map, whatever is blank."""
    if isinstance(sky_map, np.ndarray):
        return sky_map[rows.astype(np.intp)]
    return sky_map.sampled(rows)


def at_centres(sky_map: Map, y: Nodes, x: Nodes) -> Nodes:
    """A map's values at y x x; between pixels, the mean of the neighbours.

    Off the frame, those of its edge.
    """
    lines = [
        sampled_rows(sky_map, np.clip(side(y), 0, sky_map.shape[0] - 1))
        for side in (np.floor, np.ceil)
    ]
    corners = [
        line[:, np.clip(side(x), 0, sky_map.shape[1] - 1).astype(int)].astype(np.float64)
        for line in lines
        for side in (np.floor, np.ceil)
    ]
    values: Nodes = np.mean(corners, axis=0)
    return values


def natural_spline(places: Nodes, values: Nodes, positions: Nodes) -> Nodes:
    """The spline through values along the first axis, at ascending positions."""
    cubics = _cubics(places, values, _second_derivatives(places, values))
    out = np.empty((positions.size, values.shape[1]))
    _evaluate(cubics, places, positions, out)
    return out


def _evaluate(cubics: Any, places: Nodes, positions: Nodes, out: npt.NDArray[Any]) -> None:
    """Polynomials of `_cubics` at ascending positions, one row of `out` for each."""
    interval = np.searchsorted(places, positions, side="right")
    for k in np.unique(interval).tolist():
        part = slice(*np.searchsorted(interval, (k, k + 1)).tolist())
        away = (positions[part] - places[max(k - 1, 0)]).astype(out.dtype)[:, np.newaxis]
        block, cubic = out[part], cubics[k]
        np.multiply(cubic[0], away, out=block)
        for term in cubic[1:3]:
            block += term
            block *= away
        block += cubic[3]


def _cubics(places: Nodes, values: Any, second: Any) -> npt.NDArray[Any]:
    """Polynomials of a spline along the first axis, shape (intervals, 4, ...), high powers first.

    In the distance from an interval's lower node. Interval 0 lies below the first node (distance
    from that), the last one above the last.
    """
    cubics = np.zeros((places.size + 1, 4, *values.shape[1:]), values.dtype)
    cubics[1:, 3], cubics[0, 3] = values, values[0]
    if places.size > 1:
        step = np.diff(places).astype(values.dtype)[:, np.newaxis]
        slope = np.diff(values, axis=0) / step
        low, high = second[:-1], second[1:]
        cubics[1:-1, 0] = (high - low) / (6 * step)
        cubics[1:-1, 1] = low / 2
        cubics[1:-1, 2] = slope - step * (2 * low + high) / 6
        cubics[0, 2] = slope[0] - step[0] * high[0] / 6
        cubics[-1, 2] = slope[-1] + step[-1] * low[-1] / 6
    return cubics


def _second_derivatives(places: Nodes, values: Nodes) -> Nodes:
    """Of the natural cubic spline along the first axis: the tridiagonal system, by Thomas."""
    n = places.size
    second = np.zeros_like(values)
    if n < 3:
        return second
    step = np.diff(places)
    slope = np.diff(values, axis=0) / step[:, np.newaxis]
    right = 6 * np.diff(slope, axis=0)
    diagonal = 2 * (step[1:] + step[:-1])
    for i in range(1, n - 2):
        ratio = step[i] / diagonal[i - 1]
        diagonal[i] -= ratio * step[i]
        right[i] -= ratio * right[i - 1]
    second[n - 2] = right[n - 3] / diagonal[n - 3]
    for i in range(n - 4, -1, -1):
        second[i + 1] = (right[i] - step[i + 1] * second[i + 2]) / diagonal[i]
    return second
