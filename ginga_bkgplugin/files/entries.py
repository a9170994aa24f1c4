"""What the headers of files say of the images in them, without reading a pixel."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ginga_bkgplugin.files.chips import hdu_key, science_numbers
from ginga_bkgplugin.files.frames import HDU, Frame, find_hdu, image_numbers, open_fits, unreadable
from ginga_bkgplugin.files.searching import Condition, product_kind
from ginga_bkgplugin.recipe.errors import ImageError

ALL = "all"  # every science HDU
CARDS = ("OBJECT", "FILTER", "EXPTIME", "DATE-OBS")


@dataclasses.dataclass(frozen=True)
class ImageEntry:
    """An image in a file, as its header describes it.

    Attributes
    ----------
    path : Path
        The file.
    hdus : tuple of ((str, int) or int)
        The HDU; all science HDUs of a mosaic that is worked on as one.
    plane : int or None
        Plane of a cube, 0-based.
    first : bool
        Whether it is the file's first image, so that its products carry no HDU in their names.
    shape : tuple of int
        (ny, nx); of the largest HDU of a mosaic. (0, 0) where the file cannot be read.
    pixels : int
        Of all its HDUs.
    cards : mapping
        Some of its header cards.
    passed_over : str
        What else the file holds where nothing was said of HDU or plane, and how to name it.
    problem : str
        Why the file cannot be read; empty for a good one.
    """

    path: Path
    hdus: tuple[HDU, ...] = ()
    plane: int | None = None
    first: bool = True
    shape: tuple[int, int] = (0, 0)
    pixels: int = 0
    cards: Mapping[str, Any] = dataclasses.field(default_factory=dict, compare=False)
    passed_over: str = ""
    problem: str = ""

    @property
    def mosaic(self) -> bool:
        """Whether several HDUs are worked on as one."""
        return len(self.hdus) > 1

    @property
    def bare(self) -> Frame:
        """A frame without pixels or header: for names."""
        hdu = self.hdus[0] if self.hdus else None
        plane = (self.plane,) if self.plane and not self.mosaic else ()
        nothing = np.empty((0, 0), np.float32)
        return Frame(nothing, path=self.path, hdu=hdu, plane=plane, first=self.first)

    @property
    def name(self) -> str:
        """File name with HDU and plane, for people."""
        return f"{self.path.name}[{ALL}]" if self.mosaic else self.bare.name


def read_entries(
    path: Path,
    hdu: HDU | str | None = None,
    plane: int | None = None,
    conditions: Sequence[Condition] = (),
    cards: Sequence[str] = CARDS,
) -> Iterator[ImageEntry]:
    """The image of a file that is asked for, if its header meets all conditions.

    Parameters
    ----------
    path : Path
    hdu : int, str or (str, int), optional
        As `read_frame`; ``"all"`` for every science HDU, as one mosaic.
    plane : int, optional
        Plane of a cube.
    conditions : sequence of Condition
        On the cards of the image's HDU, or of the primary HDU where that has none.
    cards : sequence of str
        What to keep of the header.

    Yields
    ------
    ImageEntry
        One that tells its problem where the file cannot be read: whether it was wanted cannot
        be known.
    """
    try:
        with open_fits(path) as hdus:
            numbers, first = _chosen(hdus, hdu)
            header, primary = hdus[numbers[0]].header, hdus[0].header
            if all(condition.holds(header, primary) for condition in conditions):
                entry = _entry(path, hdus, numbers, first, plane, cards)
                more = _passed_over(hdus, numbers[0], hdu, plane)
                yield dataclasses.replace(entry, passed_over=more)
    except Exception as error:  # noqa: BLE001 - zlib's and CFITSIO's own come through astropy
        yield ImageEntry(path, problem=str(unreadable(path, error)))


def kind_of_product(path: Path) -> str:
    """The kind of product a file is, by name or header; empty for any other, or unreadable."""
    try:
        with open_fits(path) as hdus:
            return product_kind(path, *(hdu.header for hdu in hdus))
    except Exception:  # noqa: BLE001 - the name is all there is to go by
        return product_kind(path)


def _chosen(hdus: fits.HDUList, hdu: Any) -> tuple[list[int], bool]:
    """The HDUs meant, and whether the file's first image is among them or they are its chips."""
    images = image_numbers(hdus)
    if not images:
        raise ImageError("no HDU holds an image.")
    if hdu == ALL:
        numbers = science_numbers(hdus)
    else:
        numbers = [images[0] if hdu is None else find_hdu(hdus, hdu, images)]
    return numbers, len(numbers) > 1 or numbers[0] == images[0]


def _passed_over(hdus: fits.HDUList, number: int, hdu: Any, plane: int | None) -> str:
    """In words, what nobody asked for."""
    found = []
    if hdu is None and (images := len(science_numbers(hdus))) > 1:
        found.append(
            f"the first of {images} images is taken (all: --all-hdus, hdu='all'; another: --hdu)"
        )
    planes = math.prod(hdus[number].shape[:-2])
    if plane is None and planes > 1:
        found.append(f"the first of {planes} planes is taken (another: --plane)")
    return "; ".join(found)


def _entry(
    path: Path,
    hdus: fits.HDUList,
    numbers: Sequence[int],
    first: bool,
    plane: int | None,
    cards: Sequence[str],
) -> ImageEntry:
    shapes = [hdus[number].shape[-2:] for number in numbers]
    header, primary = hdus[numbers[0]].header, hdus[0].header
    kept = {card: header.get(card, primary.get(card)) for card in cards}
    return ImageEntry(
        path=path,
        hdus=tuple(hdu_key(hdus[number], number) for number in numbers),
        plane=plane,
        first=first,
        shape=max(shapes, key=lambda shape: shape[0] * shape[1]),
        pixels=sum(shape[0] * shape[1] for shape in shapes),
        cards=kept,
    )
