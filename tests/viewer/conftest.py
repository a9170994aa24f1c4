"""One real Ginga, offscreen, for all tests here; each begins with an image and ends clean."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

from ginga_bkgplugin.files.frames import celestial_wcs
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.simulate import SimulatedField, sample_field
from ginga_bkgplugin.viewer.launch import PLUGIN, Viewer
from ginga_bkgplugin.viewer.overlays import BOXES, MASK
from ginga_bkgplugin.viewer.views import IMAGE
from ginga_bkgplugin.work.pipeline import Result, finish, run
from tests.viewer.desk import CHANNEL, Desk


def same_bytes(one: Result, other: Result) -> bool:
    """Whether two results agree bit for bit."""
    return (
        one.mask.tobytes() == other.mask.tobytes()
        and one.fit.level.tobytes() == other.fit.level.tobytes()
        and one.fit.rms.tobytes() == other.fit.rms.tobytes()
        and one.fit.globalback == other.fit.globalback
        and one.rows == other.rows
    )


def write_images(path: Path, images: Sequence[Any], header: fits.Header | None = None) -> Path:
    """Write images as the HDUs of one file."""
    hdus = [fits.PrimaryHDU(images[0], header)]
    hdus += [fits.ImageHDU(image, header) for image in images[1:]]
    fits.HDUList(hdus).writeto(path)
    return path


@pytest.fixture(scope="session")
def small() -> SimulatedField:
    """A field that a pass takes milliseconds for; shared, so its arrays are locked."""
    field = sample_field((300, 360), stars=40)
    field.data.flags.writeable = False
    return field


@pytest.fixture(scope="session")
def small_result(small: SimulatedField) -> Result:
    """What a recipe with a circle over the galaxy gives on the small field."""
    recipe = Recipe().with_regions(small.galaxy)
    options: dict[str, Any] = {"wcs": celestial_wcs(small.header), "saturation_level": 60_000.0}
    return finish(run(small.data, recipe, **options))


@pytest.fixture
def image(small: SimulatedField, tmp_path: Path) -> Path:
    """A file of the small field."""
    path = tmp_path / "field.fits"
    write_fits(path, small.data, small.header)
    return path


@pytest.fixture(scope="session")  # of a package it would end when xdist mixes packages
def ginga() -> Iterator[Any]:
    """The one Ginga of this process."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QT_LOGGING_RULES"] = "*.warning=false"  # it lacks size hints, and says so
    from ginga_bkgplugin.viewer.demo import qt_problem

    problem = qt_problem()
    if problem:
        pytest.skip(problem)
    viewer = Viewer((1150, 850), plugins=("Pick",))  # with all of them each step takes longer
    yield viewer
    viewer.close()


@pytest.fixture
def empty(ginga: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Ginga with an empty channel, the plugin not yet open."""
    desk = Desk(ginga)
    # the first run starts the process too; most tests have none and need not pay for it
    monkeypatch.setattr(desk.channel.opmon.get_plugin(PLUGIN).jobs, "warm_up", lambda: None)
    limit = desk.channel.datasrc.length
    yield desk
    fv = ginga.fv
    fv.close_plugins(desk.channel)
    for name in list(fv.get_channel_names()):
        channel = fv.get_channel(name)
        channel.viewer.clear()
        for each in channel.get_image_names():
            channel.remove_image(each)
        if name != CHANNEL:
            fv.delete_channel(name)
    desk.channel.datasrc.length = limit
    ginga.pump()
    if desk.plugin is not None:
        desk.view.transform(False, False, False)
        desk.view.rotate(0)
        desk.plugin.sessions = type(desk.plugin.sessions)()
        desk.plugin.session = None
        desk.plugin.nights = type(desk.plugin.nights)(desk.plugin)
        for kind, on, opacity in ((MASK, True, 0.45), (BOXES, False, None), ("view", None, 1.0)):
            if on is not None:
                desk.plugin.overlays.set_visible(kind, on)
            if opacity is not None:
                desk.plugin.overlays.set_opacity(kind, opacity)
        desk.plugin.overlays.set_view(IMAGE)


@pytest.fixture
def desk(empty: Desk, image: Path) -> Desk:
    """The small field on display, the plugin open."""
    empty.viewer.open([image])
    empty.start()
    return empty


@pytest.fixture
def done(desk: Desk, small_result: Result) -> Desk:
    """After a run, without the mask over the image."""
    desk.take(small_result)
    desk.plugin.show_overlay(MASK, False)
    return desk
