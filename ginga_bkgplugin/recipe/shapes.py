"""The shapes a user draws, in pixels or on the sky. Two types, so units cannot be confused."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

from ginga_bkgplugin.recipe.errors import ParameterError


def _finite(shape: str, name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(f"{shape}: {name} must be a number, not {value!r}.") from None
    if isinstance(value, (bool, str, bytes)) or not math.isfinite(number):
        raise ParameterError(f"{shape}: {name} must be a finite number, not {value!r}.")
    return number


class _Circle:
    """Checks and JSON form shared by both circles."""

    frame: ClassVar[str]

    def __post_init__(self) -> None:
        name = type(self).__name__
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            number = _finite(name, field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, number)
        if self.radius <= 0:  # type: ignore[attr-defined]
            raise ParameterError(f"{name}: radius must be above 0.")

    def to_dict(self) -> dict[str, Any]:
        """The shape as it stands in a recipe file."""
        values = dataclasses.asdict(self)  # type: ignore[call-overload]
        return {"shape": "circle", "frame": self.frame, **values}


@dataclasses.dataclass(frozen=True)
class PixelCircle(_Circle):
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
    frame: ClassVar[str] = "pixel"


@dataclasses.dataclass(frozen=True)
class SkyCircle(_Circle):
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
    frame: ClassVar[str] = "icrs"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not -90 <= self.dec <= 90:
            raise ParameterError(f"SkyCircle: dec must be from -90 to 90; {self.dec:g} is not.")


Region = PixelCircle | SkyCircle


def region_from_dict(values: Any) -> Region:
    """Read one shape of a recipe file.

    Raises
    ------
    ParameterError
        For an unknown shape or frame, or a missing, unknown or wrong value.
    """
    if not isinstance(values, dict):
        raise ParameterError(f"A region must be a mapping, not {values!r}.")
    numbers = dict(values)
    shape, frame = numbers.pop("shape", None), numbers.pop("frame", None)
    if shape != "circle":
        raise ParameterError(f"Unknown region shape {shape!r}. Known: 'circle'.")
    for kind in (PixelCircle, SkyCircle):
        if kind.frame == frame:
            try:
                circle: Region = kind(**numbers)
            except TypeError:
                wanted = ", ".join(field.name for field in dataclasses.fields(kind))
                raise ParameterError(
                    f"A circle in frame {frame!r} needs exactly {wanted}; got {sorted(numbers)}."
                ) from None
            return circle
    raise ParameterError(f"Unknown region frame {frame!r}. Known: 'pixel', 'icrs'.")
