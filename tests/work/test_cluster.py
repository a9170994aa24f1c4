"""A cluster of real processes on this machine, one of them killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ginga_bkgplugin import ImageSet, Recipe
from ginga_bkgplugin.recipe.errors import WorkerError
from ginga_bkgplugin.work import batch, cluster
from tests.work.nights import contents, write_night

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:.*:UserWarning:distributed"),
]

RECIPE = Recipe().with_parameters(box_size=32, passes=2)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as local,
        distributed.Client(local, set_as_default=False) as connected,
    ):
        yield connected


def test_a_cluster_gives_the_bytes_of_processes(client: Any, tmp_path: Path) -> None:
    write_night(tmp_path / "night", 3)
    (tmp_path / "night" / "x.fits").write_text("no image")
    images = ImageSet.search(tmp_path / "night")

    ours = images.with_output(tmp_path / "ours").run(RECIPE, jobs=2)
    address = client.scheduler.address
    theirs = images.with_output(tmp_path / "theirs").run(RECIPE, dask=address)

    assert list(theirs["state"]) == list(ours["state"]) == ["done"] * 3 + ["failed"]
    assert contents(tmp_path / "theirs") == contents(tmp_path / "ours")
    again = images.with_output(tmp_path / "theirs").run(RECIPE, dask=client)
    assert list(again["state"]) == ["kept"] * 3 + ["failed"]


def test_a_worker_that_is_killed_is_survived(client: Any, tmp_path: Path) -> None:
    write_night(tmp_path / "night", 8)
    plan = batch.plan_batch(ImageSet.search(tmp_path / "night").entries, RECIPE)
    victim = next(iter(client.run(os.getpid).values()))
    states = {}

    for index, rows in batch.run_batch(plan, dask=client):
        states[index] = rows[0].state
        if victim:
            os.kill(victim, signal.SIGKILL)
            victim = 0

    assert states == dict.fromkeys(range(8), "done")
    assert not list((tmp_path / "night").glob(".*.part"))


def test_a_scheduler_that_does_not_answer_is_refused_in_words(tmp_path: Path) -> None:
    with (
        pytest.raises(WorkerError, match=r"No scheduler answers at tcp://127\.0\.0\.1:9 within 1"),
        cluster.dask_executor("tcp://127.0.0.1:9", patience=1),
    ):
        pass


def test_a_scheduler_without_workers_is_refused_in_words() -> None:
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as local,
        pytest.raises(WorkerError, match=r"has no workers after 0\.5 s"),
        cluster.dask_executor(local.scheduler_address, patience=0.5),
    ):
        pass


def test_workers_of_another_version_are_refused(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "package_version", _another)

    with (
        pytest.raises(WorkerError, match="install the same version"),
        cluster.dask_executor(client),
    ):
        pass


def _another() -> str:
    return f"9.9.{os.getpid()}"
