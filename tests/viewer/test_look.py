"""What a moved circle does, seen before the next run."""

from __future__ import annotations

import numpy as np
import pytest

from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.pixels import MaskBit
from tests.viewer.desk import Desk

pytestmark = pytest.mark.viewer


@pytest.fixture
def ran(desk: Desk) -> Desk:
    """A run of the method smooth with one circle; edit mode is on."""
    desk.draw(120, 100, 30)
    desk.session.set_parameter("method", "smooth")
    desk.run()
    desk.press(desk.panel.masks.tools["edit"])
    return desk


def test_a_moved_circle_shows_its_mask_and_background_at_once(ran: Desk) -> None:
    before = ran.result

    ran.drag((120, 100), (220, 160))
    ran.wait_for_words("Preview with the sources of the last run")

    mask = ran.session.live_mask()
    assert np.array_equal(mask, ran.session.preview.mask)
    assert mask[160, 220] & MaskBit.REGION
    assert not mask[100, 120] & MaskBit.REGION
    assert ran.result is before
    assert ran.session.stale
    scene = ran.plugin.overlays.scene
    assert np.array_equal(scene.mask, mask)
    assert scene.fit is ran.session.preview.fit


def test_a_shape_drawn_during_a_preview_is_masked_before_the_next_one(ran: Desk) -> None:
    ran.drag((120, 100), (220, 160))
    ran.wait_for_words("Preview")
    preview = ran.session.preview

    ran.plugin.add_shape(PixelCircle(60, 240, 12))

    assert ran.session.preview is preview
    assert ran.plugin.overlays.scene.mask[240, 60] & MaskBit.REGION


def test_the_run_after_a_preview_gives_the_bytes_of_a_run(ran: Desk) -> None:
    ran.drag((120, 100), (220, 160))
    ran.wait_for_words("Preview")

    result = ran.run()

    own = ran.in_process()
    assert result.mask.tobytes() == own.mask.tobytes()
    assert result.fit.level.tobytes() == own.fit.level.tobytes()
    assert ran.session.preview is None


def test_a_preview_goes_when_the_circle_is_put_back(ran: Desk) -> None:
    ran.drag((120, 100), (220, 160))
    ran.wait_for_words("Preview")

    ran.session.undo()
    ran.plugin.render()

    assert ran.session.preview is None
    assert np.array_equal(ran.plugin.overlays.scene.mask, ran.result.mask)
