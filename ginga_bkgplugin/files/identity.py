"""Which pixels a product was made from: a checksum that is quick, and the same everywhere.

Hashed are size, type and values, as numbers in big-endian order: not the bytes of a file. So an
image and its gzipped or tile-compressed copy have one checksum, and a changed header changes
nothing. Each part of the rows is hashed by itself, side by side, and then the hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.maps import SplineMap, rows_of
from ginga_bkgplugin.sky.strips import Span, each

_PIXELS = 1 << 19  # of a part; part of what the checksum is: never change it
_DIGITS = 16


def parts(shape: tuple[int, ...]) -> list[Span]:
    """The spans of rows that are hashed by themselves."""
    ny, nx = shape
    height = max(1, _PIXELS // max(nx, 1))
    return [(start, min(ny, start + height)) for start in range(0, ny, height)]


def digest(rows: npt.NDArray[Any]) -> bytes:
    """The hash of one part."""
    numbers = np.ascontiguousarray(rows, rows.dtype.newbyteorder(">"))
    return hashlib.sha1(numbers.data, usedforsecurity=False).digest()


def joined(shape: tuple[int, ...], kind: np.dtype[Any], digests: Iterable[bytes]) -> str:
    """The checksum, from the hashes of all parts in their order."""
    words = f"{shape[0]} {shape[1]} {kind.kind}{kind.itemsize}".encode()
    whole = hashlib.sha1(words + b"".join(digests), usedforsecurity=False)
    return whole.hexdigest()[:_DIGITS]


def checksum(data: npt.NDArray[Any] | SplineMap) -> str:
    """The checksum of an image, 16 hexadecimal digits.

    Parameters
    ----------
    data : ndarray or SplineMap, shape (ny, nx)
        Any real type and byte order; the byte order does not count, the type does.
    """
    kind = np.dtype(np.float32) if isinstance(data, SplineMap) else data.dtype
    digests = each(lambda *span: digest(rows_of(data, *span)), parts(data.shape))
    return joined(data.shape, kind, digests)
