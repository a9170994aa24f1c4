"""Reading one image plane from a FITS file, with what is needed to judge it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gzip
import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ginga_bkgplugin.files.identity import checksum
from ginga_bkgplugin.recipe.errors import ImageError
from ginga_bkgplugin.sky.pixels import check_image

if TYPE_CHECKING:
    from astropy.wcs import WCS

# The words instruments use, most explicit first: (E)SO pipelines, SDSS/PS1, LCO, NOIRLab, SWarp
# (not DATAMAX: by the FITS standard it is the brightest pixel's value)
SATURATION_CARDS = ("SATURATE", "SATURATA", "SATURAT", "SATLEVEL", "SATUR_LE", "MAXLIN")

HDU = int | tuple[str, int]
Plane = tuple[int, ...]


# what astropy says, for one who asked for an image
_REASONS = {
    "buffer is too small": "it is cut off: fewer pixels than its header says",
    "No SIMPLE card": "it does not begin as a FITS file does",
}


@dataclasses.dataclass(frozen=True)
class Frame:
    """One 2-D image and what its file says of it.

    Attributes
    ----------
    data : ndarray, shape (ny, nx)
        Pixels as stored (any real type and byte order).
    header : astropy.io.fits.Header
        Of the image's HDU; a copy.
    path : Path or None
        The file, if there is one.
    hdu : tuple of (str, int), int or None
        (EXTNAME, EXTVER) or number of the HDU.
    plane : tuple of int
        Index of the plane in a cube, in numpy order; () for a 2-D image.
    first : bool
        Whether its HDU is the file's first image: its products then carry no HDU in their
        names.
    wcs : astropy.wcs.WCS or None
        Celestial WCS, with the lookup-table distortions of the file.
    dq : ndarray or None
        The data quality extension beside it.
    label : str
        What to call an image that has no file.
    primary : astropy.io.fits.Header
        Of the file's primary HDU, where that is another one; a copy.
    """

    data: npt.NDArray[Any]
    header: fits.Header = dataclasses.field(default_factory=fits.Header)
    path: Path | None = None
    hdu: HDU | None = None
    plane: Plane = ()
    first: bool = True
    wcs: WCS | None = None
    dq: npt.NDArray[Any] | None = None
    label: str = ""
    primary: fits.Header = dataclasses.field(default_factory=fits.Header)

    @functools.cached_property
    def checksum(self) -> str:
        """The checksum of its pixels; see `files.identity`."""
        return checksum(self.data)

    @property
    def name(self) -> str:
        """File name with HDU and plane, for people."""
        if self.path is None:
            return self.label or "image"
        tag = self.tag
        return f"{self.path.name}[{tag}]" if tag else self.path.name

    @property
    def tag(self) -> str:
        """HDU and plane as they stand in the names of products; empty for the first image."""
        parts = []
        if isinstance(self.hdu, tuple) and not self.first:
            parts.append(f"{self.hdu[0]}{self.hdu[1]}" if self.hdu[0] else "PRIMARY")
        elif self.hdu is not None and not self.first:
            parts.append(f"hdu{self.hdu}")
        if any(self.plane) or (self.plane and not self.first):
            parts.append("plane" + "-".join(str(index) for index in self.plane))
        return ".".join(parts)

    @property
    def saturation_level(self) -> float | None:
        """The saturation level the header states, in image units."""
        for card in SATURATION_CARDS:
            value = number_in(self.header, card)
            if value is not None and value > 0:
                return float(value)
        return None


def number_in(header: fits.Header, card: str) -> int | float | None:
    """The number in a card; None where there is no such card, or it holds another kind."""
    value = header.get(card)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def split_spec(text: str) -> tuple[Path, str | None]:
    """Split ``file.fits[SCI,1]`` into path and HDU words; a file of that very name wins."""
    match = re.fullmatch(r"(.+)\[([^\[\]]+)\]", text)
    if match is None or Path(text).exists():
        return Path(text), None
    return Path(match[1]), match[2]


def join_spec(path: str | Path, hdu: HDU | str | None) -> str:
    """The inverse of `split_spec`."""
    inside = f"{hdu[0]},{hdu[1]}" if isinstance(hdu, tuple) else hdu
    return str(path) if inside is None else f"{path}[{inside}]"


def read_frame(
    path: str | Path, hdu: HDU | str | None = None, plane: Plane | int | None = None
) -> Frame:
    """Read one image plane.

    Parameters
    ----------
    path : str or Path
        A FITS file (``.fits``, ``.fits.gz``, ``.fits.fz``), or ``file.fits[SCI,1]``.
    hdu : int, str or (str, int), optional
        Number, EXTNAME, or ``"EXTNAME,EXTVER"``. Default: the first HDU with an image.
    plane : int or tuple of int, optional
        Plane of a cube, 0-based, slowest axis first. Default: the first.

    Returns
    -------
    Frame

    Raises
    ------
    ImageError
        When the file is missing, empty or broken, or has no such image.
    """
    if hdu is None:
        path, hdu = split_spec(str(path))
    path = Path(path)
    if not path.is_file():
        raise missing(path)
    try:
        with open_fits(whole_file(path)) as hdus:
            return _frame(path, hdus, hdu, plane)
    except Exception as error:  # noqa: BLE001 - zlib's and CFITSIO's own come through astropy
        raise unreadable(path, error) from (None if isinstance(error, ImageError) else error)


def unreadable(path: Path, error: Exception) -> ImageError:
    """What to say of a file that could not be read."""
    if isinstance(error, ImageError):
        return ImageError(f"{path}: {error}")
    if not path.is_file():
        return missing(path)
    reason = "the file is empty" if path.stat().st_size == 0 else str(error).strip() or "broken"
    reason = next((ours for theirs, ours in _REASONS.items() if theirs in reason), reason)
    return ImageError(f"{path}: cannot be read as a FITS image ({reason}).")


def missing(path: Path) -> ImageError:
    """What to say where no file is."""
    if path.is_dir():
        return ImageError(f"{path}: this is a folder: name its files, such as {path / '*.fits'}.")
    return ImageError(f"{path}: no such file.")


@contextlib.contextmanager
def open_fits(file: str | Path | io.BytesIO, **options: Any) -> Iterator[fits.HDUList]:
    """`fits.open` without warnings of odd cards in other people's headers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(file, **options) as hdus:
            yield hdus


def whole_file(path: Path) -> Path | io.BytesIO:
    """A gzipped file unpacked to its end, where its checksum stands; others as they are.

    astropy stops reading after the last pixel, and so takes damaged ones.
    """
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path
    with gzip.open(path) as whole:
        return io.BytesIO(whole.read())


def _frame(path: Path, hdus: fits.HDUList, hdu: HDU | str | None, plane: Any) -> Frame:
    images = image_numbers(hdus)
    if not images:
        raise ImageError("no HDU holds an image.")
    number = images[0] if hdu is None else find_hdu(hdus, hdu, images)
    chosen = hdus[number]
    cube = np.asarray(chosen.data)
    index = _plane_index(cube.shape, plane)
    data = check_image(cube[index])
    key = (chosen.name, chosen.ver) if chosen.name else number
    return Frame(
        data=np.array(data) if len(index) else data,
        header=chosen.header.copy(),
        path=path,
        hdu=key,
        plane=index,
        first=number == images[0],
        wcs=celestial_wcs(chosen.header, hdus),
        dq=_data_quality(hdus, chosen, data.shape),
        primary=hdus[0].header.copy() if number else fits.Header(),
    )


def image_numbers(hdus: fits.HDUList) -> list[int]:
    """The numbers of the HDUs that hold images."""
    return [number for number, hdu in enumerate(hdus) if _is_image(hdu)]


def _is_image(hdu: Any) -> bool:
    return isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)) and (
        len(hdu.shape) >= 2 and all(hdu.shape)
    )


def find_hdu(hdus: fits.HDUList, hdu: HDU | str, images: list[int]) -> int:
    """The number of an HDU that holds an image; `read_frame` tells how they are named.

    Raises
    ------
    ImageError
        Naming the images there are.
    """
    wanted: Any = hdu
    if isinstance(hdu, str):
        name, _, version = hdu.partition(",")
        wanted = int(name) if name.strip().isdigit() else name.strip()
        if version.strip().isdigit():
            wanted = (wanted, int(version))
    elif isinstance(hdu, tuple) and hdu[0].upper() == "PRIMARY":
        wanted = 0
    try:
        number = int(hdus.index_of(wanted))
        found = number in images
    except (KeyError, IndexError):
        found = False
    if not found:
        known = ", ".join(f"{i} ({hdus[i].name or 'unnamed'},{hdus[i].ver})" for i in images)
        raise ImageError(f"HDU {hdu!r} holds no image. Images here: {known}.")
    return number


def _plane_index(shape: tuple[int, ...], plane: Any) -> Plane:
    extra = shape[:-2]
    if plane is None or plane == ():
        return (0,) * len(extra)
    index = (plane,) if isinstance(plane, int) else tuple(plane)
    index = (0,) * (len(extra) - len(index)) + index
    if len(index) != len(extra) or any(not 0 <= i < n for i, n in zip(index, extra, strict=False)):
        raise ImageError(f"plane {plane!r} is not in an image of shape {shape}.")
    return index


def celestial_wcs(header: fits.Header, hdus: fits.HDUList | None = None) -> WCS | None:
    """The two celestial axes of a header's WCS, or None where there are none."""
    if "CTYPE1" not in header:
        return None
    from astropy.wcs import WCS  # 0.2 s, needed by half of the images

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(header, fobj=hdus)
    except Exception:  # noqa: BLE001 - wcslib raises many kinds; the image is usable without
        return None
    if not wcs.has_celestial:
        return None
    return wcs if wcs.naxis == 2 else wcs.celestial


def _data_quality(hdus: fits.HDUList, chosen: Any, shape: tuple[int, ...]) -> Any:
    """The DQ extension of the same EXTVER and size, as HST and JWST write it."""
    for each in hdus:
        if each.name == "DQ" and each.ver == chosen.ver and each.shape == shape:
            return np.array(each.data)
    return None
