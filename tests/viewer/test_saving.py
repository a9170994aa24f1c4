"""Save, load, subtract: files told in words, the science image untouched."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin.files.names import USUAL
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.shapes import SkyCircle
from ginga_bkgplugin.sky.simulate import SimulatedField
from ginga_bkgplugin.viewer.overlays import MASK
from ginga_bkgplugin.work.pipeline import Result
from tests.viewer.conftest import Desk, same_bytes

pytestmark = pytest.mark.viewer


@pytest.fixture
def done(desk: Desk, small_result: Result) -> Desk:
    """The plugin with a circle and its result."""
    desk.take(small_result)
    return desk


def _tick(desk: Desk, kinds: Sequence[str]) -> None:
    for kind, check in desk.panel.saving.kinds.items():
        check.set_state(kind in kinds)


def _save(desk: Desk, *kinds: str, folder: Path | str = "") -> None:
    _tick(desk, kinds)
    desk.panel.saving.folder.set_text(str(folder))
    desk.press(desk.panel.saving.save)
    desk.wait(lambda: desk.error or desk.words.startswith(("Saved", "Tick")), "saving")


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_save_writes_all_that_is_ticked_at_first_beside_the_image(done: Desk, image: Path) -> None:
    done.press(done.panel.saving.save)
    done.wait_for_words("Saved in")

    wanted = [f"field.{kind}.fits" for kind in USUAL] + ["field.bkg.json", "field.fits"]
    assert _files(image.parent) == sorted(wanted)


@pytest.mark.parametrize("kind", [*USUAL, "recipe"])
def test_each_product_can_be_saved_alone(done: Desk, tmp_path: Path, kind: str) -> None:
    _save(done, kind, folder=tmp_path / "out")

    name = "field.bkg.json" if kind == "recipe" else f"field.{kind}.fits"
    assert _files(tmp_path / "out") == [name]
    assert name in done.words


def test_saved_pixels_are_those_of_the_result(done: Desk, image: Path) -> None:
    _save(done, *USUAL)

    result = done.result
    saved = {kind: fits.getdata(image.parent / f"field.{kind}.fits") for kind in USUAL}
    assert np.array_equal(saved["srcmask"], result.mask)
    assert np.array_equal(saved["invalidmask"], (result.mask & 8) != 0)
    assert np.array_equal(saved["bkgmap"], result.fit.level)
    assert np.array_equal(saved["bkgrms"], result.fit.rms)
    science = fits.getdata(image).astype(np.float32)
    assert np.array_equal(saved["subbkg"], science - result.fit.level, equal_nan=True)


def test_the_science_file_is_never_changed(done: Desk, image: Path) -> None:
    before = hashlib.sha256(image.read_bytes()).hexdigest()

    _save(done, *USUAL, "recipe")
    done.press(done.panel.saving.subtract)
    done.wait_for_words("Subtracted")
    done.stop()

    assert hashlib.sha256(image.read_bytes()).hexdigest() == before


def test_nothing_ticked_is_told_and_nothing_written(done: Desk, image: Path) -> None:
    _save(done)

    assert "Tick what to save" in done.words
    assert _files(image.parent) == [image.name]


def test_an_existing_product_is_refused_in_words_and_nothing_written(
    done: Desk, image: Path
) -> None:
    old = image.parent / "field.bkgmap.fits"
    old.write_text("precious")

    _save(done, *USUAL)

    assert "field.bkgmap.fits already there" in done.error
    assert "overwrite" in done.error
    assert old.read_text() == "precious"
    assert _files(image.parent) == ["field.bkgmap.fits", "field.fits"]


def test_overwrite_replaces_an_existing_product(done: Desk, image: Path) -> None:
    old = image.parent / "field.bkgmap.fits"
    old.write_text("old")
    done.panel.saving.overwrite.set_state(True)

    _save(done, "bkgmap")

    assert np.array_equal(fits.getdata(old), done.result.fit.level)


def test_a_folder_that_cannot_be_made_is_told_and_nothing_written(
    done: Desk, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")

    _save(done, *USUAL, folder=tmp_path / "file" / "out")

    assert "cannot be made" in done.error
    assert (tmp_path / "file").read_text() == "no folder"


def test_a_file_named_as_folder_is_told_and_stays(done: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    _save(done, *USUAL, folder=tmp_path / "file")

    assert str(tmp_path / "file") in done.error
    assert (tmp_path / "file").read_text() == "no folder"


def test_an_image_without_a_file_asks_for_a_folder(
    empty: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    from ginga.AstroImage import AstroImage

    image = AstroImage(logger=empty.viewer.fv.logger)
    image.load_data(np.array(small.data))
    image.set(name="made here")
    empty.viewer.fv.add_image("made here", image, chname="Image")
    empty.viewer.pump(0.2)
    empty.start()
    empty.run()

    _save(empty, "bkgmap")
    assert "name a folder" in empty.error

    _save(empty, "bkgmap", folder=tmp_path / "out")
    assert _files(tmp_path / "out") == ["made_here.bkgmap.fits"]


def test_saved_products_are_offered_and_loading_brings_them_back(
    done: Desk, image: Path, small: SimulatedField, tmp_path: Path
) -> None:
    done.place("sky", "150.005", "2.195", "8")
    done.plugin.set_parameter("box_size", 50)
    before, regions = done.run(), done.regions
    _save(done, *USUAL, "recipe")
    done.plugin.sessions = type(done.plugin.sessions)()  # as on another day
    write_fits(tmp_path / "between.fits", small.data, small.header)
    done.open(tmp_path / "between.fits")
    done.show("field[PRIMARY,1]")
    assert done.result is None
    assert "Saved products found" in done.words

    done.press(done.panel.saving.load)
    done.wait_for_words("Loaded")

    assert done.regions == regions
    assert isinstance(done.regions[1], SkyCircle)
    assert done.panel.fields.widgets["box_size"].get_value() == 50
    assert np.array_equal(done.result.mask, before.mask)
    assert np.array_equal(done.result.fit.level, before.fit.level)
    assert np.array_equal(done.result.fit.rms, before.fit.rms)
    assert done.plugin.overlays.shown() == {MASK}
    assert same_bytes(done.run(), before)


def test_without_saved_products_nothing_can_be_loaded(desk: Desk) -> None:
    assert not desk.panel.saving.load.get_widget().isEnabled()


def test_a_broken_product_is_told_and_the_state_kept(done: Desk, image: Path) -> None:
    _save(done, *USUAL, "recipe")
    (image.parent / "field.bkgmap.fits").write_text("broken")
    before = done.result

    done.press(done.panel.saving.load)
    done.wait(lambda: done.error, "the error")

    assert "field.bkgmap.fits" in done.error
    assert done.result is before


def test_subtract_shows_the_difference_in_another_channel(done: Desk, image: Path) -> None:
    shown = done.channel.get_current_image()
    before = np.array(shown.get_data())

    done.press(done.panel.saving.subtract)
    done.wait_for_words("Subtracted")
    done.viewer.pump(0.2)

    made = done.viewer.fv.get_channel("Image_bkg").get_current_image()
    wanted = before.astype(np.float32) - done.result.fit.level
    assert np.array_equal(made.get_data(), wanted, equal_nan=True)
    assert made.get_header()["BKGSUB"] is True
    assert "Image_bkg" in done.words
    assert done.channel.get_current_image() is shown
    assert np.array_equal(shown.get_data(), before, equal_nan=True)
    assert done.viewer.fv.get_current_channel().name == "Image"
    assert len(done.regions) == 1


def test_subtracting_twice_replaces_the_first(done: Desk) -> None:
    for _ in range(2):
        done.press(done.panel.saving.subtract)
        done.wait_for_words("Subtracted")
        done.viewer.pump(0.2)

    assert len(done.viewer.fv.get_channel("Image_bkg").get_image_names()) == 1


def test_a_subtracted_image_is_not_subtracted_again(
    empty: Desk, small: SimulatedField, small_result: Result, tmp_path: Path
) -> None:
    header = small.header.copy()
    header["BKGSUB"] = True
    write_fits(tmp_path / "sub.fits", small.data, header)
    empty.viewer.open([tmp_path / "sub.fits"])
    empty.start()
    empty.take(small_result)

    empty.press(empty.panel.saving.subtract)
    empty.wait(lambda: empty.error, "the error")

    assert "BKGSUB = T" in empty.error
    assert not empty.viewer.fv.has_channel("Image_bkg")


def test_the_difference_in_the_other_channel_says_so_and_leads_back(done: Desk) -> None:
    shown = done.channel.get_current_image()
    done.press(done.panel.saving.subtract)
    done.wait_for_words("Subtracted")
    done.viewer.pump(0.2)
    fv = done.viewer.fv
    fv.change_channel("Image_bkg")
    other = done.viewer.start_plugin("Image_bkg")
    try:
        words = other.panel.running.words
        done.wait(lambda: "Look: this image is subtracted" in words.get_text(), "the words")
        other.session.show_result(done.result)
        other.render()
        done.press(other.panel.saving.subtract)
        done.wait(lambda: "BKGSUB = T" in other.panel.running.error.get_text(), "the refusal")

        done.press(other.panel.saving.restore)

        assert "Restored" in words.get_text()
        assert fv.get_current_channel().name == "Image"
        assert done.channel.get_current_image() is shown
    finally:
        other.close()


@pytest.mark.parametrize("with_original", [True, False])
def test_a_subtracted_file_is_restored(
    desk: Desk, small_result: Result, image: Path, with_original: bool
) -> None:
    desk.take(small_result)
    before = np.array(desk.session.frame.data)
    _save(desk, "bkgmap", "subbkg")
    desk.open(image.with_name("field.subbkg.fits"))
    if not with_original:
        image.unlink()

    desk.press(desk.panel.saving.restore)
    desk.wait(lambda: "subbkg" not in desk.channel.get_current_image().get("name"), "the image")

    wanted = image if with_original else image.with_name("field.restored.fits")
    found = desk.channel.get_current_image()
    assert Path(found.get("path")) == wanted
    assert np.array_equal(found.get_data(), before, equal_nan=True)


def test_a_page_to_keep_is_written_by_a_button(done: Desk, image: Path) -> None:
    pytest.importorskip("matplotlib")

    done.press(done.panel.saving.report)
    done.wait_for_words("Saved in")

    pages = [image.with_name(f"field.bkgreport.{kind}") for kind in ("png", "pdf")]
    assert pages[0].read_bytes().startswith(b"\x89PNG")
    assert pages[1].read_bytes().startswith(b"%PDF")
    done.press(done.panel.saving.report)
    done.wait(lambda: done.error, "the refusal")
    assert "field.bkgreport.png" in done.error
