"""Connected pixels above a threshold, with what SEP measures of them.

The detection of SEP, and of SExtractor before it (E. Bertin & S. Arnouts 1996, A&AS 117, 393),
without deblending, kept as runs of pixels along rows: `sep.extract` spends most of its time in
filling its table, under the GIL. Both signs are found in one look, and the sources that noise
explains are dropped before they are measured.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage
from ginga_bkgplugin.sky.strips import each, spans, together

Ints = npt.NDArray[np.intp]

OBJECT = np.dtype([
    ("npix", np.int64), ("cpeak", np.float32), ("xcpeak", np.int64), ("ycpeak", np.int64),
    *((name, np.float64) for name in ("x", "y", "a", "b", "theta")),
])  # fmt: skip
_LEAST_SPREAD = 1 / 12  # variance of a pixel, which SExtractor adds to what is thinner


@dataclasses.dataclass(frozen=True)
class Segments:
    """Sources and their pixels.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx) of the image.
    objects : structured ndarray
        ``npix``; ``cpeak``, ``xcpeak``, ``ycpeak`` of the brightest pixel of the smoothed signal;
        barycentre ``x``, ``y`` and ellipse ``a``, ``b``, ``theta`` (rms, radians), weighted by
        it. In pixels, 0-based, as in SEP's catalogue.
    pixels, owner : ndarray of int
        Flat indices of all pixels of the sources, ascending, and the source each is of.
    """

    shape: tuple[int, int]
    objects: npt.NDArray[Any]
    pixels: Ints
    owner: Ints

    def add_to(self, mask: BoolImage, chosen: BoolImage) -> None:
        """Set the pixels of the chosen sources in a mask of the image's shape, contiguous."""
        mask.reshape(-1)[self.pixels if chosen.all() else self.pixels[chosen[self.owner]]] = True

    def touched(self, mask: BoolImage) -> BoolImage:
        """The sources with a pixel in a mask."""
        found = np.zeros(len(self.objects), bool)
        found[self.owner[mask.reshape(-1)[self.pixels]]] = True
        return found


def find_segments(
    signal: FloatImage, low: float, high: float, min_area: int
) -> tuple[Segments, Segments]:
    """Sources of positive and of negative sign.

    Parameters
    ----------
    signal : ndarray of float32, shape (ny, nx)
        Image minus background, finite, 0 where nothing is to be seen. It is smoothed with SEP's
        default kernel of 3 x 3 pixels, the sky beyond its edges taken as 0.
    low : float
        The threshold that smoothed pixels of a source are above.
    high : float
        The one that its brightest must reach.
    min_area : int
        Fewest pixels, connected by sides or corners.

    Returns
    -------
    tuple of Segments
        In the order of their first pixels; of negative sources the signal's sign is turned.
    """
    shape = signal.shape[0], signal.shape[1]
    threshold = np.float32(low)

    def look(start: int, stop: int) -> list[tuple[Ints, FloatImage]]:
        smooth = _smoothed(signal, start, stop)
        found = []
        for sign in (1, -1):
            above = np.zeros((stop - start, shape[1] + 1), bool)  # a column that parts the rows
            inside = above[:, :-1]
            (np.greater if sign > 0 else np.less)(smooth, sign * threshold, out=inside)
            found.append((np.flatnonzero(above) + start * (shape[1] + 1), sign * smooth[inside]))
        return found

    strips = each(look, spans(shape))

    def connect(sign: int) -> Segments:
        places, values = (np.concatenate([strip[sign][k] for strip in strips]) for k in (0, 1))
        return _connected(shape, places, values, high, min_area)

    positive, negative = together(lambda: connect(0), lambda: connect(1))
    return positive, negative


def _smoothed(signal: FloatImage, start: int, stop: int) -> FloatImage:
    """Rows of the signal under the kernel 1 2 1, 2 4 2, 1 2 1, over 16."""
    ny, nx = signal.shape
    along = np.zeros((stop - start, nx + 2), np.float32)
    inner = along[:, 1:-1]
    np.multiply(signal[start:stop], np.float32(2), out=inner)
    inner[int(start == 0) :] += signal[max(start - 1, 0) : stop - 1]
    inner[: min(stop, ny - 1) - start] += signal[start + 1 : min(stop + 1, ny)]
    smooth = along[:, :-2] + along[:, 2:]
    inner *= np.float32(2)
    smooth += inner
    smooth *= np.float32(1 / 16)
    return smooth


def _connected(
    shape: tuple[int, int], places: Ints, values: FloatImage, high: float, min_area: int
) -> Segments:
    """Sources from the pixels above the threshold, their places in rows one pixel longer."""
    width = shape[1] + 1
    if not places.size:
        return Segments(shape, np.zeros(0, OBJECT), places, places)
    first = np.flatnonzero(np.diff(places, prepend=places[0] - 2) != 1)  # of each run
    length = np.diff(first, append=places.size)
    owner = _groups(places[first], places[first] + length - 1, width)
    peak = np.full(owner.max() + 1, -np.inf, np.float32)
    np.maximum.at(peak, owner, np.maximum.reduceat(values, first))
    area = np.bincount(owner, weights=length)
    kept = (area >= min_area) & (peak >= np.float32(high))
    number = np.cumsum(kept) - 1
    chosen = np.repeat(kept[owner], length)
    owner = np.repeat(number[owner], length)[chosen]
    y, x = np.divmod(places[chosen], width)
    objects = _measured(x, y, values[chosen].astype(np.float64), owner, peak[kept])
    return Segments(shape, objects, y * shape[1] + x, owner)


def _groups(begin: Ints, end: Ints, width: int) -> Ints:
    """The number of the connected group each run is of, by the first of its runs.

    Every group that touches one of a lower number takes that, and what pointed to it follows,
    until none touch: Y. Shiloach & U. Vishkin 1982, J. Algorithms 3, 57.
    """
    low = np.searchsorted(end, begin + width - 1)  # the first run of the next row it touches
    high = np.searchsorted(begin, end + width + 1, side="right")
    count = np.maximum(high - low, 0)
    one = np.repeat(np.arange(begin.size), count)
    two = np.arange(one.size) + np.repeat(low - np.cumsum(count) + count, count)
    root = np.arange(begin.size)
    while one.size:
        here, there = root[one], root[two]
        np.minimum.at(root, np.maximum(here, there), np.minimum(here, there))
        while True:
            further = root[root]
            if np.array_equal(further, root):
                break
            root = further
        apart = root[one] != root[two]
        one, two = one[apart], two[apart]
    number = np.cumsum(root == np.arange(root.size)) - 1
    groups: Ints = number[root]
    return groups


def _measured(
    x: Ints, y: Ints, value: npt.NDArray[np.float64], owner: Ints, peak: FloatImage
) -> npt.NDArray[Any]:
    """Peak, barycentre and ellipse of each source (SExtractor's manual, "Position and shape")."""
    objects = np.zeros(peak.size, OBJECT)
    if not peak.size:
        return objects
    objects["npix"] = np.bincount(owner)
    objects["cpeak"] = peak
    brightest = np.flatnonzero(value == peak[owner])[::-1]
    at = np.empty(peak.size, np.intp)
    at[owner[brightest]] = brightest  # of several the first, which is written last
    objects["xcpeak"], objects["ycpeak"] = x[at], y[at]
    total = np.bincount(owner, value)
    dx, dy = x - x[at][owner], y - y[at][owner]  # small numbers, so that squares keep digits
    along, up = value * dx, value * dy
    mx, my = (np.bincount(owner, part) / total for part in (along, up))
    xx, yy, xy = (
        np.bincount(owner, part) / total - m
        for part, m in ((along * dx, mx * mx), (up * dy, my * my), (along * dy, mx * my))
    )
    thin = xx * yy - xy**2 < _LEAST_SPREAD**2
    xx, yy = np.where(thin, xx + _LEAST_SPREAD, xx), np.where(thin, yy + _LEAST_SPREAD, yy)
    half = np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    objects["x"], objects["y"] = x[at] + mx, y[at] + my
    objects["a"], objects["b"] = (np.sqrt((xx + yy) / 2 + side) for side in (half, -half))
    objects["theta"] = np.arctan2(2 * xy, xx - yy) / 2
    return objects
