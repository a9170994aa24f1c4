"""The wings of large sources beyond their masks, continued from what is seen inside.

The light of a galaxy or of a bright star reaches farther than any mask can. Its profile is
fitted to block means, most of all where it is bright, and its continuation beyond the mask is
taken off the box means. Models as masks: L. Kelvin, I. Hasan & J. Tyson 2023, arXiv:2301.05793.
ln I = ln A - p (u^k - 1) / k with u = r / R is a Sersic (1963) profile of index 1 / k, and for
k -> 0 a power law; r is elliptical.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.maps import Map, rows_of
from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage
from ginga_bkgplugin.sky.strips import each, spans

Values = npt.NDArray[np.float64]

LEAST_RADIUS = 64.0  # px, of the area above the low threshold
_LEAST_PEAK = 20.0  # in units of a cell's noise
_MOST = 4  # sources
_INNER, _OUTER = 0.25, 4.0  # of the radius: where the profile is fitted
_FREE = 1.5  # of the radius, beyond which the residual is mostly sky
_PER_RADIUS = 8  # blocks
_MODEL_ERROR = 0.02  # of the light: no galaxy is an ellipse to better
_STRUCTURE = 3.0  # times the structure found in the sky is an error of every block
_DEGREES = 2, 6  # of the sky under the source; the second when the first does not do
_MOST_MISFIT = 0.25  # of the light, where it is bright; above it the shape is another
_START = np.array([0.0, 2.5, 0.2, 0.0, 0.0])
_LOW = np.array([-3.0, 1.5, 0.0, -0.8, -0.8])
_HIGH = np.array([5.0, 8.0, 2.0, 0.8, 0.8])


@dataclasses.dataclass
class Large:
    """A large source and its surroundings in block means; all lengths in cells.

    Attributes
    ----------
    x, y, radius : float
        Its peak and the radius of its area.
    rows, columns : ndarray
        Centres of the blocks.
    mean, count : ndarray
        Of image - background, in units of a cell's noise; cells in the mean.
    shape : ndarray
        ln A, p, k and two terms of the ellipse.
    fitted : bool
        Whether the profile describes what is seen. Else it has no light.
    """

    x: float
    y: float
    radius: float
    rows: Values
    columns: Values
    mean: Values
    count: Values
    shape: Values
    fitted: bool = False

    def anew(self) -> Large:
        """The same source, its profile not yet fitted."""
        return dataclasses.replace(self, shape=_START, fitted=False)

    def light(self, rows: Values, columns: Values) -> Values:
        """Its light on a grid, in units of a cell's noise; at most that at its radius."""
        if not self.fitted:
            return np.zeros((rows.size, columns.size))
        profile = _profile(self.shape, *self._places(rows, columns))[0]
        least: Values = np.minimum(profile, np.exp(self.shape[0]))
        return least

    def fit(self, sky: Values) -> None:
        """Fit the profile to mean - sky; a polynomial takes what the sky may lack."""
        right, up = self._places(self.rows, self.columns)
        distance = np.hypot(right, up)
        near = (self.count > self.count.max() / 4) & (distance < _OUTER) & (distance > _INNER)
        far = distance[near] > _FREE
        if near.sum() < 50 or far.sum() < 30:
            return
        value, right, up = (self.mean - sky)[near], right[near], up[near]
        error = np.hypot(1 / np.sqrt(self.count[near]), _MODEL_ERROR * np.maximum(value, 0))
        bright = value > 5 * error
        shape = self.shape
        for degree in _DEGREES:
            terms = _terms(right, up, degree)
            shape, coefficients = _least_squares(shape, right, up, value, error, terms)
            rest = value - _profile(shape, right, up)[0] - terms @ coefficients
            noise = float(np.mean(error[far] ** 2))
            structure = float(np.var(rest[far])) - noise
            if structure < noise:
                break
            error = np.hypot(error, np.sqrt(structure) * _STRUCTURE)
        misfit = np.median(np.abs(rest[bright]) / value[bright]) if bright.sum() > 20 else np.inf
        self.fitted = bool(misfit < _MOST_MISFIT and shape[1] > 1.01 * _LOW[1])
        self.shape = shape if self.fitted else _START

    def _places(self, rows: Values, columns: Values) -> tuple[Values, Values]:
        """Distances to the right and up from the centre, in units of the radius."""
        right, up = np.meshgrid((columns - self.x) / self.radius, (rows - self.y) / self.radius)
        return right, up


def _terms(right: Values, up: Values, degree: int) -> Values:
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    right, up = right / _OUTER, up / _OUTER
    terms: Values = np.stack([right**i * up**j for i, j in powers], axis=1)
    return terms


def _least_squares(
    shape: Values, right: Values, up: Values, value: Values, error: Values, terms: Values
) -> tuple[Values, Values]:
    """The shape and the coefficients of the sky's terms, unmoved by blocks with other sources."""
    from scipy.optimize import least_squares  # late: few frames need it

    def misfit(p: Values) -> Values:
        rest: Values = (_profile(p[:5], right, up)[0] + terms @ p[5:] - value) / error
        return rest

    def slopes(p: Values) -> Values:
        columns: Values = np.hstack([_profile(p[:5], right, up)[1], terms])
        return columns / error[:, np.newaxis]

    wide = np.full(terms.shape[1], np.inf)
    found: Values = least_squares(
        misfit, np.concatenate([shape, np.zeros(wide.size)]), slopes, loss="cauchy",
        f_scale=2.0, max_nfev=40, ftol=1e-4,
        bounds=(np.concatenate([_LOW, -wide]), np.concatenate([_HIGH, wide])),
    ).x  # fmt: skip
    return found[:5], found[5:]


def large_sources(
    image: FloatImage,
    used: BoolImage,
    noise: float,
    catalogue: npt.NDArray[Any],
    level: Map | None = None,
) -> list[Large]:
    """The large sources whose profile can be fitted, brightest first.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        With the background, or without.
    used : ndarray of bool, shape (ny, nx)
        Good cells without small sources.
    noise : float
        Of a cell.
    catalogue : structured ndarray
        Of the large ones only, peaks in units of the noise.
    level : ndarray of float32 or SplineMap, optional
        The background of `image`.
    """
    found: list[Large] = []
    for row in catalogue[np.argsort(-catalogue["cpeak"], kind="stable")]:
        x, y, radius = float(row["xcpeak"]), float(row["ycpeak"]), np.sqrt(row["npix"] / np.pi)
        piece = any(np.hypot(x - w.x, y - w.y) < 1.5 * w.radius + radius / 2 for w in found)
        if row["cpeak"] < _LEAST_PEAK or piece or len(found) == _MOST:
            continue
        size = max(2, int(radius / _PER_RADIUS))
        window = _window(x, y, _OUTER * float(radius), size, (image.shape[0], image.shape[1]))
        mean, count, rows, columns = _block_means(image, used, size, level, window)
        found.append(Large(x, y, float(radius), rows, columns, mean / noise, count, _START))
    return found


def _profile(shape: Values, right: Values, up: Values) -> tuple[Values, Values]:
    """The light, and its derivatives by the five numbers of the shape."""
    log, slope, index, stretch, turn = shape
    square = (1 - stretch) * right**2 + (1 + stretch) * up**2 - 2 * turn * right * up
    square = np.maximum(square, 1e-3)
    log_u = np.log(square) / 2
    index = max(index, 1e-4)
    power = np.exp(index * log_u)
    run = (power - 1) / index
    light = np.exp(np.minimum(log - slope * run, 30.0))
    by_index = -slope * (power * log_u - run) / index
    by_form = -slope * power / (2 * square)
    ellipse = [by_form * (up**2 - right**2), by_form * -2 * right * up]
    slopes = np.stack([np.ones_like(run), -run, by_index, *ellipse], axis=-1)
    return light, slopes * light[..., np.newaxis]


def _window(
    x: float, y: float, reach: float, size: int, shape: tuple[int, int]
) -> tuple[slice, slice]:
    """Rows and columns of whole blocks that hold all within reach."""
    ends = [
        (max(0, int((at - reach) // size) * size), min(n, int((at + reach) // size + 1) * size))
        for at, n in ((y, shape[0]), (x, shape[1]))
    ]
    return slice(*ends[0]), slice(*ends[1])


def _block_means(
    image: FloatImage, used: BoolImage, size: int, level: Map | None, window: tuple[slice, slice]
) -> tuple[Values, Values, Values, Values]:
    """Means and counts of image - level in the blocks of a window, and the blocks' centres."""
    bottom, left = window[0].start, window[1].start
    shape = window[0].stop - bottom, window[1].stop - left
    rows, columns = (np.arange(0, n, size, dtype=np.intp) for n in shape)

    def total(plane: Any) -> Values:
        along = np.arange(0, len(plane), size)
        across = np.add.reduceat(plane, along, axis=0, dtype=np.float64)
        sums: Values = np.add.reduceat(across, columns, axis=1)
        return sums

    def strip(start: int, stop: int) -> tuple[Values, Values]:
        here = slice(bottom + start, bottom + stop), window[1]
        light = image[here] * used[here]
        if level is not None:
            light -= rows_of(level, here[0].start, here[0].stop)[:, window[1]] * used[here]
        return total(light), total(used[here])

    parts = each(strip, spans(shape, size))
    light, count = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    middle = (size - 1) / 2
    y, x = (edges + (corner + middle) for edges, corner in ((rows, bottom), (columns, left)))
    return light / np.maximum(count, 1), count, y, x
