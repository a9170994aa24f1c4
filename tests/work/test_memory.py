"""Memory of jobs, and freed memory kept: in a process of its own, as it cannot be undone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ginga_bkgplugin.work import memory

PROGRAM = """
import resource, sys
import numpy as np
from ginga_bkgplugin.work.memory import keep_freed_memory

if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(50):
    np.ones(1_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    [np.ones(300_000 + 1000 * i) for i in range(20)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_the_system_clears_fewer_pages() -> None:
    faults = {}
    for word in ("keep", "give back"):
        answer = subprocess.run(
            [sys.executable, "-c", PROGRAM, word], check=True, capture_output=True, text=True
        )
        faults[word] = int(answer.stdout)

    assert faults["keep"] < faults["give back"] / 2


BORROWED = """
import resource, time
from pathlib import Path
import numpy as np
from ginga_bkgplugin.work.memory import freed_memory_kept

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

def fill():
    [np.ones(300_000 + 1000 * i) for i in range(20)]

fill()
before = resident()
for _ in range(2):
    with freed_memory_kept(0.2):
        fill()
kept = resident()
time.sleep(1)
print(kept - before, resident() - before)
fill()
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_a_process_of_others_gets_its_memory_back() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", BORROWED], check=True, capture_output=True, text=True
    )
    kept, given_back, later = map(int, answer.stdout.split())

    assert kept > 30e6  # of 49 MB
    assert given_back < 10e6
    assert later < 10e6  # as before: freed arrays go at once


@pytest.mark.parametrize(
    ("wanted", "free", "jobs"), [(8, None, 8), (8, 100e9, 8), (8, 3e9, 2), (8, 0.1e9, 1)]
)
def test_as_many_jobs_are_taken_as_fit(wanted: int, free: float | None, jobs: int) -> None:
    each = memory.job_memory(61_000_000, "smooth")

    assert 1.0e9 < each < 1.3e9
    assert memory.fitting_jobs(wanted, each, free) == jobs


def test_the_free_memory_is_known_here() -> None:
    available = memory.available_memory()

    assert available is None or available > 1e6
