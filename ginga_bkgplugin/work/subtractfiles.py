"""Subtracted and restored images as files: what the command line does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

from ginga_bkgplugin.files.frames import Frame, read_frame
from ginga_bkgplugin.files.history import entry, last_entry
from ginga_bkgplugin.files.meshfile import read_mesh
from ginga_bkgplugin.files.names import find_products, image_of, product_path, restored_path
from ginga_bkgplugin.files.products import Background
from ginga_bkgplugin.files.writing import ascii_text, now, write_fits
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ProductError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.maps import Map, whole
from ginga_bkgplugin.work.saving import make_folder
from ginga_bkgplugin.work.subtracting import check_not_subtracted, restore, subtract

_PARAMETERS = {card for card, *_ in Recipe().cards()}
_OWN = {"BKGPROD", "BKGDATE", "BKGVER", "BKGSUB", "BKGID", "BKGPATH", "BKGLEFT"}  # of each file


def find_background(
    frame: Frame, background: str | Path | None = None, folder: str | Path | None = None
) -> tuple[Map, fits.Header, Path]:
    """The background of an image: the one named, else the saved one (map, then mesh).

    Returns
    -------
    level : ndarray or SplineMap, shape (ny, nx)
    header : astropy.io.fits.Header
    path : Path

    Raises
    ------
    ProductError
        When there is none, or it cannot be read.
    """
    found = find_products(frame, *dict.fromkeys([folder, None]))
    path = Path(background) if background else found.get("bkgmap", found.get("bkgmesh"))
    if path is None:
        raise ProductError(
            f"{frame.name}: no saved background (bkgmap or bkgmesh). Run first, or name one."
        )
    try:
        product = Background.read(path, frame)
    except ProductError:
        if "mesh" not in path.name:
            raise
        mesh, _, header = read_mesh(path)
        if mesh.shape != frame.data.shape:
            raise ProductError(
                f"{path}: its size {mesh.shape} is not that of {frame.name}."
            ) from None
        return mesh.map(), header, path
    return product.data, product.header, path


def subtract_file(
    file: str | Path,
    *,
    background: str | Path | None = None,
    folder: str | Path | None = None,
    style: str = "default",
    overwrite: bool = False,
    force: bool = False,
) -> Path:
    """Subtract its saved background from an image, into a new file.

    Parameters
    ----------
    file : path
        The image, e.g. ``image.fits[SCI,1]``; it stays as it is.
    background : path, optional
        A map or mesh to subtract instead of the saved one.
    folder : path, optional
        Where products are, and the new one goes. Default: beside the image.
    style : {"default", "ezphot"}
        The style of the name.
    overwrite : bool
        Replace an existing file.
    force : bool
        Subtract although it was done before, or the background was made from other pixels.

    Returns
    -------
    Path

    Raises
    ------
    ProductError
        When the image says it is subtracted, there is no background, or it is stale.
    """
    frame = read_frame(file)
    if not force:
        check_not_subtracted(frame)
    level, header, path = find_background(frame, background, folder)
    made_from = header.get("TGTSUM")
    if background is None and made_from and made_from != frame.checksum and not force:
        raise ProductError(
            f"{path}: it is stale, made from other pixels than those of {frame.name} now. Run"
            " again, or name it to subtract it all the same."
        )
    own = [(c.keyword, c.value, c.comment) for c in header.cards if _tells(c.keyword)]
    if "BKGVALU" not in header:
        own.append(("BKGVALU", float(np.nanmedian(whole(level))), "median of the background"))
    own.append(("BKGPATH", ascii_text(path.name), "the background that was subtracted"))
    recipe = last_entry(header, "recipe")
    told = [f"ginga-bkg {now()} subbkg of {frame.name}"]
    told += [entry("recipe", recipe)] if recipe else []
    product = subtract(frame, level, own, told, force=force)
    if folder is not None:
        make_folder(Path(folder))
    return product.write(product_path(frame, "subbkg", folder, style), overwrite=overwrite)


def _tells(keyword: str) -> bool:
    """Whether a card of a background tells how it was made."""
    ours = keyword in _PARAMETERS or keyword.startswith(("BKG", "MASK"))
    return ours and keyword not in _OWN


def restore_file(
    file: str | Path,
    *,
    background: str | Path | None = None,
    folder: str | Path | None = None,
    overwrite: bool = False,
) -> tuple[Path, str]:
    """Restore the image from which a background was subtracted.

    Parameters
    ----------
    file : path
        The subtracted image; it stays as it is.
    background : path, optional
        The map or mesh that was subtracted. Default: the one its header names, beside it.
    folder : path, optional
        Where the restored image goes. Without it, nothing is written where the original stands
        beside `file`, unchanged.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    path : Path
        The restored image, or the original.
    words : str
        How good it is: the original, the same to the bit, or within one ulp.

    Raises
    ------
    ProductError
        When it was not subtracted by this program, or its background is not to be had.
    """
    frame = read_frame(file)
    original = None if folder else _original(frame)
    if original is not None:
        return original, "the original is there, its pixels unchanged"
    named = frame.header.get("BKGPATH")
    if background is None and named and frame.path is not None:
        beside = frame.path.with_name(Path(str(named)).name)
        background = beside if beside.is_file() else None
    level, _, _ = find_background(frame, background)
    restored = restore(frame, level)
    where = restored_path(frame, folder)
    make_folder(where.parent)
    write_fits(where, restored.data, restored.header, overwrite=overwrite)
    same = "the same pixels to the bit" if restored.exact else "within one ulp of the original"
    return where, same


def _original(frame: Frame) -> Path | None:
    """The image a product was made from, where it is there with the same pixels."""
    target = image_of(frame)
    if target is None or target.path is None or not target.path.is_file():
        return None
    try:
        found = read_frame(target.path, None if target.first else target.hdu, target.plane)
    except BackgroundPluginError:
        return None
    return target.path if found.checksum == frame.header.get("TGTSUM") else None
