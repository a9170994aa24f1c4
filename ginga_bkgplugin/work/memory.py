"""Memory: how many images fit side by side, and how a process of our own holds it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

# Peak of a process that reads, runs and writes, less the one of an empty Python with its imports:
# measured, see docs/benchmark-speed.md, and rounded up
_FRAMES = {"smooth": 4.0, "sep": 10.0}  # of 4 bytes per pixel
_IMPORTS = 200e6
_SHARE = 0.9  # of what is free

# mallopt(3): what is kept at the end of the heap, from which size on an array has its own pages,
# how many heaps the threads share
_TRIM, _MMAP, _ARENAS = -1, -3, -8
_TUNING = {_TRIM: 1 << 27, _MMAP: 1 << 24, _ARENAS: 2}

_handing_back: threading.Timer | None = None


def job_memory(pixels: int, method: str) -> float:
    """Bytes that one image of so many pixels takes at its worst."""
    return _IMPORTS + 4 * _FRAMES[method] * pixels


def cores() -> int:
    """Cores this process may use."""
    with contextlib.suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_memory() -> float | None:
    """Bytes that are free for new processes, within the limits of a container or batch system.

    None where the system does not say.
    """
    found = [*_system(), *_group()]
    return min(found) if found else None


def fitting_jobs(wanted: int, each: float, available: float | None) -> int:
    """As many of the jobs wanted as fit into memory; one at least."""
    if available is None:
        return max(1, wanted)
    return max(1, min(wanted, int(_SHARE * available / each)))


def keep_freed_memory() -> None:
    """Let this process use freed memory again instead of handing it back to the system.

    A strip's temporaries come and go thousands of times, and the system clears each page it
    hands out: half a second of six on the machine this was measured on. Only for processes that do
    nothing else; with glibc, elsewhere it does nothing.
    """
    _tune(_TUNING)


@contextlib.contextmanager
def freed_memory_kept(idle: float = 2.0) -> Iterator[None]:
    """`keep_freed_memory` for a while, in a process of others.

    All of it is handed back when this was not entered again for `idle` seconds. Dask's nannies
    let their workers hand back every freed array at once: a third of the time.
    """
    global _handing_back
    if _handing_back is not None:
        _handing_back.cancel()
    _tune({_TRIM: _TUNING[_TRIM], _MMAP: _TUNING[_MMAP]})  # what can be taken back
    try:
        yield
    finally:
        _handing_back = threading.Timer(idle, _hand_back)
        _handing_back.daemon = True
        _handing_back.start()


def _hand_back() -> None:
    usual = 1 << 17  # mallopt(3)
    trim = os.environ.get("MALLOC_TRIM_THRESHOLD_", "")
    _tune({_TRIM: int(trim) if trim.isdigit() else usual, _MMAP: usual})
    _allocator("malloc_trim", 0)


def _tune(options: Mapping[int, int]) -> None:
    for name, value in options.items():
        _allocator("mallopt", name, value)


def _allocator(function: str, *numbers: int) -> None:
    """Call a function of glibc's allocator; musl has none, nor have other systems."""
    if sys.platform == "linux":
        call = getattr(ctypes.CDLL(None), function, None)
        if call is not None:
            call(*numbers)


def _system() -> list[float]:
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        return [1024.0 * int(line.split()[1])]
    with contextlib.suppress(OSError, ValueError, AttributeError):  # macOS tells the whole
        return [float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) / 2]
    return []


def _group() -> list[float]:
    """What the control groups (version 2) of this process leave free."""
    found: list[float] = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            number, _, name = line.split(":", 2)
            if number != "0":
                continue
            folder = Path("/sys/fs/cgroup", name.strip("/"))
            for group in (folder, *folder.parents):
                with contextlib.suppress(OSError, ValueError):
                    limit = float((group / "memory.max").read_text(encoding="ascii"))
                    used = float((group / "memory.current").read_text(encoding="ascii"))
                    found.append(max(limit - used, 0.0))
                if group == Path("/sys/fs/cgroup"):
                    break
    return found
