"""Subtracting a background so that it can be taken back, and taking it back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ginga_bkgplugin.files.frames import SATURATION_CARDS, Frame, number_in, open_fits
from ginga_bkgplugin.files.history import add_entry, drop_entry, last_entry
from ginga_bkgplugin.files.identity import checksum
from ginga_bkgplugin.files.products import Product
from ginga_bkgplugin.files.subtracted import is_ours
from ginga_bkgplugin.files.writing import ascii_text, now, product_header
from ginga_bkgplugin.recipe.errors import ProductError
from ginga_bkgplugin.sky.background import subtract_background
from ginga_bkgplugin.sky.leftover import Leftover, add_back, leftover_of
from ginga_bkgplugin.sky.maps import Map

_LEFTOVER = "LEFTOVER"  # the extension with the pixels kept aside


def check_not_subtracted(frame: Frame) -> None:
    """Refuse an image whose background was subtracted before.

    Raises
    ------
    ProductError
        When its header says so (BKGSUB).
    """
    if is_ours(frame.header):
        raise ProductError(
            f"{frame.name}: its header says BKGSUB = T, a background was subtracted already."
            " Subtract from the original image instead."
        )


def subtract(
    frame: Frame,
    level: Map,
    cards: Iterable[tuple[str, Any, str]],
    history: Iterable[str] = (),
    *,
    force: bool = False,
) -> Product:
    """The image minus a background, as a product that can be taken back.

    Parameters
    ----------
    frame : Frame
        The image.
    level : ndarray or SplineMap, shape (ny, nx)
        The background.
    cards : iterable of (keyword, value, comment)
        What is known of the background; BKGVALU lowers the saturation level.
    history : iterable of str
        HISTORY entries.
    force : bool
        Subtract once more from an image that says it is subtracted; HISTORY says so.

    Raises
    ------
    ProductError
        For a subtracted image without `force`.
    """
    if not force:
        check_not_subtracted(frame)
    before = frame.header
    difference = subtract_background(frame.data, level)
    left = leftover_of(frame.data, level, difference)
    own = {keyword: (value, comment) for keyword, value, comment in cards}
    lowered = own.get("BKGVALU", (0.0, ""))[0]
    for keyword in SATURATION_CARDS:
        number = number_in(before, keyword)
        if number is not None:
            own[keyword] = (number - lowered, "lowered by the global background")
    own["BKGSUB"] = (True, "background subtracted")
    own["BKGID"] = (checksum(level), "checksum of the background, its PIXSUM")
    own["TGTTYPE"] = (frame.data.dtype.newbyteorder("=").name, "type of that image's pixels")
    own["BKGLEFT"] = (left.places.size, "pixels kept in LEFTOVER, to restore it")
    told = list(history)
    if is_ours(before):
        told.append(f"ginga-bkg {now()} subtracted again by force, after {before.get('BKGID')}")
    header = product_header(
        frame, "subbkg", [(keyword, *rest) for keyword, rest in own.items()], told
    )
    add_entry(header, "replaced", _replaced(before, header))
    product = Product(difference, kind="subbkg", header=header, frame=frame)
    product.extensions = (_table(left),) if left.places.size else ()
    return product


def _replaced(before: fits.Header, after: fits.Header) -> dict[str, Any]:
    """What takes one header back to the other: old values, and None for new cards."""
    old: dict[str, Any] = {}
    for keyword in after:
        if keyword in ("HISTORY", "COMMENT", ""):
            continue
        if keyword not in before:
            old[keyword] = None
        elif after[keyword] != before[keyword]:
            value = before[keyword]
            old[keyword] = value if isinstance(value, (bool, int, float, str)) else ""
    return {**old, "BKGPATH": before.get("BKGPATH")}


def _table(left: Leftover) -> Any:
    kinds = [("PIXEL", np.int64), ("VALUE", left.values.dtype)]
    rows = np.empty(left.places.size, kinds)
    rows["PIXEL"], rows["VALUE"] = left.places, left.values
    return fits.BinTableHDU(rows, name=_LEFTOVER)


def _untable(hdu: Any) -> Leftover:
    places, values = (np.asarray(hdu.data[name]) for name in ("PIXEL", "VALUE"))
    return Leftover(places.astype(np.int64), values, exact=False)


@dataclasses.dataclass(frozen=True)
class Restored:
    """An image as it was before a background was subtracted.

    Attributes
    ----------
    data : ndarray, shape (ny, nx)
        In the type the image had.
    header : astropy.io.fits.Header
    exact : bool
        Whether its pixels have the checksum of the original; else they are within one ulp of
        the original's type.
    """

    data: npt.NDArray[Any]
    header: fits.Header
    exact: bool


def restore(frame: Frame, level: Map, extensions: Iterable[Any] | None = None) -> Restored:
    """Take a subtraction back.

    Parameters
    ----------
    frame : Frame
        The subtracted image.
    level : ndarray or SplineMap, shape (ny, nx)
        The background that was subtracted.
    extensions : iterable of HDU, optional
        Those of the product; by default they are read from the file of `frame`.

    Raises
    ------
    ProductError
        When the image was not subtracted by this program, or `level` is another background.
    """
    header = frame.header.copy()
    if not is_ours(header) or "BKGID" not in header:
        raise ProductError(
            f"{frame.name}: its header has no BKGID: only what ginga-bkg subtracted can be"
            " restored."
        )
    if checksum(level) != header["BKGID"]:
        raise ProductError(
            f"{frame.name}: this is not the background that was subtracted (BKGID"
            f" {header['BKGID']}). Name that one."
        )
    hdus = _extensions(frame) if extensions is None else list(extensions)
    tables = [_untable(hdu) for hdu in hdus if hdu.name == _LEFTOVER]
    if header.get("BKGLEFT") and not tables:
        raise ProductError(f"{frame.name}: its extension LEFTOVER is gone: it cannot be restored.")
    data = add_back(frame.data, level, header["TGTTYPE"], tables[0] if tables else None)
    exact = checksum(data) == header.get("TGTSUM")
    old = last_entry(header, "replaced") or {}
    drop_entry(header, "replaced")
    for keyword, value in old.items():
        if value is not None:
            header[keyword] = value
        else:
            header.remove(keyword, ignore_missing=True, remove_all=True)
    header["HISTORY"] = ascii_text(f"ginga-bkg {now()} restored from {frame.name}")
    return Restored(data, header, exact)


def _extensions(frame: Frame) -> list[Any]:
    if frame.path is None:
        return []
    with open_fits(frame.path, memmap=False) as hdus:
        return [hdu.copy() for hdu in hdus if hdu.name == _LEFTOVER]
