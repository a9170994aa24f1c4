"""Finding FITS files below a folder, and conditions on their headers."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from astropy.io.fits import Header

from ginga_bkgplugin.files.names import KINDS
from ginga_bkgplugin.recipe.errors import ImageError, ParameterError

Where = Mapping[str, Any] | Iterable[str]

Ordered = TypeVar("Ordered", float, str)

_FITS_NAME = re.compile(r".+\.(fits?|fts)(\.(gz|fz|bz2))?", re.IGNORECASE)
_PRODUCT_NAME = re.compile(
    rf"(?:.+\.(?P<kind>{'|'.join(KINDS)})(?:\.fits(?:\.gz|\.fz)?)?|(?P<sub>subbkg)_.+)"
)
_CONDITION = re.compile(r"\s*([\w -]+?)\s*(>=|<=|!=|==|=|>|<)\s*(.*?)\s*")
_SIGN = re.compile(r">=|<=|!=|==|=|>|<")
_TRUE, _FALSE = ("t", "true"), ("f", "false")


@dataclasses.dataclass(frozen=True)
class Condition:
    """What a header card must be.

    Numbers are compared as numbers, everything else as text, so dates in ISO form come out
    right. With ``=`` and ``!=`` the text may hold ``*``, ``?`` and ``[...]``, and alternatives
    with ``|``. A card that is missing satisfies ``!=`` only.

    Attributes
    ----------
    card : str
        Keyword, upper case.
    sign : str
        One of ``= != >= <= > <``.
    value : str
        What it is compared with.
    """

    card: str
    sign: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read ``FILTER=m600`` or ``EXPTIME>=60``.

        Raises
        ------
        ParameterError
            When it is not card, sign and value.
        """
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise ParameterError(
                f"The condition {text!r} cannot be read: write CARD=VALUE, or one of the signs"
                " != >= <= > <, e.g. EXPTIME>=60."
            )
        return cls(match[1].upper(), "=" if match[2] == "==" else match[2], match[3])

    def holds(self, *headers: Mapping[str, Any] | Header) -> bool:
        """Whether the card is so in the first header that has it."""
        for header in headers:
            if self.card in header:
                return self._compare(header[self.card])
        return self.sign == "!="

    def _compare(self, found: Any) -> bool:
        if self.sign in ("=", "!="):
            equal = any(_same(found, wanted.strip()) for wanted in self.value.split("|"))
            return equal == (self.sign == "=")
        left, right = _number(found), _number(self.value)
        if left is None or right is None:
            return _ordered(str(found).strip(), self.sign, self.value)
        return _ordered(left, self.sign, right)

    def __str__(self) -> str:
        return f"{self.card}{self.sign}{self.value}"


def conditions(where: Where | None) -> tuple[Condition, ...]:
    """Conditions of a mapping, or of texts such as ``EXPTIME>=60``; all must hold.

    Parameters
    ----------
    where : mapping or iterable of str, optional
        Of a mapping, a value is a number, a truth, a text that may begin with a sign
        (``">=60"``), or a list of alternatives.
    """
    if where is None:
        return ()
    if isinstance(where, str):
        return (Condition.parse(where),)
    if not isinstance(where, Mapping):
        return tuple(each if isinstance(each, Condition) else Condition.parse(each)
                     for each in where)  # fmt: skip
    found = []
    for card, value in where.items():
        if isinstance(value, (list, tuple, set, frozenset)):
            value = "|".join(str(each) for each in value)
        text = str(value)
        found.append(Condition.parse(f"{card}{'' if _SIGN.match(text) else '='}{text}"))
    return tuple(found)


def _ordered(left: Ordered, sign: str, right: Ordered) -> bool:
    if left == right:
        return sign.endswith("=")
    return (left > right) == sign.startswith(">")


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _same(found: Any, wanted: str) -> bool:
    if isinstance(found, bool):
        return wanted.lower() in (_TRUE if found else _FALSE)
    number, other = _number(found), _number(wanted)
    if number is not None and other is not None:
        return number == other
    return fnmatchcase(str(found).strip(), wanted)


def walk(
    folder: str | Path, pattern: str | None = None, problems: list[str] | None = None
) -> list[Path]:
    """Files below a folder, sorted; links are followed, each folder is entered once.

    Parameters
    ----------
    folder : path
    pattern : str, optional
        As of a shell, against the path below `folder`: ``*.fits`` in it, ``**/*100.fits`` at any
        depth. Default: every file with the name of a FITS file that is not hidden.
    problems : list of str, optional
        Gets a line for each folder below that cannot be read.

    Raises
    ------
    ImageError
        When `folder` itself is missing or cannot be read.
    """
    root = Path(folder)
    try:
        os.scandir(root).close()
    except OSError as error:
        raise ImageError(
            f"{root}: the folder cannot be searched ({error.strerror}). Check the path and its"
            " permissions."
        ) from error
    wanted = pattern.strip("/").split("/") if pattern else None
    found = []
    for path in _files(root, set(), problems if problems is not None else []):
        parts = path.relative_to(root).parts
        if wanted is None:
            chosen = not any(part.startswith(".") for part in parts)
            chosen = chosen and _FITS_NAME.fullmatch(path.name) is not None
        else:
            chosen = _matches(parts, wanted)
        if chosen:
            found.append(path)
    return sorted(found)


def _files(folder: Path, entered: set[tuple[int, int]], problems: list[str]) -> Iterator[Path]:
    """Files below a folder; own folders before links, so that a loop is met at its end."""
    try:
        stat = folder.stat()
        if (stat.st_dev, stat.st_ino) in entered:
            return
        entered.add((stat.st_dev, stat.st_ino))
        with os.scandir(folder) as scan:
            inside = sorted(scan, key=lambda each: (each.is_symlink(), each.name))
    except OSError as error:
        problems.append(f"{folder}: the folder cannot be read ({error.strerror}): left out.")
        return
    for each in inside:
        try:
            is_folder = each.is_dir()
        except OSError:  # a link to itself
            continue
        if is_folder:
            yield from _files(Path(each.path), entered, problems)
        elif each.is_file():
            yield Path(each.path)


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[k:], pattern[1:]) for k in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def product_kind(path: Path, *headers: Header) -> str:
    """The kind of product a file is, by its headers or its name; empty for any other file."""
    for header in headers:
        if header.get("BKGPROD"):
            return str(header["BKGPROD"])
    match = _PRODUCT_NAME.fullmatch(path.name)
    return "" if match is None else match["kind"] or match["sub"]
