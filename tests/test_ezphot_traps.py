"""What the reference system does to its users' files, and this one must not.

Each was found by running ezphot 0.4.15: a mask that was never saved deletes the saved one; masks
and backgrounds write their cards into the science header; a mask read back as big-endian integers
indexes rows, and puts NaN into the science array; a circle outside the image fails; a second
subtraction is done without a word.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin import Mask, ProductError, ProductExistsError, ScienceImage
from ginga_bkgplugin.sky.simulate import sample_field


@pytest.fixture
def image(tmp_path: Path) -> ScienceImage:
    small = sample_field((200, 220), stars=20)
    fits.writeto(tmp_path / "a.fits", small.data, small.header)
    return ScienceImage.read(tmp_path / "a.fits")


def _files(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_a_mask_that_was_never_saved_deletes_nothing(image: ScienceImage, tmp_path: Path) -> None:
    image.calculate_sourcemask().write()
    for name in ("a.fits.srcmask", "a.fits.srcmask.status", "a.fits.srcmask.png"):
        (tmp_path / name).write_text("of another program")
    before = _files(tmp_path)

    unsaved = image.calculate_circularmask(100, 100, 20, unit="pixel")
    assert unsaved.remove() is None
    image.calculate_bkg(target_srcmask=unsaved).remove()

    assert _files(tmp_path) == before


def test_remove_takes_its_own_file_and_none_of_the_others(
    image: ScienceImage, tmp_path: Path
) -> None:
    mask = image.calculate_sourcemask()
    background = image.calculate_bkg(target_srcmask=mask)
    (tmp_path / "a.bkgmap.fits.status").write_text("a sidecar of another program")
    mask.write()
    background.write()
    before = _files(tmp_path)

    background.remove()

    assert _files(tmp_path) == {k: v for k, v in before.items() if k != "a.bkgmap.fits"}


def test_a_product_of_another_run_is_not_overwritten_unasked(
    image: ScienceImage, tmp_path: Path
) -> None:
    (tmp_path / "a.srcmask.fits").write_text("precious")

    with pytest.raises(ProductExistsError):
        image.calculate_sourcemask().write()

    assert (tmp_path / "a.srcmask.fits").read_text() == "precious"


def test_the_science_file_header_and_pixels_stay_through_every_step(
    image: ScienceImage, tmp_path: Path
) -> None:
    file, cards, pixels = _files(tmp_path), image.header.tostring(), image.data.tobytes()

    invalid = image.calculate_invalidmask()
    mask = image.calculate_circularmask(60, 60, 20, unit="pixel")
    mask = image.calculate_sourcemask(target_srcmask=mask, target_ivpmask=invalid)
    background = image.calculate_bkg(target_srcmask=mask, target_ivpmask=invalid)
    product = image.subtract_background()
    for each in (invalid, mask, background, background.rms, product):
        assert each is not None
        assert each.header is not image.frame.header
        each.write()

    assert image.header.tostring() == cards
    assert image.data.tobytes() == pixels
    assert _files(tmp_path)["a.fits"] == file["a.fits"]


@pytest.mark.parametrize("kind", [">i2", ">i4", "u1", "f4"])
def test_a_mask_read_back_masks_pixels_not_rows(
    image: ScienceImage, tmp_path: Path, kind: str
) -> None:
    clear = np.zeros(image.data.shape, kind)
    fits.writeto(tmp_path / "a.fits.invalidmask", clear)
    mask = Mask.read(tmp_path / "a.fits.invalidmask", image.frame)
    expected = image.calculate_bkg()

    found = image.calculate_bkg(target_ivpmask=mask)

    assert np.array_equal(found.data, expected.data)
    assert np.isfinite(found.data).all()


@pytest.mark.parametrize("place", [(-500, 100), (1000, 1000), (1e7, -1e7)])
def test_a_circle_outside_the_image_masks_nothing(
    image: ScienceImage, place: tuple[float, float]
) -> None:
    assert image.calculate_circularmask(*place, 20, unit="pixel").fraction == 0


def test_a_second_subtraction_is_not_done_without_a_word(image: ScienceImage) -> None:
    image.calculate_bkg()
    product = image.subtract_background()

    with pytest.raises(ProductError, match="BKGSUB = T"):
        ScienceImage(product.data, product.header).subtract_background(image.bkgmap)
