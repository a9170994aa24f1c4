"""A second look after a mask by hand was moved, without a whole run."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from ginga_bkgplugin.recipe.parameters import (
    BackgroundParameters,
    SmoothParameters,
    SourceMaskParameters,
)
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.pixels import MaskBit, MaskImage
from ginga_bkgplugin.sky.raster import mask_regions
from ginga_bkgplugin.sky.simulate import SimulatedField, truth_field
from ginga_bkgplugin.sky.smooth import Smoother
from ginga_bkgplugin.sky.steps import Pass

SHAPE = (800, 1001)
HERE, THERE = PixelCircle(300, 250, 120), PixelCircle(640, 520, 90)


@functools.cache
def _field() -> SimulatedField:
    return truth_field("gaps", SHAPE, seed=3)


def _mask(*circles: PixelCircle) -> MaskImage:
    mask = np.zeros(SHAPE, np.uint8)
    mask[mask_regions(SHAPE, circles)] = MaskBit.REGION
    mask[~np.isfinite(_field().data)] |= np.uint8(MaskBit.INVALID)
    return mask


def _smoother(mask: MaskImage, **values: bool) -> tuple[Smoother, Pass]:
    background = BackgroundParameters(method="smooth", **values)
    smoother = Smoother(
        _field().data, mask, SourceMaskParameters(), background, SmoothParameters()
    )
    *_, last = smoother.passes()
    assert isinstance(last, Pass)
    return smoother, last


def test_a_circle_moved_away_and_back_gives_the_bytes_of_the_run() -> None:
    smoother, run = _smoother(_mask(HERE))

    away = smoother.refit(_mask(THERE))
    back = smoother.refit(_mask(HERE))

    assert not np.array_equal(away.fit.level, run.fit.level)
    assert back.mask.tobytes() == run.mask.tobytes()
    assert back.fit.level.tobytes() == run.fit.level.tobytes()
    assert back.fit.rms.tobytes() == run.fit.rms.tobytes()


@pytest.mark.parametrize("is_2d", [True, False])
def test_a_second_look_is_near_to_a_whole_run(is_2d: bool) -> None:
    smoother, before = _smoother(_mask(), is_2d=is_2d)
    _, run = _smoother(_mask(HERE, THERE), is_2d=is_2d)

    look = smoother.refit(_mask(HERE, THERE))

    noise = _field().noise
    assert look.row is None
    assert np.mean(look.mask != run.mask) < 0.01
    assert np.abs(look.fit.level - run.fit.level).max() < 0.02 * noise
    assert look.fit.globalrms == pytest.approx(run.fit.globalrms, rel=0.002)
    assert not np.array_equal(look.fit.level, before.fit.level)


def test_what_a_run_gave_out_does_not_change_by_a_second_look() -> None:
    smoother, run = _smoother(_mask(HERE))
    mask, level = run.mask.tobytes(), run.fit.level.tobytes()

    smoother.refit(_mask(THERE))

    assert (run.mask.tobytes(), run.fit.level.tobytes()) == (mask, level)


def test_only_the_changed_boxes_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    smoother, _ = _smoother(_mask())
    rows: list[int] = []
    data = smoother._image

    class Watched:
        def __getitem__(self, key: object) -> object:
            span = key[0] if isinstance(key, tuple) else key
            assert isinstance(span, slice)
            rows.extend((span.start, span.stop))
            return data[key]  # type: ignore[index]

    monkeypatch.setattr(smoother, "_image", Watched())
    smoother.refit(_mask(THERE))

    assert min(rows) > THERE.y - THERE.radius - 70
    assert max(rows) < THERE.y + THERE.radius + 70
