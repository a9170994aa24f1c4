"""Images, files and viewers that go while the plugin works."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin.files.identity import checksum
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.sky.simulate import SimulatedField
from tests.viewer.conftest import same_bytes, write_images
from tests.viewer.desk import Desk

pytestmark = pytest.mark.viewer


def test_an_image_that_ginga_forgets_in_a_run_gets_its_result(
    desk: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    other = write_images(tmp_path / "other.fits", [small.data + 1], small.header)
    name = desk.channel.get_current_image().get("name")
    session = desk.session
    desk.channel.datasrc.length = 1
    desk.press(desk.panel.running.run)

    desk.open(other)
    assert name not in desk.channel.datasrc
    desk.wait(lambda: not session.busy, "the run")
    desk.show(name)

    assert desk.error == ""
    assert same_bytes(desk.result, desk.in_process())


def test_a_file_replaced_while_open_is_run_as_it_is_on_display(
    desk: Desk, small: SimulatedField, image: Path
) -> None:
    shown = np.array(desk.session.frame.data)
    write_fits(image, small.data * 2 + 100, small.header, overwrite=True)

    result = desk.run()

    assert np.array_equal(shown, small.data, equal_nan=True)
    assert result.fit.globalback == pytest.approx(np.nanmedian(small.data), rel=0.05)
    desk.press(desk.panel.saving.save)
    desk.wait_for_words("Saved")
    header = fits.getheader(image.with_name("field.bkgmap.fits"))
    assert header["TGTSUM"] == checksum(small.data)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("end", ["viewer.close()", "viewer.fv.quit()", "killed"])
def test_a_viewer_that_is_closed_in_a_run_leaves_no_process(
    end: str, small: SimulatedField, tmp_path: Path
) -> None:
    write_images(tmp_path / "large.fits", [np.tile(small.data, (5, 5))])
    program = f"""
        from ginga_bkgplugin.viewer.launch import Viewer
        viewer = Viewer((900, 700), plugins=())
        viewer.open(["large.fits"])
        plugin = viewer.start_plugin()
        viewer.wait(lambda: plugin.session and plugin.session.ready, "the image")
        viewer.press(plugin.panel.running.run)
        viewer.wait(lambda: plugin.jobs.worker._process is not None, "the process")
        print(plugin.jobs.worker._process.pid, flush=True)
        {end if end != "killed" else "import os; os.kill(os.getpid(), 9)"}
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, capture_output=True,
        text=True, timeout=120, env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip

    child = int(ended.stdout.split()[0])
    until = time.monotonic() + 30
    while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_text():
        assert time.monotonic() < until, "the computing process stayed"
        time.sleep(0.05)
    assert "Traceback" not in ended.stderr


def test_a_thread_of_the_pool_that_waits_for_ever_does_not_keep_the_viewer() -> None:
    program = """
        from ginga_bkgplugin.viewer.launch import Viewer
        viewer = Viewer((900, 700), plugins=())
        for worker in viewer.fv.threadPool.running:
            worker.timeout = None  # what a fault of CPython 3.11 makes of it, see docs/upstream.md
        viewer.pump(0.5)
        viewer.close()
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], check=True, capture_output=True,
        timeout=60, env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
