"""Which pixels a product was made from: a checksum that is quick, and the same everywhere.

Hashed are size, type and values, as numbers in big-endian order: not the bytes of a file. So an
image and its gzipped or tile-compressed copy have one checksum, and a changed header changes
nothing. Each part of the rows is hashed by itself, side by side, and then the hashes. XXH3 is not
for secrets: it tells one image from another, ten times as fast as SHA-1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from ginga_bkgplugin.sky.binning import BlockMask
from ginga_bkgplugin.sky.maps import SplineMap, rows_of
from ginga_bkgplugin.sky.strips import Span, each

_PIXELS = 1 << 19  # of a part; part of what the checksum is: never change it


def parts(shape: tuple[int, ...]) -> list[Span]:
    """The spans of rows that are hashed by themselves."""
    ny, nx = shape
    height = max(1, _PIXELS // max(nx, 1))
    return [(start, min(ny, start + height)) for start in range(0, ny, height)]


def digest(rows: npt.NDArray[Any]) -> bytes:
    """The hash of one part."""
    numbers = np.ascontiguousarray(rows, rows.dtype.newbyteorder(">"))
    return xxhash.xxh3_64_digest(numbers.data)


def joined(shape: tuple[int, ...], kind: np.dtype[Any], digests: Iterable[bytes]) -> str:
    """The checksum, from the hashes of all parts in their order."""
    words = f"{shape[0]} {shape[1]} {kind.kind}{kind.itemsize}".encode()
    return xxhash.xxh3_64_hexdigest(words + b"".join(digests))


def checksum(data: npt.NDArray[Any] | SplineMap | BlockMask) -> str:
    """The checksum of an image, 16 hexadecimal digits.

    Parameters
    ----------
    data : ndarray, SplineMap or BlockMask, shape (ny, nx)
        Any real type and byte order; the byte order does not count, the type does.
    """
    if isinstance(data, BlockMask):
        digests = each(lambda *span: digest(data.rows(*span)), parts(data.base.shape))
        return joined(data.base.shape, data.base.dtype, digests)
    kind = np.dtype(np.float32) if isinstance(data, SplineMap) else data.dtype
    digests = each(lambda *span: digest(rows_of(data, *span)), parts(data.shape))
    return joined(data.shape, kind, digests)
