"""Masks from FITS files: their pixels, as a recipe's reference says they are to be read."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ginga_bkgplugin.files.flags import flag_names
from ginga_bkgplugin.files.frames import (
    Frame,
    find_hdu,
    image_numbers,
    missing,
    open_fits,
    split_spec,
    whole_file,
)
from ginga_bkgplugin.recipe.errors import ImageError, ParameterError
from ginga_bkgplugin.recipe.imported import ImportedMask
from ginga_bkgplugin.sky.pixels import BoolImage

SELF = "self"  # the path of a mask that stands in the image's own file

_MASKS = re.compile(r"DQ|MASK|BPM|FLAG|SEG|WHT|WEIGHT|WGT", re.IGNORECASE)


def read_mask(mask: ImportedMask, shape: tuple[int, int]) -> BoolImage:
    """The pixels a mask masks. The file is read: only for masks the user named.

    Parameters
    ----------
    mask : ImportedMask
        What to read, and how.
    shape : tuple of int
        (ny, nx) of the image.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        NaN counts as masked.

    Raises
    ------
    ImageError
        When it cannot be read or has another size; both are named.
    ParameterError
        When a flag has no such name.
    """
    values, header, _ = open_plane(mask.path, mask.hdu or None, shape)
    unknown = ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(1, dtype=bool)
    if mask.kind == "weight":
        chosen: BoolImage = ~(values > 0)  # NaN is not above 0
        return chosen
    if mask.kind == "mask":
        chosen = values != 0
    else:
        whole = whole_numbers(values)
        wanted = _values_of(mask, flag_names(header)[0])
        if mask.kind == "labels":
            chosen = np.isin(whole, wanted) if wanted else whole != 0
        else:
            flags = np.bitwise_or.reduce(wanted) if wanted else np.int64(-1)
            chosen = (whole & flags) != 0
    if mask.polarity == "good":
        chosen = ~chosen
    np.logical_or(chosen, unknown, out=chosen)
    return chosen


def read_masks(
    masks: Iterable[ImportedMask], frame: Frame, files: Iterable[str | Path] = ()
) -> BoolImage | None:
    """What a recipe's masks mask together. A path in a recipe is never followed by itself.

    Parameters
    ----------
    masks : iterable of ImportedMask
        Those that are off are left out.
    frame : Frame
        The image; a mask with the path ``self`` is in its own file.
    files : iterable of path
        The files you name: each stands for the mask whose path ends in the same file name.

    Returns
    -------
    ndarray of bool, shape (ny, nx), or None
        None where there are no masks.

    Raises
    ------
    ParameterError
        Naming the mask that none of `files` stands for.
    ImageError
        When one cannot be read or has another size.
    """
    named = {Path(file).name: str(file) for file in files}
    ny, nx = frame.data.shape
    plane: BoolImage | None = None
    for mask in masks:
        if not mask.on:
            continue
        path = named.get(Path(mask.path).name)
        if mask.path == SELF and frame.path is not None:
            path = str(frame.path)
        if path is None:
            raise ParameterError(
                f"The recipe wants the mask {mask.path}. Its path is not followed: name the file"
                " yourself, if you trust the recipe (--mask, or files=)."
            )
        one = read_mask(mask.replace(path=path), (ny, nx))
        plane = one if plane is None else plane | one
    return plane


# --- the file


def open_plane(
    path: str | Path, hdu: str | None, shape: tuple[int, int]
) -> tuple[npt.NDArray[Any], dict[str, Any], str]:
    """Values, header (with the primary's cards below its own) and place of a mask."""
    file, words = split_spec(str(path))
    if not file.is_file():
        raise missing(file)
    try:
        with open_fits(whole_file(file), memmap=False) as hdus:
            number = _number_of(hdus, hdu or words, shape)
            chosen = hdus[number]
            header = {**_cards(hdus[0].header), **_cards(chosen.header)}
            values = np.asarray(chosen.data)
            key = _key(chosen, number)
    except ImageError as error:
        raise ImageError(f"{file}: {error}") from None
    except Exception as error:  # zlib's and CFITSIO's own come through astropy
        raise ImageError(f"{file}: cannot be read as a FITS mask ({error}).") from error
    if values.shape != shape:
        raise ImageError(
            f"{file}[{key}]: the mask is {_size(values.shape)} pixels, the image {_size(shape)}:"
            " they must agree."
        )
    return values, header, key


def _cards(header: fits.Header) -> dict[str, Any]:
    """The cards that can be read."""
    cards = {}
    for card in header.cards:
        with contextlib.suppress(ValueError, fits.VerifyError):
            cards[card.keyword] = card.value
    return cards


def mask_hdus(path: str | Path, shape: tuple[int, int]) -> list[str]:
    """The images of a file that may be the mask of an image, by EXTNAME,EXTVER or number.

    One where it is clear: named in `path` (``file.fits[DQ,1]``), the only one of that size, or
    the only one of these named like a mask.

    Raises
    ------
    ImageError
        When the file cannot be read.
    """
    file, words = split_spec(str(path))
    if words:
        return [words]
    try:
        with fits.open(file, memmap=False) as hdus:
            return [_key(hdus[number], number) for number in _candidates(hdus, shape)]
    except Exception as error:
        raise ImageError(f"{file}: cannot be read as a FITS mask ({error}).") from error


def _key(hdu: Any, number: int) -> str:
    return f"{hdu.name},{hdu.ver}" if hdu.name and number else str(number)


def _candidates(hdus: fits.HDUList, shape: tuple[int, int]) -> list[int]:
    images = image_numbers(hdus)
    fitting = [number for number in images if hdus[number].shape == shape] or images
    named = [number for number in fitting if _is_named_mask(hdus[number])]
    return named if len(named) == 1 else fitting


def _number_of(hdus: fits.HDUList, hdu: str | None, shape: tuple[int, int]) -> int:
    images = image_numbers(hdus)
    if hdu is not None:
        return find_hdu(hdus, hdu, images)
    found = _candidates(hdus, shape)
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{number} ({hdus[number].name or 'unnamed'})" for number in images)
    raise ImageError(f"which of its images is the mask? Name one: {known or 'it has none'}.")


def _is_named_mask(hdu: Any) -> bool:
    words = f"{hdu.name} {hdu.header.get('EXTTYPE', '')}"
    return bool(_MASKS.search(words)) or any(key.startswith("MP_") for key in hdu.header)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in reversed(shape))


def whole_numbers(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Flags as integers; files with BZERO or BLANK hold them as floats."""
    if values.dtype.kind == "f":
        values = np.nan_to_num(values, nan=0, posinf=0, neginf=0)
    return values.astype(np.int64)


def _values_of(mask: ImportedMask, names: dict[str, int]) -> list[np.int64]:
    """The flags or labels a mask wants, by value."""
    values = []
    for bit in mask.bits:
        key = str(bit).upper().removeprefix("MP_")
        if isinstance(bit, int) or key.isdigit():
            values.append(np.int64(int(bit)))
        elif key in names:
            values.append(np.int64(names[key]))
        else:
            known = ", ".join(names) or "none: give numbers"
            raise ParameterError(
                f"{Path(mask.path).name}: no flag is called {bit!r}. Known here: {known}."
            )
    return values
