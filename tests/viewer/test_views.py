"""Views in place of the image: by real keys, to the pixel, with the image left as it is."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.viewer.actions import ADOPT_KEY, ERASE_KEY, GROW_KEY
from ginga_bkgplugin.viewer.overlays import MASK
from ginga_bkgplugin.viewer.tools import TOOLS
from ginga_bkgplugin.viewer.views import (
    BLINK_KEY,
    BOXES_KEY,
    HOLD_KEY,
    IMAGE,
    SPLIT_KEY,
    VIEWS,
    Boxes,
)
from ginga_bkgplugin.work.pipeline import Result
from ginga_bkgplugin.work.viewmodel import MASK_COLORS
from tests.viewer.desk import Desk
from tests.viewer.looks import press, window

pytestmark = pytest.mark.viewer

OTHERS = [name for name in VIEWS if name != IMAGE]
LOOKS: dict[str, Any] = {
    "fit": lambda view: view.zoom_fit(),
    "near": lambda view: (view.scale_to(5, 5), view.set_pan(200, 150)),
    "far": lambda view: view.scale_to(0.7, 0.7),
    "turned": lambda view: (
        view.scale_to(2.5, 2.5), view.set_pan(150, 100), view.transform(True, False, True),
    ),
}  # fmt: skip


def coloured(desk: Desk, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """What Ginga shows for values at the cut levels and colours of the image."""
    view = desk.view
    rgbmap = view.get_rgbmap()
    cut = view.autocuts.cut_levels(
        values, *view.get_cut_levels(), vmin=0, vmax=rgbmap.get_hash_size() - 1
    )
    colours: npt.NDArray[np.uint8] = rgbmap.get_rgb_array(cut.astype(np.uint), order="RGB")
    return colours


def state(desk: Desk) -> tuple[Any, ...]:
    """All that must not change with the view."""
    view, image = desk.view, desk.channel.get_current_image()
    return (
        view.get_pan(), view.get_scale_xy(), view.get_transforms(), view.get_rotation(),
        view.get_cut_levels(), id(image), id(view.get_image()),
        hashlib.sha256(np.ascontiguousarray(image.get_data()).tobytes()).hexdigest(),
    )  # fmt: skip


def test_the_keys_are_free_in_ginga_and_among_our_own(desk: Desk) -> None:
    ours = [view.key for view in VIEWS.values()]
    ours += [HOLD_KEY, BLINK_KEY, SPLIT_KEY, BOXES_KEY, ADOPT_KEY, ERASE_KEY, GROW_KEY]
    ours += [tool.key for tool in TOOLS.values()]
    eventmap = desk.view.get_bindmap().eventmap
    gingas = {trigger for (mode, _, trigger) in eventmap if mode is None}

    assert len(set(ours)) == len(ours)
    assert "kp_a" in gingas
    for key in [view.key for view in VIEWS.values()] + [HOLD_KEY, BLINK_KEY, SPLIT_KEY, BOXES_KEY]:
        assert f"kp_{key}" not in gingas


@pytest.mark.parametrize("view", OTHERS)
def test_a_key_shows_a_view_and_changes_nothing_else(done: Desk, view: str) -> None:
    LOOKS["turned"](done.view)
    before, bare = state(done), done.picture()

    press(done, VIEWS[view].key)

    assert done.plugin.overlays.shown() == {view}
    assert not np.array_equal(done.picture(), bare)
    assert state(done) == before
    assert done.view.get_data(200, 150) == done.session.frame.data[150, 200]
    press(done, VIEWS[IMAGE].key)
    assert np.array_equal(done.picture(), bare)
    assert state(done) == before


@pytest.mark.parametrize("view", OTHERS)
def test_the_button_does_what_the_key_does(done: Desk, view: str) -> None:
    press(done, VIEWS[view].key)
    by_key = done.picture()
    assert done.panel.looks.views[view].get_state()
    press(done, VIEWS[IMAGE].key)

    done.press(done.panel.looks.views[view])

    assert np.array_equal(done.picture(), by_key)
    assert f"[key {VIEWS[view].key}]" in done.panel.looks.views[view].get_widget().toolTip()


def is_subtracted(desk: Desk, seen: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where a picture has the colour of image - background of a pixel within two of its place.

    Zoomed by no whole number, it is Ginga that decides which pixel stands where.
    """
    fit, data = desk.result.fit, desk.session.frame.data
    values = np.nan_to_num(data.astype(np.float32) - (fit.level - np.float32(fit.globalback)))
    colours = coloured(desk, values)
    y, x, _ = window(desk)
    ny, nx = data.shape
    found = np.zeros(y.shape, bool)
    for dy in (-2, -1, 0, 1, 2):
        for dx in (-2, -1, 0, 1, 2):
            there = colours[np.clip(y + dy, 0, ny - 1), np.clip(x + dx, 0, nx - 1)]
            found |= (seen == there).all(axis=2)
    return found


@pytest.mark.parametrize("change", LOOKS.values(), ids=LOOKS)
def test_the_subtracted_view_has_the_contrast_of_the_image(done: Desk, change: Any) -> None:
    change(done.view)
    done.view.cut_levels(990, 1090)
    *_, sure = window(done)
    bare = done.picture()

    press(done, VIEWS["subtracted"].key)

    assert sure.sum() > 10_000
    assert is_subtracted(done, done.picture())[sure].all()
    assert not is_subtracted(done, bare)[sure].all()


def test_new_cut_levels_and_colours_hold_for_the_subtracted_view(done: Desk) -> None:
    LOOKS["near"](done.view)
    press(done, VIEWS["subtracted"].key)
    done.view.cut_levels(1000, 1200)
    done.view.set_color_map("viridis")
    *_, sure = window(done)

    seen = done.picture()

    fits = is_subtracted(done, seen)
    done.view.set_color_map("gray")
    assert np.ptp(seen.astype(int), axis=2).max() > 0
    assert fits[sure].all()


@pytest.mark.parametrize("view", ["background", "rms"])
def test_a_map_is_shown_from_its_low_to_its_high_values(done: Desk, view: str) -> None:
    LOOKS["near"](done.view)
    fit = done.result.fit
    whole = fit.level if view == "background" else fit.rms

    press(done, VIEWS[view].key)

    low, high = np.nanpercentile(whole, (1, 99))
    assert done.plugin.overlays.cuts() == pytest.approx((low, high), rel=1e-3)
    y, x, sure = window(done)
    brightness, values = done.picture()[sure].astype(float).sum(axis=1), whole[y, x][sure]
    assert np.corrcoef(brightness, np.clip(values, low, high))[0, 1] > 0.9
    assert f"{low:.4g}"[:3] in done.panel.looks.about.get_text()


def test_the_mask_view_is_the_mask(done: Desk) -> None:
    LOOKS["near"](done.view)
    y, x, sure = window(done)
    mask = done.result.mask
    sure &= np.all(
        [mask[y + dy, x + dx] == mask[y, x] for dy in (-1, 0, 1) for dx in (-1, 0, 1)], 0
    )
    mask = mask[y, x]
    assert len(np.unique(mask[sure])) > 1

    press(done, VIEWS["mask"].key)

    seen = done.picture()
    assert (seen[sure & (mask == 0)] == 0).all()
    for value in (int(each) for each in np.unique(mask) if each):
        colour = [c for bit, c in MASK_COLORS.items() if value & bit][-1]
        assert (seen[sure & (mask == value)] == colour).all()


def _half_masked(desk: Desk) -> Result:
    """A run with boxes of 32 pixels, some under a circle."""
    desk.plugin.set_parameter("method", "sep")
    desk.plugin.set_parameter("box_size", 32)
    desk.plugin.add_shape(PixelCircle(180, 150, 100))
    return desk.run()


def near_edges(desk: Desk, boxes: Boxes) -> npt.NDArray[np.bool_]:
    """Pixels of the image within three of an edge of a box."""
    near = np.zeros(desk.session.frame.data.shape, bool)
    for row in boxes.grid.rows[1:-1]:
        near[row - 3 : row + 3] = True
    for column in boxes.grid.columns[1:-1]:
        near[:, column - 3 : column + 3] = True
    return near


def test_the_filled_view_tells_measured_boxes_from_filled_ones(desk: Desk) -> None:
    result = _half_masked(desk)
    desk.plugin.show_overlay(MASK, False)
    boxes = Boxes.of(result.fit, result.recipe.background)
    assert 0 < (~boxes.measured).sum() < boxes.measured.size

    press(desk, VIEWS["filled"].key)

    y, x, sure = window(desk)
    sure &= ~near_edges(desk, boxes)[y, x]
    j = np.searchsorted(boxes.grid.rows, y, side="right") - 1
    i = np.searchsorted(boxes.grid.columns, x, side="right") - 1
    red, green, _ = np.moveaxis(desk.picture().astype(int), 2, 0)
    measured = boxes.measured[j, i]
    assert (red < green)[sure & measured].all()
    assert (red > green)[sure & ~measured].all()
    far = boxes.distance[j, i]
    assert green[sure & (far == 2)].max() < green[sure & (far == 1)].min()


@pytest.mark.parametrize("change", LOOKS.values(), ids=LOOKS)
def test_boxes_are_drawn_on_their_edges_and_hatched_where_filled(desk: Desk, change: Any) -> None:
    result = _half_masked(desk)
    desk.plugin.show_overlay(MASK, False)
    desk.plugin.select_regions(())
    change(desk.view)
    bare = desk.picture()
    boxes = Boxes.of(result.fit, result.recipe.background)
    assert boxes.grid.columns[-1] - boxes.grid.columns[-2] == 360 % 32  # a partial box

    press(desk, BOXES_KEY)

    changed = (desk.picture() != bare).any(axis=2)
    y, x, sure = window(desk)
    near = near_edges(desk, boxes)
    j = np.searchsorted(boxes.grid.rows, y, side="right") - 1
    i = np.searchsorted(boxes.grid.columns, x, side="right") - 1
    measured = boxes.measured[j, i]
    inside = ~near[y, x]
    assert not changed[sure & inside & measured].any()
    hatched = changed[sure & inside & ~measured]
    assert not hatched.size or 0.05 < hatched.mean() < 0.6
    assert changed[sure & ~inside].mean() > 0.1


def test_a_view_chosen_before_a_run_says_when_it_comes(desk: Desk) -> None:
    bare = desk.picture()
    press(desk, VIEWS["rms"].key)

    assert np.array_equal(desk.picture(), bare)
    assert "after a run" in desk.panel.looks.about.get_text()
    desk.run()
    assert "rms" in desk.plugin.overlays.shown()
    assert "after a run" not in desk.panel.looks.about.get_text()


def test_no_view_makes_a_whole_map(done: Desk) -> None:
    done.session.result.fit.__dict__.pop("level", None)
    done.session.result.fit.__dict__.pop("rms", None)
    for view in OTHERS:
        press(done, VIEWS[view].key)
        done.picture()

    assert not done.result.fit.made


def test_the_opacity_lets_the_image_through(done: Desk) -> None:
    bare = done.picture().astype(int)
    press(done, VIEWS["background"].key)
    full = done.picture().astype(int)

    done.panel.looks.sliders["view"].get_widget().setValue(50)
    done.viewer.pump()

    assert np.abs(done.picture() - (bare + full) / 2).max() <= 4
