"""A night as a window sees it: plain data, a thread behind it, the bytes of the set."""

from __future__ import annotations

import functools
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from astropy.io import fits

from ginga_bkgplugin.cli import main
from ginga_bkgplugin.files.frames import read_frame
from ginga_bkgplugin.files.names import BATCH
from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.work.imageset import ImageSet
from ginga_bkgplugin.work.nightrun import NightRun, NightView, portable
from tests.work.nights import contents, write_night

RECIPE = Recipe().with_regions(PixelCircle(90, 80, 30)).with_parameters(passes=2)
SLOW = Recipe().with_parameters(method="sep", passes=50, sigma=1.2, mask_radius_factor=0.0)


class Watched:
    """A night, and every view of it."""

    def __init__(self) -> None:
        self.views: list[NightView] = []
        self.night = NightRun(self._see)

    def _see(self) -> None:
        self.views.append(self.night.view())

    def wait(self, condition: Callable[[NightView], object]) -> NightView:
        end = time.monotonic() + 300
        while not condition(self.night.view()):
            assert time.monotonic() < end, self.night.view()
            time.sleep(0.02)
        return self.night.view()

    def find(self, *files: Path, **how: object) -> NightView:
        self.night.find(functools.partial(ImageSet.of, files, **how))  # type: ignore[arg-type]
        return self.wait(lambda view: not view.busy)

    def run(self, recipe: Recipe, source: Path, **how: object) -> NightView:
        options = {"jobs": 1, "kinds": BATCH} | how
        self.night.start(recipe, read_frame(source), **options)  # type: ignore[arg-type]
        return self.wait(lambda view: not view.busy)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_night_goes_through_its_states_and_gives_the_bytes_of_the_command(
    watched: Watched, tmp_path: Path
) -> None:
    files = write_night(tmp_path / "night", 3)
    recipe = tmp_path / "r.bkg.json"
    recipe.write_text(RECIPE.to_json())

    found = watched.find(tmp_path / "night")
    view = watched.run(RECIPE, files[0], folder=tmp_path / "mine")

    assert [line.state for line in found.lines] == ["waiting"] * 3
    assert [line.state for line in view.lines] == ["done"] * 3
    assert view.words == "3 done."
    assert view.fraction == 1
    seen = [tuple(line.state for line in each.lines) for each in watched.views]
    assert ("running", "waiting", "waiting") in seen
    assert [len(line.products) for line in view.lines] == [len(BATCH)] * 3
    command = ["run", str(tmp_path / "night"), "--recipe", str(recipe), "--jobs", "2"]
    command += ["--drawn-on", str(files[0]), "--output", str(tmp_path / "theirs")]
    assert main(command) == 0
    assert contents(tmp_path / "mine") == contents(tmp_path / "theirs")
    assert watched.run(RECIPE, files[0], folder=tmp_path / "theirs").words == "3 kept."


def test_a_failed_image_says_why_and_the_others_go_on(watched: Watched, tmp_path: Path) -> None:
    files = write_night(tmp_path / "night", 3)
    files[1].write_bytes(files[1].read_bytes()[:5000])

    watched.find(*files)
    view = watched.run(RECIPE, files[0])

    assert [line.state for line in view.lines] == ["done", "failed", "done"]
    assert view.words == "2 done, 1 failed."
    assert "n1.fits: failed." in view.lines[1].words
    table = watched.night.table()
    assert list(table["state"]) == ["done", "failed", "done"]
    assert Recipe.from_json(table.meta["recipe"]) == portable(RECIPE, read_frame(files[0]))


def test_cancel_leaves_whole_files_and_a_new_run_goes_on(watched: Watched, tmp_path: Path) -> None:
    files = write_night(tmp_path / "night", 4, (1400, 1400))
    watched.find(*files)
    watched.night.start(SLOW, read_frame(files[0]), jobs=1, kinds=["srcmask"])
    watched.wait(lambda view: view.lines[1].state == "running")

    watched.night.cancel()
    view = watched.wait(lambda view: not view.busy)

    assert [line.state for line in view.lines] == ["done", "stopped", "stopped", "stopped"]
    assert view.words == "1 done, 3 stopped."
    made = set((tmp_path / "night").iterdir()) - set(files)
    assert {path.name for path in made} == {"n0.srcmask.fits"}
    assert fits.getdata(made.pop()).shape == (1400, 1400)
    watched.night.start(SLOW, read_frame(files[0]), jobs=1, kinds=["srcmask"])
    view = watched.wait(lambda view: view.lines[0].state == "kept")
    watched.night.cancel()
    watched.wait(lambda view: not view.busy)


LEAVE = """
import functools, pathlib, sys, time
from ginga_bkgplugin import ImageSet, Recipe, read_frame
from ginga_bkgplugin.work.nightrun import NightRun

file = sys.argv[1]
night = NightRun(lambda: None)
night.find(functools.partial(ImageSet.of, [file]))
while night.view().busy:
    time.sleep(0.01)
slow = Recipe().with_parameters(method="sep", passes=50, sigma=1.2, mask_radius_factor=0.0)
night.start(slow, read_frame(file), jobs=1, kinds=["srcmask"])
while night.view().lines[0].state != "running":
    time.sleep(0.01)
tasks = pathlib.Path("/proc/self/task").glob("*/children")
print(*(child for task in tasks for child in task.read_text().split()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_program_that_ends_ends_the_night(tmp_path: Path) -> None:
    (file,) = write_night(tmp_path / "night", 1, (2500, 2500))

    answer = subprocess.run(
        [sys.executable, "-c", LEAVE, str(file)], check=True, capture_output=True, text=True
    )

    (child,) = answer.stdout.split()
    assert not Path(f"/proc/{child}").exists()
    assert list((tmp_path / "night").iterdir()) == [file]


def test_words_of_the_list_and_of_memory(watched: Watched, tmp_path: Path) -> None:
    files = write_night(tmp_path / "night", 2)
    missing = tmp_path / "absent.fits"

    view = watched.find(tmp_path / "night", where=["FILTER=m600"])
    assert [line.entry.name for line in view.lines] == ["n0.fits"]
    assert watched.night.memory_words(RECIPE, 5).startswith("1 image: 1 job, up to 0.2 GB each")
    view = watched.find(tmp_path / "night", where=["FILTER=zz"])
    assert view.is_error
    assert view.words.startswith("No image found: searched")
    assert len(view.lines) == 1  # the list before stays
    view = watched.find(files[0], missing)
    assert view.lines[1].words.startswith("absent.fits: waiting.")
    assert "no such file" in view.lines[1].words


def test_what_cannot_be_started_is_refused(watched: Watched, tmp_path: Path) -> None:
    (file,) = write_night(tmp_path / "night", 1)
    with pytest.raises(ParameterError, match="Choose images first"):
        watched.run(RECIPE, file)
    watched.find(file)
    with pytest.raises(ParameterError, match="Tick what to save"):
        watched.run(RECIPE, file, kinds=[])
    watched.night.start(SLOW, read_frame(file), jobs=1, kinds=["srcmask"])
    with pytest.raises(ParameterError, match="wait or Cancel"):
        watched.find(file)
    watched.night.cancel()
    watched.wait(lambda view: not view.busy)


def test_a_recipe_is_put_on_the_sky_where_there_is_one(tmp_path: Path) -> None:
    (file,) = write_night(tmp_path / "night", 1)
    bare = tmp_path / "bare.fits"
    fits.writeto(bare, fits.getdata(file))

    assert isinstance(portable(RECIPE, read_frame(file)).regions[0], SkyCircle)
    assert portable(RECIPE, read_frame(bare)) == RECIPE


def test_all_chips_of_a_file_are_one_line(watched: Watched, tmp_path: Path) -> None:
    first, second = write_night(tmp_path / "night", 2)
    mosaic = tmp_path / "mosaic.fits"
    hdus = [fits.PrimaryHDU()]
    hdus += [fits.ImageHDU(*fits.getdata(f, header=True), name="SCI") for f in (first, second)]
    hdus[2].ver = 2
    fits.HDUList(hdus).writeto(mosaic)

    watched.find(mosaic, hdu="all")
    view = watched.run(Recipe(), first, kinds=["bkgmap"])

    (line,) = view.lines
    assert line.state == "done"
    assert len(line.rows) == 2
    assert line.spec == f"{mosaic}[SCI,1]"
    assert line.words.count("boxes filled") == 2
    assert "1 products in" in line.words
