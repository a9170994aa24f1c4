"""What kind of mask a FITS file holds, and which way round it is.

Nothing is guessed that could turn a mask round: where the file does not say whether 1 is bad or
good, and most of it is set, the polarity must be given.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.files.flags import flag_names
from ginga_bkgplugin.files.frames import split_spec
from ginga_bkgplugin.files.maskfile import open_plane, read_mask, whole_numbers
from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.imported import ImportedMask
from ginga_bkgplugin.sky.pixels import BoolImage

_WEIGHTS = re.compile(r"WHT|WEIGHT|WGT|INVVAR|IVAR", re.IGNORECASE)
_MANY_LABELS = 64  # different values, nearly one after another: objects, not sums of flags
_FLAGS = re.compile(r"(^|[^A-Z])(DQ|FLAGS?)($|[^A-Z])", re.IGNORECASE)
_OBJECTS = re.compile(r"SEGM|LABEL|OBJMASK", re.IGNORECASE)
_GUESSES = (
    "its values are not whole numbers",
    "its values number objects",
    "its values are sums of flags",
)


@dataclasses.dataclass(frozen=True)
class MaskLook:
    """What a mask in a file is, as far as the file tells.

    Attributes
    ----------
    hdu : str
        Where it is: EXTNAME,EXTVER or number.
    kind : str
        One of "mask", "bits", "weight", "labels".
    polarity : str or None
        "bad" or "good"; None where the user must say.
    why : str
        What the kind and the polarity follow from, in words.
    names : dict
        Flags by name, with their values.
    present : dict
        Share of the pixels that have each flag, by name or value, where it is above 0.
    share : float
        Of pixels that are not 0.
    unknown : int
        Pixels that are NaN; they are masked whatever the polarity.
    sure : bool
        Whether the kind is stated by header or name, or given; else it follows from the values.
    """

    hdu: str
    kind: str
    polarity: str | None
    why: str
    names: dict[str, int]
    present: dict[str, float]
    share: float
    unknown: int
    sure: bool = True


def look_at_mask(
    path: str | Path, shape: tuple[int, int], hdu: str | None = None, kind: str | None = None
) -> MaskLook:
    """Find out what a mask is, to ask the user what the file does not say.

    Parameters
    ----------
    path : str or Path
        A FITS file, or ``file.fits[DQ,1]``.
    shape : tuple of int
        (ny, nx) of the image.
    hdu : str, optional
        Number, EXTNAME or ``EXTNAME,EXTVER``. Default: the only image of that size, or the only
        one named like a mask.
    kind : str, optional
        Take it for this.

    Raises
    ------
    ImageError
        When the file cannot be read, holds no such image, or one of another size.
    """
    values, header, key = open_plane(path, hdu, shape)
    unknown = int(np.count_nonzero(~np.isfinite(values))) if values.dtype.kind == "f" else 0
    names, form = flag_names(header)
    known, why = (kind, "as given") if kind else _kind_of(values, header, str(path), form)
    share = float(np.count_nonzero(values > 0 if known == "weight" else values) / values.size)
    polarity, because = _polarity_of(known, header, share)
    present = _present(whole_numbers(values), names) if known == "bits" else {}
    return MaskLook(key, known, polarity, f"{why}; {because}", names, present, share, unknown,
                    why not in _GUESSES)  # fmt: skip


def open_mask(
    path: str | Path,
    shape: tuple[int, int],
    *,
    hdu: str | None = None,
    kind: str | None = None,
    polarity: str | None = None,
    bits: Sequence[int | str] = (),
    name: str = "",
) -> tuple[ImportedMask, BoolImage]:
    """Read a mask the user named, and the reference a recipe keeps of it.

    Parameters
    ----------
    path, shape, hdu
        As `look_at_mask`.
    kind, polarity, bits
        As `ImportedMask`; what is not given follows from the file.
    name : str
        For people.

    Returns
    -------
    (ImportedMask, ndarray of bool)
        The plane is True where pixels are masked.

    Raises
    ------
    ParameterError
        When the polarity is unclear and not given, or a flag has no such name.
    ImageError
        As `look_at_mask`.
    """
    _, mask = recognise_mask(path, shape, hdu, kind, polarity, bits)
    return mask.replace(name=name), read_mask(mask, shape)


def recognise_mask(
    path: str | Path,
    shape: tuple[int, int],
    hdu: str | None,
    kind: str | None,
    polarity: str | None,
    bits: Sequence[int | str],
) -> tuple[MaskLook, ImportedMask]:
    """What `open_mask` finds out, and the reference, before the pixels are masked by it."""
    file, words = split_spec(str(path))
    look = look_at_mask(file, shape, hdu or words, kind)
    if bits and kind is None and look.kind == "mask":
        look = look_at_mask(file, shape, hdu or words, "bits")
    polarity = polarity or look.polarity or ("bad" if bits else None)
    if polarity is None:
        raise ParameterError(
            f"{Path(file).name}: {look.share:.0%} of it is set and it does not say whether 1 is"
            " bad or good. Give the polarity: bad masks what is set, good what is not."
        )
    mask = ImportedMask(
        path=str(file), hdu=look.hdu, kind=look.kind, polarity=polarity, bits=tuple(bits)
    )
    return look, mask


# --- what it is


def _kind_of(
    values: npt.NDArray[Any], header: Mapping[str, Any], path: str, form: str
) -> tuple[str, str]:
    words = f"{header.get('EXTNAME', '')} {Path(path).name}"
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if "MASKPOL" in header:
        return "mask", "the header has MASKPOL"
    if _WEIGHTS.search(words):
        return "weight", "it is named like a weight map"
    if finite.dtype.kind == "f" and (finite != np.rint(finite)).any():
        return "weight", _GUESSES[0]
    least, most = (finite.min(), finite.max()) if finite.size else (0, 0)
    if least >= 0 and most <= 1:
        return "mask", "its values are 0 and 1"
    if form:
        return form, "its flags have names"
    if _FLAGS.search(words):
        return "bits", "it is named like flags"
    if _OBJECTS.search(words):
        return "labels", "it is named like a map of objects"
    different = np.unique(finite)
    if different.size <= 2:
        return "mask", "it has two values"
    if different.size > _MANY_LABELS and most < 16 * different.size:
        return "labels", _GUESSES[1]
    return "bits", _GUESSES[2]


def _polarity_of(kind: str, header: Mapping[str, Any], share: float) -> tuple[str | None, str]:
    stated = str(header.get("MASKPOL", "")).upper().replace(" ", "")
    if stated:
        bad = any(word in stated for word in ("1=MASK", "1=BAD", "0=GOOD"))
        good = any(word in stated for word in ("1=GOOD", "0=MASK", "0=BAD", "1=FREE"))
        if bad != good:
            return ("bad" if bad else "good"), f"MASKPOL says {stated}"
    if kind in ("weight", "labels"):
        return "bad", "0 is bad" if kind == "weight" else "objects are masked"
    if share < 0.5:
        return "bad", f"{share:.1%} is set: taken for bad"
    return None, f"{share:.1%} is set: bad or good?"


def _present(values: npt.NDArray[np.int64], names: dict[str, int]) -> dict[str, float]:
    flags = {name: np.int64(value) for name, value in names.items()}
    spare = np.bitwise_or.reduce(values, axis=None) & ~np.int64(sum(names.values()))
    flags |= {str(1 << bit): np.int64(1 << bit) for bit in range(62) if spare >> bit & 1}
    shares = {name: np.count_nonzero(values & flag) / values.size for name, flag in flags.items()}
    return {name: float(share) for name, share in shares.items() if share}
