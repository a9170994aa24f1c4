"""DS9 region files, read with astropy-regions.

DS9 counts pixels from 1, we from 0. A region with a minus in front (DS9's exclude) erases. The
file is taken statement by statement, so that one that is no mask costs no other.
"""

from __future__ import annotations

import codecs
import dataclasses
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ParameterError
from ginga_bkgplugin.recipe.region import Region
from ginga_bkgplugin.recipe.shapes import PIXEL_SHAPES, SKY_SHAPES

SKY_FRAMES = ("icrs", "fk5", "j2000", "fk4", "b1950", "galactic", "ecliptic")
OTHER_FRAMES = ("linear", "amplifier", "detector", "tile")
SHAPES = ("circle", "ellipse", "box", "annulus", "polygon")
_PARTS = re.compile(r"""=\s*(?:\{[^}]*\}|"[^"]*"|'[^']*')|(;)""")
_STATEMENT = re.compile(r"(?:#\s*)?([+-]?)\s*([a-z]\w*)", re.IGNORECASE)
_VALUE = r"""\s*=\s*(?:\{([^}]*)\}|"([^"]*)"|'([^']*)'|(\S+))"""
_WCS_FRAME = re.compile(r"wcs[a-z0]?")


@dataclasses.dataclass(frozen=True)
class RegionsRead:
    """What was found in a region file.

    Attributes
    ----------
    regions : tuple of Region
        In the order of the file, in pixels or on the sky as they stand there.
    problems : tuple of str
        What was left out, by line number, in words.
    refused : tuple of str
        Those of the problems that are a line left out.
    """

    regions: tuple[Region, ...]
    problems: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def read_regions(path: str | Path, frame: Frame | None = None) -> RegionsRead:
    """Read a DS9 region file.

    Parameters
    ----------
    path : str or Path
        UTF-8 or UTF-16; other text is read as Latin-1, which is told.
    frame : Frame, optional
        The image, whose header (LTV, LTM) turns DS9's physical coordinates into pixels.

    Returns
    -------
    RegionsRead
        Circles, ellipses, boxes, annuli and polygons; what else the file holds is told by line.

    Raises
    ------
    ParameterError
        When the file cannot be read or is no text.
    """
    text, notes = _text_of(Path(path))
    refused: list[str] = []
    regions: list[Region] = []
    state = _State(frame)
    for number, statement in _statements(text):
        try:
            regions += state.take(statement)
        except (ParameterError, ValueError) as error:
            refused.append(f"line {number}: {str(error).rstrip('.')}.")
    if not regions and not refused:
        notes.append("The file holds no regions.")
    return RegionsRead(tuple(regions), (*notes, *refused), tuple(refused))


# --- reading


def _text_of(path: Path) -> tuple[str, list[str]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise ParameterError(f"{path}: cannot be read as a region file ({reason}).") from error
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace"), []
    if b"\0" in raw:
        raise ParameterError(f"{path}: cannot be read as a region file (not text).")
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return raw.decode("latin-1"), ["The file is not UTF-8; names were read as Latin-1."]


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, statement), split at line ends and at semicolons outside texts."""
    for number, line in enumerate(text.splitlines(), 1):
        cuts = [match.start() for match in _PARTS.finditer(line) if match[1]]
        for begin, end in zip([-1, *cuts], [*cuts, len(line)], strict=True):
            statement = line[begin + 1 : end].strip()
            if statement:
                yield number, statement


class _State:
    """The coordinate system and colour that hold at a place of the file."""

    def __init__(self, frame: Frame | None) -> None:
        self.frame = frame
        self.system = "physical"  # what DS9 takes where none is named
        self.color = ""

    def take(self, statement: str) -> list[Region]:
        """The regions of one statement: none for comments and settings."""
        match = _STATEMENT.match(statement)
        if match is None:
            if statement.startswith("#"):
                return []
            raise ParameterError(f"{statement[:40]!r} is not understood: left out")
        sign, word = match[1], match[2].lower()
        if statement.startswith("#") and "(" not in statement[: match.end() + 1]:
            return []  # a comment; DS9 also hides its texts and vectors behind a #
        if sign == "-" and word not in SHAPES:
            raise ParameterError(f"the minus stands before {word}, not before a shape: left out")
        if word == "global":
            self.color = _value("color", statement).replace("green", "")  # DS9's usual one
            return []
        if word in (*SKY_FRAMES, *OTHER_FRAMES, "image", "physical") or _WCS_FRAME.fullmatch(word):
            self.system = word
            return []
        if word == "composite":
            return []  # its parts stand in the lines after it
        if word not in SHAPES:
            raise ParameterError(f"{word} is no shape that masks: left out")
        shape, _, properties = statement[match.end() :].partition("#")
        looks = {
            "erase": sign == "-" or _value("include", properties) == "0",
            "name": _value("text", properties),
            "color": _value("color", properties) or self.color,
        }
        return [region.replace(**looks) for region in self._shapes(word, shape.strip(" |"))]

    def _shapes(self, word: str, numbers: str) -> list[Region]:
        if self.system in OTHER_FRAMES or _WCS_FRAME.fullmatch(self.system):
            raise ParameterError(f"{self.system} coordinates are not known here: left out")
        system = "image" if self.system == "physical" else self.system
        found = [_ours(each) for each in _parsed(f"{system}\n{word}{numbers}")]
        if self.system == "physical":
            found = [self._from_physical(region) for region in found]
        return found

    def _from_physical(self, region: Any) -> Region:
        """Pixels of the image from those of the detector (LTV, LTM)."""
        if self.frame is None:
            raise ParameterError("physical coordinates need the image: left out")
        header = self.frame.header
        scale = [float(header.get(f"LTM{i}_{i}", 1)) for i in (1, 2)]
        shift = [float(header.get(f"LTV{i}", 0)) for i in (1, 2)]
        turned = any(header.get(card, 0) for card in ("LTM1_2", "LTM2_1"))
        if turned or scale[0] != scale[1] or scale[0] <= 0:
            raise ParameterError(
                "physical coordinates that are turned, mirrored or stretched are not known here:"
                " left out"
            )
        # region.x is 0-based already: 1 + x is the physical coordinate
        x, y = region.centre
        new = ((1 + x) * scale[0] + shift[0] - 1, (1 + y) * scale[1] + shift[1] - 1)
        moved: Region = region.scaled(scale[0]).moved(new[0] - x, new[1] - y)
        return moved


def _value(key: str, text: str) -> str:
    match = re.search(rf"\b{key}{_VALUE}", text)
    if match is None:
        return ""
    value = next(group for group in match.groups() if group is not None)
    return "".join(c for c in value if c.isprintable())


def _parsed(text: str) -> list[Any]:
    """What astropy-regions makes of a text; its warnings are refusals."""
    from regions import Regions

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return list(Regions.parse(text, format="ds9"))
    except Exception as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ParameterError(f"{words.rstrip('.')}: left out") from error


def _ours(given: Any) -> Region:
    """A region of astropy-regions as one of ours."""
    kind = type(given).__name__
    shape = kind.removesuffix("Region").removesuffix("Pixel").removesuffix("Sky")
    on_sky = kind.endswith("SkyRegion")
    name = {"Rectangle": "box", "CircleAnnulus": "annulus"}.get(shape, shape.lower())
    if name not in SHAPES:
        raise ParameterError(f"{shape} is no shape that masks: left out")
    makers: Any = SKY_SHAPES if on_sky else PIXEL_SHAPES
    if name == "polygon":
        return _made(makers[name], [_pairs(given.vertices, on_sky)])
    (place,) = _pairs(given.center, on_sky)
    half = 0.5 if name == "ellipse" else 1.0
    sizes = {
        "circle": ("radius",),
        "annulus": ("inner_radius", "outer_radius"),
    }.get(name, ("width", "height"))
    lengths = [half * _number(getattr(given, size), "arcsec", on_sky) for size in sizes]
    angles = []
    if name in ("ellipse", "box"):
        angle = float(given.angle.to_value("deg"))
        angles = [(angle - 90 + _north(given.center)) % 360 if on_sky else angle]
    return _made(makers[name], [*place, *lengths, *angles])


def _made(maker: Any, values: list[Any]) -> Region:
    try:
        region: Region = maker(*values)
    except BackgroundPluginError as error:
        raise ParameterError(f"{str(error).rstrip('.')}: left out") from None
    return region


def _number(value: Any, unit: str, on_sky: bool) -> float:
    return float(value.to_value(unit) if on_sky else value)


def _pairs(places: Any, on_sky: bool) -> tuple[tuple[float, float], ...]:
    first, second = (places.icrs.ra.deg, places.icrs.dec.deg) if on_sky else (places.x, places.y)
    return tuple(zip(np.atleast_1d(first).tolist(), np.atleast_1d(second).tolist(), strict=True))


def _north(centre: Any) -> float:
    """The direction of a frame's north in ICRS, degrees from north through east."""
    import astropy.units as u

    there = centre.directional_offset_by(0 * u.deg, 1 * u.arcsec)
    return float(centre.icrs.position_angle(there.icrs).deg)
