"""One low-order surface for all chips of a mosaic: boxes measured per chip, solved jointly."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from numpy.polynomial.legendre import legvander

from ginga_bkgplugin.recipe.errors import SkyFitError
from ginga_bkgplugin.sky.background import SkyFit
from ginga_bkgplugin.sky.boxes import Grid
from ginga_bkgplugin.sky.maps import SplineMap
from ginga_bkgplugin.sky.mesh import free_fractions
from ginga_bkgplugin.sky.models import DEGREES, box_means
from ginga_bkgplugin.sky.nodes import determined, robust_coefficients, term_orders
from ginga_bkgplugin.sky.pixels import MaskImage, as_sky_array, without_non_finite

_STEP = 64  # pixels between nodes of a chip's map

Places = npt.NDArray[np.float64]
Placing = Callable[[Places, Places], tuple[Places, Places]]


@dataclasses.dataclass(frozen=True)
class ChipBoxes:
    """The measured boxes of a chip.

    Attributes
    ----------
    mean, weight : ndarray of float64
        Sky of each box, clipped, and the free pixels it rests on.
    x, y : ndarray of float64
        Mean place of these pixels, 0-based.
    shape : tuple of int
        (ny, nx) of the chip.
    """

    mean: Places
    weight: Places
    x: Places
    y: Places
    shape: tuple[int, int]


def measure_chip(data: npt.ArrayLike, mask: MaskImage, fit: SkyFit, box_size: int) -> ChipBoxes:
    """The boxes of one chip, from its own mask and round its own background.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        The chip's pixels.
    mask : ndarray of uint8, shape (ny, nx)
        Non-zero pixels are left out.
    fit : SkyFit
        The chip's own sky: pixels are clipped round it.
    box_size : int
        Pixels.
    """
    pixels = without_non_finite(as_sky_array(data))
    ny, nx = pixels.shape
    orders = [(0, 0), (1, 0), (0, 1)]
    grid = Grid.over((ny, nx), box_size)
    boxes = box_means(pixels, mask, fit, grid, orders)
    free = free_fractions(mask, grid.rows, grid.columns)
    enough = (boxes.count > 0) & (free >= fit.least_free) & (free > 0)
    y, x = (
        ((boxes.terms[..., k] + 1) * size - 1) / 2  # of a Legendre term, back to pixels
        for k, size in ((1, ny), (2, nx))
    )
    return ChipBoxes(boxes.mean[enough], boxes.count[enough], x[enough], y[enough], (ny, nx))


def common_levels(
    chips: Sequence[ChipBoxes],
    places: Sequence[Placing],
    model: str,
    *,
    offsets: bool = False,
) -> list[SplineMap]:
    """The surface common to all chips, as the map of each.

    Parameters
    ----------
    chips : sequence of ChipBoxes
        Boxes without a place (NaN) are left out.
    places : sequence of callable
        For each chip, from its pixels (x, y) to coordinates common to all.
    model : {"constant", "plane", "poly2"}
        The surface.
    offsets : bool
        Each chip keeps a constant of its own; only the shape is common.

    Returns
    -------
    list of SplineMap

    Raises
    ------
    SkyFitError
        When the free boxes of all chips do not determine the surface.
    """
    sky = [place(chip.x, chip.y) for chip, place in zip(chips, places, strict=True)]
    u, v = (np.concatenate([each[axis] for each in sky]) for axis in (0, 1))
    known = np.isfinite(u) & np.isfinite(v)
    number = np.repeat(np.arange(len(chips)), [chip.mean.size for chip in chips])[known]
    mean, weight = (
        np.concatenate([getattr(chip, name) for chip in chips])[known]
        for name in ("mean", "weight")
    )
    surface = _Surface.over(u[known], v[known], DEGREES[model])
    terms = surface.terms(u[known], v[known])
    if offsets:
        terms = np.hstack([terms[:, 1:], number[:, np.newaxis] == np.arange(len(chips))])
    if not determined(terms):
        raise SkyFitError(
            f"Over-masked: {mean.size} boxes of {len(chips)} chips are free, too few or too much"
            f" in one place for the common surface {model}. Mask less, or choose a simpler one."
        )
    found = robust_coefficients(terms, mean, weight)
    maps = []
    for k, (chip, place) in enumerate(zip(chips, places, strict=True)):
        count = len(surface.orders) - 1
        own = np.r_[found[count + k], found[:count]] if offsets else found
        maps.append(_map(chip.shape, place, surface, own))
    return maps


def with_level(fit: SkyFit, level: SplineMap) -> SkyFit:
    """A chip's fit with another background; its rms stays its own."""
    middle = float(np.median(level.nodes))
    return dataclasses.replace(fit, level_map=level, globalback=middle)


@dataclasses.dataclass(frozen=True)
class _Surface:
    """Polynomials of the common coordinates, scaled to -1 ... 1."""

    middle: tuple[float, float]
    half: tuple[float, float]
    orders: list[tuple[int, int]]

    @classmethod
    def over(cls, u: Places, v: Places, degree: int) -> _Surface:
        if not u.size:
            raise SkyFitError("Over-masked: no box of any chip is free. Mask less.")
        low, high = ((f(u), f(v)) for f in (np.min, np.max))
        middle = (float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2)
        half = (float(high[0] - low[0]) / 2 or 1.0, float(high[1] - low[1]) / 2 or 1.0)
        return cls(middle, half, term_orders(degree, degree + 1, degree + 1))

    def terms(self, u: Places, v: Places) -> Places:
        """One column for each term; the first is the constant."""
        degree = max(j for j, _ in self.orders)
        along = [
            legvander((each - middle) / half, degree)
            for each, middle, half in zip((v, u), self.middle[::-1], self.half[::-1], strict=True)
        ]
        return np.stack([along[0][..., j] * along[1][..., i] for j, i in self.orders], axis=-1)


def _map(
    shape: tuple[int, int], place: Placing, surface: _Surface, coefficients: Places
) -> SplineMap:
    """The surface at nodes of a chip: where it bends at all, a spline follows it."""
    y, x = (np.linspace(0, size - 1, max(2, -(-size // _STEP) + 1)) for size in shape)
    u, v = place(*(each.ravel() for each in np.meshgrid(x, y)))
    nodes = (surface.terms(u, v) @ coefficients).reshape(y.size, x.size)
    return SplineMap(nodes, y, x, shape)
