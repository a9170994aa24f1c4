"""Memory of the processes below this one while something runs (Linux)."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def watched() -> Iterator[list[int]]:
    """Bytes of the processes below this one and of what they share with it, every 10 ms."""
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            with contextlib.suppress(OSError):  # no /proc, or a process just ended
                below = sum(proportional("Pss:", pid) for pid in children(os.getpid()))
                seen.append(below + proportional("Pss_Shmem:", os.getpid()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def children(pid: int) -> list[int]:
    """All processes below one."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread or a process just ended
            for each in (task / "children").read_text(encoding="ascii").split():
                found += [int(each), *children(int(each))]
    return found


def proportional(entry: str, pid: int) -> int:
    """An entry of /proc/<pid>/smaps_rollup in bytes: shared pages count in parts."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return next(1024 * int(line.split()[1]) for line in text.splitlines()
                if line.startswith(entry))  # fmt: skip
