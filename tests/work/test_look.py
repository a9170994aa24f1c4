"""A second look at moved regions: in this process, in a child, in a session."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.errors import SkyFitError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.pixels import MaskBit, has
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.sky.steps import Pass
from ginga_bkgplugin.work.look import begin_look, take_look, wants_look
from ginga_bkgplugin.work.pipeline import Memory, Result, finish, run, second_look
from ginga_bkgplugin.work.session import Session
from ginga_bkgplugin.work.worker import Worker

FIELD = sample_field((400, 440), stars=20)
SMOOTH = Recipe().with_parameters(method="smooth")
SEP = Recipe().with_parameters(method="sep", passes=1)
HERE, THERE = PixelCircle(120, 100, 50), PixelCircle(300, 240, 60)
ERASE = PixelCircle(300, 240, 20, erase=True)

posix = pytest.mark.skipif(sys.platform == "win32", reason="asks for POSIX processes")


@pytest.fixture(scope="module")
def memory() -> Memory:
    memory = Memory()
    finish(run(FIELD.data, SMOOTH.with_regions(HERE), memory=memory))
    return memory


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def _look(memory: Memory, *regions: Any) -> Pass:
    step = second_look(memory, SMOOTH.with_regions(*regions))
    assert step is not None
    return step


def test_a_look_masks_where_the_regions_are_now(memory: Memory) -> None:
    look = _look(memory, THERE)

    assert has(look.mask, MaskBit.REGION)[240, 300]
    assert not has(look.mask, MaskBit.REGION)[100, 120]
    assert look.row is None


def test_an_erasing_region_frees_sources_in_a_look(memory: Memory) -> None:
    y, x = np.argwhere(has(_look(memory).mask, MaskBit.SOURCE))[0]
    erase = PixelCircle(float(x), float(y), 15, erase=True)

    look = _look(memory, erase)

    assert not look.mask[y, x] & (MaskBit.SOURCE | MaskBit.REGION)
    assert _look(memory).mask[y, x] & MaskBit.SOURCE


def test_a_look_at_the_regions_of_the_run_is_the_run(memory: Memory) -> None:
    _look(memory, THERE, ERASE)

    look = _look(memory, HERE)

    result = finish(run(FIELD.data, SMOOTH.with_regions(HERE)))
    assert look.mask.tobytes() == result.mask.tobytes()
    assert look.fit.level.tobytes() == result.fit.level.tobytes()
    assert look.fit.rms.tobytes() == result.fit.rms.tobytes()


def test_there_is_no_look_after_other_parameters_or_another_method(memory: Memory) -> None:
    assert second_look(memory, SMOOTH.with_parameters(box_size=32)) is None
    assert second_look(memory, SEP) is None
    assert second_look(Memory(), SMOOTH) is None
    other = Memory()
    finish(run(FIELD.data, SEP, memory=other))
    assert second_look(other, SEP.with_regions(HERE)) is None


def test_a_look_without_a_pass_works_too() -> None:
    memory, recipe = Memory(), SMOOTH.with_parameters(passes=0)
    finish(run(FIELD.data, recipe, memory=memory))

    look = second_look(memory, recipe.with_regions(THERE))

    assert look is not None
    assert has(look.mask, MaskBit.REGION)[240, 300]
    assert not has(look.mask, MaskBit.SOURCE).any()


def test_a_look_at_too_large_a_region_is_refused(memory: Memory) -> None:
    with pytest.raises(SkyFitError, match="Over-masked"):
        _look(memory, PixelCircle(220, 200, 900))

    assert np.isfinite(_look(memory, HERE).fit.level).all()


# --- in a child


@posix
def test_the_worker_looks_with_the_bytes_of_this_process(worker: Worker, memory: Memory) -> None:
    finish(worker.run(FIELD.data, SMOOTH.with_regions(HERE)))

    look = worker.look(FIELD.data, SMOOTH.with_regions(THERE))

    here = _look(memory, THERE)
    assert look is not None
    assert look.mask.tobytes() == here.mask.tobytes()
    assert look.fit.level.tobytes() == here.fit.level.tobytes()
    assert look.fit.rms.tobytes() == here.fit.rms.tobytes()


@posix
def test_the_worker_has_no_look_at_what_it_did_not_run(worker: Worker) -> None:
    recipe = SMOOTH.with_regions(THERE)
    assert worker.look(FIELD.data, recipe) is None
    finish(worker.run(FIELD.data, SMOOTH))

    assert worker.look(FIELD.data.copy(), recipe) is None
    assert worker.look(FIELD.data, recipe.with_parameters(box_size=32)) is None

    worker.cancel()
    assert worker.look(FIELD.data, recipe) is None


@posix
def test_the_worker_does_not_look_while_it_runs(worker: Worker) -> None:
    steps = worker.run(FIELD.data, SMOOTH)
    next(steps)

    assert worker.look(FIELD.data, SMOOTH.with_regions(HERE)) is None

    assert isinstance(finish(steps), Result)


@posix
def test_a_refused_look_leaves_the_worker_at_work(worker: Worker) -> None:
    finish(worker.run(FIELD.data, SMOOTH))

    with pytest.raises(SkyFitError):
        worker.look(FIELD.data, SMOOTH.with_regions(PixelCircle(220, 200, 900)))

    assert worker.look(FIELD.data, SMOOTH.with_regions(HERE)) is not None


# --- in a session


@pytest.fixture
def session() -> Session:
    session = Session(Frame(FIELD.data), SMOOTH.with_regions(HERE))
    work = session.begin("run")
    session.finish(work.serial, finish(run(FIELD.data, work.recipe)))
    return session


def test_a_session_wants_a_look_when_only_regions_changed(session: Session) -> None:
    assert not wants_look(session)

    session.add_region(THERE)
    assert wants_look(session)

    session.set_parameter("box_size", 32)
    assert not wants_look(session)


def test_a_look_is_shown_once_and_gone_when_the_region_is(
    session: Session, memory: Memory
) -> None:
    before = session.mask
    session.add_region(THERE)
    recipe = begin_look(session)
    assert not wants_look(session)

    take_look(session, recipe, _look(memory, HERE, THERE))

    live = session.live_mask()
    assert live is not None
    assert session.preview is not None
    assert before is not None
    assert live[240, 300] & MaskBit.REGION
    assert np.array_equal(live, session.preview.mask)
    assert "Preview" in session.view().words
    session.delete_selected()
    assert np.array_equal(session.live_mask(), before)  # type: ignore[arg-type]
    assert session.view().words == ""


def test_a_look_that_comes_late_is_dropped(session: Session, memory: Memory) -> None:
    session.add_region(THERE)
    recipe = begin_look(session)
    session.add_region(PixelCircle(50, 300, 20))

    take_look(session, recipe, _look(memory, HERE, THERE))

    assert session.preview is None
    assert wants_look(session)
