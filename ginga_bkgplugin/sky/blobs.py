"""From pixels back to shapes: the blob under a click, the source under the cursor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.errors import DetectionError
from ginga_bkgplugin.recipe.region import Point, Points
from ginga_bkgplugin.recipe.shapes import PixelPolygon
from ginga_bkgplugin.sky.pixels import BoolImage, check_image
from ginga_bkgplugin.sky.spans import Window

_FIRST_WINDOW = 64  # half its side; doubled until the blob is inside
_SMOOTH = 1.5  # pixels: width of the smoothing before a source is grown
_RAISED = 6  # times a threshold is doubled


def blob_at(mask: npt.NDArray[np.generic], x: float, y: float) -> tuple[Window, BoolImage] | None:
    """The connected pixels (8 neighbours) round a position that are not 0.

    Parameters
    ----------
    mask : ndarray, shape (ny, nx)
        Such as `has(mask, MaskBit.SOURCE)`. Looked at round the position only.
    x, y : float
        0-based.

    Returns
    -------
    (Window, ndarray of bool) or None
        Where the blob is, and its pixels there; None where the pixel is 0 or off the image.
    """
    from scipy import ndimage

    ny, nx = mask.shape
    column, row = round(x), round(y)
    if not (0 <= column < nx and 0 <= row < ny and mask[row, column]):
        return None
    half = _FIRST_WINDOW
    while True:
        around = _around(column, row, half, (ny, nx))
        labels, _ = ndimage.label(mask[around.slices] != 0, structure=np.ones((3, 3)))
        blob = labels == labels[row - around.bottom, column - around.left]
        rows, columns = np.flatnonzero(blob.any(axis=1)), np.flatnonzero(blob.any(axis=0))
        cut = (
            (columns[0] == 0 and around.left > 0)
            or (rows[0] == 0 and around.bottom > 0)
            or (columns[-1] == blob.shape[1] - 1 and around.right < nx)
            or (rows[-1] == blob.shape[0] - 1 and around.top < ny)
        )
        if not cut:
            window = Window(
                around.left + int(columns[0]), around.bottom + int(rows[0]),
                around.left + int(columns[-1]) + 1, around.bottom + int(rows[-1]) + 1,
            )  # fmt: skip
            return window, blob[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        half *= 2


def adopt_blob(
    mask: npt.NDArray[np.generic], x: float, y: float, tolerance: float = 1.0
) -> PixelPolygon | None:
    """The blob under a click as a polygon to edit, its holes filled.

    Parameters
    ----------
    mask, x, y
        As `blob_at`.
    tolerance : float
        How far, in pixels, the outline may leave the pixels' edges to need fewer vertices.

    Returns
    -------
    PixelPolygon or None
        None where there is no blob.
    """
    from scipy import ndimage

    found = blob_at(mask, x, y)
    if found is None:
        return None
    window, blob = found
    return polygon_of(ndimage.binary_fill_holes(blob), (window.left, window.bottom), tolerance)


def grow_from(
    data: npt.ArrayLike, x: float, y: float, *, sigma: float = 2.0, growth: float = 1.3
) -> PixelPolygon:
    """The source under the cursor, as far as it stands out of the sky, and somewhat further.

    Sky and noise are taken from the source's surroundings, four times its area at least. Where
    it still runs into them, such as on a gradient, the threshold is raised.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        The image, or better image - background; looked at round the position only.
    x, y : float
        0-based, on the source.
    sigma : float
        It reaches as far as this times the noise after smoothing.
    growth : float
        The outline is widened by this factor of the radius of the source's area.

    Raises
    ------
    DetectionError
        When nothing stands out there.
    """
    from scipy import ndimage

    image = check_image(data)
    ny, nx = image.shape
    column, row = round(x), round(y)
    if 0 <= column < nx and 0 <= row < ny:
        for threshold in sigma * 2.0 ** np.arange(_RAISED):
            half = _FIRST_WINDOW
            while half < 2 * max(ny, nx):
                around = _around(column, row, half, (ny, nx))
                found = _standing_out(image[around.slices], column - around.left,
                                      row - around.bottom, threshold)  # fmt: skip
                if found is None:
                    break
                window, blob = found
                if blob.sum() < (around.right - around.left) * (around.top - around.bottom) / 4:
                    margin = round((growth - 1) * np.sqrt(blob.sum() / np.pi)) + 1
                    wide = np.pad(ndimage.binary_fill_holes(blob), margin)
                    wide = ndimage.distance_transform_edt(~wide) < margin
                    left, bottom = around.left + window.left, around.bottom + window.bottom
                    return polygon_of(wide, (left - margin, bottom - margin), 1.0)
                half *= 2
    raise DetectionError(
        f"No source stands out at ({x:.0f}, {y:.0f}): draw a shape, or lower sigma."
    )


def _standing_out(
    cut: npt.NDArray[Any], column: int, row: int, sigma: float
) -> tuple[Window, BoolImage] | None:
    """The blob round a pixel that is brighter than the cut's sky."""
    from scipy import ndimage

    cut = cut.astype(np.float64)
    bad = ~np.isfinite(cut)
    if bad.all():
        return None
    # from the lower half: sources stand in the upper one
    low, sky = np.quantile(cut[~bad], (0.1587, 0.5))
    cut[bad] = sky
    noise = (sky - low) / (2 * np.sqrt(np.pi) * _SMOOTH)
    return blob_at(ndimage.gaussian_filter(cut, _SMOOTH) - sky > sigma * noise, column, row)


def _around(column: int, row: int, half: int, shape: tuple[int, int]) -> Window:
    ny, nx = shape
    return Window(
        max(0, column - half), max(0, row - half), min(nx, column + half), min(ny, row + half)
    )


# --- outlines


def polygon_of(
    blob: BoolImage, corner: tuple[int, int] = (0, 0), tolerance: float = 0.0
) -> PixelPolygon:
    """The outline of pixels as one polygon.

    Parameters
    ----------
    blob : ndarray of bool
        At least one pixel must be set. Holes and separate parts are joined to what is near by
        lines that are walked in both directions, so they enclose nothing.
    corner : tuple of int
        x and y of its first pixel in the image.
    tolerance : float
        With 0 the polygon runs along the pixels' edges and masks exactly these pixels;
        otherwise it may leave them by so many pixels.
    """
    path = np.empty((0, 2))
    for loop in _loops(blob):
        points = simplified(loop, tolerance) if tolerance > 0 else loop
        if len(points) >= 3:
            path = _joined(path, np.array(points, dtype=float))
    path += np.array(corner) - 0.5
    return PixelPolygon(tuple((x, y) for x, y in path.tolist()))


def _joined(path: npt.NDArray[np.float64], loop: npt.NDArray[np.float64]) -> Any:
    """A closed path with a loop walked on the way, from the corner that is near it and back."""
    if not len(path):
        return loop
    there = int(np.argmin(np.hypot(*(path - loop[0]).T)))
    first = int(np.argmin(np.hypot(*(loop - path[there]).T)))
    walk = np.roll(loop, -first, axis=0)
    return np.concatenate([path[: there + 1], walk, walk[:1], path[there:]])


def _loops(blob: BoolImage) -> list[list[Point]]:
    """Closed paths along the edges of pixels, pixels on the left, corners only."""
    full = np.pad(blob, 1)
    here, (ny, nx) = full[1:-1, 1:-1], blob.shape
    ways = (  # neighbour that is free: from corner, to corner
        ((0, -1), (0, 0), (1, 0)),
        ((1, 0), (1, 0), (1, 1)),
        ((0, 1), (1, 1), (0, 1)),
        ((-1, 0), (0, 1), (0, 0)),
    )
    edges = []  # corner it begins at, corner it ends at, heading
    for heading, ((dx, dy), one, two) in enumerate(ways):
        y, x = np.nonzero(here & ~full[1 + dy : 1 + dy + ny, 1 + dx : 1 + dx + nx])
        begin, end = ((y + up) * (nx + 1) + x + right for right, up in (one, two))
        edges.append(np.stack([begin, end, np.full(x.size, heading)]))
    begin, end, heads = np.concatenate(edges, axis=1)
    following = np.empty_like(begin)  # as many edges end at a corner as begin there
    following[np.argsort(end, kind="stable")] = np.argsort(begin, kind="stable")
    turns = (heads[np.argsort(following)] != heads).tolist()
    after, free = following.tolist(), [True] * begin.size
    loops = []
    for first in range(begin.size):
        loop, edge = [], first
        while free[edge]:
            free[edge] = False
            if turns[edge]:
                loop.append(edge)
            edge = after[edge]
        if loop:
            y, x = np.divmod(begin[loop], nx + 1)
            loops.append(list(zip(x.tolist(), y.tolist(), strict=True)))
    return loops


def simplified(points: Sequence[Point], tolerance: float, *, closed: bool = True) -> Points:
    """Fewer points of an outline or a stroke.

    Parameters
    ----------
    points : sequence of (float, float)
        Such as the mouse gave them.
    tolerance : float
        How far, in pixels, the line may leave the points that are left out.
    closed : bool
        An outline, whose last point is joined to the first; else a line.
    """
    path = [*points, points[0]] if closed else list(points)
    if not closed:
        return tuple(_straightened(path, tolerance))
    far = int(np.argmax(np.hypot(*(np.array(path) - path[0]).T)))
    begin, end = (_straightened(part, tolerance) for part in (path[: far + 1], path[far:]))
    return tuple(begin + end[1:-1])


def _straightened(path: Sequence[Point], tolerance: float) -> list[Point]:
    """A line with points left out, in one walk along it.

    From each point that is kept, those after it stay within the tolerance of a straight line as
    long as the wedges they are seen in have a direction in common (Sklansky and Gonzalez 1980).
    """
    if len(path) < 3:
        return list(path)
    kept = [path[0]]
    (x, y), last, far = path[0], path[0], 0.0
    middle, low, high = 0.0, -math.pi, math.pi
    for point in path[1:]:
        distance = math.hypot(point[0] - x, point[1] - y)
        way = math.atan2(point[1] - y, point[0] - x)
        turn = (way - middle + math.pi) % (2 * math.pi) - math.pi
        if far and (distance < far or not low <= turn <= high):
            kept.append(last)
            (x, y), far = last, 0.0
            distance = math.hypot(point[0] - x, point[1] - y)
            way = math.atan2(point[1] - y, point[0] - x)
        if distance > tolerance:
            half = math.asin(tolerance / distance)
            if not far:
                middle, turn, low, high = way, 0.0, -half, half
            low, high, far = max(low, turn - half), min(high, turn + half), distance
        last = point
    kept.append(path[-1])
    return kept
