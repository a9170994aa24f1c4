"""Child processes as a `concurrent.futures` executor in which a death is one task's.

`ProcessPoolExecutor` gives up every task when one of its processes dies, and does not say whose
it was; it also imports the user's script again in each of them.
"""

from __future__ import annotations

import contextlib
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import Empty, SimpleQueue
from typing import Any

from ginga_bkgplugin.recipe.errors import BackgroundPluginError, WorkerError
from ginga_bkgplugin.work.child import launch, own_stdout, receive, send
from ginga_bkgplugin.work.memory import keep_freed_memory

_Item = tuple["Future[Any]", Callable[..., Any], tuple[Any, ...]]


class Processes(Executor):
    """Up to `jobs` child processes, each with one task at a time.

    Where a child dies, its task raises WorkerError, and a fresh child takes the next one.

    Parameters
    ----------
    jobs : int
        Children at a time; they are started when there is work for them.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = max(1, jobs)
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._children: set[subprocess.Popen[bytes]] = set()
        self._over = self._killed = False

    def submit(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function of this package called in a child; function and arguments are pickled.

        Raises
        ------
        RuntimeError
            After `shutdown`.
        """
        if kwargs:
            raise TypeError("Processes.submit takes positional arguments only.")
        future: Future[Any] = Future()
        with self._lock:
            if self._over:
                raise RuntimeError("cannot schedule new tasks after shutdown")
            self._queue.put((future, task, args))
            if len(self._threads) < self._jobs:
                thread = threading.Thread(target=self._attend, daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; with `cancel_futures`, drop those that are not running."""
        with self._lock:
            self._over = True
        if cancel_futures:
            with contextlib.suppress(Empty):
                while True:
                    item = self._queue.get_nowait()
                    if item is not None and item[0].cancel():
                        item[0].set_running_or_notify_cancel()  # wakes who waits for it
        for _ in self._threads:
            self._queue.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def kill(self) -> None:
        """End everything at once, running tasks too; returns when the children are gone."""
        self.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._killed = True
            children = list(self._children)
        for child in children:
            child.kill()
        for child in children:
            child.wait()

    def _attend(self) -> None:
        """A thread's life: one child, one task after another."""
        child: subprocess.Popen[bytes] | None = None
        while (item := self._queue.get()) is not None:
            future, task, args = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                child = self._alive(child)
                send(child.stdin, (task, args))
                word, content = receive(child.stdout)
            except (EOFError, OSError, pickle.UnpicklingError, ValueError) as error:
                future.set_exception(_death(child, error))
                self._leave(child)
                child = None
                continue
            if word == "error":
                future.set_exception(content)
            else:
                future.set_result(content)
        self._leave(child)

    def _alive(self, child: subprocess.Popen[bytes] | None) -> subprocess.Popen[bytes]:
        if child is not None and child.poll() is None:
            return child
        self._leave(child)
        with self._lock:
            if self._killed:
                raise EOFError
            child = launch(__name__)
            self._children.add(child)
        return child

    def _leave(self, child: subprocess.Popen[bytes] | None) -> None:
        """Close a child's pipes: it ends when it has nothing to do."""
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            with contextlib.suppress(OSError, ValueError):
                if pipe is not None:
                    pipe.close()
        child.wait()
        with self._lock:
            self._children.discard(child)


def _death(child: subprocess.Popen[bytes] | None, error: Exception) -> WorkerError:
    code = None if child is None else child.wait()
    cured = WorkerError(
        f"The computing process ended (exit code {code}); -9 often means out of memory. Use fewer"
        " jobs, close other programs or use a smaller image, then run again."
    )
    cured.__cause__ = error
    return cured


def main() -> None:
    """The child's program."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    keep_freed_memory()
    outbox = own_stdout()
    with contextlib.suppress(BrokenPipeError, EOFError):
        while True:
            task, args = receive(sys.stdin.buffer)
            try:
                answer = ("answer", task(*args))
            except BackgroundPluginError as error:
                answer = ("error", error)
            except MemoryError:
                answer = ("error", WorkerError("Out of memory."))
            except Exception:  # noqa: BLE001 - told to the parent, which shows it
                answer = ("error", WorkerError(f"Unexpected: {traceback.format_exc()}"))
            send(outbox, answer)
