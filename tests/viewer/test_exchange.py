"""Region files, the clipboard, other images of the channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

from ginga_bkgplugin.files.regionfile import read_regions
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.shapes import PixelBox, PixelCircle
from ginga_bkgplugin.sky.simulate import SimulatedField
from tests.viewer.desk import Desk

pytestmark = pytest.mark.viewer

REGIONS = """# Region file format: DS9
image
circle(101,101,20) # text={one} color=red
-box(201,151,40,30,0)
point(5,5)
"""


def test_a_region_file_is_loaded_and_what_is_left_out_is_told(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "some.reg"
    file.write_text(REGIONS)

    desk.use_file("load", file)
    desk.wait_for_words("2 regions loaded")

    one, two = desk.regions
    assert (one.name, one.color, two.erase) == ("one", "red", True)
    assert "line 5" in desk.words
    assert desk.session.history.names[-1] == "Load regions"
    desk.plugin.select_regions(())
    assert "red" in [look.color for look in desk.outlines.looks]


def test_thousands_of_regions_and_those_outside_are_told(desk: Desk, tmp_path: Path) -> None:
    places = [(5 + 7 * (i % 50), 5 + 5 * (i // 50)) for i in range(3000)]
    lines = [f"circle({x},{y},2)" for x, y in places] + ["circle(9000,5,2)", "circle(1,1,0)"]
    (tmp_path / "many.reg").write_text("image\n" + "\n".join(lines))

    desk.use_file("load", tmp_path / "many.reg")
    desk.wait_for_words("3001 regions loaded from many.reg.")

    assert "1 of them lie outside the image." in desk.words
    assert "line 3003" in desk.words
    assert (desk.session.live_mask() > 0).mean() > 0.2


def test_regions_saved_are_the_same_when_loaded(desk: Desk, tmp_path: Path) -> None:
    desk.plugin.add_shape(PixelCircle(100, 90, 20, name="a", color="#12ab34"))
    desk.plugin.add_shape(PixelBox(200, 150, 40, 30, 15, erase=True))

    desk.use_file("save", tmp_path / "out.reg")

    found = read_regions(tmp_path / "out.reg", desk.session.frame).regions
    assert [(r.name, r.color, r.erase) for r in found] == [("a", "#12ab34", False), ("", "", True)]
    assert found[0].centre == pytest.approx((100, 90), abs=1e-3)  # type: ignore[union-attr]


def test_a_region_file_is_dropped_on_the_image(desk: Desk, tmp_path: Path) -> None:
    from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
    from qtpy.QtGui import QDropEvent

    file = tmp_path / "with space.reg"
    file.write_text(REGIONS)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    native = desk.view.get_widget()
    drop = QDropEvent(
        QPointF(200, 200), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip

    native.dropEvent(drop)  # where Qt hands it over
    desk.wait_for_words("2 regions loaded")

    assert len(desk.regions) == 2
    assert desk.channel.get_current_image().get("name") is not None


def _name(desk: Desk, stem: str) -> Any:
    """Ginga's name of an image of the channel."""
    return next(name for name in desk.channel.get_image_names() if name.startswith(stem))


def _dither(small: SimulatedField, path: Path, dx: float = 25) -> Path:
    header = small.header.copy()
    header["CRPIX1"] += dx
    write_fits(path, small.data, header)
    return path


def test_shapes_are_pasted_where_the_sky_is_the_same(
    desk: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    desk.draw(150, 150, 30)
    desk.key("C", None, "Control")
    desk.open(_dither(small, tmp_path / "other.fits"))

    desk.key("V", None, "Control")

    (shape,) = desk.regions
    assert shape.centre == pytest.approx((175, 150), abs=1.5)
    assert shape.radius == pytest.approx(30, abs=1.5)


def test_shapes_are_pasted_in_another_channel(
    desk: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    desk.draw(150, 150, 30)
    desk.panel.masks.menu["copy"].get_widget().trigger()
    fv = desk.viewer.fv
    fv.add_channel("Second")
    desk.viewer.open([_dither(small, tmp_path / "other.fits")], "Second")
    other: Any = desk.viewer.start_plugin("Second")

    other.panel.masks.menu["paste"].get_widget().trigger()
    desk.viewer.pump()

    (shape,) = other.session.recipe.regions
    assert shape.centre == pytest.approx((175, 150), abs=1.5)


def test_shapes_go_to_all_images_of_the_channel_seen_or_not(
    desk: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    first = desk.channel.get_current_image().get("name")
    desk.open(_dither(small, tmp_path / "seen.fits"))
    desk.show(first)
    desk.draw(150, 150, 30)

    desk.panel.masks.menu["apply"].get_widget().trigger()
    desk.viewer.pump()
    desk.panel.masks.menu["apply"].get_widget().trigger()
    desk.viewer.pump()
    assert "1 images" in desk.words
    desk.show(_name(desk, "seen"))

    (shape,) = desk.regions
    assert shape.centre == pytest.approx((175, 150), abs=1.5)


def test_shapes_wait_for_an_image_that_was_not_looked_at_yet(
    empty: Desk, image: Path, small: SimulatedField, tmp_path: Path
) -> None:
    empty.viewer.open([_dither(small, tmp_path / "unseen.fits"), image])
    empty.start()
    empty.draw(150, 150, 30)

    empty.panel.masks.menu["apply"].get_widget().trigger()
    empty.viewer.pump()
    empty.show(_name(empty, "unseen"))
    empty.viewer.pump(0.2)

    (shape,) = empty.regions
    assert shape.centre == pytest.approx((175, 150), abs=1.5)


def test_without_wcs_the_same_pixels_are_used_only_when_the_user_says_so(
    desk: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    desk.draw(150, 150, 30)
    desk.key("C", None, "Control")
    write_fits(tmp_path / "bare.fits", small.data, fits.Header())
    desk.open(tmp_path / "bare.fits")

    desk.key("V", None, "Control")
    assert desk.regions == ()
    desk.answer("Same pixels")

    assert desk.regions[0].centre == pytest.approx((150, 150), abs=1.5)


def test_pasting_or_copying_nothing_is_told(desk: Desk) -> None:
    desk.plugin.clipboard.clear()

    desk.key("C", None, "Control")
    assert "no region to copy" in desk.error
    desk.key("V", None, "Control")
    assert "Nothing was copied yet" in desk.error
