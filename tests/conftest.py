"""Fixtures every folder of tests uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ginga_bkgplugin import sample_field
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.sky.simulate import SimulatedField

settings.register_profile(  # no deadline: a slow machine is no fault
    "tests",
    deadline=None,
    max_examples=50,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def real_frames() -> Path:
    """The folder of real frames; tests that use it are skipped where it is absent."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("GINGA_BKG_TEST_DATA", default))
    if not (folder / "emmi_na36_R.fits").is_file():
        pytest.skip(f"no real frames in {folder} (set GINGA_BKG_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def field() -> SimulatedField:
    """The demo's field with its truth; shared, so its arrays are locked."""
    simulated = sample_field()
    simulated.data.flags.writeable = False
    simulated.sky.flags.writeable = False
    return simulated


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A small field in a folder of its own, ``night/a.fits``; what the command line is given."""
    folder = tmp_path / "night"
    folder.mkdir()
    small = sample_field((200, 220), stars=20)
    write_fits(folder / "a.fits", small.data, small.header)
    return folder / "a.fits"
