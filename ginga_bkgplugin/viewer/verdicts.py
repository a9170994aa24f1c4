"""The panel's tabs that judge: the verdict in words, numbers and plots, advice, one box."""

from __future__ import annotations

import functools
from typing import Any, Protocol

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
    ROWS,
    Chart,
    Curve,
    Plot,
    profile,
)
from ginga_bkgplugin.viewer.tables import make_table
from ginga_bkgplugin.viewer.views import PIN_KEY
from ginga_bkgplugin.work.judging import Judgement
from ginga_bkgplugin.work.viewmodel import (
    COLORS,
    SYMBOLS,
    ViewModel,
    finding_rows,
    statistics_words,
    verdict_words,
)

_ABOUT = {
    HISTOGRAM: "Residual of the free pixels (blue) and the Gaussian of the rms map (orange).",
    ROWS: "Mean of the residual over the free pixels of each row.",
    COLUMNS: "Mean of the residual over the free pixels of each column.",
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
            self.label.set_color(fg=COLORS.get(word, "#555555"))
        symbol = f"{SYMBOLS[word]} " if word else ""
        widgets.show_text(self.label, symbol + words if words else "")


class VerdictTab:
    """Words first, numbers under them, a plot, advice."""

    def __init__(self, box: Any, do: JudgeIntents) -> None:
        self._do, self._box = do, box
        self._shown: Judgement | None = None
        self._advice_box = Widgets.VBox()
        self._advice_box.set_spacing(2)
        box.add_widget(self._advice_box, stretch=0)
        self.advice: list[Any] = []
        self.table = make_table(
            [("", "number"), (_tr("Looked at"), "name"), (_tr("Found"), "found"),
             (_tr("Limit"), "limit")],
            _tr("Every line of the verdict: the number, its error, and from which size on it"
                " matters."),
            height=_HEIGHT,
        )  # fmt: skip
        box.add_widget(self.table, stretch=0)
        self.numbers = widgets.text_line(box)
        line = widgets.row(box)
        self.plots = {}
        for name in PLOTS:
            button = self.plots[name] = Widgets.ToggleButton(_tr(name))
            button.set_tooltip(_tr(_ABOUT[name]))
            button.add_callback("activated", lambda _, on, name=name: self.choose(name))
            line.add_widget(button, stretch=1)
        self._plot = PLOTS[0]
        self.chart: Chart | None = None
        self._draw()

    def render(self, view: ViewModel | None) -> None:
        """Show the verdict on the result, when there is another."""
        judgement = view.judgement if view is not None else None
        ready = view is not None and view.ready and not view.busy and not view.stale
        for button in self.advice:
            button.set_enabled(ready)
        if judgement is self._shown:
            return
        self._shown = judgement
        self._advise(judgement)
        rows = finding_rows(judgement.verdict) if judgement is not None else []
        self.table.set_tree(
            {
                str(i): {"number": SYMBOLS[row.word], "name": _tr(row.name), "found": row.found,
                         "limit": row.limit}
                for i, row in enumerate(rows)
            }
        )  # fmt: skip
        self.table.set_optimal_column_widths()
        widgets.show_text(self.numbers, statistics_words(judgement) if judgement else "")
        self._draw()

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
        self.chart.show(
            Plot(curves, _tr("pixel value"), marks=((box.level, ORANGE),), from_zero=True)
        )


def _plot_of(judgement: Judgement, name: str) -> Plot:
    if name == ROWS:
        return profile(judgement.rows, _tr("row of the image"))
    if name == COLUMNS:
        return profile(judgement.columns, _tr("column of the image"))
    found = judgement.histogram
    middle = (found.edges[1:] + found.edges[:-1]) / 2
    seen = Curve(found.edges, found.counts, BLUE, steps=True)
    promised = Curve(middle, found.gaussian, ORANGE)
    return Plot((seen, promised), _tr("residual / rms"), from_zero=True)
