"""What a parameter is: a value with its rule beside it, checked when it is made."""

from __future__ import annotations

import dataclasses
import functools
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
    choices: tuple[str, ...] = ()

    def range_text(self) -> str:
        """The allowed range in words, e.g. ``from 1 to 15, odd``."""
        words = f"one of {', '.join(self.choices)}" if self.choices else ""
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
    @functools.cache
    def kinds(cls) -> dict[str, Any]:
        """The type of each field: ``bool``, ``int``, ``float``, ``float | None`` or ``str``."""
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


def finite(name: str, value: Any) -> float:
    """The value as a number that is neither NaN nor infinite.

    Raises
    ------
    ParameterError
        With `name`, for anything else.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(f"{name} must be a number, not {value!r}.") from None
    if isinstance(value, (bool, str, bytes)) or not math.isfinite(number):
        raise ParameterError(f"{name} must be a finite number, not {value!r}.")
    return number


def _checked(name: str, value: Any, kind: Any, rule: Rule) -> Any:
    """The value in its proper type, or a `ParameterError` that names it."""
    if kind == (float | None):
        if value is None:
            return None
        kind = float
    if kind is str:
        if value not in rule.choices:
            raise ParameterError(f"{name} must be {rule.range_text()}; {value!r} is not.")
        return value
    if kind is bool:
        if not isinstance(value, bool):
            raise ParameterError(f"{name} must be true or false, not {value!r}.")
        return value
    number = finite(name, value)
    if kind is int and number != int(number):
        raise ParameterError(f"{name} must be a whole number, not {value!r}.")
    too_low = rule.low is not None and number < rule.low
    too_high = rule.high is not None and number > rule.high
    if too_low or too_high or (rule.odd and int(number) % 2 == 0):
        raise ParameterError(f"{name} must be {rule.range_text()}; {value!r} is not.")
    return int(number) if kind is int else number
