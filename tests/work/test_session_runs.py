from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ginga_bkgplugin.recipe.errors import SkyFitError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.steps import Pass, Stage
from ginga_bkgplugin.work.pipeline import Result, run
from ginga_bkgplugin.work.session import MOST_PASSES, Session
from tests.work.sessions import CIRCLE, FIELD, SKY, run_session, steps_of


@pytest.fixture
def session() -> Session:
    return Session(SKY)


# --- runs


def test_a_finished_run_is_the_result_and_its_rows_are_shown(session: Session) -> None:
    result = run_session(session)

    view = session.view()
    assert view.rows == result.rows
    assert view.has_result
    assert not view.busy
    assert view.fraction == 1
    assert view.words.startswith("Done after")
    assert f"{result.fit.globalback:.6g}" in view.summary


def test_a_run_under_way_shows_its_stage_and_preview(session: Session) -> None:
    work = session.begin("run")
    steps = steps_of(session, work)
    session.advance(work.serial, next(step for step in steps if isinstance(step, Pass)))
    session.advance(work.serial, Stage("Finding sources", 0.4))

    view = session.view()
    assert view.busy
    assert view.words == "Finding sources …"
    assert view.fraction == 0.4
    assert session.preview is not None


def test_answers_of_an_outdated_run_are_dropped(session: Session) -> None:
    old = session.begin("run")
    *steps, result = steps_of(session, old)
    session.cancel()
    new = session.begin("run")

    assert not any(session.advance(old.serial, step) for step in steps)
    assert not session.finish(old.serial, result)

    assert session.busy
    assert session.result is None
    assert session.view().rows == ()
    assert session.finish(new.serial, result)
    assert session.result == result


def test_a_second_end_of_the_same_run_is_dropped(session: Session) -> None:
    work = session.begin("run")
    result = steps_of(session, work)[-1]
    session.finish(work.serial, result)

    assert not session.finish(work.serial, SkyFitError("late"))
    assert not session.view().is_error


def test_cancelling_keeps_the_result_before_and_its_rows(session: Session) -> None:
    result = run_session(session)
    session.set_parameter("sigma", 9)
    work = session.begin("run")
    for step in steps_of(session, work)[:-1]:
        session.advance(work.serial, step)

    session.cancel()

    view = session.view()
    assert session.result is result
    assert view.rows == result.rows
    assert view.words == "Cancelled. The previous result is kept."
    assert session.preview is None
    assert not view.busy


def test_cancelling_with_nothing_running_changes_nothing(session: Session) -> None:
    result = run_session(session)
    words = session.view().words

    session.cancel()

    assert session.result is result
    assert session.view().words == words


def test_an_error_is_shown_and_the_result_before_kept(session: Session) -> None:
    result = run_session(session)
    work = session.begin("run")

    session.finish(work.serial, SkyFitError("Over-masked."))

    view = session.view()
    assert (view.words, view.is_error, view.fraction) == ("Over-masked.", True, 0)
    assert session.result is result


def test_the_progress_of_a_run_does_not_go_back_where_something_else_is_refused(
    session: Session,
) -> None:
    run_session(session)

    session.set_parameter("filter_size", 4)

    view = session.view()
    assert (view.is_error, view.fraction) == (True, 1)


def test_the_progress_of_a_run_that_failed_is_told_as_long_as_its_error(session: Session) -> None:
    result = run_session(session)
    work = session.begin("run")
    session.finish(work.serial, SkyFitError("Over-masked."))
    before = session.view().fraction

    session.show_result(result)
    session.say("Loaded.")

    assert (before, session.view().fraction) == (0, 1)


def test_a_change_during_a_run_is_not_lost(session: Session) -> None:
    work = session.begin("run")
    session.add_region(CIRCLE)

    session.finish(work.serial, steps_of(session, work)[-1])

    assert session.recipe.regions == (CIRCLE,)
    assert session.stale


# --- going on


def _weak(session: Session, passes: int = 1) -> None:
    """Passes that find something new each time."""
    recipe = Recipe().with_parameters(method="sep", sigma=1.5, mask_radius_factor=1)
    session.use_recipe(recipe.with_parameters(passes=passes))


def test_one_more_pass_goes_on_from_the_last_one(session: Session) -> None:
    _weak(session)
    first = run_session(session)
    assert session.view().can_continue

    second = run_session(session, "more")

    assert second.rows[0] == first.rows[0]
    assert len(second.rows) == 2
    assert session.recipe.source.passes == 2
    assert second.recipe == session.recipe
    assert not session.stale


def test_passes_one_by_one_give_the_bytes_of_onerun_session(session: Session) -> None:
    _weak(session)
    run_session(session)
    run_session(session, "more")
    third = run_session(session, "more")

    *_, whole = run(FIELD.data, session.recipe, saturation_level=SKY.saturation_level)

    assert isinstance(whole, Result)
    assert whole.rows == third.rows
    assert np.array_equal(whole.mask, third.mask)
    assert np.array_equal(whole.fit.level, third.fit.level)


def test_one_more_pass_without_a_result_is_the_first_one(session: Session) -> None:
    work = session.begin("more")

    assert work.start is None
    assert work.recipe.source.passes == 1


@pytest.mark.parametrize("method", ["sep", "smooth"])
def test_until_nothing_new_writes_down_the_passes_it_took(session: Session, method: str) -> None:
    session.set_parameter("method", method)

    result = run_session(session, "stable")

    assert result.stable
    looks = method == "smooth"  # a pass more than it took: to see that it needs none
    assert session.recipe.source.passes == len(result.rows) + looks < MOST_PASSES
    assert result.recipe == session.recipe
    assert not session.view().can_continue


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.set_parameter("sigma", 4),
        lambda session: session.set_parameter("box_size", 32),
        lambda session: session.add_region(CIRCLE),
    ],
    ids=["sigma", "box", "region"],
)
def test_after_a_change_it_starts_anew(session: Session, change: Any) -> None:
    _weak(session)
    run_session(session)

    change(session)

    assert not session.view().can_continue
    assert session.begin("stable").start is None


def test_another_number_of_passes_alone_does_not_stop_going_on(session: Session) -> None:
    _weak(session)
    run_session(session)

    session.set_parameter("passes", 9)

    assert session.view().can_continue


def test_a_change_while_going_on_keeps_the_users_recipe(session: Session) -> None:
    _weak(session)
    run_session(session)
    work = session.begin("more")
    session.set_parameter("sigma", 8)

    session.finish(work.serial, steps_of(session, work)[-1])

    assert session.recipe.source.sigma == 8
    assert session.result is not None
    assert session.result.recipe.source.sigma == 1.5
    assert session.stale
