"""Many images, and images of every kind: each keeps its state, none takes the plugin down."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from PIL import Image

from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.simulate import SimulatedField
from tests.viewer.conftest import Desk, same_bytes, write_images

pytestmark = pytest.mark.viewer


@pytest.fixture
def other(small: SimulatedField, tmp_path: Path) -> Path:
    """A second image, of another size."""
    path = tmp_path / "other.fits"
    write_fits(path, small.data[20:, 30:] + 40, small.header)
    return path


def _name(desk: Desk) -> str:
    return str(desk.channel.get_current_image().get("name"))


def _work_on_first(desk: Desk) -> dict[str, Any]:
    desk.plugin.add_shape(PixelCircle(120, 100, 30))
    desk.plugin.set_parameter("sigma", 4.5)
    desk.run()
    return _state(desk)


def _work_on_second(desk: Desk) -> dict[str, Any]:
    desk.plugin.add_shape(PixelCircle(60, 50, 20))
    desk.plugin.add_shape(PixelCircle(160, 150, 25))
    desk.plugin.set_parameter("sigma", 6)
    desk.run()
    return _state(desk)


def _state(desk: Desk) -> dict[str, Any]:
    return {
        "recipe": desk.session.recipe,
        "result": desk.result,
        "list": desk.shape_rows,
        "passes": desk.rows(desk.panel.running.passes),
        "sigma": desk.panel.fields.widgets["sigma"].get_value(),
        "shown": [each.radius for each in desk.outlines.regions],
    }  # fmt: skip


def test_each_image_keeps_its_circles_parameters_and_result(desk: Desk, other: Path) -> None:
    first, before = _name(desk), _work_on_first(desk)
    desk.open(other)
    second, after = _name(desk), _work_on_second(desk)

    desk.show(first)
    assert _state(desk) == before
    desk.show(second)
    assert _state(desk) == after


def test_state_is_kept_after_gingas_cache_dropped_the_image(desk: Desk, other: Path) -> None:
    desk.channel.datasrc.length = 1
    first, before = _name(desk), _work_on_first(desk)
    old = desk.channel.get_current_image()
    desk.open(other)
    assert first not in desk.channel.datasrc

    desk.show(first)

    assert desk.channel.get_current_image() is not old
    assert _state(desk) == before
    assert same_bytes(desk.run(), desk.in_process())


def test_pixels_that_ginga_forgets_are_not_kept_by_us(desk: Desk, other: Path) -> None:
    desk.channel.datasrc.length = 1
    desk.run()
    data = desk.session.frame.data
    while isinstance(data.base, np.ndarray):
        data = data.base
    alive = weakref.ref(data)
    del data

    desk.open(other)
    desk.run()  # the computing process knew the first one's pixels too

    def gone() -> bool:
        gc.collect()
        return alive() is None

    desk.wait(gone, "the first image's end")  # it may be judged still


def test_the_drawn_mask_is_kept_for_the_image_on_display_only(desk: Desk, other: Path) -> None:
    name = _name(desk)
    desk.run()
    desk.plugin.add_shape(PixelCircle(180, 150, 60))
    desk.viewer.pump(0.3)
    mask = desk.session.live_mask()
    before, alive = np.array(mask), weakref.ref(mask)
    del mask

    desk.open(other)

    desk.wait(lambda: gc.collect() >= 0 and alive() is None, "its end")
    desk.show(name)
    assert np.array_equal(desk.session.live_mask(), before)


def test_two_hdus_of_a_file_are_two_images(
    empty: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    path = write_images(tmp_path / "mef.fits", [small.data, small.data + 100], small.header)
    empty.viewer.open([path])
    empty.start()
    first, before = _name(empty), _work_on_first(empty)
    empty.open(f"{path}[1]")
    second, after = _name(empty), _work_on_second(empty)
    assert first != second
    assert after["result"].fit.globalback == pytest.approx(1097, abs=6)

    empty.show(first)
    assert _state(empty) == before
    empty.show(second)
    assert _state(empty) == after
    assert empty.panel.title.get_text() == "mef.fits[hdu1]"


def test_two_planes_of_a_cube_are_two_images(
    empty: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    cube = np.stack([small.data, small.data + 100])
    path = write_images(tmp_path / "cube.fits", [cube], small.header)
    empty.viewer.open([path])
    empty.start()
    image = empty.channel.get_current_image()
    before = _work_on_first(empty)

    image.set_naxispath([1])
    empty.wait(empty._looked_at, "the second plane")
    empty.viewer.pump()
    assert empty.regions == ()
    after = _work_on_second(empty)
    assert after["result"].fit.globalback == pytest.approx(1097, abs=6)
    assert empty.panel.title.get_text() == "cube.fits[plane1]"

    image.set_naxispath([0])
    empty.wait(empty._looked_at, "the first plane")
    empty.viewer.pump()
    assert _state(empty) == before


def test_a_run_goes_on_while_another_image_is_looked_at(desk: Desk, other: Path) -> None:
    first = _name(desk)
    for name, value in {"passes": 20, "sigma": 1.2, "mask_radius_factor": 0.0}.items():
        desk.plugin.set_parameter(name, value)
    desk.press(desk.panel.running.run)
    session = desk.session
    desk.open(other)
    assert desk.result is None

    desk.wait(lambda: not session.busy, "the run of the first image")

    assert desk.result is None
    assert desk.rows(desk.panel.running.passes) == []
    desk.show(first)
    assert same_bytes(desk.result, desk.in_process())


def test_a_second_image_cannot_run_meanwhile_and_says_so(desk: Desk, other: Path) -> None:
    for name, value in {"passes": 50, "sigma": 1.2, "mask_radius_factor": 0.0}.items():
        desk.plugin.set_parameter(name, value)
    desk.press(desk.panel.running.run)
    desk.open(other)
    desk.plugin.jobs._running._busy = True  # whatever the speed of this machine

    desk.press(desk.panel.running.run)

    assert "Another image of this channel is being worked on" in desk.error
    desk.press(desk.panel.running.cancel)  # it stops the run of the other image
    assert not desk.panel.running.cancel.get_widget().isEnabled()
    assert same_bytes(desk.run(), desk.in_process())


def test_pixels_changed_in_the_viewer_are_noticed_and_run(desk: Desk) -> None:
    before = desk.run()
    image = desk.channel.get_current_image()

    image.set_data(image.get_data() + np.float32(50))
    desk.viewer.pump(0.2)

    assert "The pixels changed since the last run" in desk.words
    assert desk.run().fit.globalback == pytest.approx(before.fit.globalback + 50, abs=0.1)


@pytest.mark.parametrize("kind", ["u2", "i2", "f8"])
def test_pixels_of_any_type_run(
    empty: Desk, small: SimulatedField, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "typed.fits"
    fits.writeto(path, np.nan_to_num(small.data, nan=900).clip(0, 32_000).astype(kind))
    empty.viewer.open([path])
    empty.start()

    result = empty.run()

    assert result.fit.globalback == pytest.approx(997, abs=6)
    assert same_bytes(result, empty.in_process())


def test_an_image_without_any_pixel_value_is_refused_in_words(empty: Desk, tmp_path: Path) -> None:
    path = tmp_path / "nan.fits"
    fits.writeto(path, np.full((100, 120), np.nan, np.float32))
    empty.viewer.open([path])
    empty.start()

    empty.run()

    assert empty.result is None
    assert len(empty.error) > 20


def test_an_empty_channel_says_what_to_do_and_an_image_opened_later_works(
    empty: Desk, image: Path
) -> None:
    empty.start()
    assert "No image in this channel" in empty.panel.title.get_text()
    assert not empty.panel.running.run.get_widget().isEnabled()

    empty.open(image)
    empty.draw(200, 150, 40)

    assert len(empty.regions) == 1
    assert same_bytes(empty.run(), empty.in_process())


def test_removing_the_image_leaves_an_empty_panel(desk: Desk) -> None:
    desk.draw(200, 150, 40)
    desk.run()

    desk.viewer.fv.remove_image_by_name("Image", _name(desk))
    desk.viewer.pump(0.2)

    assert "No image in this channel" in desk.panel.title.get_text()
    assert desk.shape_rows == []
    assert desk.plugin.overlays.shown() == set()


def test_an_rgb_image_is_refused_in_words_and_the_plugin_survives(
    desk: Desk, tmp_path: Path
) -> None:
    first = _name(desk)
    Image.fromarray(np.zeros((50, 60, 3), np.uint8)).save(tmp_path / "colour.png")

    desk.viewer.open([tmp_path / "colour.png"])
    desk.wait(lambda: desk.session is None, "the plugin to look")

    assert "RGB images have no single sky" in desk.panel.title.get_text()
    assert not desk.panel.running.run.get_widget().isEnabled()
    desk.draw(20, 20, 10)
    desk.show(first)
    assert desk.regions == ()
    assert same_bytes(desk.run(), desk.in_process())


def test_a_table_is_refused_in_words_and_the_plugin_survives(desk: Desk, tmp_path: Path) -> None:
    first = _name(desk)
    Table({"x": [1.0, 2.0], "y": [3.0, 4.0]}).write(tmp_path / "table.fits")

    desk.viewer.fv.load_file(str(tmp_path / "table.fits"), chname="Image")
    desk.wait(lambda: len(desk.channel.get_image_names()) == 2, "the table")
    desk.viewer.pump(0.3)

    assert desk.session is None
    assert "not an image" in desk.panel.title.get_text()
    desk.show(first)
    assert same_bytes(desk.run(), desk.in_process())
