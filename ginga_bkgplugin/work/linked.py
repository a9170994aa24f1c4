"""The saved products of many images, read one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from ginga_bkgplugin.files.entries import ImageEntry
from ginga_bkgplugin.files.frames import read_frame
from ginga_bkgplugin.files.names import find_products
from ginga_bkgplugin.files.products import Product

Kind = TypeVar("Kind", bound=Product)


class Linked(Generic[Kind]):
    """Products of one kind, in the order of the images; of a mosaic, of every chip.

    A product is read when it is asked for, and not kept.

    Parameters
    ----------
    entries : sequence of ImageEntry
        The images.
    folder : Path or None
        Of the products; None is beside each image.
    kind : str
        One of `ginga_bkgplugin.files.names.KINDS`.
    form : type
        Mask or Background.
    """

    def __init__(
        self, entries: Sequence[ImageEntry], folder: Path | None, kind: str, form: type[Kind]
    ) -> None:
        self._entries, self._folder, self._kind, self._form = entries, folder, kind, form

    @property
    def paths(self) -> list[Path | None]:
        """The file of each image's product; None where there is none."""
        return [find_products(entry.bare, self._folder).get(self._kind) for entry in self._entries]

    @property
    def saved(self) -> int:
        """How many images have it."""
        return sum(path is not None for path in self.paths)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Kind | None:
        """The product of one image, or of the first chip of a mosaic; None where there is none."""
        return next(self._read(self._entries[index]), None)

    def __iter__(self) -> Iterator[Kind | None]:
        for entry in self._entries:
            yield from self._read(entry)

    def _read(self, entry: ImageEntry) -> Iterator[Kind | None]:
        path = find_products(entry.bare, self._folder).get(self._kind)
        for hdu in entry.hdus:
            if path is None:
                yield None
            else:
                yield self._form.read(path, read_frame(entry.path, hdu, entry.plane))
