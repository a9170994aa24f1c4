"""Masks from files: what is asked, what the recipe keeps, what is masked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin.files.maskfile import SELF
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.imported import ImportedMask
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.pixels import MaskBit
from ginga_bkgplugin.sky.simulate import SimulatedField
from tests.viewer.desk import Desk

pytestmark = pytest.mark.viewer

SHAPE = (300, 360)


def _write(path: Path, *images: Any, names: tuple[str, ...] = ()) -> Path:
    hdus = [fits.ImageHDU(image) for image in images]
    for hdu, name in zip(hdus, names, strict=False):
        hdu.name = name
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


def _half(share: float) -> Any:
    mask = np.zeros(SHAPE, np.uint8)
    mask[: round(share * SHAPE[0])] = 1
    return mask


def _loaded(desk: Desk) -> ImportedMask:
    desk.wait(lambda: desk.session.recipe.masks, "the mask")
    desk.viewer.pump()
    (mask,) = desk.session.recipe.masks
    return Recipe.from_json(Recipe(masks=(mask,)).to_json()).masks[0]


def _share(desk: Desk) -> float:
    return float((desk.session.live_mask() == MaskBit.IMPORTED).mean())


def test_a_mask_that_is_clear_is_loaded_as_a_layer(desk: Desk, tmp_path: Path) -> None:
    desk.use_file("mask", _write(tmp_path / "bad.fits", _half(0.1)))

    assert _loaded(desk).polarity == "bad"
    assert _share(desk) == pytest.approx(0.1)
    assert "bad.fits: 10.00% masked (what is set)." in desk.words
    assert ["file 1", "bad.fits"] in [
        [row[0], row[3]] for row in desk.rows(desk.panel.masks.table)
    ]


@pytest.mark.parametrize(
    ("answer", "share"), [("Bad: mask it", 0.9), ("Good: mask the rest", 0.1)]
)
def test_the_polarity_is_asked_where_it_is_unclear(
    desk: Desk, tmp_path: Path, answer: str, share: float
) -> None:
    desk.use_file("mask", _write(tmp_path / "which.fits", _half(0.9)))
    assert "90.0% is set" in desk.question("which.fits")

    desk.answer(answer)

    assert _loaded(desk).polarity == answer.split(":")[0].lower()
    assert _share(desk) == pytest.approx(share)


def test_nan_in_a_mask_is_masked_and_told(desk: Desk, tmp_path: Path) -> None:
    values = _half(0.1).astype(np.float32)
    values[-1, :5] = np.nan
    desk.use_file("mask", _write(tmp_path / "bad.fits", values))

    _loaded(desk)

    assert "5 pixels of it are NaN: masked too." in desk.words
    assert desk.session.live_mask()[-1, :5].all()


def test_cancel_loads_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.use_file("mask", _write(tmp_path / "which.fits", _half(0.9)))
    desk.question("which.fits")

    desk.answer("Cancel")

    assert desk.session.recipe.masks == ()
    assert desk.words == ""


def test_an_answer_for_another_image_than_is_shown_now_is_refused(
    desk: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    desk.use_file("mask", _write(tmp_path / "which.fits", _half(0.9)))
    desk.question("which.fits")
    write_fits(tmp_path / "other.fits", small.data, small.header)
    desk.open(tmp_path / "other.fits")

    desk.answer("Bad: mask it")

    assert "which.fits was not loaded: another image is on display" in desk.error
    assert desk.session.recipe.masks == ()


def test_which_of_several_images_is_asked(desk: Desk, tmp_path: Path) -> None:
    file = _write(tmp_path / "two.fits", _half(0.1), _half(0.2), names=("ONE", "TWO"))
    desk.use_file("mask", file)
    desk.question("Which of its images is the mask?")

    desk.answer("TWO,1")

    assert _loaded(desk).hdu == "TWO,1"
    assert _share(desk) == pytest.approx(0.2)


NUMBERS = np.zeros(SHAPE, np.int32)  # sums of flags, or objects: nothing says which
NUMBERS[:30], NUMBERS[30:90], NUMBERS[-60:] = 1, 3, 4


@pytest.mark.parametrize(
    ("kind", "answers", "share"),
    [
        ("Flags in bits", [("flags are set", "Load", "2")], 0.2),
        ("Flags in bits", [("flags are set", "Load", "1 4")], 0.5),
        ("Flags in bits", [("flags are set", "Load", ""), ("set", "Bad: mask it", "")], 0.5),
        ("Numbered objects", [], 0.5),
        ("Not 0: masked", [("bad or good?", "Good: mask the rest", "")], 0.5),
        ("Weights, 0 is bad", [], 0.5),
    ],
)
def test_the_kind_is_asked_where_only_the_values_hint_at_it(
    desk: Desk, tmp_path: Path, kind: str, answers: list[tuple[str, str, str]], share: float
) -> None:
    desk.use_file("mask", _write(tmp_path / "numbers.fits", NUMBERS))
    assert "its values are sums of flags" in desk.question("What do they mean?")

    desk.answer(kind)
    for words, answer, typed in answers:
        desk.question(words)
        desk.answer(answer, typed)

    mask = _loaded(desk)
    assert mask.kind == dict(zip(
        ("Flags in bits", "Numbered objects", "Not 0: masked", "Weights, 0 is bad"),
        ("bits", "labels", "mask", "weight"), strict=True,
    ))[kind]  # fmt: skip
    assert _share(desk) == pytest.approx(share)


def test_flags_of_a_data_quality_plane_are_chosen(desk: Desk, tmp_path: Path) -> None:
    flags = np.zeros(SHAPE, np.int16)
    flags[:30], flags[-60:] = 4, 256
    desk.use_file("mask", _write(tmp_path / "q.fits", flags, names=("DQ",)))
    desk.question("flags are set")
    four, high = desk.ticks()
    assert (four.get_widget().text(), high.get_widget().text()) == ("4  10.00%", "256  20.00%")

    desk.press(high)
    desk.answer("Load")

    assert _loaded(desk).bits == ("256",)
    assert _share(desk) == pytest.approx(0.2)


def test_a_flag_that_is_not_known_is_refused_with_those_that_are(
    desk: Desk, tmp_path: Path
) -> None:
    flags = np.zeros(SHAPE, np.int16)
    flags[:30] = 256
    hdu = fits.PrimaryHDU(flags, fits.Header({"TELESCOP": "HST", "INSTRUME": "ACS"}))
    hdu.writeto(tmp_path / "q.fits")
    desk.use_file("mask", tmp_path / "q.fits")
    desk.question("flags are set")
    assert [tick.get_widget().text() for tick in desk.ticks()] == ["SATURATED  10.00%"]

    desk.answer("Load", "SATURATD")
    desk.wait(lambda: desk.error, "the words")

    assert "no flag is called 'SATURATD'" in desk.error
    assert "SATURATED" in desk.error


def test_a_mask_of_another_size_is_refused_with_both_sizes(desk: Desk, tmp_path: Path) -> None:
    desk.use_file("mask", _write(tmp_path / "small.fits", np.zeros((10, 20), np.uint8)))
    desk.wait(lambda: desk.error, "the words")

    assert "20 x 10" in desk.error
    assert "360 x 300" in desk.error


# --- what a recipe remembers


def _recipe(tmp_path: Path, mask: ImportedMask) -> Path:
    path = tmp_path / "night.bkg.json"
    path.write_text(Recipe(masks=(mask,)).to_json())
    return path


def test_a_mask_a_recipe_wants_is_read_as_the_recipe_says_without_a_question(
    desk: Desk, tmp_path: Path
) -> None:
    file = _write(tmp_path / "which.fits", _half(0.9))
    wanted = ImportedMask(path="/far/away/which.fits", hdu="1", polarity="good")
    desk.plugin.use_recipe_file(str(_recipe(tmp_path, wanted)))
    desk.press(desk.panel.running.run)
    assert "import that file" in desk.error

    desk.use_file("mask", file)
    desk.wait(lambda: not desk.session.missing_masks(), "the mask")

    assert _loaded(desk) == wanted.replace(path=str(file))
    assert _share(desk) == pytest.approx(0.1)


def test_the_images_own_plane_is_kept_as_its_own_and_read_again_unasked(
    empty: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    flags = np.zeros(SHAPE, np.int16)
    flags[:30], flags[-60:] = 4, 256
    files = [
        _with_quality(tmp_path / name, small, plane)
        for name, plane in (("a.fits", flags), ("b.fits", flags[::-1].copy()))
    ]
    empty.viewer.open([files[0]])
    empty.start()
    empty.wait(lambda: empty.session.ready, "the header")
    empty.use_file("mask", files[0])
    empty.question("flags are set")
    empty.answer("Load", "256")
    mask = _loaded(empty)
    assert (mask.path, mask.hdu) == (SELF, "DQ,1")

    empty.open(files[1])
    empty.plugin.use_recipe_file(str(_recipe(tmp_path, mask)))
    empty.wait(lambda: not empty.session.missing_masks(), "its own mask")

    assert empty.session.live_mask()[:60].all()
    assert _share(empty) == pytest.approx(0.2)


def _with_quality(path: Path, field: SimulatedField, flags: Any) -> Path:
    science = fits.ImageHDU(field.data, field.header, name="SCI")
    fits.HDUList([fits.PrimaryHDU(), science, fits.ImageHDU(flags, name="DQ")]).writeto(path)
    return path
