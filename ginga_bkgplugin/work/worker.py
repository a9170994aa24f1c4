"""The computing process: SEP holds the GIL for every whole call, so a viewer runs it here.

Parent and child share one piece of anonymous memory with the image and the result planes;
through pipes go only small pickled messages. The child is asked for each step: not asking
again is pausing, killing it is cancelling, and the memory has no name that could be left
behind. If SEP ever releases the GIL (sep-developers/sep#172), a thread can replace this.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.errors import BackgroundPluginError, WorkerError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.pixels import BoolImage, check_image
from ginga_bkgplugin.sky.steps import Pass, Stage
from ginga_bkgplugin.work.child import launch, own_stdout, receive, send
from ginga_bkgplugin.work.memory import keep_freed_memory
from ginga_bkgplugin.work.pipeline import Memory, Result, Start, Step, run, second_look
from ginga_bkgplugin.work.planes import Planes, anonymous_memory, free

if TYPE_CHECKING:
    from astropy.wcs import WCS

_A_MOMENT = 0.1  # seconds; beside processes that start and end a redraw takes twice as long


class Worker:
    """A child process that runs recipes, kept for the next run on the same image.

    `run` may be called from any one thread at a time; `cancel` and `close` from another.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._talk = threading.Lock()  # one conversation at a time
        self._process: subprocess.Popen[bytes] | None = None
        self._handle: int | str | None = None
        self._planes: Planes | None = None
        self._loaded: Any = None
        self._closed = 0  # times

    def start(self) -> None:
        """Start the process now, so that the first run need not wait for it."""
        with self._lock:
            self._running_process()

    def run(
        self,
        data: npt.NDArray[Any],
        recipe: Recipe,
        *,
        wcs: WCS | None = None,
        dq: npt.ArrayLike | None = None,
        saturation_level: float | None = None,
        start: Start | None = None,
        imported: BoolImage | None = None,
    ) -> Iterator[Step]:
        """As `pipeline.run`, computed in the child; the same bytes.

        The array `data` is copied to the child once: pass the same object again and it is not
        copied again, unless `forget` was called.

        Raises
        ------
        BackgroundPluginError
            What the pipeline raised; WorkerError when the child died.
        """
        options = {
            "wcs": wcs, "dq": dq, "saturation_level": saturation_level, "start": start,
            "imported": imported,
        }  # fmt: skip
        return self._run(self._closed, data, recipe, options)

    def _run(
        self, closed: int, data: npt.NDArray[Any], recipe: Recipe, options: dict[str, Any]
    ) -> Iterator[Step]:
        """The steps; none if the worker was closed or cancelled since they were asked for."""
        with self._talk:
            yield from self._conversation(closed, data, recipe, options)

    def _conversation(
        self, closed: int, data: npt.NDArray[Any], recipe: Recipe, options: dict[str, Any]
    ) -> Iterator[Step]:
        with self._lock:
            if self._closed != closed:
                return
            process = self._running_process()
        try:
            planes = self._load(process, data)
            send(process.stdin, ("run", recipe, options))
            while True:
                word, content = receive(process.stdout)
                if word == "error":
                    raise content
                if isinstance(content, Result):
                    result = planes.take(content)
                    send(process.stdin, ("next",))
                    receive(process.stdout)  # the end
                    break
                yield planes.take(content) if isinstance(content, Pass) else content
                send(process.stdin, ("next",))
        except (EOFError, OSError, pickle.UnpicklingError, ValueError) as error:
            if isinstance(error, BackgroundPluginError):
                raise
            if self._process is not process:
                return  # cancelled
            self.close()
            raise WorkerError(
                f"The computing process ended (exit code {process.returncode}); -9 often means"
                " out of memory. Close other programs or use a smaller image, then run again."
            ) from error
        except GeneratorExit:
            if self._process is process:
                self.close()
            raise
        yield result  # the run is over: closed here, the process stays

    def look(
        self,
        data: npt.NDArray[Any],
        recipe: Recipe,
        *,
        wcs: WCS | None = None,
        imported: BoolImage | None = None,
    ) -> Pass | None:
        """As `second_look`, on what the child keeps of the last run on this very array.

        None also where there was none, while a run is under way, or when cancelled.

        Raises
        ------
        BackgroundPluginError
            What `second_look` raised.
        """
        if not self._talk.acquire(blocking=False):
            return None
        try:
            process, planes = self._process, self._planes
            if process is None or planes is None or self._loaded is not data:
                return None
            send(process.stdin, ("look", recipe, {"wcs": wcs, "imported": imported}))
            word, content = receive(process.stdout)
            if word == "error":
                raise content
            return planes.take(content) if isinstance(content, Pass) else None
        except (EOFError, OSError, pickle.UnpicklingError, ValueError) as error:
            if isinstance(error, BackgroundPluginError):
                raise
            return None  # the next run says what there is to say
        finally:
            self._talk.release()

    def forget(self) -> None:
        """The image's pixels changed in place: copy them again at the next run."""
        self._loaded = None

    def cancel(self) -> None:
        """Stop what is running, at once. A fresh process for the next run is on its way.

        It does not wait for the system to start the one and take down the other, which takes a
        while for a large image; both begin when the caller had a moment to show what is left.
        """
        bury, closed = self._leave()

        def renew() -> None:
            time.sleep(_A_MOMENT)
            with self._lock, contextlib.suppress(OSError):  # the next run tries again, and tells
                if self._closed == closed:
                    self._running_process()
            bury()

        threading.Thread(target=renew, daemon=True).start()

    def close(self) -> None:
        """End the process and free the memory; safe from any thread, at any time."""
        bury, _ = self._leave()
        bury()

    def _leave(self) -> tuple[Callable[[], None], int]:
        """Kill the process. What is left to do, which takes a while, and how often it was done."""
        with self._lock:
            process, self._process = self._process, None
            handle, self._handle = self._handle, None
            remains = [self._planes] if self._planes is not None else []
            self._planes = self._loaded = None
            self._closed += 1
            closed = self._closed
        if process is not None:
            process.kill()
        return functools.partial(_bury, process, handle, remains), closed

    def _running_process(self) -> subprocess.Popen[bytes]:
        """The process, started if there is none or it died; call it with the lock held."""
        if self._process is None or self._process.poll() is not None:
            free(self._handle)
            self._launch()
        assert self._process is not None
        return self._process

    def _launch(self) -> None:
        self._handle = anonymous_memory()
        shared = (self._handle,) if isinstance(self._handle, int) else ()
        self._planes = self._loaded = None
        self._process = launch(__name__, str(self._handle), pass_fds=shared)

    def _load(self, process: subprocess.Popen[bytes], data: npt.NDArray[Any]) -> Planes:
        """Copy the image into the shared memory, if it is not there already."""
        image = check_image(data)
        shape = (image.shape[0], image.shape[1])
        with self._lock:
            if self._process is not process or self._handle is None:
                raise EOFError  # cancelled
            if self._planes is not None and self._loaded is data:
                return self._planes
            planes = Planes(self._handle, shape)
        with np.errstate(over="ignore"):  # as in as_sky_array
            np.copyto(planes.image, image, casting="unsafe")
        send(process.stdin, ("load", shape))
        with self._lock:
            if self._process is process:
                self._planes, self._loaded = planes, data
        return planes


def _bury(
    process: subprocess.Popen[bytes] | None, handle: int | str | None, remains: list[Planes]
) -> None:
    """Wait for the end of a killed process, then free what it shared.

    In this order: freed while the process is being taken down, the memory holds up redraws; and
    closing the handle frees it without Python's lock if nothing maps it any more.
    """
    if process is not None:
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError, ValueError):
                if pipe is not None:
                    pipe.close()
    while remains:
        remains.pop().give_back()
    free(handle)


def _serve(handle: int | str, inbox: BinaryIO, outbox: BinaryIO) -> None:
    """The child's life: load an image, run recipes on it, until the parent goes."""
    planes: Planes | None = None
    memory = Memory()
    while True:
        try:
            word, *content = receive(inbox)
        except EOFError:
            return
        try:
            if word == "load":
                planes, memory = Planes(handle, content[0]), Memory()
                continue
            assert planes is not None
            recipe, options = content
            if word == "look":
                look = second_look(memory, recipe, **options)
                send(outbox, ("step", look and planes.put(look)))
                continue
            for step in run(planes.image, recipe, memory=memory, **options):
                send(outbox, ("step", step if isinstance(step, Stage) else planes.put(step)))
                if receive(inbox) != ("next",):
                    return
            send(outbox, ("end", None))
        except BackgroundPluginError as error:
            send(outbox, ("error", error))
        except MemoryError:
            text = "Out of memory. Close other programs or use a smaller image."
            send(outbox, ("error", WorkerError(text)))
        except Exception:  # noqa: BLE001 - told to the parent, which shows it
            send(outbox, ("error", WorkerError(f"Unexpected: {traceback.format_exc()}")))


def main(word: str) -> None:
    """The child's program; `word` names the shared memory."""
    keep_freed_memory()
    outbox = own_stdout()
    with contextlib.suppress(BrokenPipeError, EOFError):
        _serve(int(word) if word.isdigit() else word, sys.stdin.buffer, outbox)
    os._exit(0)  # nothing to tidy: the memory has no name
