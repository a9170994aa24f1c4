"""SEP's detection, with what it needs to be fast and not to fail on full buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import sep

from ginga_bkgplugin.recipe.errors import DetectionError
from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage

LINE_RATIO = 8.0  # length to width from which on a source is a line, not a disc
# Entries SEP holds pixels of unfinished sources in. It writes every one at every call: too many
# cost time, too few a second try; what was enough for one frame is tried first for the next.
_pixel_stack, _MOST_FIRST = 1 << 18, 1 << 21


def extract(
    signal: FloatImage,
    threshold: float,
    min_area: int,
    hidden: BoolImage,
    rms: FloatImage | None = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
    """`sep.extract` without deblending and cleaning, with a pixel stack that grows as needed.

    Parameters
    ----------
    signal : ndarray of float32, shape (ny, nx)
        Image minus background.
    threshold : float
        In units of `rms`, or of the signal where that is None.
    min_area : int
        Fewest connected pixels.
    hidden : ndarray of bool
        Pixels not to be seen.
    rms : ndarray of float32, optional
        Noise of each pixel.

    Returns
    -------
    objects : structured ndarray
        SEP's catalogue.
    segments : ndarray of int32, shape (ny, nx)
        1 + the number of the object a pixel belongs to; 0 for none.

    Raises
    ------
    DetectionError
        When SEP gives up.
    """
    global _pixel_stack
    stack = _pixel_stack
    while True:
        sep.set_extract_pixstack(stack)
        try:
            objects, segments = sep.extract(
                signal,
                threshold,
                err=rms,
                mask=hidden if hidden.any() else None,
                minarea=min_area,
                filter_type="conv",  # the same as "matched" for flat noise, and 4 times faster
                deblend_nthresh=1,  # deblend_cont=1 alone still builds the whole tree
                deblend_cont=1.0,
                clean=False,  # quadratic in the number of sources
                segmentation_map=True,
            )
        except Exception as error:  # SEP raises the bare class
            if "pixel buffer full" in str(error) and stack < 2 * signal.size:
                stack *= 2
                _pixel_stack = min(stack, _MOST_FIRST)
                continue
            raise DetectionError(f"SEP could not extract the sources: {error}") from error
        return objects, segments


def add_discs(mask: BoolImage, objects: npt.NDArray[Any], radius: npt.NDArray[np.float64]) -> None:
    """Mask a disc of this radius for each source in place, or an ellipse of its area for a line.

    Lines are satellite trails, bad columns, edges of frames: longer than `LINE_RATIO` times their
    width by SEP's moments.
    """
    ratio = objects["a"] / objects["b"]
    stretch = np.where(ratio > LINE_RATIO, np.sqrt(ratio), 1.0)
    grown = radius > 0
    sep.mask_ellipse(
        mask, objects["x"][grown], objects["y"][grown],
        a=stretch[grown], b=1 / stretch[grown], theta=objects["theta"][grown], r=radius[grown],
    )  # fmt: skip
