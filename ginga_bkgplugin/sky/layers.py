"""Layers to one mask. What masks a pixel, and what a hand may take back.

::

    invalid                       always
    automatic sources, imported   unless a region of the list erases the pixel
    regions, in their order       the last one that covers the pixel decides

So an erasing region takes back what regions before it, the automatic sources and masks from
files masked; a region after it masks again. Invalid pixels hold no measurement: nothing takes
them back.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.region import PixelRegion
from ginga_bkgplugin.sky.pixels import BoolImage, MaskBit, MaskImage
from ginga_bkgplugin.sky.raster import Drawn, runs
from ginga_bkgplugin.sky.spans import Window
from ginga_bkgplugin.sky.strips import each, spans

AUTOMATIC = MaskBit.SOURCE | MaskBit.SATURATED


def compose(
    drawn: Drawn,
    automatic: MaskImage | None = None,
    imported: BoolImage | None = None,
    within: Window | None = None,
    out: MaskImage | None = None,
) -> MaskImage:
    """The mask that layers make together, a strip of rows at a time.

    Parameters
    ----------
    drawn : Drawn
        The regions, of shape (ny, nx).
    automatic : ndarray of uint8, shape (ny, nx), optional
        Bits of `MaskBit`, such as the mask of a result; its bits for sources and for invalid
        pixels are used.
    imported : ndarray of bool, shape (ny, nx), optional
        Masked by files.
    within : Window, optional
        Only these pixels, to renew a part of a display. Default: all.
    out : ndarray of uint8, shape (ny, nx) or that of `within`, optional
        Written to; without `within` it may be `automatic` itself.

    Returns
    -------
    ndarray of uint8, shape (ny, nx) or that of `within`
        New, or `out`.
    """
    ny, nx = drawn.shape
    here = Window(0, 0, nx, ny) if within is None else within
    shape = here.top - here.bottom, here.right - here.left
    mask: MaskImage = np.zeros(shape, np.uint8) if out is None else out
    layers = [layer for layer in (automatic, imported, drawn.masked) if layer is not None]

    def strip(start: int, stop: int) -> None:
        rows = slice(here.bottom + start, here.bottom + stop)
        part, target = (rows, slice(here.left, here.right)), mask[start:stop]
        if (out is None or out is automatic) and not any(layer[part].any() for layer in layers):
            return  # nothing is masked: memory that is not touched costs no time
        found = np.zeros(target.shape, np.uint8) if automatic is None else automatic[part]
        invalid = found & np.uint8(MaskBit.INVALID)
        np.bitwise_and(found, np.uint8(AUTOMATIC), out=target)
        if imported is not None:
            target |= imported[part].view(np.uint8) * np.uint8(MaskBit.IMPORTED)
        if drawn.erased is not None:
            target[drawn.erased[part]] = 0
        target |= invalid
        target |= drawn.masked[part].view(np.uint8) * np.uint8(MaskBit.REGION)

    each(strip, spans(shape))
    return mask


def draw_over(mask: MaskImage, region: PixelRegion, within: Window) -> None:
    """Draw one more region, the last of the list, into a mask of `compose`, in place."""
    for row, start, stop in runs(region, within):
        if region.erase:
            mask[row, start:stop] &= np.uint8(MaskBit.INVALID)
        else:
            mask[row, start:stop] |= np.uint8(MaskBit.REGION)


def with_regions(
    old: tuple[MaskImage, BoolImage | None], regions: tuple[MaskImage, BoolImage | None]
) -> tuple[MaskImage, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The old mask with other regions; rows and columns where it, or what is kept, changed."""
    shape = old[0].shape[0], old[0].shape[1]
    new = np.empty(shape, np.uint8)
    invalid = np.uint8(MaskBit.INVALID)
    rows = np.zeros(shape[0], bool)

    def strip(start: int, stop: int) -> npt.NDArray[np.bool_]:
        part = new[start:stop]
        np.bitwise_and(regions[0][start:stop], ~invalid, out=part)
        part |= old[0][start:stop] & invalid
        changed = part != old[0][start:stop]
        if old[1] is not None or regions[1] is not None:
            kept = [np.False_ if one is None else one[start:stop] for one in (old[1], regions[1])]
            changed |= kept[0] != kept[1]
        rows[start:stop] = changed.any(axis=1)
        columns: npt.NDArray[np.bool_] = changed[rows[start:stop]].any(axis=0)
        return columns

    columns = np.any(each(strip, spans(shape)), axis=0)
    return new, np.flatnonzero(rows), np.flatnonzero(columns)
