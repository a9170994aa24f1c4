"""Regions of one image taken to another: a dither, a rotated or differently sampled frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.errors import NoWCSError
from ginga_bkgplugin.recipe.region import PixelRegion, Region
from ginga_bkgplugin.sky.placing import has_sky, place, to_skies
from ginga_bkgplugin.sky.raster import outside

if TYPE_CHECKING:
    from astropy.wcs import WCS


@dataclasses.dataclass(frozen=True)
class Carried:
    """Regions on another image.

    Attributes
    ----------
    regions : tuple of Region
        Those in pixels in pixels of the other image, those on the sky as they are; without the
        ones its projection has no place for.
    outside : int
        How many of all hold no pixel of the other image.
    """

    regions: tuple[Region, ...]
    outside: int

    @property
    def words(self) -> str:
        """What happened, in words."""
        told = f"{len(self.regions)} regions taken over"
        return told + (f"; {self.outside} lie outside this image." if self.outside else ".")


def anchor_regions(regions: Iterable[Region], wcs: WCS | None) -> tuple[Region, ...]:
    """The regions on the sky, in their order, to be used on any image of the field.

    Raises
    ------
    NoWCSError
        For a region in pixels without a celestial WCS.
    """
    regions = list(regions)
    skies = iter(to_skies([r for r in regions if isinstance(r, PixelRegion)], wcs))
    return tuple(next(skies) if isinstance(r, PixelRegion) else r for r in regions)


def carry_regions(
    regions: Sequence[Region], source: Frame, target: Frame, *, same_pixels: bool = False
) -> Carried:
    """Take regions from one image to another by their WCS, with every distortion.

    Parameters
    ----------
    regions : sequence of Region
        Of `source`.
    source, target : Frame
        The images.
    same_pixels : bool
        Where one of them has no WCS: use the same pixels, if the images have the same size.

    Returns
    -------
    Carried

    Raises
    ------
    NoWCSError
        When a WCS is missing and the same pixels may not, or cannot, be used.
    """
    ny, nx = target.data.shape
    if not (has_sky(source.wcs) and has_sky(target.wcs)):
        return _same_pixels(regions, source, target, same_pixels)
    placed = place(anchor_regions(regions, source.wcs), target.wcs)
    kept = [(old, new) for old, new in zip(regions, placed, strict=True) if new is not None]
    missed = len(regions) - len(kept) + len(outside([new for _, new in kept], (ny, nx)))
    taken = tuple(new if isinstance(old, PixelRegion) else old for old, new in kept)
    return Carried(taken, missed)


def count_outside(regions: Iterable[Region], frame: Frame) -> int:
    """How many regions that are on hold no pixel of an image."""
    ny, nx = frame.data.shape
    placed = place([region for region in regions if region.on], frame.wcs)
    known = [region for region in placed if region is not None]
    return len(placed) - len(known) + len(outside(known, (ny, nx)))


def _same_pixels(
    regions: Sequence[Region], source: Frame, target: Frame, allowed: bool
) -> Carried:
    without = source.name if not has_sky(source.wcs) else target.name
    sizes = [f"{frame.data.shape[1]} x {frame.data.shape[0]}" for frame in (source, target)]
    if sizes[0] != sizes[1]:
        raise NoWCSError(
            f"{without} has no celestial WCS, and the images have {sizes[0]} and {sizes[1]}"
            " pixels: regions cannot be taken over."
        )
    if not allowed or any(not isinstance(region, PixelRegion) for region in regions):
        raise NoWCSError(
            f"{without} has no celestial WCS. Regions in pixels can be taken over to the same"
            " pixels, if you say so (same_pixels)."
        )
    return Carried(tuple(regions), 0)
