"""From shapes to pixels: circles to masks, and between the sky and the pixel grid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.errors import NoWCSError
from ginga_bkgplugin.recipe.region import Region
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
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
    for circle in to_pixels(regions, wcs):
        _add_circle(mask, circle)
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
    with np.errstate(over="ignore"):  # beyond 1e154 the squares are inf, and inf <= inf
        r2 = np.square(circle.radius)
        dx2 = (np.arange(left, right) - circle.x) ** 2
        rows = max(1, _STRIP // (right - left))
        for start in range(bottom, top, rows):
            stop = min(start + rows, top)
            dy2 = (np.arange(start, stop) - circle.y) ** 2
            mask[start:stop, left:right] |= dx2 + dy2[:, np.newaxis] <= r2


def to_pixels(regions: Iterable[Region], wcs: WCS | None) -> list[PixelCircle]:
    """The circles in pixels; a sky circle keeps its area at its place in the image.

    Parameters
    ----------
    regions : iterable of PixelCircle or SkyCircle
        Converted together: one call of the coordinate machinery costs as much as a hundred.
    wcs : astropy.wcs.WCS or None
        With two celestial axes, if there are sky circles.

    Raises
    ------
    NoWCSError
        For a sky circle without a celestial WCS, or where the WCS does not reach.
    """
    regions = list(regions)
    places = [i for i, region in enumerate(regions) if isinstance(region, SkyCircle)]
    skies = [region for region in regions if isinstance(region, SkyCircle)]
    circles = [region for region in regions if isinstance(region, PixelCircle)]
    if not skies:
        return circles
    from astropy.coordinates import SkyCoord

    celestial = _celestial(wcs)
    centres = SkyCoord([s.ra for s in skies], [s.dec for s in skies], unit="deg", frame="icrs")
    x, y = celestial.world_to_pixel(centres)
    for sky, known in zip(skies, np.isfinite(x) & np.isfinite(y), strict=True):
        if not known:
            raise NoWCSError(
                f"RA {sky.ra:.5f}, Dec {sky.dec:.5f} has no place in this image's projection."
            )
    scale = _pixel_scales(celestial, x, y)[1]
    for i, sky, *place in zip(places, skies, x, y, scale, strict=True):
        circles.insert(i, PixelCircle(place[0], place[1], sky.radius / place[2]))
    return circles


def to_pixel(region: Region, wcs: WCS | None) -> PixelCircle:
    """One circle in pixels; see `to_pixels`."""
    return to_pixels([region], wcs)[0]


def to_skies(circles: Iterable[PixelCircle], wcs: WCS | None) -> list[SkyCircle]:
    """The circles on the sky (ICRS degrees, arcseconds), of equal area at their places.

    Raises
    ------
    NoWCSError
        When the image has no celestial WCS, or a position is off its projection.
    """
    circles = list(circles)
    if not circles:
        return []
    x, y = np.array([c.x for c in circles]), np.array([c.y for c in circles])
    centres, scale = _pixel_scales(_celestial(wcs), x, y)
    for circle, known in zip(circles, np.isfinite(centres.ra.deg + scale), strict=True):
        if not known:
            raise NoWCSError(f"Pixel ({circle.x:.1f}, {circle.y:.1f}) has no place on the sky.")
    return [
        SkyCircle(float(ra), float(dec), circle.radius * float(side))
        for circle, ra, dec, side in zip(
            circles, centres.ra.deg, centres.dec.deg, scale, strict=True
        )
    ]


def to_sky(circle: PixelCircle, wcs: WCS | None) -> SkyCircle:
    """One circle on the sky; see `to_skies`."""
    return to_skies([circle], wcs)[0]


def has_sky(wcs: WCS | None) -> bool:
    """Whether the WCS has two celestial axes."""
    return wcs is not None and bool(wcs.has_celestial)


def _celestial(wcs: WCS | None) -> WCS:
    if wcs is None or not wcs.has_celestial:
        raise NoWCSError("This image has no celestial WCS: give the circle in pixels.")
    return wcs if wcs.naxis == 2 else wcs.celestial


def _pixel_scales(wcs: WCS, x: Any, y: Any) -> tuple[Any, npt.NDArray[np.float64]]:
    """Centres on the sky (ICRS), and the side of a square of a pixel's area there, in arcsec.

    Measured on the pixel itself, so distortion and projection are included.
    """
    half = 0.5
    across = np.array([x, x - half, x + half, x, x])
    up = np.array([y, y, y, y - half, y + half])
    sky = wcs.pixel_to_world(across, up).icrs
    _, left, right, below, above = np.moveaxis(sky.cartesian.xyz.value, 0, -1)
    area = np.linalg.norm(np.cross(right - left, above - below), axis=-1)  # fit for the pole too
    return sky[0], np.degrees(np.sqrt(area)) * 3600
