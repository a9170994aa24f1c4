"""A recipe over a night: the same bytes however it is run, and a row for everything that fails."""

from __future__ import annotations

import dataclasses
import os
import signal
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from ginga_bkgplugin import ImageSet, Recipe, ScienceImage, SkyCircle, read_frame
from ginga_bkgplugin.recipe.errors import ParameterError, ProductError
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.work import batch, task
from ginga_bkgplugin.work.gathering import Named
from ginga_bkgplugin.work.processes import Processes
from ginga_bkgplugin.work.task import Task, run_task
from tests.work.nights import SHAPE, contents, write_night

RECIPE = Recipe().with_parameters(box_size=32, passes=2)
DRAWN = RECIPE.with_regions(PixelCircle(90, 80, 20))


@pytest.fixture
def night(tmp_path: Path) -> Path:
    write_night(tmp_path / "night", 3)
    return tmp_path / "night"


def _states(table: Table) -> list[str]:
    return list(table["state"])


# --- the same bytes


def test_one_job_many_and_this_process_give_the_same_bytes(night: Path, tmp_path: Path) -> None:
    images = ImageSet.search(night)
    folders = [tmp_path / name for name in ("one", "two", "inline")]
    for folder, jobs in zip(folders, (1, 2), strict=False):
        table = images.with_output(folder).run(DRAWN, jobs=jobs)
        assert _states(table) == ["done"] * 3
    for one in batch.plan_batch(images.entries, DRAWN, folder=folders[2]).tasks:
        run_task(dataclasses.replace(one, threads=3))

    one, two, inline = (contents(folder) for folder in folders)
    assert one == two == inline
    assert len(one) == 3 * 7  # masks lie behind a primary HDU without pixels
    image = ScienceImage.read(night / "n1.fits")
    result = image.run(DRAWN)
    assert np.array_equal(fits.getdata(folders[1] / "n1.bkgmap.fits"), result.fit.level)
    assert np.array_equal(fits.getdata(folders[1] / "n1.srcmask.fits"), result.mask)


def test_the_table_tells_what_the_products_tell(night: Path, tmp_path: Path) -> None:
    table = ImageSet.search(night).run(RECIPE, jobs=1, table=tmp_path / "t.ecsv")

    read = Table.read(tmp_path / "t.ecsv")
    assert list(read["file"]) == [str(night / f"n{k}.fits") for k in range(3)]
    assert str(read["seconds"].unit) == "s"
    for row in table:
        header = fits.getheader(str(row["file"]).replace(".fits", ".bkgmap.fits"))
        mask = fits.getdata(str(row["file"]).replace(".fits", ".srcmask.fits"))
        assert row["globalback"] == header["BKGVALU"]
        assert row["globalrms"] == header["BKGSIG"]
        assert (row["boxes"], row["filled"]) == (header["BKGNBOX"], header["BKGNFIL"])
        assert row["masked"] == pytest.approx(100 * np.mean(mask != 0))
        assert row["verdict"] == header["BKGWORD"]
    assert Recipe.from_json(read.meta["recipe"]) == RECIPE


# --- again


def test_what_is_done_is_kept_and_what_is_missing_is_done(night: Path) -> None:
    images = ImageSet.search(night)
    first = images.run(RECIPE, jobs=1)
    before = {path: path.stat().st_mtime_ns for path in night.iterdir()}
    (night / "n1.bkgrms.fits").unlink()

    second = ImageSet.search(night).run(RECIPE, jobs=1)

    assert _states(second) == ["kept", "done", "kept"]
    assert np.array_equal(first["globalback"], second["globalback"])
    assert np.allclose(first["masked"], second["masked"])
    changed = {path.name for path in night.iterdir()
               if path.stat().st_mtime_ns != before[path]}  # fmt: skip
    assert changed == {f"n1.{end}" for end in
                       ("srcmask.fits", "invalidmask.fits", "bkgmap.fits", "bkgrms.fits",
                        "bkg.json")}  # fmt: skip


def test_content_decides_not_the_date_of_a_file(night: Path) -> None:
    ImageSet.search(night).run(RECIPE, jobs=1)
    os.utime(night / "n0.fits", (0, 0))
    stat = (night / "n1.fits").stat()
    with fits.open(night / "n1.fits", mode="update") as hdus:
        hdus[0].data[5, 5] += 1
    os.utime(night / "n1.fits", ns=(stat.st_atime_ns, stat.st_mtime_ns))

    table = ImageSet.search(night).run(RECIPE, jobs=1)

    assert _states(table) == ["kept", "failed", "kept"]
    assert "n1.bkgmap.fits" in table["note"][1]
    assert "already there, of another recipe or image." in table["note"][1]
    assert _states(ImageSet.search(night).run(RECIPE, jobs=1, overwrite=True)) == [
        "kept", "done", "kept",
    ]  # fmt: skip


def test_products_of_another_recipe_are_refused_replaced_or_done_anew(night: Path) -> None:
    images = ImageSet.search(night)
    images.run(RECIPE, jobs=1)
    before = contents(night)

    assert _states(images.run(DRAWN, jobs=1)) == ["failed"] * 3
    assert contents(night) == before
    assert _states(images.run(DRAWN, jobs=1, overwrite=True)) == ["done"] * 3
    assert _states(images.run(DRAWN, jobs=1)) == ["kept"] * 3
    assert _states(images.run(DRAWN, jobs=1, redo=True)) == ["done"] * 3


def test_a_name_or_colour_of_a_region_makes_no_other_maps(night: Path) -> None:
    images = ImageSet.search(night)
    images.run(DRAWN, jobs=1, save=["bkgmap", "recipe"])
    named = DRAWN.with_regions(PixelCircle(90, 80, 20, name="galaxy", color="red"))

    assert _states(images.run(named, jobs=1, save=["bkgmap", "recipe"])) == ["kept"] * 3


# --- what fails is a row


def test_one_corrupt_file_in_many_is_one_row(night: Path) -> None:
    data = (night / "n1.fits").read_bytes()
    (night / "n1.fits").write_bytes(data[: len(data) // 2])
    (night / "text.fits").write_text("no image")
    (night / "empty.fits").touch()
    rows: list[str] = []

    table = ImageSet.search(night).run(RECIPE, jobs=2, each=lambda row: rows.append(row.state))

    states = dict(zip((Path(file).name for file in table["file"]), table["state"], strict=True))
    assert states == {"empty.fits": "failed", "n0.fits": "done", "n1.fits": "failed",
                      "n2.fits": "done", "text.fits": "failed"}  # fmt: skip
    assert sorted(rows) == sorted(states.values())
    assert all("cannot be read as a FITS image" in note for note in table["note"] if note)


def test_another_size_is_refused_where_regions_are_in_pixels(night: Path) -> None:
    write_night(night / "small", 1, (120, 130))
    images = ImageSet.search(night)

    table = images.run(DRAWN, jobs=2)

    assert _states(table) == ["done", "done", "done", "failed"]
    assert f"Its size (120, 130) is not that of the other images, {SHAPE}" in table["note"][3]
    carried = images.run(DRAWN, jobs=1, overwrite=True, named=Named(drawn_on=night / "n0.fits"))
    assert _states(carried) == ["done"] * 4
    assert _states(images.run(RECIPE, jobs=1, overwrite=True)) == ["done"] * 4


def test_regions_on_the_sky_fall_where_each_image_has_them(tmp_path: Path) -> None:
    (path,) = write_night(tmp_path / "night", 1)
    with fits.open(path) as hdus:
        hdus[0].header["CRPIX1"] += 30  # a dither
        hdus[0].writeto(tmp_path / "night" / "n1.fits")
    frame = read_frame(path)
    assert frame.wcs is not None
    ra, dec = frame.wcs.all_pix2world([[60, 70]], 0)[0]
    images = ImageSet.search(tmp_path / "night")

    table = images.run(RECIPE.with_regions(SkyCircle(ra, dec, 6)), jobs=1)

    assert _states(table) == ["done", "done"]
    places = []
    for mask in images.sourcemasks:
        assert mask is not None
        places.append(np.argwhere(mask.data & 1).mean(axis=0))
    assert np.allclose(places, [[70, 60], [70, 90]], atol=0.2)


def test_two_images_of_one_name_do_not_share_products(night: Path, tmp_path: Path) -> None:
    write_night(night / "again", 1)
    images = ImageSet.search(night).with_output(tmp_path / "out")

    table = images.run(RECIPE, jobs=1, save=["bkgmap"])

    notes = dict(zip(table["file"], table["note"], strict=True))
    assert "both have the same name" in notes[str(night / "n0.fits")] or (
        "both have the same name" in notes[str(night / "again" / "n0.fits")]
    )
    assert sorted(_states(table)) == ["done", "done", "done", "failed"]


def test_a_disk_without_room_is_seen_before_anything_is_computed(
    night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = batch.plan_batch(ImageSet.search(night, "n0*").entries, RECIPE).tasks
    monkeypatch.setattr(task.shutil, "disk_usage", lambda _: _Disk(1000))
    monkeypatch.setattr(task, "computed", None)

    (row,) = run_task(one)

    assert row.state == "failed"
    assert "the disk has 0 MB left, the products need up to" in row.note


def test_a_folder_that_cannot_be_written_into_is_seen_before_anything_is_computed(
    night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "computed", None)
    (tmp_path / "file").touch()

    with pytest.raises(ProductError, match=r"below: .*file is not a folder"):
        ImageSet.search(night).with_output(tmp_path / "file" / "below").run(RECIPE)
    if os.geteuid():  # root may
        night.chmod(0o555)
        (row,) = run_task(batch.plan_batch(ImageSet.search(night, "n0*").entries, RECIPE).tasks[0])
        night.chmod(0o755)
        assert "you may not write there" in row.note


class _Disk:
    def __init__(self, free: int) -> None:
        self.free = free


def test_a_disk_that_fills_half_way_leaves_whole_files_and_is_completed_later(
    night: Path, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource")
    (one,) = batch.plan_batch(ImageSet.search(night, "n0*").entries, RECIPE).tasks
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, limits[1]))  # masks fit, maps do not
    try:
        (row,) = run_task(one)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)

    assert row.state == "failed"
    assert "cannot be written" in row.note
    assert not list(night.glob(".*.part"))
    assert not (night / "n0.bkgmap.fits").exists()
    (again,) = run_task(one)
    assert again.state == "done"
    assert contents(night).keys() >= {"n0.bkgmap.fits[0]", "n0.srcmask.fits[0]"}


# --- processes that die


class _Deadly(Processes):
    """Some tasks end their process, the first `times` times they are tried."""

    def __init__(self, name: str, times: int) -> None:
        super().__init__(2)
        self.name, self.times = name, times

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        one: Task = args[0]
        if one.entry.path.name == self.name and self.times:
            self.times -= 1
            return super().submit(os._exit, 137)
        return super().submit(function, *args)


@pytest.mark.parametrize(("times", "state"), [(1, "done"), (2, "failed")])
def test_an_image_whose_process_dies_is_tried_once_more_and_is_one_row(
    night: Path, times: int, state: str
) -> None:
    litter = night / ".n1.bkgmap.fits.abc.part"
    litter.touch()
    plan = batch.plan_batch(ImageSet.search(night).entries, RECIPE, jobs=2)

    rows = dict(batch._collect(plan.tasks, range(3), _Deadly("n1.fits", times)))

    assert [rows[k][0].state for k in range(3)] == ["done", state, "done"]
    assert not litter.exists()
    if state == "failed":
        assert "ended (exit code 137)" in rows[1][0].note


def test_a_batch_that_is_closed_ends_its_processes_and_tells_what_was_left(night: Path) -> None:
    plan = batch.plan_batch(ImageSet.search(night).entries, RECIPE, jobs=1)
    running = batch.run_batch(plan)
    done = dict([next(running)])

    running.close()  # type: ignore[attr-defined]

    left = dict(batch.stopped(plan, done))
    assert len(left) == 2
    assert {row.state for rows in left.values() for row in rows} == {"stopped"}
    assert not list(night.glob(".*.part"))
    assert not [path for path in Path("/proc/self/task").glob("*/children")
                if path.read_text().split()]  # fmt: skip


# --- options and memory


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"jobs": 0}, "jobs must be at least 1"),
        ({"kinds": ("bkgmap", "x")}, "Unknown product 'x'"),
        ({"style": "x"}, "Unknown style of names"),
        ({"common": "poly9"}, "Unknown common surface 'poly9'"),
        ({"offsets": True}, "need a common surface"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_done(
    night: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ParameterError, match=words):
        batch.plan_batch(ImageSet.search(night).entries, RECIPE, **options)


def test_a_table_does_not_replace_another_file(night: Path) -> None:
    with pytest.raises(ProductError, match="not a table of ours"):
        ImageSet.search(night).run(RECIPE, table=night / "n0.fits")
    assert not list(night.glob("*.bkgmap.fits"))


def test_fewer_jobs_are_told(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "available_memory", lambda: 0.5e9)

    plan = batch.plan_batch(ImageSet.search(night).entries, RECIPE, jobs=3)

    assert plan.jobs == 2
    assert plan.words == "2 jobs, up to 0.2 GB each, 0.5 GB free: 3 jobs would not fit"
