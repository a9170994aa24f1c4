"""The level at which a detector saturates, from the pixels themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.pixels import check_image
from ginga_bkgplugin.sky.strips import each, spans

PILE, _BINS = 0.025, 12  # of the range from sky to top: bins in which saturated pixels pile up
_LEAST_PILE = 8  # pixels in a bin
_STEEPER = 4.0  # times the pixels in the three bins below, on average
_LEAST_RANGE = 100.0  # of the noise, from sky to top: else the top is no saturation


def pile_up(data: Any, sky: float, noise: float) -> float | None:
    """The level above which pixels pile up at the top of an image's range; None without.

    Clipped pixels are many in the last bin, where the peaks of stars are few and fewer.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        The image, any real type.
    sky, noise : float
        Its background and noise.
    """
    image = check_image(data)
    strips, native = spans((image.shape[0], image.shape[1])), image.dtype.newbyteorder("=")

    def most(start: int, stop: int) -> float:
        pixels = np.asarray(image[start:stop], native)
        highest = pixels.max()
        if not np.isfinite(highest):
            highest = np.max(pixels, where=pixels < np.inf, initial=-np.inf)
        return float(highest)

    top = max(each(most, strips))
    reach = top - sky
    if not (np.isfinite(top) and noise > 0 and reach > _LEAST_RANGE * noise):
        return None

    def near_top(start: int, stop: int) -> npt.NDArray[np.float64]:
        pixels = np.asarray(image[start:stop], native)
        chosen = pixels[(pixels >= top - _BINS * PILE * reach) & (pixels <= top)]
        return chosen.astype(np.float64)

    bright = np.concatenate(each(near_top, strips))
    place = ((top - bright) / (PILE * reach)).astype(np.intp)
    counts = np.bincount(np.minimum(place, _BINS - 1), minlength=_BINS)  # from the top
    for k in range(_BINS - 4):
        if counts[k] >= _LEAST_PILE and counts[k] > _STEEPER * counts[k + 1 : k + 4].mean():
            return float(f"{top - (k + 1) * PILE * reach:.4g}")
    return None
