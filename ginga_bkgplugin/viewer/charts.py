"""Small plots on a canvas of Ginga's, the same in all toolkits.

Not by matplotlib: to import it and draw a first figure stalls the window for over a second, each
later figure for 0.05 s and more, and it need not be installed.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating[Any]]

HISTOGRAM, ROWS, COLUMNS, RINGS = PLOTS = ("Histogram", "Rows", "Columns", "Rings")
BLUE, ORANGE, GREY, INK = "#0072b2", "#d55e00", "#999999", "#333333"
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 10, 8, 30  # pixels round the plot
_MOST_POINTS = 400  # of a curve: more than its window has columns


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """One line of a plot; NaN leaves a gap.

    With `steps` x are edges, one more than y, and what is below is filled. With `errors` it is
    no line but points with bars.
    """

    x: Values
    y: Values
    color: str
    steps: bool = False
    errors: Values | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Plot:
    """What a chart shows: curves, vertical marks, a word for each axis; a few wild values cut."""

    curves: tuple[Curve, ...]
    x_label: str
    y_label: str
    marks: tuple[tuple[float, str], ...] = ()
    from_zero: bool = False
    whole: bool = False

    def ranges(self) -> tuple[float, float, float, float]:
        """Least and greatest x and y to show; without `whole` a few wild points are left out."""
        xs = np.concatenate([curve.x for curve in self.curves])
        ys = np.concatenate([each for curve in self.curves for each in _extent(curve)])
        ys = ys[np.isfinite(ys)]
        if not ys.size:
            return float(xs.min()), float(xs.max()), 0.0, 1.0
        if self.from_zero:
            low, high = 0.0, float(ys.max()) * 1.05
        else:
            low, high = (
                float(each) for each in np.percentile(ys, (0, 100) if self.whole else (0.5, 99.5))
            )
            margin = (high - low) * 0.15
            low, high = min(low - margin, 0.0), max(high + margin, 0.0)
        if not high > low:
            high = low + 1.0
        return float(xs.min()), float(xs.max()), low, high


def _extent(curve: Curve) -> tuple[Values, ...]:
    if curve.errors is None:
        return (curve.y,)
    return curve.y - curve.errors, curve.y + curve.errors


def profile(values: Values, x_label: str) -> Plot:
    """A row or column profile with a line at 0, thinned to what a window can show."""
    size = values.size
    starts = np.unique(np.linspace(0, size, min(size, _MOST_POINTS), endpoint=False).astype(int))
    free = np.isfinite(values)
    count = np.add.reduceat(free.astype(float), starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.add.reduceat(np.where(free, values, 0.0), starts) / count
    ends = np.append(starts[1:], size)
    zero = Curve(np.array([0.0, size - 1.0]), np.zeros(2), GREY)
    return Plot((zero, Curve((starts + ends - 1) / 2, means, BLUE)), x_label, "residual")


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers within a range."""
    span = high - low
    step = 10.0 ** math.floor(math.log10(span / most))
    step *= next(k for k in (1, 2, 5, 10) if span / (step * k) <= most)
    first = math.ceil(low / step)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_text(value: float) -> str:
    """A number short enough for an axis."""
    for unit, name in ((1e6, "M"), (1e4, "k")):
        if abs(value) >= unit:
            return f"{value / (1e3 if name == 'k' else unit):.5g}{name}"
    return f"{value:.4g}"


class Chart:
    """A plot in the panel.

    Parameters
    ----------
    box : ginga.gw.Widgets container
    logger : logging.Logger
    height : int
        Pixels.
    """

    def __init__(self, box: Any, logger: Any, height: int = 150) -> None:
        from ginga.gw import Viewers  # asks which toolkit was chosen

        self.view = view = Viewers.CanvasView(logger=logger)
        view.set_bg(1.0, 1.0, 1.0)
        view.ui_set_active(False)
        self._canvas = view.get_canvas().get_draw_class("drawingcanvas")()
        self._classes = view.get_canvas().get_draw_classes()
        view.get_canvas().add(self._canvas, redraw=False)
        view.add_callback("configure", lambda *_: self._draw())
        self.widget = Viewers.GingaViewerWidget(viewer=view)
        self.widget.set_min_size(200, height)
        self.widget.set_max_size(4000, height)
        box.add_widget(self.widget, stretch=0)
        self.plot: Plot | None = None

    def show(self, plot: Plot | None) -> None:
        """Show a plot, or nothing."""
        self.plot = plot
        self._draw()

    def _draw(self) -> None:
        self._canvas.delete_all_objects(redraw=False)
        if self.plot is not None:
            for each in self._objects(self.plot):
                self._canvas.add(each, redraw=False)
        self.view.redraw(whence=0)

    def _objects(self, plot: Plot) -> list[Any]:
        """The plot as shapes in pixels of the window, from the upper left."""
        width, height = self.view.get_window_size()
        x0, x1, y0, y1 = plot.ranges()
        right, bottom = width - _RIGHT, height - _BOTTOM

        def across(x: Any) -> Any:
            return _LEFT + (np.asarray(x) - x0) / ((x1 - x0) or 1.0) * (right - _LEFT)

        def down(y: Any) -> Any:
            share = (np.asarray(y) - y0) / (y1 - y0)
            return np.clip(bottom - share * (bottom - _TOP), _TOP, bottom)

        found = self._axes(plot, across, down)
        for curve in plot.curves:
            if curve.errors is not None:
                found += self._points(curve, across, down)
                continue
            x, y = curve.x, curve.y
            if curve.steps:
                x, y = np.repeat(x, 2)[1:-1], np.repeat(y, 2)
            gaps = np.flatnonzero(~np.isfinite(y))
            for start, stop in itertools.pairwise([-1, *gaps, y.size]):
                part = slice(start + 1, stop)
                if stop - start <= 2:
                    continue
                points = np.column_stack([across(x[part]), down(y[part])])
                if curve.steps:
                    found.append(self._area(points, bottom, curve.color))
                found.append(self._line(points, curve.color))
        return found

    def _axes(self, plot: Plot, across: Any, down: Any) -> list[Any]:
        """Axes with ticks, their words, and the vertical marks."""
        width, height = self.view.get_window_size()
        x0, x1, y0, y1 = plot.ranges()
        right, bottom = width - _RIGHT, height - _BOTTOM
        found = [self._line([(_LEFT, _TOP), (_LEFT, bottom), (right, bottom)], INK)]
        for value in ticks(x0, x1):
            at, text = float(across(value)), tick_text(value)
            left = min(at - 3 * len(text), width - 7 * len(text))
            found += [self._line([(at, bottom), (at, bottom + 4)], INK),
                      self._text(left, bottom + 15, text)]  # fmt: skip
        for value in ticks(y0, y1, 4):
            at = float(down(value))
            found += [self._line([(_LEFT - 4, at), (_LEFT, at)], INK),
                      self._text(2, at + 4, tick_text(value))]  # fmt: skip
        found += [self._text(_LEFT + 4, height - 3, plot.x_label),
                  self._text(_LEFT + 4, _TOP + 8, plot.y_label)]  # fmt: skip
        for value, color in plot.marks:
            if x0 <= value <= x1:
                at = float(across(value))
                found.append(self._line([(at, _TOP), (at, bottom)], color, dash=True))
        return found

    def _points(self, curve: Curve, across: Any, down: Any) -> list[Any]:
        """Points with bars of their errors."""
        assert curve.errors is not None
        found = []
        for x, y, error in zip(curve.x, curve.y, curve.errors, strict=True):
            at, ends = float(across(x)), [float(down(y - error)), float(down(y + error))]
            found.append(self._line([(at, end) for end in ends], curve.color))
            found.append(self._classes.Circle(
                at, float(down(y)), 2.5, coord="window", color=curve.color, fill=True,
                fillcolor=curve.color,
            ))  # fmt: skip
        return found

    def _area(self, points: Any, bottom: float, color: str) -> Any:
        """What lies below a curve."""
        ends = [(points[-1][0], bottom), (points[0][0], bottom)]
        return self._classes.Polygon(
            [(float(x), float(y)) for x, y in [*points, *ends]], coord="window", color=color,
            linewidth=0, alpha=0.0, fill=True, fillcolor=color, fillalpha=0.35,
        )  # fmt: skip

    def _line(self, points: Any, color: str, *, dash: bool = False) -> Any:
        style = "dash" if dash else "solid"
        points = [(float(x), float(y)) for x, y in points]
        return self._classes.Path(
            points, coord="window", color=color, linewidth=1, linestyle=style
        )

    def _text(self, x: float, y: float, text: str) -> Any:
        return self._classes.Text(x, y, text, coord="window", color=INK, fontsize=8)
