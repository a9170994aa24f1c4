"""Children as an executor: real processes, really killed."""

from __future__ import annotations

import math
import os
import time
from concurrent.futures import CancelledError, wait

import pytest

from ginga_bkgplugin.recipe.errors import ParameterError, WorkerError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.work.processes import Processes


def test_tasks_are_done_by_other_processes_and_answers_come_back() -> None:
    executor = Processes(2)
    try:
        pids = {executor.submit(os.getpid).result() for _ in range(6)}

        assert list(executor.map(math.sqrt, [4.0, 9.0])) == [2.0, 3.0]
        assert os.getpid() not in pids
        assert 1 <= len(pids) <= 2
    finally:
        executor.kill()


def test_an_error_comes_back_as_it_is_and_a_fault_with_its_traceback() -> None:
    executor = Processes(1)
    try:
        with pytest.raises(ParameterError, match="not valid JSON"):
            executor.submit(Recipe.from_json, "{").result()
        with pytest.raises(WorkerError, match=r"Unexpected: Traceback[\s\S]*math domain error"):
            executor.submit(math.sqrt, -1.0).result()
        assert executor.submit(math.sqrt, 16.0).result() == 4
    finally:
        executor.kill()


def test_a_death_is_one_tasks_and_a_fresh_child_goes_on() -> None:
    executor = Processes(1)
    try:
        before = executor.submit(os.getpid).result()
        dying = executor.submit(os._exit, 9)
        after = executor.submit(os.getpid)

        with pytest.raises(WorkerError, match=r"ended \(exit code 9\)"):
            dying.result()
        assert after.result() != before
    finally:
        executor.kill()


def test_kill_ends_what_runs_and_drops_what_waits() -> None:
    executor = Processes(1)
    pid = executor.submit(os.getpid).result()
    running = executor.submit(time.sleep, 600)
    waiting = executor.submit(math.sqrt, 4.0)

    while not running.running():
        time.sleep(0.01)

    executor.kill()

    wait([running, waiting])
    with pytest.raises(WorkerError):
        running.result()
    with pytest.raises(CancelledError):
        waiting.result()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(math.sqrt, 4.0)


def test_shutdown_lets_the_work_end() -> None:
    with Processes(2) as executor:
        answers = [executor.submit(math.sqrt, float(n)) for n in range(5)]

    assert [answer.result() for answer in answers] == [math.sqrt(n) for n in range(5)]
