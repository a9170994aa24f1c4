"""Views compared with the image: a key held, blinking, a divider."""

from __future__ import annotations

import numpy as np
import pytest

from ginga_bkgplugin.viewer.overlays import BOXES, MASK
from ginga_bkgplugin.viewer.views import BLINK_KEY, IMAGE, SPLIT_KEY, VIEWS
from tests.viewer.desk import Desk
from tests.viewer.looks import press, window

pytestmark = pytest.mark.viewer


def test_holding_the_key_shows_the_bare_image_and_releasing_brings_the_view_back(
    done: Desk,
) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    bare = done.picture()
    done.plugin.show_overlay(MASK, True)
    press(done, VIEWS["subtracted"].key)
    native, view = done.view.get_widget(), done.picture()

    QTest.keyPress(native, Qt.Key.Key_Q)
    done.viewer.pump()
    assert np.array_equal(done.picture(), bare)
    for _ in range(3):  # as a keyboard repeats a held key
        QTest.keyRelease(native, Qt.Key.Key_Q)
        QTest.keyPress(native, Qt.Key.Key_Q)
        done.viewer.pump(0.02)
        assert done.plugin.overlays.bare
    done.viewer.pump(0.3)
    assert np.array_equal(done.picture(), bare)
    QTest.keyRelease(native, Qt.Key.Key_Q)
    done.wait(lambda: not done.plugin.overlays.bare, "the view to come back", 5)

    assert np.array_equal(done.picture(), view)


def test_blinking_shows_image_and_view_in_turns_until_pressed_again(done: Desk) -> None:
    overlays = done.plugin.overlays
    press(done, BLINK_KEY)

    assert overlays.view != IMAGE  # there must be something to blink with
    assert done.panel.looks.blink.get_state()
    for _ in range(2):
        done.wait(lambda: overlays.bare, "the image", 5)
        done.wait(lambda: not overlays.bare, "the view", 5)
    press(done, BLINK_KEY)
    assert not overlays.bare
    done.viewer.pump(1.0)
    assert not overlays.bare
    assert not done.panel.looks.blink.get_state()


def test_the_divider_parts_image_and_view_and_can_be_dragged(done: Desk) -> None:
    done.view.zoom_fit()
    bare = done.picture()
    press(done, VIEWS["background"].key)
    full = done.picture()

    press(done, SPLIT_KEY)

    column = done.plugin.divider.column
    assert column == pytest.approx(180, abs=3)  # the middle of what is seen

    def parted(column: int) -> None:
        _, x, sure = window(done)
        seen = done.picture()
        assert (seen == bare)[sure & (x < column - 2)].all()
        right = np.abs(seen.astype(int) - full)[sure & (x > column + 2)]
        assert right.max() <= 12  # the map is smooth; Ginga samples from another column on

    parted(column)
    regions = done.regions
    done.drag((column - 0.5, 100), (80, 120))
    assert done.plugin.divider.column == pytest.approx(80, abs=2)
    assert done.regions == regions  # nothing was drawn
    parted(done.plugin.divider.column)
    done.draw(300, 80, 20)  # beside the line the tools are as ever
    assert len(done.regions) == len(regions) + 1
    press(done, SPLIT_KEY)
    assert done.plugin.divider.column is None
    assert BOXES not in done.plugin.overlays.shown()
