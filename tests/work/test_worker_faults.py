"""A computing process that dies, cannot get its memory, or loses the program it works for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from ginga_bkgplugin.recipe.errors import WorkerError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.work.pipeline import finish, run
from ginga_bkgplugin.work.worker import Worker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="asks for POSIX processes")

SMALL = sample_field((200, 220), stars=10)
STEPS = len(list(run(SMALL.data, Recipe())))
FRAME = """
    import numpy as np
    from ginga_bkgplugin.recipe.recipe import Recipe
    from ginga_bkgplugin.work.worker import Worker
    data = np.random.default_rng(1).normal(1000, 10, (2000, 2000)).astype(np.float32)
    worker = Worker()
"""


@pytest.mark.parametrize("before", range(STEPS))
def test_killed_before_any_step_it_is_told_and_the_next_run_is_whole(before: int) -> None:
    worker = Worker()
    worker.start()
    try:
        steps = iter(worker.run(SMALL.data, Recipe()))
        for _ in range(before):
            next(steps)
        assert worker._process is not None
        os.kill(worker._process.pid, signal.SIGKILL)
        try:
            for _ in steps:  # what was sent before may still arrive
                pass
        except WorkerError as error:
            assert "exit code -9" in str(error)

        again = finish(worker.run(SMALL.data, Recipe()))
    finally:
        worker.close()

    assert again.fit.level.tobytes() == finish(run(SMALL.data, Recipe())).fit.level.tobytes()


def test_without_room_for_shared_memory_it_is_told_in_words() -> None:
    program = (
        FRAME
        + """
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    try:
        list(worker.run(data, Recipe()))
    except Exception as error:
        print(type(error).__name__, error)
    worker.close()
    """
    )
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("WorkerError ")
    assert "memory" in ended.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_a_program_that_ends_in_a_run_leaves_no_process(how: str) -> None:
    program = (
        FRAME
        + """
    steps = iter(worker.run(data, Recipe().with_parameters(passes=50, sigma=1.0)))
    next(steps)
    print(worker._process.pid, flush=True)
    for _ in steps:
        pass
    """
    )
    running = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    child = int(running.stdout.readline())

    running.send_signal(getattr(signal, how))
    running.communicate(timeout=60)

    until = time.monotonic() + 60
    while _alive(child):
        assert time.monotonic() < until, "the computing process stayed"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"  # init may be slow to take it
    except FileNotFoundError:
        return False
