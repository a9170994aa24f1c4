"""The panel's section for views: what is seen, what lies over it, the values under the cursor."""

from __future__ import annotations

from typing import Any, Protocol

from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.viewer import widgets
from ginga_bkgplugin.viewer.overlays import BOXES, MASK, OverlayLayer
from ginga_bkgplugin.viewer.views import BLINK_KEY, BOXES_KEY, HOLD_KEY, SPLIT_KEY, VIEWS

_COLUMNS = 3


class LookIntents(Protocol):
    """What the user can ask for here; the plugin does it."""

    def set_view(self, view: str) -> None: ...  # noqa: D102
    def show_overlay(self, kind: str, on: bool) -> None: ...  # noqa: D102
    def set_opacity(self, kind: str, opacity: float) -> None: ...  # noqa: D102
    def hold(self, on: bool) -> None: ...  # noqa: D102
    def blink(self, on: bool) -> None: ...  # noqa: D102
    def split(self, on: bool) -> None: ...  # noqa: D102


class LookSection:
    """Buttons of the views, ways to compare, mask and boxes over them, values."""

    def __init__(
        self, box: Any, do: LookIntents, overlays: OverlayLayer, legend: list[tuple[str, str]]
    ) -> None:
        self._do = do
        inner = widgets.frame(box, _tr("Look"))
        self._views(inner)
        self._compare(inner)
        self.checks: dict[str, Any] = {}
        self.sliders: dict[str, Any] = {}
        line = widgets.row(inner)
        self._check(line, MASK, _tr("Mask"), _tr("The mask over the view, by its reasons."))
        self._slider(line, MASK, overlays, _tr("Opacity of the mask, 0 to 100 %"))
        widgets.caption(line, _tr("View"))
        self._slider(line, "view", overlays, _tr("Opacity of the view over the image, 0 to 100 %"))
        line = widgets.row(inner)
        for text, color in legend:
            patch = Widgets.Label(f" {_tr(text)} ")
            patch.set_color(bg=color, fg="black")
            patch.set_tooltip(_tr("Why a pixel is masked"))
            line.add_widget(patch, stretch=0)
        widgets.fill(line)
        self.about = widgets.text_line(inner)
        self.value = widgets.text_line(inner)
        self.show(overlays)

    def _toggle(self, text: str, tip: str, key: str, action: Any) -> Any:
        button = widgets.toggle(text, widgets.with_key(tip, key), action)
        button.set_min_size(60, 22)
        return button

    def _views(self, inner: Any) -> None:
        grid = Widgets.GridBox(rows=2, columns=_COLUMNS)
        grid.set_column_spacing(2)
        grid.set_row_spacing(2)
        self.views = {}
        for place, view in enumerate(VIEWS.values()):
            button = self._toggle(
                _tr(view.label), _tr(view.tip), view.key,
                lambda _, name=view.name: self._do.set_view(name),
            )  # fmt: skip
            self.views[view.name] = button
            grid.add_widget(button, place // _COLUMNS, place % _COLUMNS, stretch=1)
        inner.add_widget(grid, stretch=0)

    def _compare(self, inner: Any) -> None:
        line = widgets.row(inner)
        self.blink = self._toggle(
            _tr("Blink"),
            _tr("Image and view in turns. To compare by hand, hold {key} over the image: it is"
                " bare as long.").format(key=HOLD_KEY),
            BLINK_KEY, self._do.blink,
        )  # fmt: skip
        self.split = self._toggle(
            _tr("Split"), _tr("Image left of a line, view right of it; drag the line."),
            SPLIT_KEY, self._do.split,
        )  # fmt: skip
        self.boxes = self._toggle(
            _tr("Boxes"), _tr("The boxes of the mesh; those that were filled are hatched."),
            BOXES_KEY, lambda on: self._do.show_overlay(BOXES, on),
        )  # fmt: skip
        for button in (self.blink, self.split, self.boxes):
            line.add_widget(button, stretch=1)

    def _check(self, line: Any, kind: str, text: str, tip: str) -> None:
        check = self.checks[kind] = widgets.check(text, tip, True)
        check.add_callback("activated", lambda _, on: self._do.show_overlay(kind, bool(on)))
        line.add_widget(check, stretch=0)

    def _slider(self, line: Any, kind: str, overlays: OverlayLayer, tip: str) -> None:
        slider = self.sliders[kind] = Widgets.Slider(
            orientation="horizontal", dtype=int, track=True
        )
        slider.set_limits(0, 100, incr_value=5)
        slider.set_value(round(100 * overlays.opacity[kind]))
        slider.set_tooltip(tip)
        slider.add_callback(
            "value-changed", lambda _, percent: self._do.set_opacity(kind, percent / 100)
        )
        line.add_widget(slider, stretch=1)

    def show(self, overlays: OverlayLayer, *, blinking: bool = False, split: bool = False) -> None:
        """Show what is chosen, and say what is not there yet."""
        for name, button in self.views.items():
            button.set_state(name == overlays.view)
        self.checks[MASK].set_state(overlays.visible[MASK])
        self.boxes.set_state(overlays.visible[BOXES])
        self.blink.set_state(blinking)
        self.split.set_state(split)
        cuts = overlays.cuts()
        words = ""
        if cuts is not None:
            label = _tr(VIEWS[overlays.view].label)
            words = _tr("{view}: {low:.6g} dark, {high:.6g} bright.").format(
                view=label, low=cuts[0], high=cuts[1]
            )
        elif not overlays.there():
            words = _tr("{view}: after a run.").format(view=_tr(VIEWS[overlays.view].label))
        widgets.show_text(self.about, words)
