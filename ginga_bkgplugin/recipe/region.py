"""What all regions have in common: looks, checks, and the two families, pixels and sky."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.rules import finite

Point = tuple[float, float]
Points = tuple[Point, ...]
Bounds = tuple[float, float, float, float]

_COLOR = re.compile(r"(#[0-9a-fA-F]{3,8}|[A-Za-z][\w ]*)?")
FEWEST = {"vertices": 3, "points": 1}  # of the fields that hold points


@dataclasses.dataclass(frozen=True)
class Region:
    """What all shapes have in common. Make one of the shapes, not this.

    Parameters
    ----------
    erase : bool
        Takes pixels out of the mask instead of adding them: what regions before it in the list
        masked, the automatic sources, and masks from files. Never invalid pixels.
    name : str
        For people: a label beside the shape and in the list.
    color : str
        A name or ``#rrggbb``; empty is the viewer's usual one.
    on : bool
        Off: the region is kept and does nothing.
    locked : bool
        The viewer does not move, resize or delete it.
    """

    _: dataclasses.KW_ONLY
    erase: bool = False
    name: str = ""
    color: str = ""
    on: bool = True
    locked: bool = False

    shape: ClassVar[str]
    frame: ClassVar[str]
    sizes: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        kind = type(self).__name__
        for name in self.geometry():
            value = getattr(self, name)
            checked = _points if name in FEWEST else _finite
            object.__setattr__(self, name, checked(kind, name, value))
        for name in self.sizes:
            if getattr(self, name) <= 0:
                raise ParameterError(f"{kind}: {name} must be above 0.")
        _check_looks(self, kind)

    @classmethod
    def geometry(cls) -> tuple[str, ...]:
        """Names of the fields that say where it is and how large, in their order."""
        return tuple(field.name for field in dataclasses.fields(cls) if not field.kw_only)

    def looks(self) -> dict[str, Any]:
        """The fields all shapes have, to make another shape that counts the same."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(Region)}

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def bare(self) -> Self:
        """The shape without name, colour and lock: only what decides the mask."""
        if not (self.name or self.color or self.locked):
            return self
        return self._bare

    @functools.cached_property
    def _bare(self) -> Self:
        return self.replace(name="", color="", locked=False)

    def to_dict(self) -> dict[str, Any]:
        """The shape as it stands in a recipe file; usual looks are left out."""
        numbers = {name: getattr(self, name) for name in self.geometry()}
        looks = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(Region)
            if getattr(self, field.name) != field.default
        }
        return {"shape": self.shape, "frame": self.frame, **numbers, **looks}


@dataclasses.dataclass(frozen=True)
class PixelRegion(Region):
    """A shape in pixels. A pixel belongs to it when its centre lies inside or on its edge."""

    frame: ClassVar[str] = "pixel"

    def bounds(self) -> Bounds:
        """Least x, least y, greatest x, greatest y."""
        raise NotImplementedError

    @property
    def centre(self) -> Point:
        """The middle of its bounds."""
        left, bottom, right, top = self.bounds()
        return left + (right - left) / 2, bottom + (top - bottom) / 2

    def moved(self, dx: float, dy: float) -> Self:
        """A copy moved by so many pixels."""
        return self._map(lambda x, y: (x + dx, y + dy))

    def scaled(self, factor: float) -> Self:
        """A copy enlarged about its centre."""
        cx, cy = self.centre
        larger = {name: getattr(self, name) * factor for name in self.sizes}
        return self._map(lambda x, y: (cx + factor * (x - cx), cy + factor * (y - cy))).replace(
            **larger
        )

    def _map(self, move: Callable[[float, float], Point]) -> Self:
        for name in FEWEST:
            if hasattr(self, name):
                return self.replace(**{name: tuple(move(*p) for p in getattr(self, name))})
        x, y = move(self.x, self.y)  # type: ignore[attr-defined]
        return self.replace(x=x, y=y)


@dataclasses.dataclass(frozen=True)
class SkyRegion(Region):
    """A shape on the sky: ICRS degrees, sizes in arcseconds."""

    frame: ClassVar[str] = "icrs"

    def __post_init__(self) -> None:
        super().__post_init__()
        for dec in self._declinations():
            if not -90 <= dec <= 90:
                raise ParameterError(
                    f"{type(self).__name__}: dec must be from -90 to 90; {dec:g} is not."
                )

    def _declinations(self) -> tuple[float, ...]:
        for name in FEWEST:
            if hasattr(self, name):
                return tuple(dec for _, dec in getattr(self, name))
        return (self.dec,)  # type: ignore[attr-defined]


def common_ends(before: Sequence[Any], after: Sequence[Any]) -> tuple[int, int]:
    """How many entries two lists share at their beginning, and after these at their end."""
    first, shorter = 0, min(len(before), len(after))
    while first < shorter and (before[first] is after[first] or before[first] == after[first]):
        first += 1
    last = 0
    while last < shorter - first and (
        before[-1 - last] is after[-1 - last] or before[-1 - last] == after[-1 - last]
    ):
        last += 1
    return first, last


def direction(angle: float) -> Point:
    """Cosine and sine of an angle in degrees, exact at multiples of 90."""
    turns, rest = divmod(angle, 90.0)
    if rest == 0:
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(turns) % 4]
    return math.cos(math.radians(angle)), math.sin(math.radians(angle))


def _finite(kind: str, name: str, value: Any) -> float:
    return finite(f"{kind}: {name}", value)


def _points(kind: str, name: str, value: Any) -> Points:
    try:
        pairs = [(first, second) for first, second in value]
    except (TypeError, ValueError):
        raise ParameterError(f"{kind}: {name} must be pairs of numbers.") from None
    if len(pairs) < FEWEST[name]:
        raise ParameterError(f"{kind}: {name} must be at least {FEWEST[name]}, not {len(pairs)}.")
    return tuple((_finite(kind, name, one), _finite(kind, name, two)) for one, two in pairs)


def _check_looks(region: Region, kind: str) -> None:
    for name in ("erase", "on", "locked"):
        if not isinstance(getattr(region, name), bool):
            raise ParameterError(
                f"{kind}: {name} must be true or false, not {getattr(region, name)!r}."
            )
    if not isinstance(region.name, str) or not region.name.isprintable():
        raise ParameterError(f"{kind}: name must be one line of text, not {region.name!r}.")
    if not isinstance(region.color, str) or not _COLOR.fullmatch(region.color):
        raise ParameterError(
            f"{kind}: color must be a name such as red, or #rrggbb; {region.color!r} is not."
        )
