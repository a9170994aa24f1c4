"""The panel's tabs that judge: the verdict in words, numbers and plots, advice, one box."""

from __future__ import annotations

import functools
import math
from typing import Any, Protocol

import numpy as np
from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.sky.boxsample import BoxSample
from ginga_bkgplugin.sky.inspection import Box
from ginga_bkgplugin.viewer import widgets
from ginga_bkgplugin.viewer.charts import (
    BLUE,
    COLUMNS,
    GREY,
    HISTOGRAM,
    ORANGE,
    PLOTS,
    RINGS,
    ROWS,
    Chart,
    Curve,
    Plot,
    profile,
)
from ginga_bkgplugin.viewer.tables import make_table, selected_paths
from ginga_bkgplugin.viewer.views import PIN_KEY
from ginga_bkgplugin.work.judging import Judgement
from ginga_bkgplugin.work.viewmodel import (
    COLORS,
    SYMBOLS,
    FindingRow,
    ViewModel,
    finding_rows,
    statistics_words,
    verdict_words,
)

_ABOUT = {
    HISTOGRAM: "Residual of the free pixels (blue) and the Gaussian of the rms map (orange).",
    ROWS: "Mean of the residual over the free pixels of each row.",
    COLUMNS: "Mean of the residual over the free pixels of each column.",
    RINGS: "The sky just outside each region (blue) and the brightest sources (orange) minus"
    " that farther out, in sigma of a pixel: above 0 light leaks out of the mask.",
}
_MOST_ADVICE = 4
_HEIGHT = 150


class JudgeIntents(Protocol):
    """What the user can ask for here; the plugin does it."""

    logger: Any

    def apply_advice(self, place: int) -> None: ...  # noqa: D102


class Headline:
    """The verdict in one coloured line."""

    def __init__(self, box: Any) -> None:
        self.label = widgets.text_line(box)
        self._word = ""

    def render(self, view: ViewModel | None) -> None:
        """Show the words behind the symbol; without a judgement alone."""
        judgement = view.judgement if view is not None else None
        word = judgement.word if judgement is not None else ""
        words = verdict_words(view) if view is not None else ""
        if word != self._word:
            self._word = word
            widgets.color_text(self.label, COLORS.get(word, "#555555"))
        symbol = f"{SYMBOLS[word]} " if word else ""
        widgets.show_text(self.label, symbol + words if words else "")


class VerdictTab:
    """Words first, numbers under them, a plot, advice."""

    def __init__(self, box: Any, do: JudgeIntents) -> None:
        self._do, self._box = do, box
        self._shown: Judgement | None = None
        self._rows: dict[str, FindingRow] = {}
        self._advice_box = Widgets.VBox()
        self._advice_box.set_spacing(2)
        box.add_widget(self._advice_box, stretch=0)
        self.advice: list[Any] = []
        self.table = make_table(
            [("", "word"), (_tr("Looked at"), "name"), (_tr("Found"), "found"),
             (_tr("Limit"), "limit")],
            _tr("Every line of the verdict: the number, its error, and from which size on it"
                " matters. Click one to read it."),
            key="name", height=_HEIGHT,
        )  # fmt: skip
        self.table.add_callback("selected", self._read)
        box.add_widget(self.table, stretch=0)
        self.sentence = widgets.text_line(box)
        self.numbers = widgets.text_line(box)
        line = widgets.row(box)
        self.plots = {}
        for name in PLOTS:
            button = self.plots[name] = widgets.choice(
                name, _tr(name), _tr(_ABOUT[name]), self.choose
            )
            line.add_widget(button, stretch=1)
        self._plot = PLOTS[0]
        self.chart: Chart | None = None
        self._draw()

    def render(self, view: ViewModel | None) -> None:
        """Show the verdict on the result, when there is another."""
        judgement = view.judgement if view is not None else None
        ready = view is not None and view.ready and not view.busy and not view.stale
        if judgement is not self._shown:
            self._shown = judgement
            self._advise(judgement)
            self._list(finding_rows(judgement.verdict) if judgement is not None else [])
            widgets.show_text(self.numbers, statistics_words(judgement) if judgement else "")
            self._draw()
        for button in self.advice:
            button.set_enabled(ready)

    def _list(self, rows: list[FindingRow]) -> None:
        self._rows = {_tr(row.name): row for row in rows}
        self.table.set_tree(
            {
                name: {"word": SYMBOLS[row.word], "name": name, "found": row.found,
                       "limit": row.limit}
                for name, row in self._rows.items()
            }
        )  # fmt: skip
        self.table.set_optimal_column_widths()
        self._read()

    def _read(self, *_: Any) -> None:
        """Show the sentence of the line that was clicked."""
        rows = [self._rows.get(path[-1]) for path in selected_paths(self.table)]
        widgets.show_text(self.sentence, rows[0].sentence if rows and rows[0] else "")

    def choose(self, name: str) -> None:
        """Choose the plot: one of `PLOTS`."""
        self._plot = name
        self._draw()

    def _draw(self) -> None:
        for name, button in self.plots.items():
            button.set_state(name == self._plot)
            button.set_enabled(self._shown is not None)
        judgement = self._shown
        if judgement is None:
            if self.chart is not None:
                self.chart.show(None)
            return
        if self.chart is None:  # late: a panel opens sooner without it
            self.chart = Chart(self._box, self._do.logger, _HEIGHT)
        self.chart.show(_plot_of(judgement, self._plot))

    def _advise(self, judgement: Judgement | None) -> None:
        self._advice_box.remove_all(delete=True)
        self.advice = []
        for place, advice in enumerate(judgement.advice[:_MOST_ADVICE] if judgement else ()):
            line = widgets.row(self._advice_box)
            button = widgets.button(
                line, advice.words,
                _tr("Change this in the recipe; Undo takes it back. Then press Run."),
                functools.partial(self._do.apply_advice, place),
            )  # fmt: skip
            button.set_max_size(180, 26)
            self.advice.append(button)
            why = Widgets.Label(advice.why)
            native = why.get_widget()
            if hasattr(native, "setWordWrap"):
                native.setWordWrap(True)
                native.setMinimumWidth(50)
            line.add_widget(why, stretch=1)


class BoxTab:
    """One box of the mesh: its numbers and its histogram."""

    def __init__(self, box: Any, do: JudgeIntents) -> None:
        self._do, self._box = do, box
        self.words = widgets.text_line(box)
        self.hint = widgets.text_line(
            box,
            _tr("Move over the image to see its boxes; {key} keeps one, and lets it go.").format(
                key=PIN_KEY
            ),
        )
        self.chart: Chart | None = None
        self.show(None, None)

    def show(self, box: Box | None, sample: BoxSample | None) -> None:
        """Show a box, or that there is none."""
        self.words.set_text(box.words() if box is not None else _tr("No box yet. Run first."))
        if sample is None or box is None:
            if self.chart is not None:
                self.chart.show(None)
            return
        if self.chart is None:
            self.chart = Chart(self._box, self._do.logger, _HEIGHT)
            widgets.text_line(
                self._box,
                _tr("Blue: free pixels, grey: masked. The line is the background there."),
            )
        edges, free, masked = sample.histogram()
        curves = (Curve(edges, masked, GREY, steps=True), Curve(edges, free, BLUE, steps=True))
        marks = ((box.level, ORANGE),)
        self.chart.show(
            Plot(curves, _tr("pixel value"), _tr("pixels"), marks=marks, from_zero=True)
        )


def _plot_of(judgement: Judgement, name: str) -> Plot:
    if name == ROWS:
        return profile(judgement.rows, _tr("row of the image"))
    if name == COLUMNS:
        return profile(judgement.columns, _tr("column of the image"))
    if name == RINGS:
        return _rings(judgement)
    found = judgement.histogram
    middle = (found.edges[1:] + found.edges[:-1]) / 2
    seen = Curve(found.edges, found.counts, BLUE, steps=True)
    promised = Curve(middle, found.gaussian, ORANGE)
    return Plot((seen, promised), _tr("residual / rms"), _tr("pixels"), from_zero=True)


def _rings(judgement: Judgement) -> Plot:
    """The rings in the order of regions, then sources by brightness."""
    count = len(judgement.rings)
    zero = Curve(np.array([0.5, count + 0.5]), np.zeros(2), GREY)
    curves = [zero]
    for color, hand in ((BLUE, True), (ORANGE, False)):
        rings = [
            (place, ring) for place, ring in enumerate(judgement.rings, 1)
            if (ring.region is not None) == hand and math.isfinite(ring.excess)
        ]  # fmt: skip
        if rings:
            x, y, error = (
                np.array(each, float)
                for each in zip(*((place, r.excess, r.error) for place, r in rings), strict=True)
            )
            curves.append(Curve(x, y, color, errors=error))
    label = _tr("regions, then the brightest sources") if count else _tr("nothing masked to ring")
    return Plot(tuple(curves), label, _tr("ring, sigma"), whole=True)
