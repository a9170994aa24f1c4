"""Regions drawn into planes of pixels, in their order, each in its own surroundings only.

The order of the list decides: a region masks its pixels; one that erases takes them out of what
stands before it, and marks them, so that automatic and imported masks are taken out as well. A
region after it masks again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ginga_bkgplugin.recipe.region import PixelRegion, Region, common_ends
from ginga_bkgplugin.sky.pixels import BoolImage
from ginga_bkgplugin.sky.placing import to_pixels
from ginga_bkgplugin.sky.spans import Window, spans_of, window_of

if TYPE_CHECKING:
    from astropy.wcs import WCS

_MANY = 64  # changes at once from which on everything is drawn anew


@dataclasses.dataclass
class Drawn:
    """What regions do to each pixel; changed in place by `add` and `update`.

    Attributes
    ----------
    masked : ndarray of bool, shape (ny, nx)
        Masked by hand.
    erased : ndarray of bool, shape (ny, nx), or None
        Un-masked by hand: no automatic or imported mask counts here. None while nothing erases.
    """

    masked: BoolImage
    erased: BoolImage | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        ny, nx = self.masked.shape
        return ny, nx


def draw(shape: tuple[int, int], regions: Iterable[PixelRegion]) -> Drawn:
    """Draw regions in their order; those that are off are left out.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the image.
    regions : iterable of PixelRegion
        They may reach beyond the image or lie outside it. A pixel belongs to one when its
        centre is inside or on the edge (for polygons see `PixelPolygon`).
    """
    drawn = Drawn(np.zeros(shape, dtype=bool))
    for region in regions:
        add(drawn, region)
    return drawn


def add(drawn: Drawn, region: PixelRegion, within: Window | None = None) -> Window | None:
    """Draw one more region over what is drawn, in place.

    The quick way for a brush: add the stroke's last two points at each move of the mouse.

    Parameters
    ----------
    drawn : Drawn
        Changed.
    region : PixelRegion
        The next in the order.
    within : Window, optional
        Draw in these pixels only.

    Returns
    -------
    Window or None
        The pixels that may have changed.
    """
    window = window_of(region, drawn.shape) if region.on else None
    if window is not None and within is not None:
        window = _common(window, within)
    if window is None:
        return None
    if region.erase and drawn.erased is None:
        drawn.erased = np.zeros(drawn.shape, dtype=bool)
    masked, erased, masks = drawn.masked, drawn.erased, not region.erase
    for row, start, stop in runs(region, window):
        masked[row, start:stop] = masks
        if not masks and erased is not None:
            erased[row, start:stop] = True
    return window


def runs(region: PixelRegion, window: Window) -> Iterator[tuple[int, int, int]]:
    """The runs of pixels of a region in a window: row, first pixel, pixel after the last."""
    for spans in spans_of(region, window):
        yield from zip(*(part.tolist() for part in spans), strict=True)


def update(
    drawn: Drawn, before: Sequence[PixelRegion], after: Sequence[PixelRegion]
) -> list[Window]:
    """Draw what changed between two lists of regions, in place.

    The same as `draw` of the second list; only the surroundings of added, removed and changed
    regions are drawn.

    Parameters
    ----------
    drawn : Drawn
        Of the first list; changed.
    before, after : sequence of PixelRegion
        In their order.

    Returns
    -------
    list of Window
        The pixels that may have changed.
    """
    first, last = common_ends(before, after)
    changed = [*before[first : len(before) - last], *after[first : len(after) - last]]
    if len(changed) > _MANY:
        fresh = draw(drawn.shape, after)
        drawn.masked, drawn.erased = fresh.masked, fresh.erased
        ny, nx = drawn.shape
        return [Window(0, 0, nx, ny)]
    if first == len(before):  # the new ones lie over all others
        added = [add(drawn, region) for region in after[first:]]
        return [window for window in added if window is not None]
    found = [window_of(region, drawn.shape) for region in changed if region.on]
    windows = list(dict.fromkeys(window for window in found if window is not None))
    if not any(region.erase and region.on for region in after):
        drawn.erased = None
    bounds = np.array([region.bounds() for region in after]).reshape(-1, 4)
    for window in windows:
        drawn.masked[window.slices] = False
        if drawn.erased is not None:
            drawn.erased[window.slices] = False
        left, bottom, right, top = bounds.T
        across = (right > window.left - 1) & (left < window.right)
        inside = across & (top > window.bottom - 1) & (bottom < window.top)
        for place in np.flatnonzero(inside).tolist():
            add(drawn, after[place], window)
    return windows


def mask_regions(
    shape: tuple[int, int], regions: Iterable[Region], wcs: WCS | None = None
) -> BoolImage:
    """True where regions mask a pixel, after all of them in their order.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the image.
    regions : iterable of Region
        In pixels or on the sky. They may reach beyond the image or lie outside it.
    wcs : astropy.wcs.WCS, optional
        Needed for regions on the sky.

    Returns
    -------
    ndarray of bool, shape (ny, nx)

    Raises
    ------
    NoWCSError
        For a region on the sky without a celestial WCS, or off its projection.
    """
    return draw(shape, to_pixels(regions, wcs)).masked


def outside(regions: Iterable[PixelRegion], shape: tuple[int, int]) -> list[int]:
    """The places in the list of regions that hold no pixel of an image."""
    return [
        place
        for place, region in enumerate(regions)
        if (window := window_of(region, shape)) is None
        or not any(rows.size for rows, _, _ in spans_of(region, window))
    ]


def _common(one: Window, two: Window) -> Window | None:
    both = Window(
        max(one.left, two.left),
        max(one.bottom, two.bottom),
        min(one.right, two.right),
        min(one.top, two.top),
    )
    return both if both.left < both.right and both.bottom < both.top else None
