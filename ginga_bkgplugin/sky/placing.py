"""Regions between the sky and the pixels of an image, with every distortion its WCS knows.

Corners and points are converted one by one. A centre carries its sizes and angle with it by the
local linear map of the WCS: areas are kept, ellipses exactly, and boxes stay rectangles.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.errors import NoWCSError
from ginga_bkgplugin.recipe.region import FEWEST, PixelRegion, Point, Region, SkyRegion, direction
from ginga_bkgplugin.recipe.shapes import PIXEL_SHAPES, SKY_SHAPES

if TYPE_CHECKING:
    from astropy.wcs import WCS

Floats = npt.NDArray[np.float64]

_CLOSE = 1e-6  # degrees: a position that comes back nearer than this was found


def to_pixels(regions: Iterable[Region], wcs: WCS | None) -> list[PixelRegion]:
    """The regions in pixels, in their order; those in pixels as they are.

    Parameters
    ----------
    regions : iterable of Region
        Converted together: one call of the coordinate machinery costs as much as a hundred.
    wcs : astropy.wcs.WCS or None
        With two celestial axes, if there are regions on the sky.

    Raises
    ------
    NoWCSError
        For a region on the sky without a celestial WCS, or where the WCS does not reach.
    """
    regions = list(regions)
    placed = []
    for region, pixel in zip(regions, place(regions, wcs), strict=True):
        if pixel is None:
            ra, dec = anchor(region)
            raise NoWCSError(
                f"RA {ra:.5f}, Dec {dec:.5f} has no place in this image's projection."
            )
        placed.append(pixel)
    return placed


def place(regions: Iterable[Region], wcs: WCS | None) -> list[PixelRegion | None]:
    """As `to_pixels`, with None for regions where the WCS does not reach."""
    regions = list(regions)
    placed: list[Any] = list(regions)
    places = [i for i, region in enumerate(regions) if isinstance(region, SkyRegion)]
    skies = [regions[i] for i in places]
    if not skies:
        return placed
    celestial = _celestial(wcs)
    x, y = _sky_to_xy(celestial, *_flat(skies))
    found = _split(x, y, skies)
    maps = _local_maps(celestial, *np.array([points[len(points) // 2] for points in found]).T)
    for i, sky, points, local in zip(places, skies, found, maps, strict=True):
        known = np.isfinite(points).all() and np.isfinite(local).all() and np.linalg.det(local)
        placed[i] = _convert(sky, points, np.linalg.inv(local), PIXEL_SHAPES) if known else None
    return placed


def to_skies(regions: Iterable[PixelRegion], wcs: WCS | None) -> list[SkyRegion]:
    """The regions on the sky (ICRS degrees, arcseconds), of equal area at their places.

    Raises
    ------
    NoWCSError
        When the image has no celestial WCS, or a position is off its projection.
    """
    regions = list(regions)
    if not regions:
        return []
    celestial = _celestial(wcs)
    sky = celestial.pixel_to_world(*_flat(regions)).icrs
    found = _split(sky.ra.deg, sky.dec.deg, regions)
    anchors = [anchor(region) for region in regions]
    maps = _local_maps(celestial, *np.array(anchors).T)
    skies: list[SkyRegion] = []
    for region, points, local, (x, y) in zip(regions, found, maps, anchors, strict=True):
        if not (np.isfinite(points).all() and np.isfinite(local).all()):
            raise NoWCSError(f"Pixel ({x:.1f}, {y:.1f}) has no place on the sky.")
        skies.append(_convert(region, points, local, SKY_SHAPES))
    return skies


def to_pixel(region: Region, wcs: WCS | None) -> PixelRegion:
    """One region in pixels; see `to_pixels`."""
    return to_pixels([region], wcs)[0]


def to_sky(region: PixelRegion, wcs: WCS | None) -> SkyRegion:
    """One region on the sky; see `to_skies`."""
    return to_skies([region], wcs)[0]


def has_sky(wcs: WCS | None) -> bool:
    """Whether the WCS has two celestial axes."""
    return wcs is not None and bool(wcs.has_celestial)


def _celestial(wcs: WCS | None) -> WCS:
    if wcs is None or not wcs.has_celestial:
        raise NoWCSError("This image has no celestial WCS: give the region in pixels.")
    return wcs if wcs.naxis == 2 else wcs.celestial


# --- the places of a region


def spots(region: Region) -> Sequence[Point]:
    """The positions that are converted: the points, or the centre."""
    for name in FEWEST:
        if hasattr(region, name):
            points: Sequence[Point] = getattr(region, name)
            return points
    first, second = region.geometry()[:2]
    return [(getattr(region, first), getattr(region, second))]


def _flat(regions: Sequence[Region]) -> tuple[Floats, Floats]:
    first, second = np.array([spot for region in regions for spot in spots(region)]).T
    return first, second


def _split(first: Any, second: Any, regions: Sequence[Region]) -> list[Floats]:
    """Back from one list of positions to those of each region, shape (n, 2)."""
    counts = np.cumsum([len(spots(region)) for region in regions])[:-1]
    return np.split(np.stack([np.atleast_1d(first), np.atleast_1d(second)], axis=1), counts)


def anchor(region: Region) -> Point:
    """The position whose scale counts for all of a region: its centre, or the middle point."""
    places = spots(region)
    return places[len(places) // 2]


def _sky_to_xy(wcs: WCS, ra: Floats, dec: Floats) -> tuple[Floats, Floats]:
    """Pixels of positions; without the distortion where it cannot be undone, far off the image."""
    from astropy.coordinates import SkyCoord

    sky = SkyCoord(ra, dec, unit="deg", frame="icrs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy warns where its iteration does not converge
        x, y = wcs.world_to_pixel(sky)
    if not wcs.has_distortion:
        return x, y
    back = wcs.pixel_to_world(x, y).icrs
    lost = ~(back.separation(sky).deg < _CLOSE)
    if lost.any():
        linear = wcs.deepcopy()
        linear.sip = linear.cpdis1 = linear.cpdis2 = linear.det2im1 = linear.det2im2 = None
        x, y = np.array(x), np.array(y)
        x[lost], y[lost] = linear.world_to_pixel(sky[lost])
    return x, y


def _local_maps(wcs: WCS, x: Any, y: Any) -> Floats:
    """The linear map from pixels to arcsec east and north, at positions in pixels.

    Measured on the pixel itself, so distortion and projection are included; shape (n, 2, 2).
    """
    half = 0.5
    across = np.array([x, x - half, x + half, x, x])
    up = np.array([y, y, y, y - half, y + half])
    sky = wcs.pixel_to_world(across, up).icrs
    _, left, right, below, above = np.moveaxis(sky.cartesian.xyz.value, 0, -1)
    ra, dec = sky[0].ra.rad, sky[0].dec.rad
    zero = np.zeros_like(ra)
    east = np.stack([-np.sin(ra), np.cos(ra), zero], axis=-1)
    north = np.stack([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)], axis=-1)
    steps = (right - left, above - below)
    maps = [[(step * axis).sum(axis=-1) for step in steps] for axis in (east, north)]
    local: Floats = np.degrees(np.moveaxis(np.array(maps), -1, 0)) * 3600
    return local


# --- sizes and angles


def _convert(region: Region, points: Floats, local: Floats, shapes: Any) -> Any:
    """The same shape in the other system: its places, and the linear map of its sizes."""
    fields: dict[str, Any] = {}
    sizes = {name: getattr(region, name) for name in region.sizes}
    if "angle" in region.geometry():
        from_sky = isinstance(region, SkyRegion)
        frame = _axes(region.angle, from_sky)  # type: ignore[attr-defined]
        turn = _ellipse if region.shape == "ellipse" else _box
        lengths, axis = turn(local @ frame, np.array(list(sizes.values())))
        sizes = dict(zip(sizes, lengths, strict=True))
        u, v = axis  # along x and y, or east and north
        fields["angle"] = math.degrees(math.atan2(v, u) if from_sky else math.atan2(u, v)) % 360
    else:
        scale = math.sqrt(abs(np.linalg.det(local)))
        sizes = {name: size * scale for name, size in sizes.items()}
    kind = shapes[region.shape]
    for name in FEWEST:
        if hasattr(region, name):
            fields[name] = tuple(map(tuple, points.tolist()))
            break
    else:
        fields |= dict(zip(kind.geometry()[:2], points[0].tolist(), strict=True))
    return kind(**fields, **sizes, **region.looks())


def _axes(angle: float, on_sky: bool) -> Floats:
    """Unit vectors of the two axes of a shape, in columns."""
    cos, sin = direction(angle)
    first = (sin, cos) if on_sky else (cos, sin)
    return np.array([[first[0], -first[1]], [first[1], first[0]]])


def _ellipse(frame: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """Semi-axes and direction of the first, of the ellipse a linear map makes of another."""
    vectors, lengths, old = np.linalg.svd(frame * sizes)
    first = 0 if abs(old[0, 0]) >= abs(old[1, 0]) else 1
    axis = vectors[:, first] * math.copysign(1.0, old[first, 0])
    return lengths[[first, 1 - first]], axis


def _box(frame: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """Sides and direction of the first, of the rectangle nearest to the parallelogram."""
    vectors, _, old = np.linalg.svd(frame)
    width = float(np.linalg.norm(frame[:, 0]))
    height = abs(np.linalg.det(frame)) / width
    return sizes * [width, height], (vectors @ old)[:, 0]
