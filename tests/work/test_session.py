from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ginga_bkgplugin.files.frames import Frame, read_frame
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.errors import NoWCSError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.work.loading import load_result
from ginga_bkgplugin.work.saving import save_products
from ginga_bkgplugin.work.session import Session
from tests.work.sessions import CIRCLE, FIELD, SKY, run_session


@pytest.fixture
def session() -> Session:
    return Session(SKY)


# --- regions


def test_an_added_region_is_selected(session: Session) -> None:
    session.add_region(CIRCLE)

    assert session.recipe.regions == (CIRCLE,)
    assert session.view().selected == 0


def test_a_sky_circle_needs_a_wcs() -> None:
    session = Session(Frame(FIELD.data))

    with pytest.raises(NoWCSError):
        session.add_region(SkyCircle(150, 2.2, 10))

    assert session.recipe.regions == ()


def test_a_moved_pixel_circle_takes_its_place(session: Session) -> None:
    session.add_region(PixelCircle(1, 2, 3))
    session.add_region(CIRCLE)

    session.move_region(0, PixelCircle(5, 6, 7))

    assert session.recipe.regions == (PixelCircle(5, 6, 7), CIRCLE)
    assert session.selected == 0


def test_a_moved_sky_circle_stays_on_the_sky(session: Session) -> None:
    session.add_region(SkyCircle(150, 2.2, 10))

    session.move_region(0, PixelCircle(50, 60, 20))

    (moved,) = session.recipe.regions
    assert isinstance(moved, SkyCircle)
    assert moved.radius == pytest.approx(10, rel=1e-3)
    (row,) = session.view().regions
    assert (row.pixel.x, row.pixel.y) == pytest.approx((50, 60))
    assert row.on_sky


def test_deleting_deletes_the_selected_one_only(session: Session) -> None:
    for x in (10, 20, 30):
        session.add_region(PixelCircle(x, 5, 5))
    session.select(1)

    session.delete_selected()

    assert [region.x for region in session.recipe.regions] == [10, 30]  # type: ignore[union-attr]
    assert session.selected is None


def test_deleting_with_nothing_selected_says_what_to_do(session: Session) -> None:
    session.add_region(CIRCLE)
    session.select(None)

    session.delete_selected()

    assert session.recipe.regions == (CIRCLE,)
    assert "Select a region first" in session.view().words


@pytest.mark.parametrize("place", [-1, 1, 99, None])
def test_selecting_what_is_not_there_selects_nothing(session: Session, place: int | None) -> None:
    session.add_region(CIRCLE)

    session.select(place)

    assert session.selected is None


def test_clearing_deletes_all_regions_and_keeps_the_parameters(session: Session) -> None:
    session.set_parameter("sigma", 7)
    session.add_region(CIRCLE)

    session.clear_regions()

    assert session.recipe == Recipe().with_parameters(sigma=7)


def test_two_equal_regions_are_two_rows(session: Session) -> None:
    session.add_region(CIRCLE)
    session.add_region(CIRCLE)

    assert len(session.view().regions) == 2


def test_without_a_wcs_the_list_has_no_sky() -> None:
    session = Session(Frame(FIELD.data))
    session.add_region(CIRCLE)

    (row,) = session.view().regions
    assert (row.pixel, row.sky) == (CIRCLE, None)
    assert not session.view().has_wcs


def test_a_wcs_that_becomes_known_gives_the_list_its_sky() -> None:
    session = Session(Frame(FIELD.data), ready=False)
    session.add_region(CIRCLE)
    assert session.view().regions[0].sky is None

    session.describe(SKY)

    assert session.view().regions[0].sky is not None
    assert session.view().ready


# --- parameters


def test_a_wrong_value_is_told_and_the_old_one_kept(session: Session) -> None:
    session.set_parameter("filter_size", 4)

    view = session.view()
    assert view.recipe.background.filter_size == 3
    assert view.is_error
    assert "filter_size" in view.words
    assert "odd" in view.words


def test_a_right_value_takes_the_error_away(session: Session) -> None:
    session.set_parameter("filter_size", 4)

    session.set_parameter("filter_size", 5)

    assert not session.view().is_error


def test_a_recipe_with_sky_circles_is_refused_where_there_is_no_wcs() -> None:
    session = Session(Frame(FIELD.data))

    with pytest.raises(NoWCSError):
        session.use_recipe(Recipe().with_regions(SkyCircle(150, 2.2, 10)))

    assert session.recipe == Recipe()


def test_the_saturation_level_of_the_header_is_offered(session: Session) -> None:
    assert session.view().saturation_hint == "header: 60000"
    assert Session(Frame(FIELD.data)).view().saturation_hint == "header: none"


# --- products and memory


def test_saved_products_are_offered_when_the_image_is_described(tmp_path: Path) -> None:
    write_fits(tmp_path / "a.fits", FIELD.data, FIELD.header)
    frame = read_frame(tmp_path / "a.fits")
    first = Session(frame)
    assert not first.view().can_load
    first.note_saved(save_products(frame, run_session(first)))
    assert first.view().can_load

    second = Session(frame)

    assert second.view().can_load
    assert "Load saved" in second.view().words


def test_products_saved_elsewhere_can_be_loaded_from_there(tmp_path: Path) -> None:
    write_fits(tmp_path / "a.fits", FIELD.data, FIELD.header)
    session = Session(read_frame(tmp_path / "a.fits"))

    session.note_saved(save_products(session.frame, run_session(session), folder=tmp_path / "out"))

    assert session.view().can_load
    assert session.saved_in == tmp_path / "out"


def test_a_loaded_result_brings_its_recipe(tmp_path: Path) -> None:
    write_fits(tmp_path / "a.fits", FIELD.data, FIELD.header)
    first = Session(read_frame(tmp_path / "a.fits"))
    first.add_region(CIRCLE)
    first.set_parameter("box_size", 50)
    save_products(first.frame, run_session(first))
    second = Session(first.frame)

    second.show_result(load_result(second.frame))

    assert second.recipe == first.recipe
    assert not second.stale
    assert second.selected is None
    assert not second.view().can_continue  # its rows are not in the files


def test_dropped_maps_free_the_memory_and_keep_the_recipe(session: Session) -> None:
    session.add_region(CIRCLE)
    run_session(session)

    session.drop_maps()

    view = session.view()
    assert session.result is None
    assert view.rows == ()
    assert not view.has_result
    assert session.recipe.regions == (CIRCLE,)
    assert "press Run" in view.words


def test_the_value_under_the_cursor_is_that_of_the_maps(session: Session) -> None:
    session.add_region(CIRCLE)
    result = run_session(session)

    words = session.value_at(136, 114)

    assert f"bkg {result.fit.level[114, 136]:.6g}" in words
    assert f"rms {result.fit.rms[114, 136]:.4g}" in words
    assert "region" in words


@pytest.mark.parametrize(("x", "y"), [(-1, 5), (5, -1), (220, 5), (5, 200)])
def test_beside_the_image_there_is_no_value(session: Session, x: int, y: int) -> None:
    run_session(session)

    assert session.value_at(x, y) == ""


def test_without_a_result_the_value_is_that_of_the_image(session: Session) -> None:
    assert session.value_at(5, 5) == f"(5, 5)  image {session.frame.data[5, 5]:.6g}"


def test_the_view_is_plain_frozen_data(session: Session) -> None:
    view = session.view()

    assert view == session.view()
    with pytest.raises(dataclasses.FrozenInstanceError):
        view.busy = True  # type: ignore[misc]
