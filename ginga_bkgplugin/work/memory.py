"""How a process of our own holds its memory."""

from __future__ import annotations

import ctypes
import sys

# mallopt(3): what is kept at the end of the heap, from which size on an array has its own pages,
# how many heaps the threads share
_TUNING = {-1: 1 << 27, -3: 1 << 24, -8: 2}


def keep_freed_memory() -> None:
    """Let this process use freed memory again instead of handing it back to the system.

    A strip's temporaries come and go thousands of times, and the system clears each page it
    hands out: half a second of six on the machine this was measured on. Only for processes that do
    nothing else; with glibc, elsewhere it does nothing.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        for name, value in _TUNING.items():
            mallopt(name, value)
