"""The parameters: rule, default, unit, help and FITS card stand beside each field, once.

The panel's widgets, the command line's options, the checks on recipe files, the header
cards and the table in the docs are all derived from these fields. Names that exist in
ezphot are ezphot's.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, Self, get_type_hints

from ginga_bkgplugin.recipe.errors import ParameterError


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """What a parameter may be and how it is explained to people."""

    help: str
    card: str
    label: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    odd: bool = False

    def range_text(self) -> str:
        """The allowed range in words, e.g. ``from 1 to 15, odd``."""
        words = ""
        if self.low is not None and self.high is not None:
            words = f"from {self.low:g} to {self.high:g}"
        elif self.low is not None:
            words = f"at least {self.low:g}"
        return words + (", odd" if self.odd else "")


def parameter(default: Any, help: str, **rule: Any) -> Any:
    """A dataclass field with its `Rule`; keywords are `Rule`'s."""
    return dataclasses.field(default=default, metadata={"rule": Rule(help=help, **rule)})


def rule_of(field: dataclasses.Field[Any]) -> Rule:
    """The `Rule` that stands beside a field."""
    rule = field.metadata["rule"]
    assert isinstance(rule, Rule)
    return rule


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameters:
    """A frozen group of parameters that refuses any value outside its rules.

    Raises
    ------
    ParameterError
        On construction, naming the parameter, the value and the rule.
    """

    def __post_init__(self) -> None:
        kinds = self.kinds()
        for field in dataclasses.fields(self):
            value = _checked(
                field.name, getattr(self, field.name), kinds[field.name], rule_of(field)
            )
            object.__setattr__(self, field.name, value)

    @classmethod
    def kinds(cls) -> dict[str, Any]:
        """The type of each field: ``bool``, ``int``, ``float`` or ``float | None``."""
        hints = get_type_hints(cls)
        return {field.name: hints[field.name] for field in dataclasses.fields(cls)}

    @classmethod
    def rules(cls) -> Iterator[tuple[str, Any, Any, Rule]]:
        """Yield (name, type, default, rule) for each parameter, in display order."""
        kinds = cls.kinds()
        for field in dataclasses.fields(cls):
            yield field.name, kinds[field.name], field.default, rule_of(field)

    def to_dict(self) -> dict[str, Any]:
        """The parameters by name."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Build from a mapping; a missing name takes its default, an unknown one is refused."""
        if not isinstance(values, Mapping):
            raise ParameterError(f"{cls.__name__} must be a mapping of names to values.")
        known = {field.name for field in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise ParameterError(
                    f"Unknown parameter {name!r}. Known here: {', '.join(sorted(known))}."
                )
        return cls(**values)

    def replace(self, **changes: Any) -> Self:
        """A copy with some parameters changed."""
        return type(self).from_dict({**self.to_dict(), **changes})

    def cards(self) -> list[tuple[str, Any, str]]:
        """FITS cards (keyword, value, comment) for the header of a product."""
        return [
            (rule.card, getattr(self, name), f"{name} [{rule.unit}]" if rule.unit else name)
            for name, _, _, rule in self.rules()
        ]


def _checked(name: str, value: Any, kind: Any, rule: Rule) -> Any:
    """The value in its proper type, or a `ParameterError` that names it."""
    if kind == (float | None):
        if value is None:
            return None
        kind = float
    if kind is bool:
        if not isinstance(value, bool):
            raise ParameterError(f"{name} must be true or false, not {value!r}.")
        return value
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(f"{name} must be a number, not {value!r}.") from None
    if isinstance(value, (bool, str, bytes)) or not math.isfinite(number):
        raise ParameterError(f"{name} must be a finite number, not {value!r}.")
    if kind is int and number != int(number):
        raise ParameterError(f"{name} must be a whole number, not {value!r}.")
    too_low = rule.low is not None and number < rule.low
    too_high = rule.high is not None and number > rule.high
    if too_low or too_high or (rule.odd and int(number) % 2 == 0):
        raise ParameterError(f"{name} must be {rule.range_text()}; {value!r} is not.")
    return int(number) if kind is int else number


@dataclasses.dataclass(frozen=True, kw_only=True)
class InvalidParameters(Parameters):
    """Which pixels hold no measurement at all. NaN and inf always count."""

    threshold_invalid_connection: int = parameter(
        100_000,
        "Connected areas of exact zeros larger than this are invalid, such as the empty"
        " border of a mosaic.",
        label="Zero area above",
        card="MASKZERO",
        unit="px",
        low=0,
        high=10**9,
        step=1000,
    )
    use_dq: bool = parameter(
        False,
        "Pixels whose data quality (the DQ extension beside SCI) is not 0 are invalid.",
        label="DQ ≠ 0 is invalid",
        card="MASKDQ",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceMaskParameters(Parameters):
    """How sources are found by SEP on image - background, and how far they are masked."""

    sigma: float = parameter(
        5.0,
        "Detection threshold above the background, in units of its rms, after SEP's 3x3"
        " smoothing.",
        label="Sigma",
        card="MASKSIG",
        unit="rms",
        low=0.1,
        high=10_000,
        step=0.5,
    )
    mask_radius_factor: float = parameter(
        3.0,
        "A source of A pixels is masked by a disc of this times sqrt(A/pi), and by its own"
        " pixels. 0 masks its pixels only.",
        label="Mask radius factor",
        card="MASKRADF",
        low=0.0,
        high=50.0,
        step=0.5,
    )
    saturation_level: float | None = parameter(
        None,
        "A source with a pixel at or above this value is saturated and its disc grows."
        " Empty: the level the header states, if any.",
        label="Saturation level",
        card="MASKSAT",
        unit="image units",
    )
    saturation_radius_factor: float = parameter(
        2.0,
        "The disc of a saturated source is larger by this factor.",
        label="Saturated disc ×",
        card="MASKSATF",
        low=1.0,
        high=20.0,
        step=0.5,
    )
    min_area: int = parameter(
        5,
        "Fewest connected pixels above the threshold that make a source.",
        label="Least area",
        card="MASKMINA",
        unit="px",
        low=1,
        high=1_000_000,
    )
    passes: int = parameter(
        3,
        "Most rounds of detect, grow, re-fit. It stops earlier when a pass masks nothing"
        " new. 0 finds no sources.",
        label="Passes, at most",
        card="MASKPASS",
        low=0,
        high=50,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BackgroundParameters(Parameters):
    """How the sky is measured on the unmasked pixels."""

    is_2d: bool = parameter(
        True,
        "On: a background that varies over the frame, measured on a mesh of boxes."
        " Off: one constant, the global background of the same mesh.",
        label="2-D background",
        card="BKGIS2D",
    )
    box_size: int = parameter(
        64,
        "Side of the boxes in which the sky is measured. Larger than the largest source"
        " outside the mask, smaller than the sky's own structure.",
        label="Box size",
        card="BKGBOX",
        unit="px",
        low=4,
        high=16_384,
        step=8,
    )
    filter_size: int = parameter(
        3,
        "Side of the median filter over the mesh, in boxes. It removes boxes raised by a"
        " star; 1 is off.",
        label="Filter size",
        card="BKGFILT",
        unit="boxes",
        low=1,
        high=99,
        step=2,
        odd=True,
    )
    blank_invalid: bool = parameter(
        False,
        "Write NaN into the maps where pixels are invalid, instead of the interpolated sky.",
        label="NaN where invalid",
        card="BKGBLANK",
    )
