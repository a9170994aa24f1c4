"""Run, go on, cancel: the panel gives the bytes of the other doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin.cli import main
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.work.loading import read_recipe
from tests.viewer.conftest import Desk, same_bytes

pytestmark = pytest.mark.viewer

CIRCLE = PixelCircle(223, 171, 66)
SLOW = {"passes": 50, "sigma": 1.2, "mask_radius_factor": 0.0}


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """An image whose passes take long enough to be cancelled."""
    path = tmp_path / "large.fits"
    noise = np.random.default_rng(1).normal(1000, 10, (4000, 4000)).astype(np.float32)
    write_fits(path, noise, fits.Header())
    return path


def _saved_and_run_by_command(desk: Desk, folder: Path) -> dict[str, Any]:
    """Save the recipe with the panel, run it with the command line, read what it wrote."""
    for kind, check in desk.panel.saving.kinds.items():
        check.set_state(kind == "recipe")
    desk.panel.saving.folder.set_text(str(folder))
    desk.press(desk.panel.saving.save)
    desk.wait_for_words("Saved in")
    file = str(desk.session.frame.path)
    recipe = folder / "field.bkg.json"
    output = folder / "by-command"
    assert main(["run", file, "--recipe", str(recipe), "--output", str(output)]) == 0
    return {
        kind: fits.getdata(output / f"field.{kind}.fits")
        for kind in ("srcmask", "bkgmap", "bkgrms")
    }


def _assert_agree(desk: Desk, products: dict[str, Any]) -> None:
    result = desk.result
    assert np.array_equal(products["srcmask"], result.mask)
    assert np.array_equal(products["bkgmap"], result.fit.level)
    assert np.array_equal(products["bkgrms"], result.fit.rms)


def test_run_gives_the_bytes_of_the_pipeline_in_process(desk: Desk) -> None:
    desk.plugin.add_shape(CIRCLE)

    result = desk.run()

    assert same_bytes(result, desk.in_process())
    assert result.recipe == desk.session.recipe


def test_run_gives_the_bytes_of_the_command_line(desk: Desk, tmp_path: Path) -> None:
    desk.plugin.add_shape(CIRCLE)
    desk.plugin.set_parameter("box_size", 48)
    desk.run()

    _assert_agree(desk, _saved_and_run_by_command(desk, tmp_path / "out"))


def test_sky_circles_give_the_bytes_of_the_command_line(desk: Desk, tmp_path: Path) -> None:
    desk.place("sky", "150.002", "2.203", "17.5")
    desk.run()

    assert same_bytes(desk.result, desk.in_process())
    _assert_agree(desk, _saved_and_run_by_command(desk, tmp_path / "out"))
    assert isinstance(read_recipe(tmp_path / "out" / "field.bkg.json").regions[0], SkyCircle)


def test_one_more_pass_gives_the_bytes_of_all_passes_at_once(desk: Desk, tmp_path: Path) -> None:
    desk.plugin.set_parameter("passes", 1)
    desk.plugin.set_parameter("sigma", 2.0)
    desk.plugin.add_shape(CIRCLE)
    desk.run()

    result = desk.run(desk.panel.running.more)

    assert len(result.rows) == 2
    assert desk.session.recipe.source.passes == 2
    assert same_bytes(result, desk.in_process())
    _assert_agree(desk, _saved_and_run_by_command(desk, tmp_path / "out"))


def test_until_nothing_new_gives_the_bytes_of_the_passes_it_took(
    desk: Desk, tmp_path: Path
) -> None:
    desk.plugin.set_parameter("method", "sep")
    desk.plugin.set_parameter("passes", 1)
    desk.run()

    result = desk.run(desk.panel.running.stable)

    assert result.stable
    assert "nothing new in the last" in desk.words
    assert same_bytes(result, desk.in_process())
    _assert_agree(desk, _saved_and_run_by_command(desk, tmp_path / "out"))


def test_each_pass_is_a_row_of_the_list(desk: Desk) -> None:
    desk.plugin.set_parameter("method", "sep")
    result = desk.run()

    rows = desk.rows(desk.panel.running.passes)
    assert [row[0] for row in rows] == [str(row.index) for row in result.rows]
    assert [row[1] for row in rows] == [str(row.sources) for row in result.rows]
    assert [row[3] for row in rows] == [str(row.new_pixels) for row in result.rows]
    assert float(rows[-1][5]) == pytest.approx(result.fit.globalback, rel=1e-5)
    assert f"{result.fit.globalback:.6g}" in desk.panel.running.summary.get_text()


def test_the_buttons_say_what_can_be_done(desk: Desk) -> None:
    def enabled() -> list[str]:
        running, saving = desk.panel.running, desk.panel.saving
        buttons = {"run": running.run, "cancel": running.cancel, "more": running.more,
                   "save": saving.save, "subtract": saving.subtract,
                   "restore": saving.restore, "report": saving.report}  # fmt: skip
        return [name for name, each in buttons.items() if each.get_widget().isEnabled()]

    assert enabled() == ["run"]
    desk.plugin.set_parameter("passes", 1)
    desk.plugin.run_recipe("run")
    assert enabled() == ["cancel"]
    desk.wait(lambda: not desk.session.busy, "the run")
    assert enabled() == ["run", "more", "save", "subtract", "report"]


def test_a_change_after_a_run_says_press_run(desk: Desk) -> None:
    desk.run()

    desk.draw(100, 100, 20)

    assert desk.words in (
        "Changed since the last run: press Run.",
        "Preview with the sources of the last run: press Run.",  # it may be there already
    )
    assert desk.result is not None


def test_over_masking_is_told_with_a_cure_and_the_result_before_stays(desk: Desk) -> None:
    before = desk.run()
    desk.plugin.add_shape(PixelCircle(180, 150, 400))

    desk.run()

    assert "box" in desk.error
    assert desk.result is before
    assert len(desk.rows(desk.panel.running.passes)) == len(before.rows)


def test_cancel_keeps_the_result_before_and_a_new_run_works(desk: Desk, large: Path) -> None:
    desk.open(large)
    desk.plugin.set_parameter("passes", 0)
    before = desk.run()
    for name, value in SLOW.items():
        desk.plugin.set_parameter(name, value)
    desk.press(desk.panel.running.run)
    desk.wait(lambda: len(desk.session.view().rows) >= 1, "a first pass", 120)

    desk.press(desk.panel.running.cancel)

    assert not desk.session.busy
    assert desk.result is before
    assert "Cancelled. The previous result is kept." in desk.words
    desk.plugin.set_parameter("passes", 0)
    again = desk.run()
    assert again is not before
    assert same_bytes(again, before)


def test_cancel_at_once_after_run_leaves_a_plugin_that_runs(desk: Desk) -> None:
    for _ in range(3):
        desk.plugin.run_recipe("run")
        desk.plugin.cancel_run()

    result = desk.run()

    assert same_bytes(result, desk.in_process())


def test_no_pass_of_a_cancelled_run_is_shown(desk: Desk) -> None:
    for name, value in SLOW.items():
        desk.plugin.set_parameter(name, value)
    desk.press(desk.panel.running.run)
    desk.wait(lambda: len(desk.session.view().rows) >= 2, "passes")

    desk.press(desk.panel.running.cancel)
    desk.viewer.pump(0.2)

    assert desk.rows(desk.panel.running.passes) == []
    assert desk.result is None
    assert desk.plugin.overlays.shown() == set()


def test_the_viewer_stays_alive_while_it_runs(desk: Desk, large: Path) -> None:
    desk.open(large)
    desk.press(desk.panel.running.run)

    desk.view.zoom_to(2)
    desk.viewer.pump()

    assert desk.session.busy
    assert "…" in desk.words
    desk.press(desk.panel.running.cancel)


def test_closing_while_running_leaves_no_child_process(desk: Desk) -> None:
    for name, value in SLOW.items():
        desk.plugin.set_parameter(name, value)
    desk.press(desk.panel.running.run)
    process = desk.plugin.jobs.worker._process

    desk.stop()

    assert process.poll() is not None
    assert desk.plugin.jobs.worker._process is None


def test_a_killed_computing_process_is_told_and_the_next_run_works(desk: Desk) -> None:
    for name, value in SLOW.items():
        desk.plugin.set_parameter(name, value)
    desk.press(desk.panel.running.run)
    desk.wait(lambda: len(desk.session.view().rows) >= 1, "a pass")
    desk.plugin.jobs.worker._process.kill()

    desk.wait(lambda: not desk.session.busy, "the end")

    assert "The computing process ended" in desk.error
    desk.plugin.set_parameter("passes", 1)
    assert same_bytes(desk.run(), desk.in_process())
