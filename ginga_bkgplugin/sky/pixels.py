"""Arrays: the types used everywhere, the bits of a mask, and the gate to SEP."""

from __future__ import annotations

from enum import IntFlag
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.errors import ImageError

FloatImage = npt.NDArray[np.float32]
BoolImage = npt.NDArray[np.bool_]
MaskImage = npt.NDArray[np.uint8]


class MaskBit(IntFlag):
    """Why a pixel is masked. The mask is one uint8 plane; non-zero means masked."""

    REGION = 1
    SOURCE = 2
    SATURATED = 4
    INVALID = 8
    IMPORTED = 16


def reasons(value: int) -> str:
    """The bits of one mask pixel in words, e.g. ``source + saturated``."""
    names = [bit.name.lower() for bit in MaskBit if bit.name and value & bit]
    return " + ".join(names) or "free"


def has(mask: MaskImage, bits: MaskBit) -> BoolImage:
    """Where a mask has any of these bits; in uint8, as numpy would take an IntFlag for int64."""
    found: BoolImage = (mask & np.uint8(bits)) != 0
    return found


def check_image(data: Any) -> npt.NDArray[Any]:
    """The array, if it is a 2-D image of real numbers.

    Raises
    ------
    ImageError
        For RGB, cubes, tables, masks, complex numbers or empty arrays.
    """
    array = np.ma.getdata(data) if isinstance(data, np.ma.MaskedArray) else np.asarray(data)
    if array.ndim != 2:
        size = " x ".join(str(n) for n in array.shape) or "scalar"
        raise ImageError(
            f"This is not one 2-D image: its shape is {size}. Show one plane or one HDU"
            " (RGB images have no single sky)."
        )
    if array.dtype.kind not in "iuf":
        raise ImageError(f"Pixels of type {array.dtype} hold no brightness. Choose a science HDU.")
    if array.size == 0:
        raise ImageError("The image is empty.")
    return array


def check_same_shape(image: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    """Refuse a background of another shape than the image's.

    Raises
    ------
    ImageError
        Naming both.
    """
    if shape != image.shape:
        raise ImageError(f"The background has shape {shape}, the image {image.shape}.")


def as_sky_array(data: Any) -> FloatImage:
    """A 2-D image as SEP wants it: native-endian, C-contiguous float32.

    SEP computes in float32 whatever it is given and refuses big-endian, uint16 and
    non-contiguous arrays (sep.pyx, ``_check_array_get_dims``), and locked ones; astropy delivers
    big-endian.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        Any real type and byte order.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The input itself when it already fits, else a copy.

    Raises
    ------
    ImageError
        When it is not a 2-D image of numbers.
    """
    with np.errstate(over="ignore"):  # float64 beyond float32 becomes inf, hence invalid
        pixels: FloatImage = np.require(check_image(data), np.float32, ["C", "W"])
    return pixels


def without_non_finite(pixels: FloatImage) -> FloatImage:
    """The image with NaN and inf set to 0; they must be in the mask given to SEP as well.

    One inf makes SEP's map NaN everywhere, through sums taken before the mask is looked at.
    """
    finite = np.isfinite(pixels)
    return pixels if finite.all() else np.where(finite, pixels, np.float32(0))


def read_only(mask: MaskImage) -> MaskImage:
    """A view of a mask that cannot be written."""
    view = mask.view()
    view.flags.writeable = False
    return view
