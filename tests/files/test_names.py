from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.names import KINDS, RECIPE, STYLES, find_products, product_path
from ginga_bkgplugin.recipe.errors import ParameterError, ProductError


def _frame(path: str | Path | None, **values: Any) -> Frame:
    return Frame(np.zeros((5, 5)), path=None if path is None else Path(path), **values)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("n1.fits", "n1.bkgmap.fits"),
        ("n1.fits.gz", "n1.bkgmap.fits"),
        ("n1.fits.fz", "n1.bkgmap.fits"),
        ("N1.FIT", "N1.bkgmap.fits"),
        ("n1.fts", "n1.bkgmap.fits"),
        ("n1.v2.fits", "n1.v2.bkgmap.fits"),
        ("n1", "n1.bkgmap.fits"),
        (".fits", ".fits.bkgmap.fits"),
    ],
)
def test_a_product_is_named_after_the_stem_of_its_image(file: str, name: str) -> None:
    assert product_path(_frame(f"/night/{file}"), "bkgmap") == Path("/night", name)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("srcmask", "n1.fits.srcmask"),
        ("bkgmap", "n1.fits.bkgmap"),
        ("bkgrms", "n1.fits.bkgrms"),
        ("invalidmask", "n1.fits.invalidmask"),
        ("subbkg", "subbkg_n1.fits"),
    ],
)
def test_the_reference_systems_names_are_available(kind: str, name: str) -> None:
    assert product_path(_frame("/n/n1.fits"), kind, style="ezphot") == Path("/n", name)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", [*KINDS, RECIPE])
def test_products_of_another_hdu_or_plane_have_other_names(style: str, kind: str) -> None:
    frames = [
        _frame("/n/n1.fits"),
        _frame("/n/n1.fits", hdu=("SCI", 2), first=False),
        _frame("/n/n1.fits", hdu=2, first=False),
        _frame("/n/n1.fits", hdu=("SCI", 2), plane=(1,), first=False),
        _frame("/n/n1.fits", hdu=("SCI", 2), plane=(1, 1), first=False),
        _frame("/n/n1.fits", hdu=("SCI", 2), plane=(11,), first=False),
    ]

    names = {product_path(frame, kind, style=style) for frame in frames}

    assert len(names) == len(frames)


@pytest.mark.parametrize("style", STYLES)
def test_no_two_products_of_an_image_share_a_name(style: str) -> None:
    frame = _frame("/n/n1.fits")

    names = {product_path(frame, kind, style=style) for kind in (*KINDS, RECIPE)}

    assert len(names) == len(KINDS) + 1
    assert frame.path not in names


def test_a_folder_takes_the_place_of_the_images_own() -> None:
    assert product_path(_frame("/n/n1.fits"), "bkgmap", "/out") == Path("/out/n1.bkgmap.fits")


def test_an_image_without_a_file_needs_a_folder() -> None:
    with pytest.raises(ProductError, match="name a folder"):
        product_path(_frame(None), "bkgmap")

    assert product_path(_frame(None), "bkgmap", "/o") == Path("/o/image.bkgmap.fits")


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"'sextractor'\. Known: default, ezphot"):
        product_path(_frame("/n/n1.fits"), "bkgmap", style="sextractor")


@pytest.mark.parametrize("style", STYLES)
def test_existing_products_are_found_in_either_style(tmp_path: Path, style: str) -> None:
    frame = _frame(tmp_path / "n1.fits")
    path = product_path(frame, "srcmask", style=style)
    path.touch()

    assert find_products(frame) == {"srcmask": path}


def test_our_style_is_found_first(tmp_path: Path) -> None:
    frame = _frame(tmp_path / "n1.fits")
    for style in STYLES:
        product_path(frame, "bkgmap", style=style).touch()

    assert find_products(frame)["bkgmap"].name == "n1.bkgmap.fits"


def test_an_image_without_a_file_has_no_products() -> None:
    assert find_products(_frame(None)) == {}
