"""From a result to products: their cards, and writing several at once or none."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.history import entry
from ginga_bkgplugin.files.meshfile import mesh_cards, mesh_hdus, mesh_of
from ginga_bkgplugin.files.names import KINDS, RECIPE, USUAL, product_path
from ginga_bkgplugin.files.products import Background, Mask, Product
from ginga_bkgplugin.files.writing import (
    ascii_text,
    check_absent,
    now,
    product_header,
    write_text,
)
from ginga_bkgplugin.recipe.errors import ParameterError, ProductError
from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.sky.boxes import Grid
from ginga_bkgplugin.sky.models import sep_grid
from ginga_bkgplugin.sky.pixels import MaskBit, has
from ginga_bkgplugin.sky.strips import together
from ginga_bkgplugin.work.pipeline import Result
from ginga_bkgplugin.work.subtracting import check_not_subtracted, subtract

Cards = Sequence[tuple[str, Any, str]]

_OF_THE_SKY = ("OBJECT", "TELESCOP", "INSTRUME", "FILTER", "DATE-OBS", "EXPTIME", "BUNIT")

MASK_CARDS: Cards = [
    ("MASKPOL", "1=MASKED", "non-zero pixels are masked"),
]
BIT_CARDS: Cards = [
    ("MASKB1", "region", "bit 1: drawn by hand"),
    ("MASKB2", "source", "bit 2: light of a source"),
    ("MASKB4", "saturated", "bit 4: of a saturated source"),
    ("MASKB8", "invalid", "bit 8: no measurement"),
    ("MASKB16", "imported", "bit 16: from a file"),
]

FLAG_CARDS: Cards = [
    ("FLAG0", "measured", "the sky of the box was measured"),
    ("FLAG1", "filled", "1 to 254: boxes to the nearest measured one"),
    ("FLAG255", "none", "no box was measured"),
]


def result_cards(result: Result) -> Cards:
    """Cards that say what was done and what came out."""
    fit = result.fit
    return [
        *result.recipe.cards(),
        ("MASKSAT", result.saturation_level, "saturation_level used [image units]"),
        ("MASKATMP", len(result.rows), "passes of source detection made"),
        ("MASKSUM", result.mask_sum, "checksum of the whole mask"),
        ("BKGTYPE", background_type(result.recipe.background), "method and model"),
        ("BKGVALU", fit.globalback, "global background [image units]"),
        ("BKGSIG", fit.globalrms, "global background rms [image units]"),
        ("BKGNBOX", fit.boxes, "boxes of the mesh or model"),
        ("BKGNFIL", fit.filled, "boxes not measured: filled, or left out"),
    ]


def background_type(background: BackgroundParameters) -> str:
    """Method and model in a word or two, e.g. ``SEP``, ``SEP SMOOTH FILL``, ``SMOOTH PLANE``."""
    words = [background.method]
    if background.modelled:
        words.append(background.model)
    elif background.fills_smoothly:
        words.append("smooth fill")
    return " ".join(words).upper()


def make_product(frame: Frame, result: Result, kind: str) -> Product:
    """One product of a result, not yet written.

    Parameters
    ----------
    frame : Frame
        The image.
    result : Result
        Of `ginga_bkgplugin.work.pipeline.run`.
    kind : str
        One of `ginga_bkgplugin.files.names.KINDS`.
    """
    cards = list(result_cards(result))
    recipe = entry("recipe", json.loads(result.recipe.to_json()))
    history = [f"ginga-bkg {now()} {kind} of {frame.name}", recipe]
    if kind in ("srcmask", "invalidmask"):
        data = result.mask
        bits = BIT_CARDS
        if kind == "invalidmask":
            data, bits = has(data, MaskBit.INVALID).astype(np.uint8), []
        masktype = ("MASKTYPE", kind.removesuffix("mask"), "kind of mask")
        header = product_header(frame, kind, [*cards, masktype, *MASK_CARDS, *bits], history)
        return Mask(data, kind=kind, header=header, frame=frame)
    if kind in ("bkgmap", "bkgrms"):
        data_map = result.fit.level_map if kind == "bkgmap" else result.fit.rms_map
        header = product_header(frame, kind, cards, history)
        return Background(data_map, kind=kind, header=header, frame=frame)
    if kind == "subbkg":
        return subtract(frame, result.fit.level_map, cards, history)
    if kind == "bkgflag":
        from ginga_bkgplugin.sky.boxflags import box_flags  # late: few ask for it

        header = product_header(frame, kind, [*cards, *FLAG_CARDS], history)
        flags = box_flags(result.fit, result.recipe.background)
        return Product(flags, kind=kind, header=header, frame=frame)
    if kind == "bkgmesh":
        return _mesh(frame, result, cards, history)
    raise ParameterError(f"Unknown product {kind!r}. Known: {', '.join(KINDS)}, {RECIPE}.")


def _mesh(frame: Frame, result: Result, cards: Cards, history: list[str]) -> Product:
    """The nodes of background and noise. The image's WCS is that of pixels and stays behind."""
    fit, box = result.fit, result.recipe.background.box_size
    ny, nx = frame.data.shape
    if result.recipe.background.method == "smooth":
        grid = Grid.over((ny, nx), box)
    else:
        grid = sep_grid((-(-ny // box), -(-nx // box)), box)
    centres = grid.centres()
    level, rms = (mesh_of(sky_map, *centres) for sky_map in (fit.level_map, fit.rms_map))
    error = max(level.error(fit.level_map), rms.error(fit.rms_map)) / max(fit.globalrms, 1e-300)
    kept = fits.Header([card for card in frame.header.cards if card.keyword in _OF_THE_SKY])
    own = [*cards, *mesh_cards(level), ("MESHERR", error, "of the rebuilt maps, in sigma")]
    header = product_header(frame, "bkgmesh", own, history, base=kept)
    product = Product(level.nodes, kind="bkgmesh", header=header, frame=frame)
    product.extensions = tuple(mesh_hdus(level, rms))
    return product


def check_saving(
    frame: Frame,
    kinds: Iterable[str],
    *,
    folder: str | Path | None = None,
    style: str = "default",
    overwrite: bool = False,
) -> dict[str, Path]:
    """Refuse what `save_products` would refuse, before anything is computed.

    Returns
    -------
    dict
        The path of each product.

    Raises
    ------
    ProductError
        When one exists and may not be replaced, or a second subtraction is asked for.
    """
    paths = {kind: product_path(frame, kind, folder, style) for kind in kinds}
    if not overwrite:
        check_absent(paths.values())
    if "subbkg" in paths:
        check_not_subtracted(frame)
    return paths


def save_products(
    frame: Frame,
    result: Result,
    kinds: Iterable[str] = (*USUAL, RECIPE),
    *,
    folder: str | Path | None = None,
    style: str = "default",
    overwrite: bool = False,
    compress: bool = True,
    cards: Cards = (),
) -> list[Path]:
    """Write products of a result. Nothing is written when one exists and may not be replaced.

    Parameters
    ----------
    frame, result
        The image and what a recipe made of it.
    kinds : iterable of str
        Of `ginga_bkgplugin.files.names.KINDS` and ``"recipe"``.
    folder : path, optional
        Made if absent. Default: beside the image.
    style : {"default", "ezphot"}
        The style of the names.
    overwrite : bool
        Replace existing products.
    compress : bool
        Write masks as compressed tiles; off for programs that cannot read these.
    cards : sequence of (keyword, value, comment)
        More cards for their headers.

    Returns
    -------
    list of Path

    Raises
    ------
    ProductExistsError
        Naming what exists; nothing is written.
    ProductError
        When the folder refuses.
    """
    paths = check_saving(frame, kinds, folder=folder, style=style, overwrite=overwrite)
    products = {kind: make_product(frame, result, kind) for kind in paths if kind != RECIPE}
    if "subbkg" in products and "bkgmap" in paths:
        products["subbkg"].header["BKGPATH"] = ascii_text(paths["bkgmap"].name)
    for product in products.values():
        product.header.extend(cards)
    if folder is not None:
        make_folder(folder)

    def write(kind: str, path: Path) -> None:
        if kind == RECIPE:
            write_text(path, result.recipe.to_json(), overwrite=overwrite)
        else:
            products[kind].write(path, overwrite=overwrite, compress=compress)

    together(*(functools.partial(write, *each) for each in paths.items()))
    return list(paths.values())


def make_folder(folder: str | Path) -> None:
    """Make a folder, if it is not there.

    Raises
    ------
    ProductError
        When that is refused.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProductError(f"{folder}: cannot be made ({error.strerror}).") from error
