"""Products: arrays that know their file, their image, and whether they are saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ginga_bkgplugin.files.frames import Frame, open_fits
from ginga_bkgplugin.files.names import PACKED, product_path
from ginga_bkgplugin.files.writing import Image, write_fits
from ginga_bkgplugin.recipe.errors import ProductError
from ginga_bkgplugin.sky.maps import SplineMap, whole
from ginga_bkgplugin.sky.pixels import MaskBit, has


class Product:
    """An array with a header that can be written, read back and removed.

    Parameters
    ----------
    data : ndarray, shape (ny, nx), or SplineMap
        An array is made read-only; a map is made when it is first asked for.
    kind : str
        One of `ginga_bkgplugin.files.names.KINDS`.
    header : astropy.io.fits.Header
        What will stand in the file.
    frame : Frame
        The image it belongs to.

    Attributes
    ----------
    extensions : tuple of HDU
        What follows the image in the file.
    """

    def __init__(self, data: Image, *, kind: str, header: fits.Header, frame: Frame) -> None:
        self.kind = kind
        self.header = header
        self.frame = frame
        self.path: Path | None = None
        self.extensions: tuple[Any, ...] = ()
        self._data: Image | None = data if isinstance(data, SplineMap) else _locked(data)

    @property
    def target(self) -> Path | None:
        """File of the image it belongs to."""
        return self.frame.path

    @property
    def data(self) -> npt.NDArray[Any]:
        """The array, read again from its file after `clear`.

        Raises
        ------
        ProductError
            When it was cleared and its file is gone.
        """
        if self._data is None:
            self._data = _locked(_read(self.path, self.frame.tag)[0] if self.path else None)
        elif isinstance(self._data, SplineMap):
            self._data = _locked(whole(self._data))
        return self._data

    @property
    def stored(self) -> Image:
        """What is in memory: the array, or the nodes of a map that was not asked for yet."""
        return self.data if self._data is None else self._data

    @property
    def is_saved(self) -> bool:
        """Whether the file it was written to, or read from, exists."""
        return self.path is not None and self.path.is_file()

    def write(
        self,
        path: str | Path | None = None,
        *,
        folder: str | Path | None = None,
        style: str = "default",
        overwrite: bool = False,
        compress: bool = True,
    ) -> Path:
        """Write the product; by default beside its image, under its usual name.

        Masks and flags are written as compressed tiles, unless `compress` is off; maps never are.

        Raises
        ------
        ProductExistsError
            When the file exists and `overwrite` is off.
        ProductError
            When it cannot be written, or would replace the science file.
        """
        where = Path(path) if path else product_path(self.frame, self.kind, folder, style)
        if self.target is not None and where.resolve() == self.target.resolve():
            raise ProductError(f"{where}: that is the science file. Choose another name.")
        packed = compress and self.kind in PACKED
        write_fits(
            where, self.stored, self.header,
            overwrite=overwrite, compress=packed, extensions=self.extensions,
        )  # fmt: skip
        self.path = where
        return where

    def remove(self) -> Path | None:
        """Delete its file, and nothing else; the array stays. Returns the path, if one went."""
        self._data = self.data  # read back what clear() dropped, before the file goes
        path, self.path = self.path, None
        if path is None or not path.is_file():
            return None
        path.unlink()
        return path

    def clear(self) -> None:
        """Free the memory; the array is read from the file when next asked for.

        Raises
        ------
        ProductError
            When it was never saved: clearing would lose it.
        """
        if not self.is_saved:
            raise ProductError(f"The {self.kind} is not saved: write() it before clear().")
        self._data = None

    @classmethod
    def read(cls, path: str | Path, frame: Frame) -> Self:
        """Read a product of an image from its file.

        Raises
        ------
        ProductError
            When it cannot be read or has another size than the image.
        """
        path = Path(path)
        data, header = _read(path, frame.tag)
        if header.get("BKGPROD") == "bkgmesh":
            raise ProductError(f"{path}: cannot be read as a product: it is a mesh (read_mesh).")
        if data.shape != frame.data.shape:
            raise ProductError(
                f"{path}: its size {data.shape} is not that of {frame.name}, {frame.data.shape}."
            )
        kind = header.get("BKGPROD") or path.name.removesuffix(".fits").rpartition(".")[2]
        product = cls(data, kind=str(kind), header=header, frame=frame)
        product.path = path
        return product

    def __repr__(self) -> str:
        where = f"saved in {self.path}" if self.is_saved else "not saved"
        return f"<{type(self).__name__} {self.kind} of {self.frame.name}, {where}>"


class Mask(Product):
    """A mask: uint8, non-zero is masked. A ``srcmask`` holds the bits of `MaskBit`."""

    @property
    def fraction(self) -> float:
        """Share of masked pixels."""
        return float(np.count_nonzero(self.data) / self.data.size)

    @property
    def attempts(self) -> int:
        """Passes of source detection behind it (MASKATMP)."""
        return int(self.header.get("MASKATMP") or 0)

    def has(self, bits: MaskBit) -> npt.NDArray[np.bool_]:
        """Where the mask has any of these bits."""
        return has(self.data, bits)


class Background(Product):
    """A map of the sky (``bkgmap``) or of its noise (``bkgrms``), float32."""

    rms: Background | None = None

    @property
    def value(self) -> float:
        """The global background (BKGVALU); the map's median where a foreign file has none."""
        return float(self.header.get("BKGVALU", np.nanmedian(self.data)))

    @property
    def sigma(self) -> float:
        """The global rms (BKGSIG); NaN where a foreign file has none."""
        return float(self.header.get("BKGSIG", np.nan))

    @property
    def is_2d(self) -> bool:
        """Whether it varies over the frame (BKGIS2D)."""
        return bool(self.header.get("BKGIS2D", True))


def _locked(data: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    if data is None:
        raise ProductError("The product was cleared and its file removed: compute it again.")
    view = data.view()
    view.flags.writeable = False
    return view


def _read(path: Path, tag: str) -> tuple[npt.NDArray[Any], fits.Header]:
    """The image of a product file, native byte order; masks of any type as uint8.

    The first one; of a mosaic's product, the one that belongs to the chip `tag` names.
    """
    try:
        with open_fits(path, memmap=False) as hdus:
            images = [each for each in hdus if each.data is not None]
            chips = [each for each in images if each.header.get("TGTHDU", "") == tag]
            hdu = (chips or images)[0] if len(images) > 1 else images[0]
            data, header = hdu.data, hdu.header.copy()
    except (OSError, IndexError, ValueError, TypeError) as error:
        raise ProductError(f"{path}: cannot be read as a product ({error}).") from error
    kind = np.float32 if data.dtype.kind == "f" and data.dtype.itemsize <= 4 else None
    if "mask" in str(header.get("BKGPROD") or path.name):
        return _as_mask(data), header
    return data.astype(kind or data.dtype.newbyteorder("="), copy=False), header


def read_header(path: Path) -> fits.Header:
    """The header of a product, without its pixels.

    Raises
    ------
    ProductError
        When it cannot be read.
    """
    try:
        with open_fits(path) as hdus:
            return next(each.header.copy() for each in hdus if each.header.get("NAXIS"))
    except (OSError, StopIteration, ValueError, TypeError) as error:
        raise ProductError(f"{path}: cannot be read as a product ({error}).") from error


def _as_mask(data: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A mask as uint8; where its values do not fit the bits (labels, floats), 1 is masked."""
    if data.dtype.kind in "iu" and data.min() >= 0 and data.max() <= np.iinfo(np.uint8).max:
        bits: npt.NDArray[np.uint8] = data.astype(np.uint8, copy=False)
    else:
        bits = (data != 0).astype(np.uint8)
    return bits
