"""Products of a mosaic: one file for each kind, an extension for each chip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from astropy.io import fits

from ginga_bkgplugin.files.names import PACKED
from ginga_bkgplugin.files.products import Product
from ginga_bkgplugin.files.writing import write_extensions


def write_mosaic(
    path: Path,
    products: Sequence[Product],
    primary: fits.Header,
    *,
    overwrite: bool = False,
    compress: bool = True,
) -> Path:
    """Write the products of all chips to one file, with the science file's EXTNAME and EXTVER.

    Parameters
    ----------
    path : Path
    products : sequence of Product
        Of one kind, one for each chip.
    primary : astropy.io.fits.Header
        For the primary HDU, which holds no pixels.
    overwrite : bool
        Replace an existing file.
    compress : bool
        Write masks and flags as compressed tiles.

    Raises
    ------
    ProductError
        As `write_fits`.
    """
    parts = []
    for product in products:
        header = product.header.copy()
        if isinstance(product.frame.hdu, tuple) and product.frame.hdu[0] != "PRIMARY":
            header["EXTNAME"], header["EXTVER"] = product.frame.hdu
        parts.append((product.stored, header))
    packed = compress and products[0].kind in PACKED
    write_extensions(path, primary, parts, overwrite=overwrite, compress=packed)
    for product in products:
        product.path = path
    return path
