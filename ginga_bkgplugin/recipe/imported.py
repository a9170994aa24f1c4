"""A mask from a file, as a recipe holds it: where it is and how its values are to be read."""

from __future__ import annotations

import dataclasses
from typing import Any

from ginga_bkgplugin.recipe.errors import ParameterError

KINDS = ("mask", "bits", "weight", "labels")
POLARITIES = ("bad", "good")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportedMask:
    """A reference to a mask in a FITS file. It is read only where the user names the file.

    Parameters
    ----------
    path : str
        The file.
    hdu : str
        Number, EXTNAME or ``EXTNAME,EXTVER``; empty is the first image.
    kind : {"mask", "bits", "weight", "labels"}
        Zero or not; flags in bits; weights, of which 0 (or less, or NaN) is bad; objects by
        number, 0 for none.
    polarity : {"bad", "good"}
        Of a mask or bits: what is set is masked (1 = bad), or what is not set (1 = good).
    bits : tuple of int or str
        Of bits: values of flags (1, 2, 4, …) or names, such as ``SATURATED``; of labels: numbers
        of objects. Empty is any of them.
    name : str
        For people.
    on : bool
        Off: it is kept and does nothing.
    """

    path: str
    hdu: str = ""
    kind: str = "mask"
    polarity: str = "bad"
    bits: tuple[int | str, ...] = ()
    name: str = ""
    on: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path.isprintable() or not self.path:
            raise ParameterError(f"A mask from a file needs its path, not {self.path!r}.")
        for field, text in (("hdu", self.hdu), ("name", self.name)):
            if not isinstance(text, str) or not text.isprintable():
                raise ParameterError(f"The mask's {field} must be one line of text, not {text!r}.")
        if self.kind not in KINDS:
            raise ParameterError(
                f"The mask's kind must be one of {', '.join(KINDS)}; {self.kind!r} is not."
            )
        if self.polarity not in POLARITIES:
            raise ParameterError(
                f"The mask's polarity must be bad or good, not {self.polarity!r}."
            )
        if not isinstance(self.on, bool):
            raise ParameterError(f"The mask's on must be true or false, not {self.on!r}.")
        object.__setattr__(self, "bits", _bits(self.bits))
        if self.bits and self.kind not in ("bits", "labels"):
            raise ParameterError(f"Bits count with the kind bits or labels, not {self.kind}.")

    def replace(self, **changes: Any) -> ImportedMask:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The reference as it stands in a recipe file."""
        return {**dataclasses.asdict(self), "bits": list(self.bits)}

    @classmethod
    def from_dict(cls, values: Any) -> ImportedMask:
        """Read one entry of a recipe's masks.

        Raises
        ------
        ParameterError
            For an unknown, missing or wrong entry.
        """
        if not isinstance(values, dict):
            raise ParameterError(f"A mask from a file must be a mapping, not {values!r}.")
        try:
            return cls(**values)
        except TypeError:
            known = ", ".join(field.name for field in dataclasses.fields(cls))
            raise ParameterError(
                f"A mask from a file knows {known}, and needs path; got {sorted(values)}."
            ) from None


def _bits(values: Any) -> tuple[int | str, ...]:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise ParameterError(f"The mask's bits must be a list, not {values!r}.")
    for value in values:
        number = isinstance(value, int) and not isinstance(value, bool) and value > 0
        if not number and not (isinstance(value, str) and value.strip() and value.isprintable()):
            raise ParameterError(
                f"The mask's bits must be numbers above 0 or names; {value!r} is not."
            )
    return tuple(values)
