"""Writing whole files or none, and the headers of products."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.errors import ProductError, ProductExistsError
from ginga_bkgplugin.sky.maps import SplineMap, rows_of
from ginga_bkgplugin.sky.strips import spans

Image = npt.NDArray[Any] | SplineMap

_OWN_FILE = re.compile(  # cards that describe the science file itself, not a map of its sky
    r"XTENSION|SIMPLE|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT|INHERIT|NEXTEND|EXTNAME|EXTVER|EXTLEVEL"
    r"|BSCALE|BZERO|BLANK|CHECKSUM|DATASUM|ZIMAGE|DATAMIN|DATAMAX"
    r"|CPDIS\d|CPERR\d|DP\d.*|D2IM.*|AXISCORR|WCSDVARR|LOOKUP"  # tables in other HDUs
)

_EXTRA_AXIS = re.compile(
    r"(CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA|CNAME)[3-9]|(CD|PC)([3-9]_\d|\d_[3-9])"
)


def package_version(name: str = "ginga-bkgplugin") -> str:
    """Version of an installed package, ``unknown`` where it runs from a bare folder."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def product_header(
    frame: Frame, kind: str, cards: Iterable[tuple[str, Any, str]], history: Iterable[str] = ()
) -> fits.Header:
    """The header of a product: the image's own (copied), then ours.

    Parameters
    ----------
    frame : Frame
        The image; its header is not touched.
    kind : str
        One of `names.KINDS`.
    cards : iterable of (keyword, value, comment)
        A value of None writes an undefined card.
    history : iterable of str
        HISTORY lines.
    """
    header = frame.header.copy(strip=False)
    for card in list(header.cards):
        name = card.keyword
        if _OWN_FILE.fullmatch(name) or (frame.plane and _EXTRA_AXIS.fullmatch(name)):
            with contextlib.suppress(KeyError):
                header.remove(name, remove_all=True)
    if "WCSAXES" in header:
        header["WCSAXES"] = 2
    if kind != "subbkg" and kind.endswith("mask"):
        header.remove("BUNIT", ignore_missing=True)
    header["BKGPROD"] = (kind, "product of ginga-bkgplugin")
    header["TGTPATH"] = (_ascii(frame.path.name) if frame.path else "", "image it belongs to")
    if frame.tag:
        header["TGTHDU"] = (frame.tag, "HDU and plane of that image")
    for keyword, value, comment in cards:
        header[keyword] = (value, comment)
    header["BKGVER"] = (package_version(), "ginga-bkgplugin version")
    header["SEPVER"] = (package_version("sep"), "sep version")
    for line in history:
        header["HISTORY"] = _ascii(line)
    return header


def _ascii(text: str) -> str:
    """The text as FITS allows it in a card: what is not printable ASCII is escaped."""
    printable = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return printable.encode("ascii", "backslashreplace").decode("ascii")


def write_fits(path: Path, data: Image, header: fits.Header, *, overwrite: bool = False) -> None:
    """Write one image whole or not at all: to a temporary name beside it, then renamed.

    Parameters
    ----------
    path : Path
    data : ndarray, shape (ny, nx), or SplineMap
        A map is made a strip of rows at a time, and so are the swapped bytes of an array:
        in one call astropy would hold the GIL, and with it a viewer's window.
    header : astropy.io.fits.Header
        Not touched.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    ProductExistsError
        When the file exists and `overwrite` is off.
    ProductError
        When the folder or disk refuses; what was there before stays.
    """
    _write(path, lambda name: _stream(name, data, header), overwrite)


def write_extensions(
    path: Path,
    primary: fits.Header,
    parts: Sequence[tuple[Image, fits.Header]],
    *,
    overwrite: bool = False,
) -> None:
    """Write several images behind a primary HDU without pixels; else as `write_fits`."""

    def write(name: str) -> None:
        fits.PrimaryHDU(header=primary).writeto(name, output_verify="silentfix+ignore")
        for data, header in parts:
            _stream(name, data, header)

    _write(path, write, overwrite)


def _stream(name: str, data: Image, header: fits.Header) -> None:
    hdu = fits.PrimaryHDU(header=header)
    kind = np.dtype(np.float32) if isinstance(data, SplineMap) else data.dtype
    hdu.verify("silentfix+ignore")  # first: it takes the axes out of a header without data
    hdu.header["BITPIX"] = fits.DTYPE2BITPIX[kind.newbyteorder("=").name]
    hdu.header["NAXIS"] = 2
    for axis in (1, 2):
        hdu.header.set(f"NAXIS{axis}", data.shape[2 - axis], after=f"NAXIS{axis - 1 or ''}")
    with contextlib.closing(fits.StreamingHDU(name, hdu.header)) as stream:
        for start, stop in spans((data.shape[0], data.shape[1])):
            stream.write(rows_of(data, start, stop).astype(kind.newbyteorder(">")))


def write_text(path: Path, text: str, *, overwrite: bool = False) -> None:
    """Write a text file whole or not at all; raises like `write_fits`."""
    _write(path, lambda name: Path(name).write_text(text, encoding="utf-8"), overwrite)


def check_absent(paths: Iterable[Path]) -> None:
    """Refuse, before anything is written, if any of the files exists.

    Raises
    ------
    ProductExistsError
        Naming them.
    """
    there = [path for path in paths if path.exists()]
    if there:
        names = ", ".join(path.name for path in there)
        raise ProductExistsError(
            f"{there[0].parent}: {names} already there."
            " Ask to overwrite, or choose another folder."
        )


def _write(path: Path, write: Callable[[str], object], overwrite: bool) -> None:
    path = Path(path)
    if not overwrite:
        check_absent([path])
    if not path.parent.is_dir():
        raise ProductError(f"{path.parent}: no such folder. Make it, or choose another.")
    name = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
        Path(name).unlink()  # astropy refuses an existing file; the name stays ours
        write(name)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except OSError as error:
        reason = error.strerror or f"is the disk full? {error}"  # numpy's has a count only
        raise ProductError(f"{path}: cannot be written ({reason}).") from error
    finally:
        if name is not None:
            Path(name).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
