"""From what Ginga shows to a `Frame`: identity, pixels, header."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io.fits import Header
from ginga.BaseImage import BaseImage

from ginga_bkgplugin.files.frames import Frame, celestial_wcs, read_frame
from ginga_bkgplugin.recipe.errors import ImageError
from ginga_bkgplugin.sky.pixels import check_image

_SAMPLES = 1000


def image_key(image: Any) -> tuple[Hashable, ...]:
    """What an image is, name first, also after Ginga dropped it and it was loaded anew."""
    return (
        image.get("name", None),
        image.get("path", None),
        image.get("idx", None),
        tuple(image.naxispath or ()),
    )


def provisional_frame(image: Any) -> Frame:
    """The frame as the viewer knows it, before its file is looked at.

    Parameters
    ----------
    image : ginga.AstroImage.AstroImage
        What the channel shows; its array is referred to, never copied or changed.

    Raises
    ------
    ImageError
        When it is not one 2-D image: RGB, a table, a plot, or empty.
    """
    data = image.get_data() if isinstance(image, BaseImage) else None
    if data is None:
        raise ImageError(
            "This is not an image whose sky can be estimated. Show a FITS image in this channel."
        )
    header = _header(image)
    path = image.get("path", None)
    return Frame(
        check_image(data),
        header=header,
        path=Path(path) if path else None,
        hdu=_hdu(image),
        plane=tuple(reversed(image.naxispath or ())),
        wcs=celestial_wcs(header),
        label=str(image.get("name", None) or "image"),
    )


def complete_frame(frame: Frame) -> Frame:
    """The frame with its file's own header, WCS and DQ; as it is where there is no file.

    Ginga's header is a dict with one HISTORY card, and its WCS has no lookup tables. Reads the
    file, so not for the GUI thread.
    """
    if frame.path is None:
        return frame
    try:
        stored = read_frame(frame.path, frame.hdu, frame.plane or None)
    except ImageError:
        return frame  # opened by another reader than FITS, or gone since
    if stored.data.shape != frame.data.shape:
        return frame
    return dataclasses.replace(stored, data=frame.data)


def fingerprint(frame: Frame) -> bytes:
    """A sample of the pixels, to see whether an image changed since it was last looked at."""
    data = frame.data
    step = max(1, data.size // _SAMPLES)
    rows, columns = np.unravel_index(np.arange(0, data.size, step), data.shape)
    return repr(data.shape).encode() + data[rows, columns].tobytes()


def _header(image: Any) -> Header:
    header = Header()
    for keyword, value in image.get_header().items():  # dict() of one has cards, no values
        with contextlib.suppress(ValueError, TypeError):
            header[keyword] = value
    return header


def _hdu(image: Any) -> Any:
    index = image.get("idx", None)
    if isinstance(index, tuple) and len(index) == 2:
        return (str(index[0]), int(index[1]))
    return index if isinstance(index, int) else None
