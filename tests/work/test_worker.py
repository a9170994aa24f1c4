from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ginga_bkgplugin.recipe.errors import (
    ImageError,
    NoWCSError,
    SkyFitError,
    WorkerError,
)
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.sky.simulate import SimulatedField, sample_field
from ginga_bkgplugin.sky.steps import Pass, Stage
from ginga_bkgplugin.work.pipeline import Result, Start, finish, run
from ginga_bkgplugin.work.planes import Planes, anonymous_memory, free
from ginga_bkgplugin.work.worker import Worker

SMALL = sample_field((200, 220), stars=10)
LONG = Recipe().with_parameters(passes=50, sigma=1.2, mask_radius_factor=0)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="asks for POSIX processes")


@pytest.fixture(scope="module")
def shared() -> Iterator[Worker]:
    """One process for the tests that do not kill it."""
    worker = Worker()
    yield worker
    worker.close()


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def _pid(worker: Worker) -> int:
    assert worker._process is not None
    return worker._process.pid


def _gone(pid: int) -> bool:
    """Whether the process has ended and was taken away."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def _bytes(result: Result) -> tuple[Any, ...]:
    fit = result.fit
    return (
        result.mask.tobytes(), fit.level.tobytes(), fit.rms.tobytes(), fit.fractions.tobytes(),
        fit.globalback, fit.globalrms, result.rows, result.recipe, result.saturation_level,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["f4", "f8", ">f4", "i4"])
def test_the_worker_gives_the_bytes_of_this_process(
    shared: Worker, field: SimulatedField, kind: str
) -> None:
    data = np.nan_to_num(field.data).astype(kind)
    recipe = Recipe().with_regions(field.galaxy)

    there = finish(shared.run(data, recipe, saturation_level=6e4))

    assert _bytes(there) == _bytes(finish(run(data, recipe, saturation_level=6e4)))


def test_the_worker_gives_the_same_steps(shared: Worker) -> None:
    there, here = (list(steps) for steps in (shared.run(SMALL.data, LONG), run(SMALL.data, LONG)))

    assert [type(step) for step in there] == [type(step) for step in here]
    assert [step for step in there if isinstance(step, Stage)] == [
        step for step in here if isinstance(step, Stage)
    ]
    for one, other in zip(there, here, strict=True):
        if isinstance(one, Pass) and isinstance(other, Pass):
            assert one.row == other.row
            assert np.array_equal(one.mask, other.mask)
            assert np.array_equal(one.fit.level, other.fit.level)


def test_sky_circles_flags_and_earlier_passes_reach_the_worker(
    shared: Worker, field: SimulatedField
) -> None:
    from astropy.wcs import WCS

    dq = np.zeros(field.data.shape, np.int16)
    dq[300:320, 300:320] = 1
    options: dict[str, Any] = {"wcs": WCS(field.header), "dq": dq}
    recipe = Recipe().with_regions(SkyCircle(150, 2.2, 60)).with_parameters(use_dq=True)
    first = finish(run(field.data, recipe.with_parameters(passes=1), **options))
    options["start"] = Start(first.mask, first.rows)

    there = finish(shared.run(field.data, recipe, **options))

    assert _bytes(there) == _bytes(finish(run(field.data, recipe, **options)))
    assert there.mask[310, 310] & 8


@pytest.mark.parametrize("shape", [(90, 300), (500, 400), (120, 110)])
def test_a_second_image_of_another_size_takes_the_place_of_the_first(
    shared: Worker, shape: tuple[int, int]
) -> None:
    second = sample_field(shape, stars=3).data
    list(shared.run(SMALL.data, Recipe()))
    pid = _pid(shared)

    there = finish(shared.run(second, Recipe()))

    assert _bytes(there) == _bytes(finish(run(second, Recipe())))
    assert _pid(shared) == pid


def test_taking_the_result_and_going_leaves_the_process_for_the_next_run(shared: Worker) -> None:
    shared.start()
    pid = _pid(shared)

    for _ in range(2):
        finish(shared.run(SMALL.data, Recipe()))

    assert _pid(shared) == pid


def test_pixels_changed_in_place_are_seen_after_forget(shared: Worker) -> None:
    data = SMALL.data.copy()
    list(shared.run(data, Recipe()))
    data += 100

    shared.forget()
    there = finish(shared.run(data, Recipe()))

    assert _bytes(there) == _bytes(finish(run(data, Recipe())))


def test_earlier_answers_are_not_changed_by_later_ones(shared: Worker) -> None:
    first = finish(shared.run(SMALL.data, Recipe()))
    before = _bytes(first)

    list(shared.run(SMALL.data + 500, LONG))

    assert _bytes(first) == before


@pytest.mark.parametrize(
    ("data", "recipe", "error"),
    [
        (SMALL.data, Recipe().with_regions(SkyCircle(150, 2, 5)), NoWCSError),
        (SMALL.data, Recipe().with_regions(PixelCircle(100, 100, 900)), SkyFitError),
        (np.zeros((4, 4), np.float32), Recipe(), ImageError),
        (np.zeros((40, 40, 3), np.float32), Recipe(), ImageError),
        (np.zeros((0, 40), np.float32), Recipe(), ImageError),
        (np.zeros((40, 40), complex), Recipe(), ImageError),
    ],
    ids=["no wcs", "over-masked", "tiny", "rgb", "empty", "complex"],
)
def test_an_error_of_the_pipeline_arrives_as_itself_and_the_worker_lives_on(
    shared: Worker, data: Any, recipe: Recipe, error: type[Exception]
) -> None:
    with pytest.raises(error) as here:
        list(run(data, recipe))
    with pytest.raises(error) as there:
        list(shared.run(data, recipe))

    assert type(there.value) is type(here.value)
    assert str(there.value) == str(here.value)
    assert isinstance(list(shared.run(SMALL.data, Recipe()))[-1], Result)


def test_cancelling_from_another_thread_ends_the_run_quietly(worker: Worker) -> None:
    canceller = threading.Thread(target=worker.cancel)
    seen = []
    worker.start()
    old = _pid(worker)

    for step in worker.run(SMALL.data, LONG):
        seen.append(step)
        if len(seen) == 3:
            canceller.start()
            canceller.join()

    assert not any(isinstance(step, Result) for step in seen)
    _wait_until_gone(old)
    _wait(lambda: worker._process is not None, "a fresh process")
    assert _pid(worker) != old


def test_cancelling_while_the_child_computes_ends_the_run_quietly(worker: Worker) -> None:
    large = sample_field((1500, 1500), stars=300).data
    steps = worker.run(large, LONG)
    next(steps)
    timer = threading.Timer(0.05, worker.cancel)
    timer.start()

    rest = list(steps)

    timer.join()
    assert not any(isinstance(step, Result) for step in rest)


def test_a_run_after_a_cancelled_one_is_whole(worker: Worker) -> None:
    next(worker.run(SMALL.data, LONG))
    worker.cancel()

    there = finish(worker.run(SMALL.data, Recipe()))

    assert _bytes(there) == _bytes(finish(run(SMALL.data, Recipe())))


def test_closing_the_iterator_ends_the_child(worker: Worker) -> None:
    steps = worker.run(SMALL.data, LONG)
    next(steps)
    pid = _pid(worker)

    steps.close()  # type: ignore[attr-defined]

    assert _gone(pid)


@pytest.mark.parametrize("fresh", [False, True])
def test_closing_after_cancelling_leaves_no_process(worker: Worker, fresh: bool) -> None:
    next(worker.run(SMALL.data, LONG))
    before = set(threading.enumerate())

    worker.cancel()
    if fresh:
        _wait(lambda: worker._process is not None, "a fresh process")
    worker.close()

    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert worker._process is None


def test_memory_given_back_still_reads_as_before() -> None:
    handle = anonymous_memory()
    planes = Planes(handle, SMALL.data.shape)
    planes.image[:] = SMALL.data

    planes.give_back()

    assert planes.image.tobytes() == SMALL.data.tobytes()
    del planes
    free(handle)


def test_a_killed_child_is_told_with_a_cure_and_the_next_run_works(worker: Worker) -> None:
    steps = worker.run(SMALL.data, LONG)
    next(steps)
    os.kill(_pid(worker), signal.SIGKILL)

    with pytest.raises(WorkerError, match=r"exit code -9.*out of memory"):
        list(steps)

    assert isinstance(list(worker.run(SMALL.data, Recipe()))[-1], Result)


def test_closing_leaves_no_process_and_no_open_file() -> None:
    open_files = Path("/proc/self/fd") if Path("/proc/self/fd").is_dir() else Path("/dev/fd")
    before = len(list(open_files.iterdir()))
    worker = Worker()
    worker.start()
    pid = _pid(worker)
    list(worker.run(SMALL.data, Recipe()))

    worker.close()
    worker.close()

    assert _gone(pid)
    assert len(list(open_files.iterdir())) == before


def test_the_callers_folder_does_not_lend_its_modules_to_the_child(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sep", "numpy", "random"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not me')")
    monkeypatch.chdir(tmp_path)

    steps = list(worker.run(SMALL.data, Recipe()))

    assert isinstance(steps[-1], Result)


def _wait_until_gone(pid: int) -> None:
    """A cancelled process is taken away by a thread of its own."""
    _wait(lambda: _gone(pid), f"the end of process {pid}")


def _wait(done: Callable[[], bool], what: str) -> None:
    for _ in range(3000):
        if done():
            return
        time.sleep(0.01)
    pytest.fail(f"waited for {what} in vain")


def test_the_child_starts_without_astropy() -> None:
    """Its import takes as long as all the others together."""
    program = "import ginga_bkgplugin.work.worker, sys; sys.exit('astropy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
