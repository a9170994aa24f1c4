"""The names of products, in our style and in the reference system's."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ginga_bkgplugin.recipe.errors import ParameterError, ProductError

if TYPE_CHECKING:
    from ginga_bkgplugin.files.frames import Frame

USUAL = ("srcmask", "invalidmask", "bkgmap", "bkgrms", "subbkg")
KINDS = (*USUAL, "bkgmesh", "bkgflag")
PACKED = ("srcmask", "invalidmask", "bkgflag")  # small as compressed tiles
RECIPE = "recipe"
BATCH = ("srcmask", "invalidmask", "bkgmap", "bkgrms", RECIPE)  # what a batch writes
STYLES = ("default", "ezphot")
FORMATS = ("png", "pdf")  # of a page to keep

_COMPRESSED = (".gz", ".fz", ".bz2")
_PLAIN = " !#$&'()+,;=@[]^`{}"  # in names of files as they are, beside letters and digits
_FITS = (".fits", ".fit", ".fts")


def stem(frame: Frame) -> str:
    """File name of the image without FITS and compression endings, HDU and plane added."""
    name = frame.path.name if frame.path else re.sub(r"[^\w.+-]+", "_", frame.label or "image")
    for endings in (_COMPRESSED, _FITS):
        for ending in endings:
            if name.lower().endswith(ending) and len(name) > len(ending):
                name = name[: -len(ending)]
                break
    return name + _tag(frame)


def _tag(frame: Frame) -> str:
    """HDU and plane behind the name; a header may call its HDU ``../x``, or all a disk forbids."""
    return f".{quote(frame.tag, safe=_PLAIN)}" if frame.tag else ""


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
        file += _tag(frame)
        return Path(folder, f"subbkg_{file}" if kind == "subbkg" else f"{file}.{kind}")
    return Path(folder, f"{stem(frame)}.{kind}.fits")


def restored_path(frame: Frame, folder: str | Path | None = None) -> Path:
    """Where the image goes that a subtracted one is restored to.

    Raises
    ------
    ProductError
        For an image without a file and no folder.
    """
    like = product_path(image_of(frame) or frame, "subbkg", folder)
    return like.with_name(like.name.removesuffix("subbkg.fits") + "restored.fits")


def find_products(frame: Frame, *folders: str | Path | None) -> dict[str, Path]:
    """The products of an image that exist, by kind, in either style (ours first).

    Parameters
    ----------
    frame : Frame
        The image, or one of its products: that leads to the others.
    *folders : path
        Where to look; None, and no folder at all, is beside the image. Of several the one is
        taken whose products can be loaded, then the one in which a product was written last.
    """
    found = [_found(frame, folder) for folder in folders or (None,)]
    target = image_of(frame)
    if target is not None and not any(found):
        found = [_found(target, folder) for folder in folders or (None,)]

    def rank(products: dict[str, Path]) -> tuple[bool, float]:
        times = [path.stat().st_mtime for path in products.values()]
        return is_loadable(products), max(times, default=0.0)

    return max(found, key=rank)


def is_loadable(found: Iterable[str]) -> bool:
    """Whether these kinds of products are enough to show a result again."""
    kinds = set(found)
    return "srcmask" in kinds and ("bkgmesh" in kinds or {"bkgmap", "bkgrms"} <= kinds)


def image_of(frame: Frame) -> Frame | None:
    """The image a product belongs to, by its header: name and HDU only; None for other files."""
    name = frame.header.get("TGTPATH")
    if "BKGPROD" not in frame.header or not name or frame.path is None:
        return None
    if "\\" in str(name):  # as headers escape what FITS has no letters for
        name = str(name).encode("ascii", "backslashreplace").decode("unicode_escape")
    path = frame.path.with_name(Path(str(name)).name)
    hdu, _, plane = str(frame.header.get("TGTHDU", "")).partition("plane")
    tag = re.fullmatch(r"(.*?)(\d*)", hdu.rstrip("."))
    assert tag is not None
    return dataclasses.replace(
        frame, path=path, first=not hdu, hdu=(tag[1], int(tag[2] or 1)) if hdu else None,
        plane=tuple(int(number) for number in plane.split("-")) if plane else (),
    )  # fmt: skip


def _found(frame: Frame, folder: str | Path | None) -> dict[str, Path]:
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
