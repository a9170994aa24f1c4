"""What can be seen in place of the image: made where Ginga samples it, never as a whole.

Ginga shows an image by taking the rows and columns the window has room for. A `LazyPlane` answers
with values computed there, so a view of 61 Mpix costs what the window costs, and no memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.sky.background import SkyFit
from ginga_bkgplugin.sky.boxes import Grid
from ginga_bkgplugin.sky.inspection import boxes_away, grid_of_fit
from ginga_bkgplugin.sky.maps import Map, points_of
from ginga_bkgplugin.sky.pixels import BoolImage, MaskImage

Places = npt.NDArray[np.intp]
Sample = Callable[[Places, Places], npt.NDArray[Any]]

_SAMPLES = 200  # per axis, for the cut levels of a map
_HATCH = 9  # samples from one line of the hatching to the next
LINE, HATCH = 1, 2  # values of the plane of boxes
_STRIPE = HATCH * (np.arange(2 * _HATCH) % _HATCH < 2).astype(np.uint8)
_LEAST, _MOST_AWAY = 128, 5  # of the plane of filled boxes: code of the nearest; boxes told apart
LEVELS, REASONS, LINES = 1 << 16, 1 << 5, 1 << 2  # of each there are at most so many in a picture


@dataclasses.dataclass(frozen=True)
class View:
    """One thing to look at, and its key over the image."""

    name: str
    label: str
    key: str
    tip: str


IMAGE = "image"
VIEWS = {
    view.name: view
    for view in (
        View(IMAGE, "Image", "i", "The image itself."),
        View("subtracted", "Subtracted", "u", "Image minus background, with the image's contrast."
             " Nothing is written."),
        View("background", "Background", "B", "The background map, dark to bright from low to"
             " high."),
        View("rms", "Rms", "N", "The map of the sky's noise, dark to bright from low to high."),
        View("mask", "Mask", "M", "The mask alone, coloured by its reason; black is free."),
        View("filled", "Filled", "j", "Boxes of the mesh: green were measured, the brighter the"
             " more pixels are free; orange were filled, the redder the farther from a"
             " measured one."),
    )
}  # fmt: skip
HOLD_KEY, BLINK_KEY, SPLIT_KEY, BOXES_KEY, PIN_KEY = "q", "y", "Q", "G", "P"


@dataclasses.dataclass(frozen=True, eq=False)
class Boxes:
    """The mesh a sky was measured on.

    Attributes
    ----------
    grid : Grid
        Edges of the boxes, pixels.
    good : ndarray of float64
        Share of free pixels in each.
    measured : ndarray of bool
        Those the fit used.
    distance : ndarray of int
        Boxes to the nearest measured one.
    """

    grid: Grid
    good: npt.NDArray[np.float64]
    measured: BoolImage
    distance: npt.NDArray[np.intp]

    @classmethod
    def of(cls, fit: SkyFit, background: BackgroundParameters) -> Boxes:
        """The mesh of a fit made with these parameters."""
        measured = fit.measured
        return cls(grid_of_fit(fit, background), fit.fractions, measured, boxes_away(measured))


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """What there is to see of an image; what is not there yet is None."""

    data: npt.NDArray[Any] | None = None
    mask: MaskImage | None = None
    fit: SkyFit | None = None
    boxes: Boxes | None = None

    def same(self, other: Scene) -> bool:
        """Whether both are made of the same objects."""
        return all(
            getattr(self, field.name) is getattr(other, field.name)
            for field in dataclasses.fields(self)
        )

    def has(self, view: str) -> bool:
        """Whether a view can be shown."""
        needs = {"mask": self.mask, "filled": self.boxes, IMAGE: self.data}
        return needs.get(view, self.fit) is not None


class LazyPlane(np.ndarray[Any, Any]):
    """An array of one stored number whose values are made where it is sampled.

    An ndarray, since Ginga samples no other kind by rows and columns.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx).
    sample : callable
        From ascending rows and columns to values, shape (rows, columns).
    """

    _sample: Sample | None

    def __new__(
        cls, shape: tuple[int, ...], sample: Sample, dtype: npt.DTypeLike = np.float32
    ) -> LazyPlane:
        """A plane of this shape."""
        plane = np.broadcast_to(np.zeros((), dtype), shape).view(cls)
        plane._sample = sample
        return plane

    def __array_finalize__(self, other: Any) -> None:
        """What numpy derives from a plane is a plain array."""
        self._sample = None

    def __getitem__(self, key: Any) -> Any:
        """Values where rows and columns cross, as ``np.ix_`` or slices give them."""
        if self._sample is None:
            return np.asarray(self)[key]
        rows, columns = (
            np.arange(size)[part if isinstance(part, slice) else np.ravel(part)]
            for size, part in zip(self.shape, key, strict=True)
        )
        if not rows.size or not columns.size:  # of a window that is hardly there
            return np.zeros((rows.size, columns.size), self.dtype)
        return np.asarray(self._sample(rows, columns), self.dtype)


def subtracted(data: npt.NDArray[Any], fit: SkyFit) -> LazyPlane:
    """Image minus background plus the background's one number.

    So the cut levels of the image show it with the same contrast.
    """
    middle = np.float32(fit.globalback)

    def sample(rows: Places, columns: Places) -> npt.NDArray[Any]:
        pixels = data[np.ix_(rows, columns)].astype(np.float32)
        with np.errstate(invalid="ignore"):
            return pixels - (points_of(fit.level_map, rows, columns) - middle)

    return LazyPlane(data.shape, sample)


def of_map(sky_map: Map) -> LazyPlane:
    """A background or rms map."""
    return LazyPlane(sky_map.shape, lambda rows, columns: points_of(sky_map, rows, columns))


def filled(boxes: Boxes) -> LazyPlane:
    """Codes of the table of `filled_colors`: how much of a box was free, or how far it is."""
    codes = np.where(
        boxes.measured,
        np.clip(np.round(boxes.good * (_LEAST - 1)), 0, _LEAST - 1),
        _LEAST + np.clip(boxes.distance, 0, _MOST_AWAY),
    ).astype(np.uint8)
    return LazyPlane(
        _shape(boxes.grid),
        lambda rows, columns: codes[np.ix_(*_places(boxes.grid, rows, columns))],
        np.uint8,
    )


def filled_colors() -> npt.NDArray[np.uint8]:
    """RGB of the codes: green shades for measured boxes, orange to red for filled ones."""
    table = np.zeros((256, 3), np.uint8)
    share = np.linspace(0, 1, _LEAST)[:, np.newaxis]
    table[:_LEAST] = (np.array((0, 40, 30)) + share * np.array((0, 118, 85))).astype(np.uint8)
    away = np.linspace(0, 1, _MOST_AWAY)[:, np.newaxis]
    reds = np.array((240, 190, 80)) - away * np.array((60, 140, 80))
    table[_LEAST + 1 : _LEAST + 1 + _MOST_AWAY] = reds.astype(np.uint8)
    table[_LEAST] = table[_LEAST + _MOST_AWAY]  # no box was measured
    return table


def mesh_lines(boxes: Boxes) -> LazyPlane:
    """`LINE` at the edges of boxes, `HATCH` in stripes over the filled ones, 0 elsewhere.

    One sample wide, so one pixel of the window wide, at any zoom.
    """

    def sample(rows: Places, columns: Places) -> npt.NDArray[Any]:
        j, i = _places(boxes.grid, rows, columns)
        plane = np.zeros((rows.size, columns.size), np.uint8)
        unmeasured = ~boxes.measured[j.min() : j.max() + 1, i.min() : i.max() + 1]
        if unmeasured.any():
            step = max(1e-9, (columns[-1] - columns[0]) / max(columns.size - 1, 1))
            down, across = ((part / step % _HATCH).astype(np.uint8) for part in (rows, columns))
            stripes = _STRIPE[np.add.outer(down, across)]  # of the image: panning moves them
            np.multiply(stripes, unmeasured[np.ix_(j - j.min(), i - i.min())], out=plane)
        plane[1:][np.diff(j) > 0] = LINE
        plane[:, 1:][:, np.diff(i) > 0] = LINE
        return plane

    return LazyPlane(_shape(boxes.grid), sample, np.uint8)


def levels(
    plane: npt.NDArray[Any], cut: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
) -> LazyPlane:
    """A plane of values as whole numbers from 0; `cut` gives them as floats, at most `LEVELS`."""

    def sample(rows: Places, columns: Places) -> npt.NDArray[Any]:
        found = np.nan_to_num(cut(plane[np.ix_(rows, columns)]), copy=False)
        return np.asarray(found, np.uint32)

    return LazyPlane(plane.shape, sample, np.uint32)


def picture(
    shape: tuple[int, ...],
    base: npt.NDArray[Any] | None,
    mask: MaskImage | None,
    lines: npt.NDArray[Any] | None,
) -> LazyPlane:
    """Levels of a view, reasons of a mask and lines of boxes as one plane of codes.

    One plane, since each costs Ginga the blending of the whole window.
    """

    def sample(rows: Places, columns: Places) -> npt.NDArray[Any]:
        where = np.ix_(rows, columns)
        codes = np.zeros((rows.size, columns.size), np.uint32)
        if lines is not None:
            codes += lines[where]
            codes *= REASONS
        if mask is not None:
            codes += mask[where] & np.uint8(REASONS - 1)
        codes *= np.uint32(LEVELS)
        if base is not None:
            codes += base[where]
        return codes

    # uint is what Ginga wants of codes: it converts whatever else there is
    return LazyPlane(shape, sample, np.uint)


def cropped(plane: npt.NDArray[Any], start: int) -> npt.NDArray[Any]:
    """A plane from column `start` on, still lazy."""
    if not isinstance(plane, LazyPlane):
        return plane[:, start:]
    sample = plane._sample
    assert sample is not None
    return LazyPlane(
        (plane.shape[0], plane.shape[1] - start),
        lambda rows, columns: sample(rows, columns + start),
        plane.dtype,
    )


def cuts_of(plane: npt.NDArray[Any]) -> tuple[float, float]:
    """The 1st and 99th percentile of a coarse sample, kept apart for a constant map."""
    ny, nx = plane.shape
    sample = plane[:: ny // _SAMPLES + 1, :: nx // _SAMPLES + 1]
    if not np.isfinite(sample).any():
        return (0.0, 1.0)
    low, high = (float(each) for each in np.nanpercentile(sample, (1, 99)))
    if not high > low:
        margin = abs(low) * 1e-3 or 1.0
        low, high = low - margin, low + margin
    return low, high


def _shape(grid: Grid) -> tuple[int, int]:
    return int(grid.rows[-1]), int(grid.columns[-1])


def _places(grid: Grid, rows: Places, columns: Places) -> tuple[Places, Places]:
    """The box each row and each column lies in."""
    return (
        np.searchsorted(grid.rows, rows, side="right") - 1,
        np.searchsorted(grid.columns, columns, side="right") - 1,
    )
