"""No public function changes what it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import ginga_bkgplugin as bkg
from ginga_bkgplugin.sky.masking import find_sources
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.sky.smooth import iterate_smooth
from ginga_bkgplugin.work.pipeline import Start
from ginga_bkgplugin.work.worker import Worker

SMALL = sample_field((200, 220), stars=10)
RECIPE = bkg.Recipe().with_regions(bkg.PixelCircle(120, 110, 40))
BLANK = bkg.BackgroundParameters(blank_invalid=True)

Planes = dict[str, npt.NDArray[Any]]


def _worker(planes: Planes) -> None:
    worker = Worker()
    try:
        list(worker.run(planes["data"], RECIPE, start=Start(planes["mask"], ())))
    finally:
        worker.close()


def _image(planes: Planes) -> None:
    image = bkg.ScienceImage(planes["data"], SMALL.header)
    mask = image.calculate_circularmask(50, 50, 9, unit="pixel", target_srcmask=planes["mask"])
    image.calculate_sourcemask(target_srcmask=planes["mask"], target_ivpmask=planes["dq"])
    image.calculate_bkg(target_srcmask=mask, target_ivpmask=planes["dq"])
    image.subtract_background()
    image.run(RECIPE)


FUNCTIONS: dict[str, Callable[[Planes], object]] = {
    "fit_background": lambda p: bkg.fit_background(p["data"], mask=p["mask"]),
    "fit_background blank": lambda p: bkg.fit_background(p["data"], BLANK, mask=p["mask"]),
    "subtract_background": lambda p: bkg.subtract_background(p["data"], p["level"]),
    "mask_invalid": lambda p: bkg.mask_invalid(
        p["data"], bkg.InvalidParameters(use_dq=True), dq=p["dq"]
    ),
    "iterate_source_mask": lambda p: list(
        bkg.iterate_source_mask(p["data"], p["mask"], saturation_level=6e4)
    ),
    "find_sources": lambda p: find_sources(
        p["data"].astype(np.float32, copy=False),
        bkg.fit_background(p["data"], BLANK, mask=p["mask"]),
        bkg.SourceMaskParameters(),
        mask=p["mask"],
        saturation_level=6e4,
    ),
    "iterate_smooth": lambda p: list(iterate_smooth(p["data"], p["mask"], saturation_level=6e4)),
    "run smooth": lambda p: list(
        bkg.run(p["data"], RECIPE.with_parameters(method="smooth"), dq=p["dq"])
    ),
    "run": lambda p: list(bkg.run(p["data"], RECIPE, dq=p["dq"])),
    "run from start": lambda p: list(bkg.run(p["data"], RECIPE, start=Start(p["mask"], ()))),
    "Worker.run": _worker,
    "ScienceImage": _image,
}


@pytest.mark.parametrize("kind", ["f4", ">f4", "f8"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_inputs_stay_as_they_are(name: str, kind: str) -> None:
    planes: Planes = {
        "data": SMALL.data.astype(kind),
        "mask": np.where(np.isnan(SMALL.data), 8, 0).astype(np.uint8),
        "dq": np.eye(200, 220, dtype=np.int16),
        "level": SMALL.sky.copy(),
    }
    before = {key: (plane.tobytes(), plane.dtype) for key, plane in planes.items()}

    FUNCTIONS[name](planes)

    assert {key: (plane.tobytes(), plane.dtype) for key, plane in planes.items()} == before


@pytest.mark.parametrize("name", FUNCTIONS)
def test_locked_inputs_are_enough(name: str) -> None:
    planes: Planes = {
        "data": SMALL.data.copy(),
        "mask": np.where(np.isnan(SMALL.data), 8, 0).astype(np.uint8),
        "dq": np.eye(200, 220, dtype=np.int16),
        "level": SMALL.sky.copy(),
    }
    for plane in planes.values():
        plane.flags.writeable = False

    FUNCTIONS[name](planes)

    assert not any(plane.flags.writeable for plane in planes.values())
