"""The verdict, its advice and the boxes, in the panel of a real Ginga."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.simulate import SimulatedField
from ginga_bkgplugin.sky.verdict import DO_NOT_USE, GOOD, LOOK
from ginga_bkgplugin.viewer.charts import PLOTS, Curve, Plot, profile, ticks
from ginga_bkgplugin.viewer.overlays import MASK
from ginga_bkgplugin.viewer.views import PIN_KEY
from ginga_bkgplugin.work.judging import judge
from ginga_bkgplugin.work.pipeline import Result
from ginga_bkgplugin.work.viewmodel import COLORS, SYMBOLS, finding_rows
from tests.viewer.desk import Desk
from tests.viewer.looks import press, window

pytestmark = pytest.mark.viewer


@pytest.fixture
def judged(desk: Desk, small_result: Result) -> Desk:
    """After a run, with its verdict."""
    desk.take(small_result)
    desk.wait(lambda: desk.session.judgement is not None, "the verdict")
    desk.viewer.pump()
    return desk


def open_page(desk: Desk, name: str) -> None:
    desk.press(desk.panel.running.pages.buttons[name])


def test_a_run_is_judged_in_words_with_symbol_and_colour(
    judged: Desk, small_result: Result
) -> None:
    found = judge(judged.session.frame, small_result)
    label = judged.panel.running.headline.label

    assert found.word in (GOOD, LOOK, DO_NOT_USE)
    assert label.get_text() == f"{SYMBOLS[found.word]} {found.verdict.words(2)}"
    assert COLORS[found.word].lower() in label.get_widget().styleSheet().lower()


def brightness(color: Any) -> float:
    """Relative luminance (WCAG 2) of a colour of Qt."""
    parts = np.array(color.getRgbF()[:3])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("ground", ["#efefef", "#353535"])
@pytest.mark.parametrize("color", [*COLORS.values(), "#555555"])
def test_words_in_colour_are_read_on_any_ground(desk: Desk, ground: str, color: str) -> None:
    from qtpy.QtGui import QColor, QPalette

    from ginga_bkgplugin.viewer.widgets import color_text  # once Ginga knows its toolkit

    label = desk.panel.running.headline.label
    native = label.get_widget()
    palette = native.palette()
    native.setPalette(QPalette(QColor(ground)))
    color_text(label, color)

    seen = QColor(re.search("color: (#[0-9a-f]{6})", native.styleSheet(), re.I)[1])
    native.setPalette(palette)

    one, other = sorted(brightness(each) for each in (seen, QColor(ground)))
    assert (other + 0.05) / (one + 0.05) >= 4.5  # what WCAG 2 asks of words


def test_every_line_of_the_verdict_stands_in_the_list(judged: Desk) -> None:
    open_page(judged, "Verdict")
    table = judged.panel.running.verdict

    lines = judged.session.judgement.verdict.lines
    rows = judged.rows(type("Table", (), {"widget": table.table}))
    assert [row[1] for row in rows] == [line.name for line in lines]
    assert [row[0] for row in rows] == [SYMBOLS[line.word] for line in lines]
    assert f"{judged.session.judgement.statistics.count} free pixels" in table.numbers.get_text()


def test_a_line_that_is_clicked_is_read_out(judged: Desk) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    open_page(judged, "Verdict")
    tab = judged.panel.running.verdict
    tree = tab.table.get_widget()

    place = tree.visualItemRect(tree.topLevelItem(2)).center()
    QTest.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place)
    judged.viewer.pump()

    assert tab.sentence.get_text() == judged.session.judgement.verdict.lines[2].sentence


@pytest.mark.parametrize("name", PLOTS)
def test_the_plot_shows_what_its_button_says(judged: Desk, name: str) -> None:
    open_page(judged, "Verdict")
    tab = judged.panel.running.verdict

    judged.press(tab.plots[name])

    judgement = judged.session.judgement
    plot = tab.chart.plot
    if name == "Histogram":
        counts, gaussian = (curve.y for curve in plot.curves)
        assert np.array_equal(counts, judgement.histogram.counts)
        assert np.array_equal(gaussian, judgement.histogram.gaussian)
    elif name == "Rings":
        ring = judgement.rings[0]  # of the circle over the galaxy
        points = plot.curves[1]
        assert ring.region == 0
        assert (points.y[0], points.errors[0]) == (ring.excess, ring.error)
    else:
        values = judgement.rows if name == "Rows" else judgement.columns
        assert plot.curves[1].y.size == values.size  # each fits the window: none is thinned
        assert np.allclose(plot.curves[1].y, values, equal_nan=True)
    assert [key for key, button in tab.plots.items() if button.get_state()] == [name]
    tab.chart.view.redraw_now(whence=0)
    picture = tab.chart.view.renderer.get_surface_as_array(order="RGB")
    blue = (picture[..., 2] > 150) & (picture[..., 0] < 80)
    assert blue.sum() > 10


def test_advice_is_applied_by_a_click_and_taken_back_by_undo(desk: Desk) -> None:
    desk.plugin.set_parameter("method", "sep")
    desk.plugin.set_parameter("box_size", 32)
    desk.plugin.add_shape(PixelCircle(200, 150, 110))
    desk.run()
    desk.wait(lambda: desk.session.judgement is not None, "the verdict")
    desk.viewer.pump()
    open_page(desk, "Verdict")
    advice = desk.session.judgement.advice
    assert advice
    tab, before = desk.panel.running.verdict, desk.session.recipe
    assert [button.get_text() for button in tab.advice] == [one.words for one in advice[:4]]

    desk.press(tab.advice[0])

    assert desk.session.recipe == before.with_parameters(**advice[0].changes)
    assert desk.session.history.names[-1] == advice[0].words
    assert "Of the last run" in desk.panel.running.headline.label.get_text()
    assert not tab.advice[0].get_widget().isEnabled()  # it is on another recipe
    desk.press(desk.panel.masks.undo)
    assert desk.session.recipe == before
    assert tab.advice[0].get_widget().isEnabled()


def test_the_box_under_the_cursor_tells_its_numbers_and_shows_its_pixels(judged: Desk) -> None:
    open_page(judged, "Box")
    boxes = judged.session.judgement.boxes

    judged.point(40, 40)

    box = boxes.at(40, 40)
    tab = judged.panel.running.box
    assert tab.words.get_text() == box.words()
    window = judged.session.frame.data[box.bottom : box.top, box.left : box.right]
    free = judged.result.mask[box.bottom : box.top, box.left : box.right] == 0
    seen = tab.chart.plot.curves[1].y.sum()
    assert 0.97 * free.sum() <= seen <= (free & np.isfinite(window)).sum()
    assert ("measured" if box.measured else "filled") in judged.panel.looks.value.get_text()


def pinks(desk: Desk) -> npt.NDArray[np.bool_]:
    """Pixels of the window that are of an outline, which is drawn on Qt's own picture."""
    from qtpy.QtGui import QImage

    native = desk.view.get_widget()
    desk.view.redraw_now(whence=0)
    shot = native.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    bits = shot.constBits()
    if hasattr(bits, "setsize"):  # PyQt
        bits.setsize(shot.sizeInBytes())
    pixels = np.frombuffer(bits, np.uint8).reshape(shot.height(), -1, 4)
    blue, green, red = (pixels[:, : shot.width(), band].astype(int) for band in range(3))
    return (red - green > 80) & (blue - green > 80)


def test_the_box_that_is_told_is_outlined_on_the_image(judged: Desk) -> None:
    judged.plugin.show_overlay(MASK, False)
    judged.view.scale_to(1.25, 1.25)
    open_page(judged, "Box")
    box = judged.session.judgement.boxes.at(345, 290)  # in the last column, cut by the edge

    judged.point(345, 290)

    y, x, _ = window(judged)
    pink = pinks(judged)
    edges = [np.abs(x - edge) for edge in (box.left - 0.5, box.right - 0.5)]
    edges += [np.abs(y - edge) for edge in (box.bottom - 0.5, box.top - 0.5)]
    assert (np.min(edges, axis=0)[pink] <= 2).all()
    sides = (box.top - box.bottom,) * 2 + (box.right - box.left,) * 2
    for edge, along, side in zip(edges, (y, y, x, x), sides, strict=True):
        assert np.ptp(along[pink & (edge <= 2)]) >= side - 3
    open_page(judged, "Passes")
    judged.point(300, 250)
    assert not pinks(judged).any()


def test_a_key_keeps_a_box_and_lets_it_go(judged: Desk) -> None:
    boxes, tab = judged.session.judgement.boxes, judged.panel.running.box
    judged.point(40, 40)
    press(judged, PIN_KEY)

    assert judged.panel.running.box_is_open()
    kept = boxes.at(40, 40).words()
    assert tab.words.get_text() == kept
    judged.point(320, 250)
    assert tab.words.get_text() == kept
    press(judged, PIN_KEY)
    assert tab.words.get_text() == boxes.at(320, 250).words() != kept


def test_the_outline_goes_with_its_image(judged: Desk, small: SimulatedField) -> None:
    open_page(judged, "Box")
    judged.point(40, 40)
    assert judged.plugin.mark.canvas.objects
    other = judged.session.frame.path.with_name("other.fits")
    write_fits(other, small.data + 1, small.header)

    judged.open(other)
    judged.viewer.pump()

    assert not judged.plugin.mark.canvas.objects
    assert "Run first" in judged.panel.running.box.words.get_text()


def test_another_run_gets_another_verdict(judged: Desk) -> None:
    first = judged.session.judgement
    judged.plugin.set_parameter("box_size", 100)

    judged.run()

    judged.wait(lambda: judged.session.judgement not in (None, first), "the verdict")
    own = judge(judged.session.frame, judged.result)
    assert judged.session.judgement.verdict.words() == own.verdict.words()
    assert finding_rows(judged.session.judgement.verdict) == finding_rows(own.verdict)


def test_an_image_without_a_run_has_no_verdict(desk: Desk) -> None:
    assert not desk.panel.running.headline.label.get_widget().isVisible()
    open_page(desk, "Box")
    desk.point(40, 40)
    assert "Run first" in desk.panel.running.box.words.get_text()


# --- plots


def test_ticks_are_round_and_within() -> None:
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert ticks(-0.35, 0.42, 4) == pytest.approx([-0.2, 0, 0.2, 0.4])
    assert all(950 <= tick <= 1120 for tick in ticks(950, 1120))


def test_a_profile_is_thinned_by_means_of_what_is_free() -> None:
    values = np.arange(4000.0)
    values[1000:1500] = np.nan

    plot = profile(values, "row")

    curve = plot.curves[1]
    assert curve.y.size == 400
    inside = np.isfinite(curve.y)
    assert (~inside).sum() == 50
    assert curve.y[inside] == pytest.approx(curve.x[inside])


def test_the_range_of_a_plot_leaves_out_wild_points() -> None:
    y = np.zeros(1000)
    y[3] = 1e6
    y[::2] = 1.0

    low, high = Plot((Curve(np.arange(1000.0), y, "blue"),), "x", "y").ranges()[2:]

    assert -1 < low <= 0 and 1 < high < 2
