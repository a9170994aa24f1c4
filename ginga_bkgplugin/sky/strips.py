"""Work on a frame a strip of rows at a time, on several threads.

A strip stays in the cache and no full-frame temporary is made. numpy gives up the GIL inside
its loops, so strips run side by side; each writes its own rows, so the bytes are the same for
any number of threads.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TypeVar

from threadpoolctl import ThreadpoolController

_MOST_DEFAULT_THREADS = 4
_PIXELS = 1 << 19  # of a strip: 2 MiB of float32

_threads = min(_MOST_DEFAULT_THREADS, os.cpu_count() or 1)

Span = tuple[int, int]
Answer = TypeVar("Answer")


def set_threads(count: int) -> None:
    """Let numpy steps use `count` threads from now on; 1 for a process among many."""
    global _threads
    _threads = max(1, count)


def threads() -> int:
    """How many threads numpy steps use."""
    return _threads


def one_blas_thread() -> AbstractContextManager[object]:
    """Keep numpy's BLAS to one thread: its systems here are small, its idle threads spin.

    A fit of 0.4 s took 9 where another program used the cores. One thread also gives the same
    bytes on any number of cores.
    """
    limits: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limits


@functools.cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def spans(shape: tuple[int, int], multiple: int = 1) -> list[Span]:
    """Row spans that cover a frame, each but the last a multiple of `multiple` rows high."""
    ny, nx = shape
    height = max(1, _PIXELS // max(nx, 1) // multiple) * multiple
    return [(start, min(ny, start + height)) for start in range(0, ny, height)]


def each(work: Callable[[int, int], Answer], parts: Sequence[Span]) -> list[Answer]:
    """Call ``work(start, stop)`` for every span; the answers in the spans' order."""
    return together(*(functools.partial(work, *part) for part in parts))


def together(*tasks: Callable[[], Answer]) -> list[Answer]:
    """Do tasks side by side; their answers in order."""
    count = min(_threads, len(tasks))
    if count <= 1:
        return [task() for task in tasks]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda task: task(), tasks))
