"""A recipe over many images: planned, run in processes or on a cluster, one row for each.

Both go through the same executor interface and `run_task`, so the bytes do not depend on who
computes.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from pathlib import Path
from typing import Any

from ginga_bkgplugin.files.entries import ImageEntry
from ginga_bkgplugin.files.frames import join_spec, split_spec
from ginga_bkgplugin.files.maskfile import SELF
from ginga_bkgplugin.files.names import KINDS, RECIPE, STYLES
from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.parameters import COMMON
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.region import PixelRegion
from ginga_bkgplugin.work.cluster import dask_executor, run_on_worker
from ginga_bkgplugin.work.gathering import NOTHING, Named
from ginga_bkgplugin.work.memory import available_memory, cores, fitting_jobs, job_memory
from ginga_bkgplugin.work.processes import Processes
from ginga_bkgplugin.work.task import (
    STOPPED,
    Row,
    Task,
    Tell,
    check_folder,
    failed,
    run_task,
    sweep,
)

_LISTEN = 0.2  # seconds: some systems let no Ctrl-C through while a thread waits

Attend = Callable[[frozenset[int]], bool]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a batch will do.

    Attributes
    ----------
    tasks : tuple of Task
        In the order of the images.
    problems : dict of int to str
        Tasks that cannot be done, by their place, and why.
    jobs : int
        Images at a time, on this machine.
    words : str
        Jobs and memory, in words.
    """

    tasks: tuple[Task, ...]
    problems: dict[int, str]
    jobs: int
    words: str


def plan_batch(
    entries: Sequence[ImageEntry], recipe: Recipe, *, jobs: int | None = None, **options: Any
) -> Plan:
    """Plan a recipe over images, and find what cannot work before anything is computed.

    Parameters
    ----------
    entries : sequence of ImageEntry
        The images.
    recipe : Recipe
        Regions and parameters.
    jobs : int, optional
        Images at a time; default: the cores. Fewer are taken where they do not fit into memory.
    **options
        Fields of `Task`.

    Raises
    ------
    ParameterError
        For a wrong option.
    """
    _check(jobs, options)
    options["named"] = _absolute(options.get("named", NOTHING))
    if options.get("folder") is not None:
        options["folder"] = str(Path(options["folder"]).absolute())
    text = recipe.to_json()
    tasks = [
        Task(entry=dataclasses.replace(entry, path=entry.path.absolute()), recipe=text, **options)
        for entry in entries
    ]
    problems = {k: task.entry.problem for k, task in enumerate(tasks) if task.entry.problem}
    problems |= _other_sizes(tasks, recipe) | _same_products(tasks)
    taken, words = plan_jobs(entries, recipe, jobs)
    threads = 1 if taken > 1 else 0
    return Plan(
        tuple(dataclasses.replace(task, threads=threads) for task in tasks), problems, taken, words
    )


def plan_jobs(
    entries: Sequence[ImageEntry], recipe: Recipe, jobs: int | None = None
) -> tuple[int, str]:
    """How many images at a time, and that with its memory in words; parameters as `plan_batch`."""
    largest = max((entry.pixels for entry in entries), default=0)
    each, free = job_memory(largest, recipe.background.method), available_memory()
    wanted = max(1, min(cores() if jobs is None else jobs, len(entries)))
    taken = fitting_jobs(wanted, each, free)
    words = f"{taken} job{'s' if taken > 1 else ''}, up to {each / 1e9:.1f} GB each"
    if free is not None:
        words += f", {free / 1e9:.1f} GB free"
        if taken < wanted:
            words += f": {wanted} jobs would not fit"
        elif each > free:
            words += ": it may not fit"
    return taken, words


def run_batch(
    plan: Plan, *, dask: Any = None, tell: Tell | None = None, attend: Attend | None = None
) -> Iterator[tuple[int, tuple[Row, ...]]]:
    """Do what was planned; closing the generator, or Ctrl-C, ends what is running.

    Parameters
    ----------
    plan : Plan
    dask : str or distributed.Client, optional
        Run on its workers instead; they read and write the same paths. What they are at when the
        batch is ended, they finish.
    tell : callable, optional
        A single image is run in this process, and every step of its run is given to it.
    attend : callable, optional
        Given the places of the tasks under way a few times a second; what it answers with False
        ends the batch.

    Yields
    ------
    index : int
        Place of the task in the plan.
    rows : tuple of Row
        What became of it: a row, or one for each chip. As they are done, not in order.

    Raises
    ------
    WorkerError
        When scheduler or workers do not answer.
    ProductError
        When nothing can be written into the folder of products.
    """
    for folder in {task.folder for task in plan.tasks if task.folder and dask is None}:
        check_folder(Path(folder))
    for index, why in plan.problems.items():
        yield index, (failed(plan.tasks[index], why),)
    rest = [k for k in range(len(plan.tasks)) if k not in plan.problems]
    if not rest:
        return
    if tell is not None and dask is None and len(plan.tasks) == 1:
        yield 0, run_task(plan.tasks[0], tell)
    elif dask is None:
        with _processes(plan.jobs) as executor:
            yield from _collect(plan.tasks, rest, executor, run_task, attend)
    else:
        tasks = [dataclasses.replace(task, threads=1) for task in plan.tasks]
        with dask_executor(dask) as executor:
            yield from _collect(tasks, rest, executor, run_on_worker, attend)


def stopped(plan: Plan, done: Iterable[int]) -> Iterator[tuple[int, tuple[Row, ...]]]:
    """The rows of what a batch that was ended had not done."""
    known = set(done)
    for index, task in enumerate(plan.tasks):
        if index not in known:
            yield index, (failed(task, "The batch was stopped before this image.", STOPPED),)


@contextlib.contextmanager
def _processes(jobs: int) -> Iterator[Executor]:
    executor = Processes(jobs)
    try:
        yield executor
    finally:
        executor.kill()


def _collect(
    tasks: Sequence[Task],
    indices: Sequence[int],
    executor: Executor,
    work: Callable[[Task], tuple[Row, ...]] = run_task,
    attend: Attend | None = None,
) -> Iterator[tuple[int, tuple[Row, ...]]]:
    """Rows as they come. What died with its worker is tried once more, alone, at the end."""
    pending: dict[Future[tuple[Row, ...]], int] = {}
    died = []
    try:
        for index in indices:
            pending[executor.submit(work, tasks[index])] = index
        while pending:
            ready, _ = wait(pending, timeout=_LISTEN, return_when=FIRST_COMPLETED)
            for future in ready:
                index = pending.pop(future)
                error = _error(future)
                if error is None:
                    yield index, future.result()
                else:
                    died.append(index)
                    _tidy([tasks[index]])
            if attend is not None and not attend(_under_way(pending)):
                return
        for index in died:
            future = executor.submit(work, tasks[index])
            pending = {future: index}
            while not future.done():
                wait(pending, timeout=_LISTEN)
                if attend is not None and not attend(_under_way(pending)):
                    return
            pending, error = {}, _error(future)
            _tidy([tasks[index]] if error else [])
            rows = future.result() if error is None else (failed(tasks[index], error),)
            yield index, rows
        _tidy(tasks)  # also of a cluster's workers that were lost
    finally:
        begun = [tasks[index] for future, index in pending.items() if future.running()]
        if isinstance(executor, Processes):
            executor.kill()
            _tidy(begun)


def _under_way(pending: Mapping[Future[Any], int]) -> frozenset[int]:
    return frozenset(index for future, index in pending.items() if future.running())


def _error(future: Future[Any]) -> str | None:
    """Why a task has no rows: its worker died. None where it has."""
    try:
        error = future.exception()
    except CancelledError:
        return "The scheduler was lost, or dropped this task."
    return None if error is None else f"{error}" or type(error).__name__


def _tidy(tasks: Iterable[Task]) -> None:
    """Remove the unfinished files of tasks that were ended while they wrote."""
    sweep(path for task in tasks for path in task.paths(task.entry.bare).values())


def _check(jobs: int | None, options: dict[str, Any]) -> None:
    if jobs is not None and jobs < 1:
        raise ParameterError(f"jobs must be at least 1, not {jobs}.")
    kinds = options.get("kinds", ())
    for kind in kinds:
        if kind not in (*KINDS, RECIPE):
            known = ", ".join((*KINDS, RECIPE))
            raise ParameterError(f"Unknown product {kind!r}. Known: {known}.")
    if options.get("style", STYLES[0]) not in STYLES:
        raise ParameterError(
            f"Unknown style of names {options['style']!r}. Known: {', '.join(STYLES)}."
        )
    common = options.get("common") or ""
    if common not in ("", *COMMON):
        raise ParameterError(f"Unknown common surface {common!r}. Known: {', '.join(COMMON)}.")
    if options.get("offsets") and not common:
        raise ParameterError("Offsets of chips need a common surface (--common).")


def _absolute(named: Named) -> Named:
    """The same files for a worker that is in another folder."""
    masks = []
    for spec in named.masks:
        path, hdu = split_spec(spec)
        masks.append(spec if str(path) == SELF else join_spec(path.absolute(), hdu))
    drawn_on = named.drawn_on
    if drawn_on is not None:
        path, hdu = split_spec(str(drawn_on))
        drawn_on = join_spec(path.absolute(), hdu)
    regions = [Path(path).absolute() for path in named.regions]
    return dataclasses.replace(named, regions=regions, masks=masks, drawn_on=drawn_on)


def _other_sizes(tasks: Sequence[Task], recipe: Recipe) -> dict[int, str]:
    """Images that regions in pixels cannot be meant for."""
    in_pixels = any(isinstance(region, PixelRegion) and region.on for region in recipe.regions)
    good = [task for task in tasks if not task.entry.problem and not task.entry.mosaic]
    if not in_pixels or not good or good[0].named.drawn_on is not None:
        return {}
    usual = Counter(task.entry.shape for task in good).most_common(1)[0][0]
    return {
        k: f"Its size {task.entry.shape} is not that of the other images, {usual}, and the recipe"
        " has regions in pixels. Name the image they were drawn on (--drawn-on), or use regions on"
        " the sky."
        for k, task in enumerate(tasks)
        if task in good and task.entry.shape != usual
    }


def _same_products(tasks: Sequence[Task]) -> dict[int, str]:
    """Images of the same name whose products would replace one another."""
    owners: dict[Path, Task] = {}
    found = {}
    for k, task in enumerate(tasks):
        for path in task.paths(task.entry.bare).values():
            owner = owners.setdefault(path, task)
            if owner is not task:
                found[k] = (
                    f"Its products would be those of {owner.entry.path}: both have the same name."
                    " Run them with different folders."
                )
    return found
