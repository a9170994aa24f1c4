"""Writing whole files or none, and the headers of products."""

from __future__ import annotations

import contextlib
import datetime
import io
import os
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.identity import checksum, digest, joined, parts
from ginga_bkgplugin.files.names import PACKED
from ginga_bkgplugin.files.versions import package_version
from ginga_bkgplugin.recipe.errors import ProductError, ProductExistsError
from ginga_bkgplugin.sky.maps import SplineMap, rows_of

Image = npt.NDArray[Any] | SplineMap

_OWN_FILE = re.compile(  # cards that describe the science file itself, not a map of its sky
    r"XTENSION|SIMPLE|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT|INHERIT|NEXTEND|EXTNAME|EXTVER|EXTLEVEL"
    r"|BSCALE|BZERO|BLANK|CHECKSUM|DATASUM|ZIMAGE|DATAMIN|DATAMAX"
    r"|CPDIS\d|CPERR\d|DP\d.*|D2IM.*|AXISCORR|WCSDVARR|LOOKUP"  # tables in other HDUs
)

_VERSIONS = {"SEPVER": "sep", "NUMPYVER": "numpy", "SCIPYVER": "scipy", "ASTROVER": "astropy"}
_BLOCK = 2880  # bytes, of FITS
_TILE = 1 << 17  # pixels of a compressed tile
# bytes written in one call. For more, Linux looks for large pages, which a virtual machine may
# have to get from its host: 490 MB took 0.8 s at 2 MB a call, 0.4 s at this
_PIECE = 1 << 16

_EXTRA_AXIS = re.compile(
    r"(CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA|CNAME)[3-9]|(CD|PC)([3-9]_\d|\d_[3-9])"
)


def product_header(
    frame: Frame,
    kind: str,
    cards: Iterable[tuple[str, Any, str]],
    history: Iterable[str] = (),
    *,
    base: fits.Header | None = None,
) -> fits.Header:
    """The header of a product: the image's own (copied), then ours.

    Parameters
    ----------
    frame : Frame
        The image; its header is not touched.
    kind : str
        One of `names.KINDS`.
    cards : iterable of (keyword, value, comment)
        There is no card for a value of None.
    history : iterable of str
        HISTORY lines.
    base : astropy.io.fits.Header, optional
        To begin with instead of the image's own.
    """
    header = (frame.header if base is None else base).copy(strip=False)
    for card in list(header.cards):
        name = card.keyword
        if _OWN_FILE.fullmatch(name) or (frame.plane and _EXTRA_AXIS.fullmatch(name)):
            with contextlib.suppress(KeyError):
                header.remove(name, remove_all=True)
    if "WCSAXES" in header:
        header["WCSAXES"] = 2
    if kind in PACKED:
        header.remove("BUNIT", ignore_missing=True)
    header["BKGPROD"] = (kind, "product of ginga-bkgplugin")
    header["TGTPATH"] = (ascii_text(frame.path.name) if frame.path else "", "image it belongs to")
    if frame.tag:
        header["TGTHDU"] = (frame.tag, "HDU and plane of that image")
    header["TGTSUM"] = (frame.checksum, "checksum of that image's pixels")
    for keyword, value, comment in cards:
        header.remove(keyword, ignore_missing=True)
        if value is not None:
            header[keyword] = (value, comment)
    header["BKGVER"] = (package_version(), "ginga-bkgplugin version")
    for keyword, package in _VERSIONS.items():
        header[keyword] = (package_version(package), f"{package} version")
    header["BKGDATE"] = (now(), "when it was made, UTC")
    header["PIXSUM"] = ("", "checksum of these pixels")  # when they are written
    for line in history:
        header["HISTORY"] = ascii_text(line)
    return header


def now() -> str:
    """The time, UTC, as FITS writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")


def ascii_text(text: str) -> str:
    """The text as FITS allows it in a card: what is not printable ASCII is escaped."""
    printable = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return printable.encode("ascii", "backslashreplace").decode("ascii")


def write_fits(
    path: Path,
    data: Image,
    header: fits.Header,
    *,
    overwrite: bool = False,
    compress: bool = False,
    extensions: Sequence[Any] = (),
) -> None:
    """Write one image whole or not at all: what is half written has no name yet.

    Parameters
    ----------
    path : Path
    data : ndarray, shape (ny, nx), or SplineMap
        A map is made a strip of rows at a time, and so are the swapped bytes of an array:
        in one call astropy would hold the GIL, and with it a viewer's window.
    header : astropy.io.fits.Header
        Not touched. Where it has PIXSUM, the file's has the checksum of the pixels there.
    overwrite : bool
        Replace an existing file.
    compress : bool
        Write a mask as compressed tiles (PLIO), in the first extension.
    extensions : sequence of HDU
        To follow the image.

    Raises
    ------
    ProductExistsError
        When the file exists and `overwrite` is off.
    ProductError
        When the folder or disk refuses; what was there before stays.
    """

    def write(file: BinaryIO) -> None:
        if compress:
            _primary(file)
            _append(file, _tiles(np.asarray(data), header))
        else:
            _stream(file, data, header, fits.PrimaryHDU)
        for hdu in extensions:
            _append(file, hdu)

    _write(path, write, overwrite)


def write_extensions(
    path: Path,
    primary: fits.Header,
    images: Sequence[tuple[Image, fits.Header]],
    *,
    overwrite: bool = False,
    compress: bool = False,
) -> None:
    """Write several images behind a primary HDU without pixels; else as `write_fits`."""

    def write(file: BinaryIO) -> None:
        _primary(file, primary)
        for data, header in images:
            if compress:
                _append(file, _tiles(np.asarray(data), header))
            else:
                _stream(file, data, header, fits.ImageHDU)

    _write(path, write, overwrite)


def _primary(file: BinaryIO, header: fits.Header | None = None) -> None:
    hdu = fits.PrimaryHDU(header=header)
    hdu.verify("silentfix+ignore")
    hdu.header.set("EXTEND", True, after="NAXIS")
    file.write(_bytes_of(hdu.header))


def _append(file: BinaryIO, hdu: Any) -> None:
    whole = io.BytesIO()  # astropy asks a file for its name, and a file like ours has none
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(whole)
    file.write(whole.getbuffer()[_BLOCK:])


def _tiles(mask: npt.NDArray[Any], header: fits.Header) -> fits.CompImageHDU:
    ny, nx = mask.shape
    tile = (min(ny, max(1, _TILE // nx)), nx)
    hdu = fits.CompImageHDU(mask, header, compression_type="PLIO_1", tile_shape=tile)
    if "PIXSUM" in hdu.header:
        hdu.header["PIXSUM"] = checksum(mask)
    if "EXTNAME" not in header:
        hdu.name = str(header.get("BKGPROD", "MASK")).upper()
    return hdu


def _stream(file: BinaryIO, data: Image, header: fits.Header, hdu_type: Any) -> None:
    kind = np.dtype(np.float32) if isinstance(data, SplineMap) else data.dtype.newbyteorder("=")
    shape = (data.shape[0], data.shape[1])
    head = _image_header(hdu_type(header=header), shape, kind)
    begin = file.tell()
    file.write(_bytes_of(head))
    digests = []
    for start, stop in parts(shape):
        rows: npt.NDArray[Any] = rows_of(data, start, stop)
        rows = np.ascontiguousarray(rows, kind.newbyteorder(">"))
        if "PIXSUM" in head:
            digests.append(digest(rows))
        if _shifted(kind):  # FITS has no such type: BZERO flips the highest bit
            rows = rows.view(f">u{kind.itemsize}") ^ (1 << 8 * kind.itemsize - 1)
            rows = rows.astype(rows.dtype.newbyteorder(">"))
        content = rows.data.cast("B")
        for at in range(0, len(content), _PIECE):
            file.write(content[at : at + _PIECE])
    file.write(bytes(-shape[0] * shape[1] * kind.itemsize % _BLOCK))
    if digests:
        head["PIXSUM"] = joined(shape, kind, digests)
        file.seek(begin)
        file.write(_bytes_of(head))
        file.seek(0, os.SEEK_END)


def _shifted(kind: np.dtype[Any]) -> bool:
    return (kind.kind == "u") == (kind.itemsize > 1) and kind.kind in "ui"


def _image_header(hdu: Any, shape: tuple[int, int], kind: np.dtype[Any]) -> fits.Header:
    """The header of an HDU with the cards of an image of this size and type."""
    hdu.verify("silentfix+ignore")  # first: it takes the axes out of a header without data
    head: fits.Header = hdu.header
    head["BITPIX"] = fits.DTYPE2BITPIX[kind.name]
    head["NAXIS"] = 2
    for axis in (1, 2):
        head.set(f"NAXIS{axis}", shape[2 - axis], after=f"NAXIS{axis - 1 or ''}")
    if isinstance(hdu, fits.PrimaryHDU):
        head.set("EXTEND", True, after="NAXIS2")
    if _shifted(kind):
        zero = -128 if kind.itemsize == 1 else 1 << 8 * kind.itemsize - 1
        head["BSCALE"], head["BZERO"] = 1, zero
    if "PIXSUM" in head:
        head["PIXSUM"] = "0" * 16  # room for it
    return head


def _bytes_of(header: fits.Header) -> bytes:
    return bytes(header.tostring().encode("ascii"))


def write_text(path: Path, text: str, *, overwrite: bool = False) -> None:
    """Write a text file whole or not at all; raises like `write_fits`."""
    write_bytes(path, text.encode(), overwrite=overwrite)


def write_bytes(path: Path, content: bytes, *, overwrite: bool = False) -> None:
    """Write a file of any kind whole or not at all; raises like `write_fits`."""
    _write(path, lambda file: file.write(content), overwrite)


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
            " Allow it (--overwrite, overwrite=True, a tick in the panel), or choose another"
            " folder."
        )


def _write(path: Path, write: Callable[[BinaryIO], object], overwrite: bool) -> None:
    path = Path(path)
    if not overwrite:
        check_absent([path])
    if not path.parent.is_dir():
        raise ProductError(f"{path.parent}: no such folder. Make it, or choose another.")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with _new_file(part) as file:
            write(file)
            file.flush()
            if not part.exists():
                # given a folder's number, link() follows the link that stands for the open file
                number = file.fileno()
                os.link(f"/proc/self/fd/{number}", part, src_dir_fd=number, follow_symlinks=True)
        part.replace(path)
    except OSError as error:
        raise ProductError(f"{path}: cannot be written ({error.strerror or error}).") from error
    finally:
        part.unlink(missing_ok=True)


def _new_file(part: Path) -> BinaryIO:
    """A file without a name, which goes with a process that is killed; else one named `part`."""
    if hasattr(os, "O_TMPFILE") and Path("/proc/self/fd").is_dir():
        with contextlib.suppress(OSError):  # not every file system has them
            return os.fdopen(os.open(part.parent, os.O_TMPFILE | os.O_RDWR, 0o666), "w+b")
    return part.open("x+b")
