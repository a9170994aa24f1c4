"""Keeping freed memory, in a process of its own: it cannot be undone."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
