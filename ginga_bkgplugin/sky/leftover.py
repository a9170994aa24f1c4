"""What a subtraction loses to rounding, so that it can be taken back.

``(image - map) + map`` is the image again, to the bit, for whole numbers and at the sky, where
the difference is exact (P. H. Sterbenz 1974, Floating-Point Computation, theorem 4.3.1), and for
nearly all brighter pixels. It is not for pixels much nearer to zero than the map is: dead pixels,
edges, images whose sky is near zero. What does not come back is kept aside.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.maps import Map, rows_of
from ginga_bkgplugin.sky.strips import each, spans

MOST_EXACT = 50  # one pixel in so many may be kept aside to have all of them to the bit

Pixels = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Leftover:
    """Pixels that image - map + map does not give back.

    Attributes
    ----------
    places : ndarray of int64
        Their places in the image, row after row, ascending.
    values : ndarray
        What the image has there, in its type.
    exact : bool
        Whether all other pixels come back to the bit; else within one ulp of the image's type.
    """

    places: npt.NDArray[np.int64]
    values: Pixels
    exact: bool


def leftover_of(data: Pixels, level: Map, difference: Pixels) -> Leftover:
    """The pixels of an image that its subtraction alone cannot give back.

    Parameters
    ----------
    data : ndarray, shape (ny, nx)
        The image before.
    level : ndarray or SplineMap, shape (ny, nx)
        What was subtracted.
    difference : ndarray of float32 or float64, shape (ny, nx)
        The image after.

    Returns
    -------
    Leftover
        Every pixel that does not come back to the bit, where these are at most one in
        `MOST_EXACT`; else only those that are off by more than one ulp.
    """
    shape = (data.shape[0], data.shape[1])
    kind = data.dtype.newbyteorder("=")

    def strip(start: int, stop: int) -> tuple[Pixels, Pixels]:
        wanted = data[start:stop].astype(kind)
        found = _sum(difference[start:stop], rows_of(level, start, stop), kind)
        wrong = np.flatnonzero(_bits(found) != _bits(wanted))
        far = _is_far(found.flat[wrong], wanted.flat[wrong])
        return wrong + start * shape[1], far

    found = each(strip, spans(shape))
    wrong = np.concatenate([places for places, _ in found])
    exact = wrong.size * MOST_EXACT <= data.size
    if not exact:
        wrong = wrong[np.concatenate([far for _, far in found])]
    return Leftover(wrong.astype(np.int64), data[np.divmod(wrong, shape[1])].astype(kind), exact)


def add_back(difference: Pixels, level: Map, kind: Any, leftover: Leftover | None) -> Pixels:
    """The image before a subtraction.

    Parameters
    ----------
    difference : ndarray, shape (ny, nx)
        The image after it.
    level : ndarray or SplineMap, shape (ny, nx)
        What was subtracted.
    kind : dtype
        The type the image had.
    leftover : Leftover, optional
        What was kept aside.

    Returns
    -------
    ndarray of `kind`, shape (ny, nx)
    """
    shape = (difference.shape[0], difference.shape[1])
    image = np.empty(shape, np.dtype(kind).newbyteorder("="))

    def strip(start: int, stop: int) -> None:
        part = _sum(difference[start:stop], rows_of(level, start, stop), image.dtype)
        image[start:stop] = part

    each(strip, spans(shape))
    if leftover is not None:
        image.flat[leftover.places] = leftover.values
    return image


def _sum(difference: Pixels, level: Pixels, kind: np.dtype[Any]) -> Pixels:
    with np.errstate(invalid="ignore", over="ignore"):
        if kind.kind == "f":
            wide = np.float64 if difference.dtype.itemsize > 4 else np.float32
            return np.add(difference, level, dtype=wide).astype(kind)
        whole = np.rint(np.add(difference, level, dtype=np.float64))
        limits = np.iinfo(kind)
        return np.clip(whole, limits.min, limits.max).astype(kind)


def _bits(values: Pixels) -> Pixels:
    return values.view(f"u{values.dtype.itemsize}")


def _is_far(found: Pixels, wanted: Pixels) -> npt.NDArray[np.bool_]:
    """Whether a value is more than one ulp of its type from what it should be."""
    if wanted.dtype.kind != "f":
        return np.ones(wanted.shape, dtype=bool)  # of whole numbers, a wrong one is wrong
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.isfinite(found) & (np.abs(found - wanted) <= np.spacing(np.abs(wanted)))
    far: npt.NDArray[np.bool_] = ~(near | (found == wanted) | (np.isnan(found) & np.isnan(wanted)))
    return far
