"""The shapes a user draws, in pixels or on the sky. Two families, so units cannot be confused.

Pixels are 0-based, their centres at integers (FITS and DS9 minus 1). Positions on the sky are
ICRS degrees, sizes arcseconds. An angle is in degrees: in pixels counter-clockwise from the x
axis, on the sky from north through east, always of the first of two axes (`a`, `width`).
Keywords all shapes take: see `Region`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.region import (
    Bounds,
    PixelRegion,
    Points,
    Region,
    SkyRegion,
    direction,
)


@dataclasses.dataclass(frozen=True)
class PixelCircle(PixelRegion):
    """A circle in pixels.

    Parameters
    ----------
    x, y : float
        Centre, 0-based, pixel centres at integers (FITS coordinates minus 1).
    radius : float
        Radius in pixels. A pixel is masked when its centre lies at or inside it.
    """

    x: float
    y: float
    radius: float
    shape: ClassVar[str] = "circle"
    sizes: ClassVar[tuple[str, ...]] = ("radius",)

    def bounds(self) -> Bounds:  # noqa: D102
        return _around(self.x, self.y, self.radius, self.radius)


@dataclasses.dataclass(frozen=True)
class SkyCircle(SkyRegion):
    """A circle on the sky.

    Parameters
    ----------
    ra, dec : float
        Centre in degrees, ICRS.
    radius : float
        Radius in arcseconds.
    """

    ra: float
    dec: float
    radius: float
    shape: ClassVar[str] = "circle"
    sizes: ClassVar[tuple[str, ...]] = ("radius",)


@dataclasses.dataclass(frozen=True)
class PixelEllipse(PixelRegion):
    """An ellipse in pixels.

    Parameters
    ----------
    x, y : float
        Centre, 0-based.
    a, b : float
        Semi-axes in pixels, in either order of size.
    angle : float
        Of `a`, degrees counter-clockwise from the x axis.
    """

    x: float
    y: float
    a: float
    b: float
    angle: float
    shape: ClassVar[str] = "ellipse"
    sizes: ClassVar[tuple[str, ...]] = ("a", "b")

    def bounds(self) -> Bounds:  # noqa: D102
        cos, sin = direction(self.angle)
        across = math.hypot(self.a * cos, self.b * sin)
        return _around(self.x, self.y, across, math.hypot(self.a * sin, self.b * cos))


@dataclasses.dataclass(frozen=True)
class SkyEllipse(SkyRegion):
    """An ellipse on the sky: semi-axes `a`, `b` in arcsec, `angle` of `a` from north to east."""

    ra: float
    dec: float
    a: float
    b: float
    angle: float
    shape: ClassVar[str] = "ellipse"
    sizes: ClassVar[tuple[str, ...]] = ("a", "b")


@dataclasses.dataclass(frozen=True)
class PixelBox(PixelRegion):
    """A rectangle in pixels.

    Parameters
    ----------
    x, y : float
        Centre, 0-based.
    width, height : float
        Full sides in pixels.
    angle : float
        Of `width`, degrees counter-clockwise from the x axis.
    """

    x: float
    y: float
    width: float
    height: float
    angle: float
    shape: ClassVar[str] = "box"
    sizes: ClassVar[tuple[str, ...]] = ("width", "height")

    def bounds(self) -> Bounds:  # noqa: D102
        cos, sin = map(abs, direction(self.angle))
        across = (self.width * cos + self.height * sin) / 2
        return _around(self.x, self.y, across, (self.width * sin + self.height * cos) / 2)


@dataclasses.dataclass(frozen=True)
class SkyBox(SkyRegion):
    """A rectangle on the sky: full sides in arcsec, `angle` of `width` from north to east."""

    ra: float
    dec: float
    width: float
    height: float
    angle: float
    shape: ClassVar[str] = "box"
    sizes: ClassVar[tuple[str, ...]] = ("width", "height")


@dataclasses.dataclass(frozen=True)
class _Ring(Region):
    sizes: ClassVar[tuple[str, ...]] = ("inner", "outer")
    shape: ClassVar[str] = "annulus"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.inner >= self.outer:  # type: ignore[attr-defined]
            raise ParameterError(f"{type(self).__name__}: inner must be less than outer.")


@dataclasses.dataclass(frozen=True)
class PixelAnnulus(_Ring, PixelRegion):
    """A ring in pixels: radii `inner` and `outer` round `x`, `y`; both edges belong to it."""

    x: float
    y: float
    inner: float
    outer: float

    def bounds(self) -> Bounds:  # noqa: D102
        return _around(self.x, self.y, self.outer, self.outer)


@dataclasses.dataclass(frozen=True)
class SkyAnnulus(_Ring, SkyRegion):
    """A ring on the sky: radii `inner` and `outer` in arcsec round `ra`, `dec`."""

    ra: float
    dec: float
    inner: float
    outer: float


@dataclasses.dataclass(frozen=True)
class _Closed(Region):
    shape: ClassVar[str] = "polygon"
    vertices: Points

    def __post_init__(self) -> None:
        super().__post_init__()
        first, second = zip(*self.vertices, strict=True)
        if min(first) == max(first) or min(second) == max(second):
            raise ParameterError(f"{type(self).__name__}: vertices must enclose an area.")


@dataclasses.dataclass(frozen=True)
class PixelPolygon(_Closed, PixelRegion):
    """A polygon in pixels, closed by itself; what is drawn freehand is one with many vertices.

    Parameters
    ----------
    vertices : sequence of (float, float)
        At least three (x, y), 0-based. Where the outline crosses itself a pixel is inside when
        a ray from it crosses the outline an odd number of times. A pixel centre exactly on the
        outline belongs to it on the left and lower side, not on the right and upper side, so
        polygons that share an edge share no pixel.
    """

    def bounds(self) -> Bounds:  # noqa: D102
        return _box_of(self.vertices, 0.0)


@dataclasses.dataclass(frozen=True)
class SkyPolygon(_Closed, SkyRegion):
    """A polygon on the sky: at least three `vertices` (ra, dec), joined straight in the image."""


@dataclasses.dataclass(frozen=True)
class PixelStroke(PixelRegion):
    """A brush stroke in pixels: all that is nearer than `radius` to a line through `points`.

    Parameters
    ----------
    points : sequence of (float, float)
        At least one (x, y), 0-based; one is a dab, a disc.
    radius : float
        Of the brush, in pixels; the edge belongs to the stroke.
    """

    points: Points
    radius: float
    shape: ClassVar[str] = "stroke"
    sizes: ClassVar[tuple[str, ...]] = ("radius",)

    def bounds(self) -> Bounds:  # noqa: D102
        return _box_of(self.points, self.radius)


@dataclasses.dataclass(frozen=True)
class SkyStroke(SkyRegion):
    """A brush stroke on the sky: `points` (ra, dec), `radius` of the brush in arcsec."""

    points: Points
    radius: float
    shape: ClassVar[str] = "stroke"
    sizes: ClassVar[tuple[str, ...]] = ("radius",)


PIXEL_SHAPES: dict[str, type[PixelRegion]] = {
    kind.shape: kind
    for kind in (PixelCircle, PixelEllipse, PixelBox, PixelAnnulus, PixelPolygon, PixelStroke)
}
SKY_SHAPES: dict[str, type[SkyRegion]] = {
    kind.shape: kind for kind in (SkyCircle, SkyEllipse, SkyBox, SkyAnnulus, SkyPolygon, SkyStroke)
}
_FRAMES: dict[str, Any] = {"pixel": PIXEL_SHAPES, "icrs": SKY_SHAPES}


def region_from_dict(values: Any) -> Region:
    """Read one shape of a recipe file.

    Raises
    ------
    ParameterError
        For an unknown shape or frame, or a missing, unknown or wrong value.
    """
    if not isinstance(values, dict):
        raise ParameterError(f"A region must be a mapping, not {values!r}.")
    fields = dict(values)
    shape, frame = fields.pop("shape", None), fields.pop("frame", None)
    if shape not in tuple(PIXEL_SHAPES):
        raise ParameterError(
            f"Unknown region shape {shape!r}. Known: {', '.join(map(repr, PIXEL_SHAPES))}."
        )
    if frame not in tuple(_FRAMES):
        raise ParameterError(f"Unknown region frame {frame!r}. Known: 'pixel', 'icrs'.")
    kind = _FRAMES[frame][shape]
    try:
        region: Region = kind(**fields)
    except TypeError:
        wanted = ", ".join(kind.geometry())
        raise ParameterError(
            f"Shape {shape!r} in frame {frame!r} needs exactly {wanted}; got {sorted(fields)}."
        ) from None
    return region


def _around(x: float, y: float, across: float, up: float) -> Bounds:
    return x - across, y - up, x + across, y + up


def _box_of(points: Points, margin: float) -> Bounds:
    xs, ys = zip(*points, strict=True)
    return min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin
