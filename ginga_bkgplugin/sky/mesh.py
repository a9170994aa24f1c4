"""The mesh: which boxes were measured and which will be filled."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.pixels import BoolImage, MaskImage

LEAST_GOOD_FRACTION = 0.5  # BACK_MINGOODFRAC of SEP and SExtractor (sep background.c)


def good_fractions(mask: MaskImage | BoolImage, box_size: int) -> npt.NDArray[np.float64]:
    """Share of free pixels in each box of the mesh.

    Boxes start at pixel (0, 0) as SEP lays them; those at the upper and right edge may be
    partial and count their own pixels only.

    Parameters
    ----------
    mask : ndarray of uint8 or bool, shape (ny, nx)
        Non-zero is masked.
    box_size : int
        Side of a box in pixels.

    Returns
    -------
    ndarray of float64, shape (ceil(ny / box_size), ceil(nx / box_size))
    """
    ny, nx = mask.shape
    return free_fractions(mask, _edges(ny, box_size), _edges(nx, box_size))


def _edges(size: int, box_size: int) -> npt.NDArray[np.intp]:
    return np.append(np.arange(0, size, box_size), size)


def free_fractions(
    mask: MaskImage | BoolImage, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Share of free pixels in each box between these edges along y and x."""
    counts = np.empty((rows.size - 1, columns.size - 1))
    for row, (start, end) in enumerate(itertools.pairwise(rows)):
        free = (mask[start:end] == 0).sum(axis=0, dtype=np.uint32)
        counts[row] = np.add.reduceat(free, columns[:-1], dtype=np.int64)
    counts /= np.diff(rows)[:, np.newaxis] * np.diff(columns)
    return counts


def measured_boxes(fractions: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Boxes that SEP measures; it fills the others from the nearest measured ones."""
    return fractions >= LEAST_GOOD_FRACTION
