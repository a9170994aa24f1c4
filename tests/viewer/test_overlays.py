"""What is drawn over the image lies on the pixels it tells of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.pixels import MaskBit
from ginga_bkgplugin.viewer.overlays import MASK
from ginga_bkgplugin.viewer.views import Scene
from ginga_bkgplugin.work.pipeline import Result
from ginga_bkgplugin.work.viewmodel import MASK_COLORS
from tests.viewer.desk import Desk

pytestmark = pytest.mark.viewer

SHAPE = (300, 360)
VIEWS: dict[str, Any] = {
    "fit": lambda view: view.zoom_fit(),
    "in": lambda view: view.scale_to(7.3, 7.3),
    "out": lambda view: view.scale_to(0.6, 0.6),
    "stretched": lambda view: view.scale_to(3, 1.5),
    "panned": lambda view: (view.scale_to(3, 3), view.set_pan(60, 240)),
    "panned off": lambda view: (view.scale_to(2, 2), view.set_pan(-20, 310)),
    "flipped": lambda view: view.transform(True, False, False),
    "turned": lambda view: view.transform(False, True, True),
    "rotated": lambda view: view.rotate(30),
    "all": lambda view: (
        view.scale_to(2.5, 2.5), view.set_pan(200, 100),
        view.transform(True, False, True), view.rotate(-77),
    ),
}  # fmt: skip


def _pattern() -> npt.NDArray[np.uint8]:
    """A mask without any symmetry: blocks of each bit, and an edge of the image."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[20:90, 30:80] = MaskBit.REGION
    mask[120:140, 200:330] = MaskBit.SOURCE
    mask[180:280, 250:280] = MaskBit.SOURCE | MaskBit.SATURATED
    mask[200:230, 60:160] = MaskBit.INVALID
    mask[:, 350:] = MaskBit.INVALID
    mask[295:, :] = MaskBit.SOURCE
    return mask


def _values_in_window(desk: Desk, mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """The mask value each window pixel must show; -1 beside the image and near an edge of it.

    A pixel counts where all points within a little more than a pixel around it agree.
    """
    ny, nx = mask.shape
    width, height = desk.view.get_window_size()
    column, row = np.meshgrid(np.arange(width), np.arange(height))
    found = []
    for dx in (-1.2, 0, 1.2):
        for dy in (-1.2, 0, 1.2):
            x, y = desk.view.get_data_xy(column.ravel() + dx, row.ravel() + dy)
            x, y = np.floor(np.asarray(x) + 0.5), np.floor(np.asarray(y) + 0.5)
            inside = (x >= 0) & (x < nx) & (y >= 0) & (y < ny)
            value = np.full(x.shape, -1, np.int16)
            value[inside] = mask[y[inside].astype(int), x[inside].astype(int)]
            found.append(value)
    stack = np.stack(found)
    values = np.where((stack == stack[0]).all(axis=0), stack[0], -1)
    return values.reshape(height, width)


def _off_by(
    desk: Desk, mask: npt.NDArray[np.uint8], opacity: float
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float64]]:
    """Mask value by window pixel, and how far its colour is from what it should be."""
    desk.plugin.overlays.show(Scene())
    bare = desk.picture().astype(float)
    desk.plugin.overlays.show(Scene(mask=mask))
    desk.plugin.overlays.set_opacity(MASK, opacity)
    seen = desk.picture().astype(float)
    values = _values_in_window(desk, mask)
    wanted = bare.copy()
    for value in (int(v) for v in np.unique(mask) if v):
        colour = [c for bit, c in MASK_COLORS.items() if value & bit][-1]
        here = values == value
        wanted[here] = bare[here] * (1 - opacity) + np.array(colour) * opacity
    return values, np.abs(seen - wanted).max(axis=2)


@pytest.mark.parametrize("change", VIEWS.values(), ids=VIEWS)
def test_the_mask_lies_on_its_pixels_however_the_image_is_shown(desk: Desk, change: Any) -> None:
    change(desk.view)
    mask = _pattern()

    values, off = _off_by(desk, mask, 0.5)

    assert (values > 0).sum() > 200  # there is something to see
    assert off[values >= 0].max() <= 4


@pytest.mark.parametrize("opacity", [0.0, 0.2, 1.0])
def test_the_opacity_is_that_of_the_slider(desk: Desk, opacity: float) -> None:
    values, off = _off_by(desk, _pattern(), opacity)

    assert off[values >= 0].max() <= 4


def test_nothing_is_drawn_before_a_run(desk: Desk) -> None:
    assert desk.plugin.overlays.shown() == set()


def test_after_a_run_the_mask_is_shown_where_it_is(desk: Desk) -> None:
    bare = desk.picture()
    desk.run()

    seen = desk.picture()

    values = _values_in_window(desk, desk.result.mask)
    assert (bare[values == 0] == seen[values == 0]).all()
    assert (bare[values > 0] != seen[values > 0]).any(axis=1).mean() > 0.99


def test_a_tick_hides_and_shows_an_overlay(desk: Desk, small_result: Result) -> None:
    bare = desk.picture()
    desk.take(small_result)
    with_mask = desk.picture()

    desk.tick(desk.panel.looks.checks[MASK])
    assert np.array_equal(desk.picture(), bare)

    desk.tick(desk.panel.looks.checks[MASK])
    assert np.array_equal(desk.picture(), with_mask)


def test_the_slider_changes_the_opacity_at_once(desk: Desk, small_result: Result) -> None:
    desk.take(small_result)
    bare = desk.picture()

    desk.panel.looks.sliders[MASK].get_widget().setValue(0)
    desk.viewer.pump()

    assert desk.plugin.overlays.opacity[MASK] == 0
    assert not np.array_equal(desk.picture(), bare)


@pytest.mark.parametrize("kind", ["background", "rms"])
def test_a_map_is_shown_dark_to_bright_from_low_to_high(
    desk: Desk, small_result: Result, kind: str
) -> None:
    desk.take(small_result)
    desk.plugin.overlays.set_visible(MASK, False)

    desk.press(desk.panel.looks.views[kind])

    assert desk.plugin.overlays.shown() == {kind}
    fit = desk.result.fit
    data = fit.level if kind == "background" else fit.rms
    brightness = desk.picture().astype(float).sum(axis=2)
    x, y = np.meshgrid(np.arange(10, 350, 10), np.arange(10, 290, 10))
    column, row = desk.view.get_canvas_xy(x.ravel(), y.ravel())
    shown = brightness[np.asarray(row).astype(int), np.asarray(column).astype(int)]
    values = data[y.ravel(), x.ravel()]
    assert np.corrcoef(np.argsort(np.argsort(values)), np.argsort(np.argsort(shown)))[0, 1] > 0.95


def test_a_constant_background_can_be_shown(desk: Desk) -> None:
    desk.plugin.set_parameter("is_2d", False)
    desk.run()

    desk.press(desk.panel.looks.views["background"])

    assert desk.picture().shape[2] == 3
    assert desk.plugin.overlays.shown() == {MASK, "background"}


def test_the_value_under_the_cursor_is_that_of_the_maps(desk: Desk, small_result: Result) -> None:
    desk.take(small_result)

    desk.point(203, 151)

    words = desk.panel.looks.value.get_text()
    fit = desk.result.fit
    x, y = (int(part) for part in words[1 : words.index(")")].split(","))
    assert (x, y) == (pytest.approx(203, abs=1), pytest.approx(151, abs=1))
    assert f"bkg {fit.level[y, x]:.6g}" in words
    assert f"rms {fit.rms[y, x]:.4g}" in words
    assert "region" in words


def test_the_value_is_said_anew_when_a_run_ends_under_a_mouse_that_rests(
    desk: Desk, small_result: Result
) -> None:
    desk.point(203, 151)
    assert "bkg" not in desk.panel.looks.value.get_text()

    desk.take(small_result)

    assert "bkg" in desk.panel.looks.value.get_text()


def test_the_overlays_do_not_change_the_readout_of_the_image(
    desk: Desk, small_result: Result
) -> None:
    desk.take(small_result)

    assert desk.view.get_data(200, 150) == desk.session.frame.data[150, 200]


def test_circles_are_drawn_where_they_mask(desk: Desk) -> None:
    def surface() -> npt.NDArray[np.uint8]:  # with what is drawn over the pixels
        desk.view.redraw_now(whence=0)
        return np.array(desk.view.renderer.get_surface_as_array(order="RGB"))

    bare = surface()

    desk.plugin.add_shape(PixelCircle(200, 150, 60))
    desk.session.select(None)
    desk.plugin.render()

    angle = np.linspace(0.9, 2 * np.pi, 60)  # the number stands at the beginning
    column, row = desk.view.get_canvas_xy(200 + 60 * np.cos(angle), 150 + 60 * np.sin(angle))
    seen = surface()
    changed = (seen != bare).any(axis=2)
    for x, y in zip(np.asarray(column), np.asarray(row), strict=True):
        near = np.s_[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3]
        assert changed[near].any()
