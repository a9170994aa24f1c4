"""Workers of dask.distributed as an executor: the same tasks, on other machines."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any

from ginga_bkgplugin.files.versions import package_version
from ginga_bkgplugin.recipe.errors import ParameterError, WorkerError
from ginga_bkgplugin.work.memory import freed_memory_kept
from ginga_bkgplugin.work.task import Row, Task, run_task

PATIENCE = 20.0  # seconds for the scheduler, and for its first worker


@contextlib.contextmanager
def dask_executor(dask: Any, patience: float | None = None) -> Iterator[Executor]:
    """The workers behind an address or a client.

    Parameters
    ----------
    dask : str or distributed.Client
        ``tcp://host:8786``, or a client you made, which is left open.
    patience : float, optional
        Seconds to wait for an answer; default `PATIENCE`.

    Raises
    ------
    ParameterError
        When dask.distributed is not installed.
    WorkerError
        When scheduler or workers do not answer, or have another version of this package.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ParameterError(
            "dask.distributed is not installed: pip install 'ginga-bkgplugin[dask]', here and"
            " where the workers run."
        ) from None
    patience = PATIENCE if patience is None else patience
    own = not isinstance(dask, Client)
    client = _connected(str(dask), patience) if own else dask
    try:
        _check_workers(client, patience)
        executor: Executor = client.get_executor(pure=False)
        try:
            yield executor
        finally:
            executor.shutdown(wait=False)
    finally:
        if own:
            client.close(timeout=2)


def run_on_worker(task: Task) -> tuple[Row, ...]:
    """`run_task` in a process of dask's."""
    with freed_memory_kept():
        return run_task(task)


def _connected(address: str, patience: float) -> Any:
    from distributed import Client

    try:
        connect: Any = Client
        return connect(address, timeout=patience, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise WorkerError(
            f"No scheduler answers at {address} within {patience:g} s ({error}). Check the address"
            " and that dask scheduler runs there."
        ) from error


def _check_workers(client: Any, patience: float) -> None:
    """Refuse workers that are not there, or would make other bytes."""
    from distributed import TimeoutError as Late

    try:
        client.wait_for_workers(1, timeout=patience)
    except (TimeoutError, Late) as error:
        raise WorkerError(
            f"The scheduler at {client.scheduler.address} has no workers after {patience:g} s."
            " Start some: dask worker ADDRESS --nthreads 1."
        ) from error
    try:
        versions = set(client.run(package_version).values())
    except Exception as error:
        raise WorkerError(
            f"The workers cannot load ginga_bkgplugin ({error}). Install it where they run."
        ) from error
    if versions != {package_version()}:
        raise WorkerError(
            f"The workers have ginga_bkgplugin {', '.join(sorted(versions))}, this process has"
            f" {package_version()}: install the same version everywhere."
        )
