"""What products say of themselves, and what is made of it when they are opened again."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin import (
    ProductError,
    Recipe,
    ScienceImage,
    find_products,
    load_result,
    read_frame,
    restore_file,
    stale_products,
)
from ginga_bkgplugin.files.identity import checksum
from ginga_bkgplugin.files.names import KINDS, RECIPE, USUAL
from ginga_bkgplugin.files.products import read_header
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.work.loading import load_and_look

MADE_WITH = Recipe().with_regions(
    PixelCircle(180, 170, 60, name="은하"), SkyCircle(150.0, 2.2, 3.0)
)


@pytest.fixture
def image(tmp_path: Path) -> ScienceImage:
    small = sample_field((300, 320), stars=20)
    fits.writeto(tmp_path / "n1.fits", small.data, small.header)
    return ScienceImage.read(tmp_path / "n1.fits")


def _save(image: ScienceImage, *kinds: str, recipe: Recipe = MADE_WITH) -> dict[str, Path]:
    image.save(image.run(recipe), kinds or (*KINDS, RECIPE), overwrite=True)
    return find_products(image.frame)


def test_every_product_says_what_it_was_made_from_with_and_when(image: ScienceImage) -> None:
    result = image.run(MADE_WITH)
    before = datetime.datetime.now(datetime.UTC).replace(tzinfo=None, microsecond=0)
    image.save(result, KINDS)

    for kind, path in find_products(image.frame).items():
        header = read_header(path)
        assert header["BKGPROD"] == kind
        assert header["TGTPATH"] == "n1.fits"
        assert header["TGTSUM"] == checksum(image.data)
        assert header["MASKSUM"] == checksum(result.mask)
        assert datetime.datetime.fromisoformat(header["BKGDATE"]) >= before
        for card, package in (("SEPVER", "sep"), ("NUMPYVER", "numpy"), ("ASTROVER", "astropy"),
                              ("SCIPYVER", "scipy")):  # fmt: skip
            assert header[card] == version(package)
        assert "BKGVER" in header
        assert not [card for card in header.cards if isinstance(card.value, fits.card.Undefined)]


@pytest.mark.parametrize("compress", [True, False])
def test_pixsum_is_the_checksum_of_the_pixels_in_the_file(
    image: ScienceImage, compress: bool
) -> None:
    image.save(image.run(MADE_WITH), KINDS, compress=compress)

    for path in find_products(image.frame).values():
        assert read_header(path)["PIXSUM"] == read_frame(path).checksum, path


@pytest.mark.parametrize("program", ["fitsverify", "ftverify"])
@pytest.mark.parametrize("compress", [True, False])
def test_independent_checkers_find_no_fault(
    image: ScienceImage, program: str, compress: bool
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed (Debian: apt-get install fitsverify)")
    image.save(image.run(MADE_WITH), KINDS, compress=compress)
    paths = sorted(find_products(image.frame).values())
    restored, _ = restore_file(paths[-1].parent / "n1.subbkg.fits", folder=paths[0].parent / "r")

    for path in [*paths, restored]:
        done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
        assert "Verification found 0 warning(s) and 0 error(s)" in done.stdout, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_any_product_leads_to_the_others(image: ScienceImage, kind: str) -> None:
    found = _save(image)

    product = read_frame(found[kind])

    assert find_products(product) == found
    if kind != "bkgmesh":
        assert load_result(product).recipe == MADE_WITH


def test_without_its_file_the_recipe_is_that_in_the_header(image: ScienceImage) -> None:
    recipe = MADE_WITH.with_parameters(sigma=3.5, box_size=50)
    found = _save(image, recipe=recipe)
    found[RECIPE].unlink()

    assert load_result(image.frame).recipe == recipe


def test_without_maps_the_mesh_has_them(image: ScienceImage) -> None:
    result = image.run(MADE_WITH)
    image.save(result, ["srcmask", "bkgmesh", RECIPE])

    again = load_result(image.frame)

    assert np.array_equal(again.fit.level, result.fit.level)
    assert np.array_equal(again.fit.rms, result.fit.rms)
    assert again.fit.globalrms == result.fit.globalrms


def test_the_mesh_of_another_image_is_refused(image: ScienceImage, tmp_path: Path) -> None:
    found = _save(image, "srcmask", "bkgmesh")
    small = ScienceImage(np.ones((50, 60), np.float32))
    mesh = tmp_path / "image.bkgmesh.fits"
    found["bkgmesh"].rename(mesh)
    fits.writeto(tmp_path / "image.srcmask.fits", np.zeros((50, 60), np.uint8))

    with pytest.raises(ProductError, match=r"image\.bkgmesh\.fits: its size .* is not that of"):
        load_result(small.frame, tmp_path)


def test_fresh_products_are_not_stale(image: ScienceImage) -> None:
    found = _save(image)

    assert stale_products(image.frame, found) == {}
    assert stale_products(read_frame(found["bkgmap"]), found) == {}
    assert load_and_look(image.frame)[1] == ""


def test_products_are_stale_when_the_pixels_of_the_image_change(
    image: ScienceImage, tmp_path: Path
) -> None:
    found = _save(image)
    with fits.open(tmp_path / "n1.fits", mode="update") as hdus:
        hdus[0].data[7, 9] += 1

    changed = read_frame(tmp_path / "n1.fits")

    assert set(stale_products(changed, found)) == set(KINDS)
    assert "made from other pixels than the image has now. Run again." in load_and_look(changed)[1]


def test_products_are_not_stale_when_the_header_changes_or_the_file_is_packed(
    image: ScienceImage, tmp_path: Path
) -> None:
    found = _save(image)
    fits.setval(tmp_path / "n1.fits", "OBJECT", value="M 61")
    subprocess.run(["gzip", str(tmp_path / "n1.fits")], check=True)

    assert stale_products(read_frame(tmp_path / "n1.fits.gz"), found) == {}


def test_products_of_two_runs_are_told_apart(image: ScienceImage) -> None:
    _save(image)
    found = _save(image, "srcmask", "bkgmap", recipe=Recipe().with_parameters(low_sigma=1.2))

    stale = stale_products(image.frame, found)

    assert set(stale) == {"invalidmask", "bkgrms", "bkgmesh", "bkgflag", "subbkg"}
    assert stale["bkgrms"] == "made with another mask than the saved one"
    assert stale["subbkg"] == "another background was subtracted than the saved one"


def test_products_of_others_are_not_judged(image: ScienceImage, tmp_path: Path) -> None:
    fits.writeto(tmp_path / "n1.fits.bkgmap", np.ones((300, 320), "f4"))
    (tmp_path / "n1.bkgrms.fits").write_text("broken")

    assert stale_products(image.frame, find_products(image.frame)) == {}


def test_the_newest_of_two_folders_that_can_be_loaded_is_taken(
    image: ScienceImage, tmp_path: Path
) -> None:
    result = image.run(MADE_WITH)
    image.save(result, USUAL)
    image.save(image.run(Recipe()), USUAL, folder=tmp_path / "out")
    image.save(result, ["bkgmap"], folder=tmp_path / "last")

    found = find_products(image.frame, None, tmp_path / "out", tmp_path / "last")

    assert {path.parent for path in found.values()} == {tmp_path / "out"}


@pytest.mark.parametrize("kind", ["srcmask", "invalidmask"])
def test_masks_are_compressed_unless_told_otherwise(image: ScienceImage, kind: str) -> None:
    packed = _save(image)[kind].read_bytes()
    small, pixels = len(packed), read_frame(find_products(image.frame)[kind]).data
    image.save(image.run(MADE_WITH), [kind], compress=False, overwrite=True)
    plain = find_products(image.frame)[kind]

    assert small < plain.stat().st_size / 4
    with fits.open(plain) as hdus:
        assert len(hdus) == 1
        assert np.array_equal(hdus[0].data, pixels)
    assert fits.getdata(plain).dtype == np.uint8
