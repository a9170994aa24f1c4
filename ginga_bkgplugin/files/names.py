"""The names of products, in our style and in the reference system's."""

from __future__ import annotations

import re
from pathlib import Path

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.errors import ParameterError, ProductError

KINDS = ("srcmask", "invalidmask", "bkgmap", "bkgrms", "subbkg")
RECIPE = "recipe"
STYLES = ("default", "ezphot")

_COMPRESSED = (".gz", ".fz", ".bz2")
_FITS = (".fits", ".fit", ".fts")


def stem(frame: Frame) -> str:
    """File name of the image without FITS and compression endings, HDU and plane added."""
    name = frame.path.name if frame.path else re.sub(r"[^\w.+-]+", "_", frame.label or "image")
    for endings in (_COMPRESSED, _FITS):
        for ending in endings:
            if name.lower().endswith(ending) and len(name) > len(ending):
                name = name[: -len(ending)]
                break
    return f"{name}.{frame.tag}" if frame.tag else name


def product_path(
    frame: Frame, kind: str, folder: str | Path | None = None, style: str = "default"
) -> Path:
    """Where a product of an image belongs.

    Parameters
    ----------
    frame : Frame
        The image.
    kind : str
        One of `KINDS`, or ``"recipe"``.
    folder : path, optional
        Default: beside the image.
    style : {"default", "ezphot"}
        ``<stem>.bkgmap.fits``, or ``<file>.bkgmap`` and ``subbkg_<file>``.

    Raises
    ------
    ProductError
        For an image without a file and no folder.
    """
    if style not in STYLES:
        raise ParameterError(f"Unknown style of names {style!r}. Known: {', '.join(STYLES)}.")
    if folder is None:
        if frame.path is None:
            raise ProductError("The image has no file: name a folder for its products.")
        folder = frame.path.parent
    if kind == RECIPE:
        return Path(folder, f"{stem(frame)}.bkg.json")
    if style == "ezphot":
        file = frame.path.name if frame.path else "image.fits"
        for ending in _COMPRESSED:  # products are plain FITS
            file = file.removesuffix(ending)
        file = f"{file}.{frame.tag}" if frame.tag else file
        return Path(folder, f"subbkg_{file}" if kind == "subbkg" else f"{file}.{kind}")
    return Path(folder, f"{stem(frame)}.{kind}.fits")


def find_products(frame: Frame, folder: str | Path | None = None) -> dict[str, Path]:
    """The products of an image that exist, by kind, in either style (ours first)."""
    found = {}
    for kind in (*KINDS, RECIPE):
        for style in STYLES:
            try:
                path = product_path(frame, kind, folder, style)
            except ProductError:
                continue
            if path.is_file():
                found[kind] = path
                break
    return found
