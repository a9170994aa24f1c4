"""Circles by mouse, keyboard and numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.sky.placing import to_pixel
from ginga_bkgplugin.sky.simulate import SimulatedField
from tests.viewer.desk import Desk

pytestmark = pytest.mark.viewer

NEAR = 1.5  # pixels: the mouse moves by whole pixels of the window


def _two_circles(desk: Desk) -> None:
    for circle in (PixelCircle(120, 100, 30), PixelCircle(250, 200, 40)):
        desk.plugin.add_shape(circle)
    desk.viewer.pump()


def _edit(desk: Desk) -> None:
    desk.press(desk.panel.masks.tools["edit"])
    assert desk.plugin.shapes.tool == "edit"


def test_a_circle_can_be_drawn_at_once_after_opening(desk: Desk) -> None:
    desk.draw(200, 150, 40)

    (circle,) = desk.regions
    assert isinstance(circle, PixelCircle)
    assert circle.x == pytest.approx(200, abs=NEAR)
    assert circle.y == pytest.approx(150, abs=NEAR)
    assert circle.radius == pytest.approx(40, abs=NEAR)


def test_a_plain_click_draws_nothing(desk: Desk) -> None:
    desk.click(200, 150)

    assert desk.regions == ()
    assert desk.nothing_drawn


def test_a_circle_may_begin_beside_the_image(desk: Desk) -> None:
    desk.draw(180, -8, 40)

    (circle,) = desk.regions
    assert circle.y == pytest.approx(-8, abs=NEAR)


def test_circles_are_drawn_true_to_scale_when_zoomed_in_and_panned(desk: Desk) -> None:
    desk.view.scale_to(6, 6)
    desk.view.set_pan(100, 80)

    desk.draw(105, 85, 20)

    (circle,) = desk.regions
    assert circle.x == pytest.approx(105, abs=0.5)
    assert circle.y == pytest.approx(85, abs=0.5)
    assert circle.radius == pytest.approx(20, abs=0.5)


def test_a_click_in_edit_mode_selects_a_circle(desk: Desk) -> None:
    _two_circles(desk)
    _edit(desk)

    desk.click(120, 100)

    assert desk.session.selected == 0


def test_a_click_beside_all_circles_selects_none(desk: Desk) -> None:
    _two_circles(desk)
    _edit(desk)
    desk.click(120, 100)

    desk.click(40, 250)

    assert desk.session.selected is None


def test_a_circle_is_moved_by_dragging_it(desk: Desk) -> None:
    _two_circles(desk)
    _edit(desk)
    desk.click(120, 100)

    desk.drag((120, 100), (90, 140))

    moved, other = desk.regions
    assert (moved.x, moved.y) == (pytest.approx(90, abs=NEAR), pytest.approx(140, abs=NEAR))
    assert moved.radius == pytest.approx(30, abs=NEAR)
    assert other.x == pytest.approx(250, abs=NEAR)


def test_a_circle_is_moved_in_one_go_without_a_click_before(desk: Desk) -> None:
    _two_circles(desk)
    _edit(desk)

    desk.drag((250, 200), (230, 220))

    assert desk.session.selected == 1
    moved = desk.regions[1]
    assert (moved.x, moved.y) == (pytest.approx(230, abs=NEAR), pytest.approx(220, abs=NEAR))


def test_a_circle_is_resized_by_its_handle(desk: Desk) -> None:
    desk.draw(200, 150, 40)
    _edit(desk)
    desk.click(200, 150)
    (circle,) = desk.regions
    handle = (circle.x + circle.radius, circle.y)

    desk.drag(handle, (circle.x + 70, circle.y))

    (resized,) = desk.regions
    assert resized.radius == pytest.approx(70, abs=2)
    assert (resized.x, resized.y) == (circle.x, circle.y)


@pytest.mark.parametrize("key", ["Delete", "Backspace"])
def test_a_key_deletes_the_selected_circle_only(desk: Desk, key: str) -> None:
    _two_circles(desk)
    _edit(desk)
    desk.click(120, 100)

    desk.key(key)

    (left,) = desk.regions
    assert left.x == pytest.approx(250, abs=NEAR)
    assert desk.session.selected is None


def test_a_key_with_nothing_selected_deletes_nothing_and_says_so(desk: Desk) -> None:
    _two_circles(desk)
    desk.session.select(None)

    desk.key("Delete")

    assert len(desk.regions) == 2
    assert "Select a region first" in desk.words


def test_other_keys_stay_gingas(desk: Desk) -> None:
    _two_circles(desk)
    before = desk.view.get_scale()

    desk.key("3")

    assert len(desk.regions) == 2
    assert desk.view.get_scale() != before


def test_the_delete_button_deletes_the_selected_circle(desk: Desk) -> None:
    _two_circles(desk)
    _edit(desk)
    desk.click(250, 200)

    desk.press(desk.panel.masks.delete)

    (left,) = desk.regions
    assert left.x == pytest.approx(120, abs=NEAR)


def test_clear_deletes_all_circles(desk: Desk) -> None:
    _two_circles(desk)

    desk.press(desk.panel.masks.clear)

    assert desk.regions == ()
    assert desk.nothing_drawn
    assert desk.shape_rows == []


def test_going_back_to_draw_mode_draws_again(desk: Desk) -> None:
    _two_circles(desk)
    _edit(desk)

    desk.press(desk.panel.masks.tools["circle"])
    desk.draw(60, 240, 25)

    assert len(desk.regions) == 3


def test_the_list_shows_pixels_and_sky(desk: Desk, small: SimulatedField) -> None:
    desk.draw(200, 150, 40)

    ((number, *cells),) = desk.shape_rows
    x, y, radius = map(float, cells)
    desk.list_sky(True)
    ((_, *cells),) = desk.shape_rows
    ra, dec, arcsec = map(float, cells)
    (circle,) = desk.regions
    assert number == "1"
    assert (x, y, radius) == pytest.approx((circle.x, circle.y, circle.radius), abs=0.05)
    back = to_pixel(SkyCircle(ra, dec, arcsec), desk.session.frame.wcs)
    assert (back.x, back.y) == (pytest.approx(circle.x, abs=0.2), pytest.approx(circle.y, abs=0.2))
    assert arcsec == pytest.approx(circle.radius / 2, rel=1e-3)  # 0.5 arcsec per pixel


def test_the_list_shows_dashes_for_an_image_without_wcs(
    empty: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    header = small.header.copy()
    for card in ("CTYPE1", "CTYPE2"):
        del header[card]
    write_fits(tmp_path / "bare.fits", small.data, header)
    empty.viewer.open([tmp_path / "bare.fits"])
    empty.start()

    empty.draw(200, 150, 40)

    ((_, *cells),) = empty.shape_rows
    assert float(cells[2]) == pytest.approx(40, abs=NEAR)
    empty.list_sky(True)
    ((_, *cells),) = empty.shape_rows
    assert cells == ["–", "–", "–"]


def test_a_click_in_the_list_selects_the_circle_on_the_image(desk: Desk) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    _two_circles(desk)
    tree = desk.panel.masks.table.widget.get_widget()
    place = tree.visualItemRect(tree.topLevelItem(2)).center()

    QTest.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place)
    desk.viewer.pump()

    assert desk.session.selected == 0
    assert desk.plugin.shapes.tool == "edit"
    assert desk.panel.masks.tools["edit"].get_state()


def test_a_typed_pixel_circle_stands_where_the_numbers_say(desk: Desk) -> None:
    desk.place("pixel", "101.5", "88", "12.25")

    assert desk.regions == (PixelCircle(101.5, 88, 12.25),)


def test_a_typed_sky_circle_stands_where_the_wcs_says(desk: Desk) -> None:
    desk.place("sky", "150.0", "2.2", "10")

    assert desk.regions == (SkyCircle(150, 2.2, 10),)
    ((number, x, y, radius),) = desk.shape_rows
    assert number == "1 sky"
    # CRPIX is 1-based, pixels here are 0-based
    assert (float(x), float(y), float(radius)) == pytest.approx((179, 149, 20), abs=0.06)


def test_a_sky_circle_moved_by_mouse_stays_one(desk: Desk) -> None:
    desk.place("sky", "150.0", "2.2", "15")
    _edit(desk)

    desk.drag((179, 149), (199, 149))

    (moved,) = desk.regions
    assert isinstance(moved, SkyCircle)
    assert to_pixel(moved, desk.session.frame.wcs).x == pytest.approx(199, abs=NEAR)
    assert moved.radius == pytest.approx(15, abs=0.01)


def test_return_in_the_last_number_places_the_circle(desk: Desk) -> None:
    for entry, text in zip(desk.panel.masks.numbers, ("50", "60", "7"), strict=True):
        desk.type(entry, text, enter=False)

    desk.key("Return", desk.panel.masks.numbers[-1])

    assert desk.regions == (PixelCircle(50, 60, 7),)


@pytest.mark.parametrize(
    ("unit", "numbers", "sentence"),
    [
        ("pixel", ("", "1", "2"), "x must be a number"),
        ("pixel", ("1", "1,5", "2"), "y must be a number, not '1,5'"),
        ("pixel", ("1", "2", "-3"), "radius must be above 0"),
        ("pixel", ("1", "2", "nan"), "radius must be a finite number"),
        ("sky", ("abc", "2", "3"), "RA must be a number, not 'abc'"),
        ("sky", ("150", "95", "3"), "dec must be from -90 to 90"),
        ("sky", ("330", "-2", "3"), "no place in this image's projection"),
    ],
    ids=["empty", "comma", "negative", "nan", "word", "no such place", "other side of the sky"],
)
def test_nonsense_numbers_give_a_sentence_and_no_circle(
    desk: Desk, unit: str, numbers: tuple[str, ...], sentence: str
) -> None:
    desk.place(unit, *numbers)

    assert sentence in desk.error
    assert desk.regions == ()


def test_a_sky_circle_on_an_image_without_wcs_is_refused_in_words(
    empty: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    write_fits(tmp_path / "bare.fits", small.data, type(small.header)())
    empty.viewer.open([tmp_path / "bare.fits"])
    empty.start()

    empty.place("sky", "150", "2.2", "10")

    assert "WCS" in empty.error
    assert empty.regions == ()
