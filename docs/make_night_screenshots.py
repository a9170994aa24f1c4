"""Make docs/images/many-images.png by driving the real viewer: make screenshots."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from make_screenshots import SIZE, Camera  # chooses Qt without a screen

from ginga_bkgplugin import sample_field
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.viewer.launch import Viewer


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        viewer = Viewer(SIZE)
        try:
            shoot_night(Camera(viewer, Path(folder)))
        finally:
            viewer.close()


def shoot_night(camera: Camera) -> None:
    """Many images, one of them broken."""
    files = []
    for number in range(6):
        field = sample_field((600, 700), stars=120, seed=number)
        files.append(camera.folder / f"night-{number:02}.fits")
        write_fits(files[-1], field.data, field.header)
    files[3].write_bytes(files[3].read_bytes()[:200_000])
    viewer, nights = camera.viewer, camera.plugin.nights
    viewer.press(camera.panel.night)
    window = nights.window
    window.dialog.resize(480, 600)
    window.output.set_text("products")
    viewer.wait(lambda: not nights.night.view().busy, "the channel's list")
    nights.list_files([str(file) for file in files])
    viewer.wait(lambda: not nights.night.view().busy, "the list")
    viewer.press(window.run)
    viewer.wait(lambda: nights.night.view().lines[4].state != "waiting", "the run", 300)
    viewer.pump(0.3)
    camera.shoot("many-images.png", widget=window.dialog)
    viewer.wait(lambda: not nights.night.view().busy, "the end", 300)


if __name__ == "__main__":
    main()
