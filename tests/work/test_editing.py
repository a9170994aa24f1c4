"""Editing one image's recipe: every change a step that can be undone, to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.errors import ParameterError, SkyFitError
from ginga_bkgplugin.recipe.imported import ImportedMask
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import (
    PixelBox,
    PixelCircle,
    PixelEllipse,
    PixelPolygon,
    SkyEllipse,
)
from ginga_bkgplugin.sky.raster import draw
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.work.history import MOST_BYTES, MOST_STEPS, History, Moment, Outcome
from ginga_bkgplugin.work.pipeline import Result, finish, run
from ginga_bkgplugin.work.session import Session
from tests.drawing import LOOKS, pixel_regions

FIELD = sample_field((128, 160), stars=10)
SKY = Frame(FIELD.data, FIELD.header, wcs=WCS(FIELD.header))
TINY = Frame(FIELD.data[:64, :64], wcs=WCS(FIELD.header))
CIRCLE = PixelCircle(60, 50, 20)
PLANE = np.zeros(FIELD.data.shape, bool)
PLANE[5:9, 20:40] = True
MASK = ImportedMask(path="night1/dq.fits")


@pytest.fixture
def session() -> Session:
    return Session(SKY)


def _run(session: Session, mode: str = "run") -> Result:
    work = session.begin(mode)
    result = finish(run(session.frame.data, work.recipe, wcs=SKY.wcs, start=work.start,
                        imported=work.imported))  # fmt: skip
    assert session.finish(work.serial, result)
    return result


def _state(session: Session) -> tuple[Any, ...]:
    mask = session.mask
    rows = session.view().rows
    return session.recipe.to_json(), rows, None if mask is None else bytes(mask)


REGIONS = pixel_regions(**LOOKS)
OPERATIONS = st.one_of(
    st.tuples(st.just("add"), REGIONS),
    st.tuples(st.just("move"), st.integers(0, 9), REGIONS),
    st.tuples(st.just("delete"), st.integers(0, 9)),
    st.tuples(st.just("clear")),
    st.tuples(st.just("shift"), st.integers(0, 9), st.integers(0, 9)),
    st.tuples(st.just("look"), st.integers(0, 9), st.booleans()),
    st.tuples(st.just("import"), st.integers(0, 3)),
    st.tuples(st.just("automatic"), st.booleans()),
    st.tuples(st.just("sigma"), st.integers(3, 9)),
    st.tuples(st.just("run"), st.sampled_from(["run", "more"])),
)


def _do(session: Session, operation: tuple[Any, ...]) -> None:
    word, *what = operation
    count = len(session.recipe.regions)
    try:
        if word == "add":
            session.add_region(what[0])
        elif word == "import":
            plane = PLANE[:64, :64]
            session.import_mask(MASK.replace(path=f"{what[0]}.fits"), plane)
        elif word == "automatic":
            session.set_automatic(what[0])
        elif word == "sigma":
            session.set_parameter("sigma", what[0])
        elif word == "clear":
            session.clear_regions()
        elif word == "run":
            _run(session, what[0])
        elif count and word == "move":
            session.move_region(what[0] % count, what[1])
        elif count and word == "delete":
            session.delete_regions([what[0] % count])
        elif count and word == "shift":
            session.select(what[0] % count)
            session.shift_selected(1 if what[1] % 2 else -1)
        elif count and word == "look":
            session.change_regions([what[0] % count], "Eye", on=what[1])
    except ParameterError as error:
        assert "locked" in str(error)
    except SkyFitError as error:
        session.cancel()
        assert "Over-masked" in str(error)


@settings(max_examples=10, phases=[Phase.generate])  # shrinking takes minutes
@given(operations=st.lists(OPERATIONS, min_size=50, max_size=50))
def test_any_operations_are_undone_and_redone_to_the_byte(operations: list[Any]) -> None:
    session = Session(TINY, Recipe().with_parameters(passes=1, box_size=16))
    states = {0: _state(session)}
    for operation in operations:
        _do(session, operation)
        states[session.history.place] = _state(session)
    last = session.history.place

    for place in range(last - 1, -1, -1):
        session.undo()
        assert _state(session) == states[place], session.history.names[place]
    session.undo()
    assert _state(session) == states[0]
    for place in range(1, last + 1):
        session.redo()
        assert _state(session) == states[place]


def test_a_new_step_drops_what_was_undone(session: Session) -> None:
    session.add_region(CIRCLE)
    session.set_parameter("sigma", 3)
    session.undo()
    session.add_region(PixelBox(10, 10, 5, 5, 0, erase=True))

    session.redo()

    assert session.view().history == ("Start", "Add circle", "Erase")
    assert session.view().history_place == 2


def test_a_name_of_the_history_leads_to_its_state(session: Session) -> None:
    for x in (10, 20, 30):
        session.add_region(PixelCircle(x, 10, 5))

    session.go_to(1)

    assert session.recipe.regions == (PixelCircle(10, 10, 5),)


def test_undoing_a_run_shows_the_mask_before_it_and_redoing_brings_the_maps(
    session: Session,
) -> None:
    first = _run(session)
    session.set_parameter("sigma", 20)
    second = _run(session)

    session.undo()
    assert session.mask is not None
    assert np.array_equal(session.mask, first.mask)
    assert session.result is None
    assert "press Run for its maps" in session.view().words

    session.redo()
    assert session.result is second
    assert not session.stale


def test_a_clicked_region_is_selected_and_no_step(session: Session) -> None:
    session.add_region(CIRCLE.replace(name="M 31", erase=True))

    session.move_region(0, CIRCLE)

    assert session.view().history == ("Start", "Erase")


def test_a_moved_region_keeps_its_name_and_its_frame(session: Session) -> None:
    assert SKY.wcs is not None
    session.add_region(SkyEllipse(150.0, 2.2, 6, 3, 30, name="halo", erase=True))

    session.move_region(0, PixelEllipse(60, 50, 9, 5, 10))

    (moved,) = session.recipe.regions
    assert isinstance(moved, SkyEllipse)
    assert (moved.name, moved.erase) == ("halo", True)
    row = session.view().regions[0].pixel
    assert isinstance(row, PixelEllipse)
    assert (row.x, row.y, row.a, row.b, row.angle) == pytest.approx((60, 50, 9, 5, 10), abs=1e-4)


def test_a_locked_region_stays(session: Session) -> None:
    session.add_region(CIRCLE.replace(locked=True))
    session.add_region(PixelCircle(1, 1, 1))

    with pytest.raises(ParameterError, match="Region 1 is locked: unlock it first"):
        session.move_region(0, PixelCircle(9, 9, 9))
    with pytest.raises(ParameterError, match="is locked"):
        session.delete_regions([0, 1])
    session.clear_regions()

    assert session.recipe.regions == (CIRCLE.replace(locked=True),)


def test_many_are_selected_and_deleted_in_one_step(session: Session) -> None:
    for x in (10, 20, 30):
        session.add_region(PixelCircle(x, 5, 5))
    session.select([2, 0, 7])

    assert session.view().selection == (2, 0)
    session.delete_selected()

    assert session.recipe.regions == (PixelCircle(20, 5, 5),)
    session.undo()
    assert len(session.recipe.regions) == 3


def test_a_name_makes_no_result_stale_and_an_eye_does(session: Session) -> None:
    session.add_region(CIRCLE)
    _run(session)

    session.change_regions([0], "Name", name="galaxy", color="red", locked=True)
    assert not session.stale
    session.change_regions([0], "Eye", on=False)
    assert session.stale
    session.undo()
    assert not session.stale


def test_the_regions_drawn_follow_every_change(session: Session) -> None:
    session.add_region(CIRCLE)
    session.live_mask()
    session.add_region(PixelPolygon([(50, 50), (70, 50), (60, 70)], erase=True))
    session.move_region(0, CIRCLE.moved(5, 0))

    live = session.live_mask()

    fresh = draw(FIELD.data.shape, session.recipe.regions)  # type: ignore[arg-type]
    assert live is not None
    assert np.array_equal(live, fresh.masked)


def test_the_live_mask_is_that_of_the_next_run(session: Session) -> None:
    session.import_mask(MASK, PLANE)
    session.add_region(CIRCLE)
    _run(session)
    assert session.mask is not None
    assert session.live_mask() is session.mask
    session.set_automatic(False)
    session.add_region(PixelPolygon([(50, 50), (70, 50), (60, 70)], erase=True))
    session.move_region(0, CIRCLE.moved(5, 0))
    session.change_mask(0, "Off", on=False)
    live = np.array(session.live_mask())

    _run(session)

    assert np.array_equal(live, session.mask)


# --- masks from files


def test_an_imported_mask_masks_in_the_run(session: Session) -> None:
    session.import_mask(MASK, PLANE)
    session.set_automatic(False)

    result = _run(session)

    assert np.array_equal(result.mask == 16, PLANE & np.isfinite(FIELD.data))
    session.change_mask(0, "Eye", on=False)
    assert session.begin("run").imported is None


def test_a_recipes_mask_is_not_followed_until_the_user_names_it(session: Session) -> None:
    stranger = MASK.replace(path="/etc/other/dq.fits", polarity="good")
    session.use_recipe(Recipe(masks=(stranger,)))
    assert session.view().missing_masks == (stranger,)
    with pytest.raises(ParameterError, match=r"wants the mask /etc/other/dq\.fits: import that"):
        session.begin("run")

    session.import_mask(MASK.replace(polarity="good"), PLANE)

    assert session.recipe.masks == (MASK.replace(polarity="good"),)
    assert session.begin("run").imported is not None


# --- memory


def test_the_history_is_bounded_in_steps() -> None:
    history = History(Moment(Recipe()))
    for number in range(2 * MOST_STEPS):
        history.record(str(number), Moment(Recipe()))

    assert len(history.names) == MOST_STEPS + 1
    assert history.names[-1] == str(2 * MOST_STEPS - 1)


def test_the_history_is_bounded_in_bytes(session: Session) -> None:
    noise = np.random.default_rng(1).integers(0, 32, (1500, 2000)).astype(np.uint8)
    history = History(Moment(Recipe()))
    made = _run(session)
    for number in range(40):
        outcome = Outcome(Result(Recipe(), np.roll(noise, number), made.fit, (), None))
        assert outcome.packed is not None
        outcome.packed.unpack()  # waits for the packing
        history.record("Run", Moment(Recipe(), (), outcome))

    assert 0 < history.nbytes <= MOST_BYTES
    assert history.now.outcome is not None
    assert history.now.outcome.packed is not None
    assert history.go(1).outcome.packed is None  # type: ignore[union-attr]


def test_a_recipe_file_keeps_what_was_edited(session: Session, tmp_path: Path) -> None:
    session.add_region(CIRCLE.replace(name="halo", erase=True))
    session.import_mask(MASK, PLANE)
    (tmp_path / "a.bkg.json").write_text(session.recipe.to_json(), encoding="utf-8")

    assert Recipe.from_json((tmp_path / "a.bkg.json").read_text("utf-8")) == session.recipe
