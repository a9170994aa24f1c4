"""The chips of a mosaic file: which HDUs hold sky, and where they lie beside one another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ginga_bkgplugin.files.frames import HDU, Frame, image_numbers
from ginga_bkgplugin.recipe.errors import ImageError

if TYPE_CHECKING:
    from astropy.wcs import WCS

# Planes beside an image, by the words of HST, JWST, LSST, NOIRLab, SDSS, Euclid
_BESIDE = re.compile(
    r"ERR|ERROR|SIGMA|RMS|VAR.*|IVAR|INVVAR|DQ.*|FLAGS?|MASK.*|BPM|WHT|WEIGHT|CTX|CON|SAMP|TIME"
    r"|AREA|BACK.*|BKG.*|SKY.*|PSF.*|CAT|D2IMARR|WCSDVARR|NPOLFILE",
    re.IGNORECASE,
)
_SECTION = re.compile(r"\[\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]")

Places = npt.NDArray[np.float64]


def science_numbers(hdus: fits.HDUList) -> list[int]:
    """The HDUs of a file that hold sky: those named SCI, else all that are not planes beside one.

    A plane beside an image is known by its EXTNAME or EXTTYPE (ERR, DQ, MASK, VARIANCE, ...).
    """
    images = image_numbers(hdus)
    named = [number for number in images if hdus[number].name.upper() == "SCI"]
    if named:
        return named
    science = [
        number
        for number in images
        if not _BESIDE.fullmatch(hdus[number].name or str(hdus[number].header.get("EXTTYPE", "")))
    ]
    return science or images


def hdu_key(hdu: Any, number: int) -> HDU:
    """(EXTNAME, EXTVER) of an HDU, or its number where it has no name."""
    return (hdu.name, hdu.ver) if hdu.name else number


def place_chips(frames: Sequence[Frame]) -> list[Chip]:
    """Where the pixels of chips lie in coordinates common to all.

    By DETSEC, in pixels of the detector, where every header has one; else by WCS, in the
    tangent plane at the first chip, in degrees.

    Raises
    ------
    ImageError
        When a chip has neither.
    """
    sections = [_section(frame.header, "DETSEC") for frame in frames]
    if all(section is not None for section in sections):
        pairs = zip(frames, sections, strict=True)
        return [DetectorChip(frame, section) for frame, section in pairs]
    for frame in frames:
        if frame.wcs is None:
            raise ImageError(
                f"{frame.name}: neither DETSEC nor a celestial WCS says where this chip lies"
                " beside the others. Run the chips on their own (without common)."
            )
    middle = frames[0]
    assert middle.wcs is not None
    ny, nx = middle.data.shape
    centre = middle.wcs.all_pix2world([[nx / 2, ny / 2]], 0)[0]
    return [SkyChip(frame.wcs, centre) for frame in frames if frame.wcs is not None]


class Chip:
    """From pixels of a chip to the common coordinates."""

    def __call__(self, x: Places, y: Places) -> tuple[Places, Places]:
        """Common coordinates of pixels, 0-based."""
        raise NotImplementedError


class DetectorChip(Chip):
    """A chip that lies at DETSEC of its detector; DATASEC is the part with sky."""

    def __init__(self, frame: Frame, section: Any) -> None:
        ny, nx = frame.data.shape
        data = _section(frame.header, "DATASEC") or (1, nx, 1, ny)
        self._along = [
            _line(data[2 * axis : 2 * axis + 2], section[2 * axis : 2 * axis + 2])
            for axis in (0, 1)
        ]

    def __call__(self, x: Places, y: Places) -> tuple[Places, Places]:
        """Pixels of the detector."""
        (ax, bx), (ay, by) = self._along
        return ax + bx * x, ay + by * y


class SkyChip(Chip):
    """A chip that lies where its WCS says: gnomonic projection at a centre, degrees."""

    def __init__(self, wcs: WCS, centre: npt.NDArray[np.float64]) -> None:
        self._wcs, self._centre = wcs, np.radians(centre)

    def __call__(self, x: Places, y: Places) -> tuple[Places, Places]:
        """Degrees along RA and Dec in the tangent plane."""
        ra, dec = np.radians(self._wcs.all_pix2world(x, y, 0))
        ra0, dec0 = self._centre
        along = np.cos(dec) * np.cos(ra - ra0)
        depth = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * along
        east = np.cos(dec) * np.sin(ra - ra0) / depth
        north = (np.cos(dec0) * np.sin(dec) - np.sin(dec0) * along) / depth
        return np.degrees(east), np.degrees(north)


def _section(header: fits.Header, card: str) -> tuple[int, int, int, int] | None:
    match = _SECTION.fullmatch(str(header.get(card, "")).strip())
    if match is None:
        return None
    x1, x2, y1, y2 = (int(text) for text in match.groups())
    return (x1, x2, y1, y2) if 0 not in (x1, x2, y1, y2) else None


def _line(data: Sequence[int], detector: Sequence[int]) -> tuple[float, float]:
    """Offset and step of the line that takes 0-based pixels of the data to the detector."""
    length = data[1] - data[0]
    step = (detector[1] - detector[0]) / length if length else 1.0
    return detector[0] - step * (data[0] - 1), step
