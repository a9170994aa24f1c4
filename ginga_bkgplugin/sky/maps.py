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
        middle, values, curvature = self._across
        if columns is not None:
            values, curvature = values[:, columns], curvature[:, columns]
        if out is None:
            out = np.empty((positions.size, values.shape[1]), np.float32)
        interval = np.searchsorted(self.y, positions, side="right")
        edges = np.searchsorted(interval, np.arange(self.y.size + 2))
        for k in range(self.y.size + 1):
            part = slice(edges[k], edges[k + 1])
            if part.start < part.stop:
                t = (positions[part] - self.y[max(k - 1, 0)]).astype(np.float32)
                _horner(_cubic(self.y, values, curvature, k), t, out[part])
        out += np.float32(middle)  # apart, so that float32 keeps its digits for the structure
        if np.isfinite(self.least):
            np.maximum(out, np.float32(self.least), out=out)
        return out

    @functools.cached_property
    def _across(self) -> tuple[float, Nodes, Nodes]:
        """Mean, and values and second derivatives of the rows of nodes at every column."""
        middle = float(self.nodes.mean())
        positions = np.arange(self.shape[1], dtype=np.float64)
        values = natural_spline(self.x, (self.nodes - middle).T, positions).T
        return middle, values, _second_derivatives(self.y, values)


Map = SplineMap | FloatImage


def whole(sky_map: Map) -> FloatImage:
    """All rows of a map, float32."""
    if isinstance(sky_map, np.ndarray):
        return sky_map
    out = np.empty(sky_map.shape, np.float32)
    _ = sky_map._across  # once, not in every thread
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
    second = _second_derivatives(places, values)
    interval = np.searchsorted(places, positions, side="right")
    edges = np.searchsorted(interval, np.arange(places.size + 2))
    out = np.empty((positions.size, values.shape[1]))
    for k in range(places.size + 1):
        part = slice(edges[k], edges[k + 1])
        t = (positions[part] - places[max(k - 1, 0)])[:, np.newaxis]
        cubic = _cubic(places, values, second, k)
        out[part] = ((cubic[0] * t + cubic[1]) * t + cubic[2]) * t + cubic[3]
    return out


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


def _cubic(places: Nodes, values: Nodes, second: Nodes, interval: int) -> tuple[Any, ...]:
    """Coefficients, highest first, of an interval in the distance from its lower node.

    Interval 0 lies below the first node (distance from that), the last one above the last.
    """
    n, k = places.size, interval - 1
    zero = np.zeros_like(values[0])
    if n == 1:
        return zero, zero, zero, values[0]
    if k == -1 or k == n - 1:
        near, far = (0, 1) if k == -1 else (n - 1, n - 2)
        step = places[far] - places[near]
        slope = (values[far] - values[near]) / step - step * second[far] / 6
        return zero, zero, slope, values[near]
    step = places[k + 1] - places[k]
    slope = (values[k + 1] - values[k]) / step
    return (
        (second[k + 1] - second[k]) / (6 * step),
        second[k] / 2,
        slope - step * (2 * second[k] + second[k + 1]) / 6,
        values[k],
    )


def _horner(cubic: tuple[Any, ...], t: FloatImage, out: FloatImage) -> None:
    terms = [term.astype(np.float32) for term in cubic]
    away = t[:, np.newaxis]
    np.multiply(terms[0], away, out=out)
    for term in terms[1:3]:
        out += term
        out *= away
    out += terms[3]
