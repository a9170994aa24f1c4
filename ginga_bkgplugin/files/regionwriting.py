"""DS9 region files, written with astropy-regions, as `read_regions` reads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ginga_bkgplugin.files.writing import write_text
from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.region import PixelRegion, Region, SkyRegion
from ginga_bkgplugin.recipe.shapes import PixelStroke, SkyStroke
from ginga_bkgplugin.sky.blobs import polygon_of
from ginga_bkgplugin.sky.placing import to_pixel, to_skies
from ginga_bkgplugin.sky.raster import draw

if TYPE_CHECKING:
    from astropy.wcs import WCS


def write_regions(
    path: str | Path,
    regions: Iterable[Region],
    *,
    wcs: WCS | None = None,
    sky: bool = False,
    overwrite: bool = False,
) -> list[str]:
    """Write regions as a DS9 file; those that erase are excluded ones there.

    Parameters
    ----------
    path : str or Path
        The file.
    regions : iterable of Region
        Those that are off are left out: DS9 knows no such thing. Brush strokes become polygons
        along the edges of their pixels.
    wcs : astropy.wcs.WCS, optional
        Needed with `sky`, and for brush strokes on the sky.
    sky : bool
        Write all of them on the sky (ICRS).
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    list of str
        What was left out or changed, in words.

    Raises
    ------
    NoWCSError
        When the WCS is needed and there is none.
    ProductError
        When the file exists or cannot be written.
    """
    lines, notes, system = ["# Region file format: DS9, by ginga-bkgplugin"], [], ""
    given = list(regions)
    kept = [region for region in given if region.on]
    if len(kept) < len(given):
        notes.append(f"{len(given) - len(kept)} regions that are off were left out.")
    strokes = sum(isinstance(region, (PixelStroke, SkyStroke)) for region in kept)
    if strokes:
        notes.append(f"{strokes} brush strokes were written as polygons.")
    for region in kept:
        shape = _outlined(region, wcs) if isinstance(region, (PixelStroke, SkyStroke)) else region
        if isinstance(shape, PixelRegion) and (sky or isinstance(region, SkyRegion)):
            (shape,) = to_skies([shape], wcs)
        name = "icrs" if isinstance(shape, SkyRegion) else "image"
        if name != system:
            lines.append(name)
            system = name
        lines.append(_line(shape))
    write_text(Path(path), "\n".join(lines) + "\n", overwrite=overwrite)
    return notes


def _line(region: Region) -> str:
    """A statement of DS9, through astropy-regions; angles from the west, as DS9 counts them."""
    import astropy.units as u
    import regions as ds9
    from astropy.coordinates import SkyCoord

    on_sky = isinstance(region, SkyRegion)
    kind = {"box": "Rectangle", "annulus": "CircleAnnulus"}.get(
        region.shape, region.shape.capitalize()
    )
    make = getattr(ds9, f"{kind}{'Sky' if on_sky else 'Pixel'}Region")
    unit = u.arcsec if on_sky else 1

    def at(first: Any, second: Any) -> Any:
        return SkyCoord(first, second, unit="deg") if on_sky else ds9.PixCoord(first, second)

    names = region.geometry()
    if names[0] == "vertices":
        shape = make(at(*np.array(getattr(region, names[0])).T))
    else:
        values = [getattr(region, name) for name in names]
        double = 2 if region.shape == "ellipse" else 1
        sizes = [size * double * unit for size in values[2 : 2 + len(region.sizes)]]
        angle = {"angle": (values[-1] + 90 * on_sky) * u.deg} if "angle" in names else {}
        shape = make(at(*values[:2]), *sizes, **angle)
    text = str(shape.serialize(format="ds9", precision=10)).strip().splitlines()[-1]
    looks = [f"text={_quoted(region.name)}"] if region.name else []
    looks += [f"color={region.color}"] if region.color else []
    return ("-" if region.erase else "") + " # ".join(
        [text, *([" ".join(looks)] if looks else [])]
    )


def _quoted(name: str) -> str:
    for begin, end in ("{}", '""', "''"):
        if begin not in name and end not in name:
            return begin + name + end
    return "{" + name.replace("{", "(").replace("}", ")") + "}"


def _outlined(stroke: PixelStroke | SkyStroke, wcs: WCS | None) -> Region:
    """A brush stroke as the polygon along the edges of its pixels."""
    pixel = to_pixel(stroke, wcs)
    left, bottom, right, top = (int(np.floor(edge)) for edge in pixel.bounds())
    plain = pixel.replace(erase=False).moved(-left, -bottom)
    drawn = draw((top - bottom + 2, right - left + 2), [plain]).masked
    if not drawn.any():
        raise ParameterError("A brush stroke between pixels cannot be written: make it wider.")
    return polygon_of(drawn, (left, bottom)).replace(**stroke.looks())
