"""From shapes to pixels: circles to masks, and between the sky and the pixel grid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ginga_bkgplugin.recipe.errors import NoWCSError
from ginga_bkgplugin.recipe.shapes import PixelCircle, Region, SkyCircle
from ginga_bkgplugin.sky.pixels import BoolImage

if TYPE_CHECKING:
    from astropy.wcs import WCS

_STRIP = 1 << 20  # pixels rasterised at a time: bounds the temporary to about 10 MB


def mask_circles(
    shape: tuple[int, int], regions: Iterable[Region], wcs: WCS | None = None
) -> BoolImage:
    """True where a pixel's centre lies at or inside any of the circles.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the image.
    regions : iterable of PixelCircle or SkyCircle
        They may reach beyond the image or lie outside it.
    wcs : astropy.wcs.WCS, optional
        Needed for sky circles.

    Returns
    -------
    ndarray of bool, shape (ny, nx)

    Raises
    ------
    NoWCSError
        For a sky circle without a celestial WCS.
    """
    mask = np.zeros(shape, dtype=bool)
    for region in regions:
        _add_circle(mask, to_pixel(region, wcs))
    return mask


def _add_circle(mask: BoolImage, circle: PixelCircle) -> None:
    """Set the circle in place, touching its bounding box only, a strip of rows at a time."""
    ny, nx = mask.shape
    left = int(np.clip(np.ceil(circle.x - circle.radius), 0, nx))
    right = int(np.clip(np.floor(circle.x + circle.radius) + 1, left, nx))
    bottom = int(np.clip(np.ceil(circle.y - circle.radius), 0, ny))
    top = int(np.clip(np.floor(circle.y + circle.radius) + 1, bottom, ny))
    if left == right or bottom == top:
        return
    dx2 = (np.arange(left, right) - circle.x) ** 2
    rows = max(1, _STRIP // (right - left))
    for start in range(bottom, top, rows):
        stop = min(start + rows, top)
        dy2 = (np.arange(start, stop) - circle.y) ** 2
        inside = dx2 + dy2[:, np.newaxis] <= circle.radius**2
        mask[start:stop, left:right] |= inside


def to_pixel(region: Region, wcs: WCS | None) -> PixelCircle:
    """The circle in pixels; a sky circle keeps its area at its place in the image.

    Raises
    ------
    NoWCSError
        For a sky circle without a celestial WCS, or where the WCS does not reach.
    """
    if isinstance(region, PixelCircle):
        return region
    from astropy.coordinates import SkyCoord

    celestial = _celestial(wcs)
    x, y = celestial.world_to_pixel(SkyCoord(region.ra, region.dec, unit="deg", frame="icrs"))
    if not (np.isfinite(x) and np.isfinite(y)):
        raise NoWCSError(
            f"RA {region.ra:.5f}, Dec {region.dec:.5f} has no place in this image's projection."
        )
    return PixelCircle(float(x), float(y), region.radius / _pixel_scale(celestial, x, y))


def to_sky(circle: PixelCircle, wcs: WCS | None) -> SkyCircle:
    """The circle on the sky (ICRS degrees, arcseconds), of equal area at its place.

    Raises
    ------
    NoWCSError
        When the image has no celestial WCS, or the position is off its projection.
    """
    celestial = _celestial(wcs)
    sky = celestial.pixel_to_world(circle.x, circle.y).icrs
    if not np.isfinite(sky.ra.deg):
        raise NoWCSError(f"Pixel ({circle.x:.1f}, {circle.y:.1f}) has no place on the sky.")
    scale = _pixel_scale(celestial, circle.x, circle.y)
    return SkyCircle(float(sky.ra.deg), float(sky.dec.deg), circle.radius * scale)


def has_sky(wcs: WCS | None) -> bool:
    """Whether the WCS has two celestial axes."""
    return wcs is not None and wcs.has_celestial


def _celestial(wcs: WCS | None) -> WCS:
    if wcs is None or not wcs.has_celestial:
        raise NoWCSError("This image has no celestial WCS: give the circle in pixels.")
    return wcs if wcs.naxis == 2 else wcs.celestial


def _pixel_scale(wcs: WCS, x: float, y: float) -> float:
    """Side of a square of one pixel's area at (x, y), in arcseconds, distortion included."""
    sides = wcs.pixel_to_world([x - 0.5, x + 0.5, x, x], [y, y, y - 0.5, y + 0.5]).icrs
    cos_dec = np.cos(sides.dec.rad.mean())

    def step(i: int, j: int) -> tuple[float, float]:
        along = (sides.ra[j] - sides.ra[i]).wrap_at("180d").arcsec * cos_dec
        return float(along), float((sides.dec[j] - sides.dec[i]).arcsec)

    (ax, ay), (bx, by) = step(0, 1), step(2, 3)
    return float(np.sqrt(abs(ax * by - ay * bx)))
