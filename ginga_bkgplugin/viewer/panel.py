"""The panel: the sections in a scrolling column. It shows a view model and holds no truth."""

from __future__ import annotations

from typing import Any

from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.viewer import widgets
from ginga_bkgplugin.viewer.fields import ParameterFields
from ginga_bkgplugin.viewer.looks import LookSection
from ginga_bkgplugin.viewer.masks import MaskSection
from ginga_bkgplugin.viewer.overlays import OverlayLayer
from ginga_bkgplugin.viewer.sections import (
    Intents,
    RunSection,
    SaveSection,
)
from ginga_bkgplugin.work.viewmodel import ViewModel


class Panel:
    """The plugin's widgets, built into a container Ginga gives.

    Parameters
    ----------
    container : ginga.gw.Widgets container
    intents : Intents
        Called when the user acts.
    overlays : OverlayLayer
        What is chosen there is shown at the start.
    legend : list of (text, hex colour)
        Of the mask overlay.
    """

    def __init__(
        self,
        container: Any,
        intents: Intents,
        *,
        overlays: OverlayLayer,
        legend: list[tuple[str, str]],
    ) -> None:
        self._do = intents
        top = Widgets.VBox()
        top.set_border_width(4)
        box, scroll, _ = Widgets.get_oriented_box(container, orientation="vertical")
        box.set_spacing(2)
        self.title = widgets.text_line(box)
        self.masks = MaskSection(box, intents)
        self.fields = ParameterFields(box, intents.set_parameter)
        self.running = RunSection(box, intents, self._run)
        self.looks = LookSection(box, intents, overlays, legend)
        self.saving = SaveSection(box, intents)
        widgets.fill(box)
        top.add_widget(scroll, stretch=1)
        foot = widgets.row(top)
        widgets.button(foot, _tr("Close"), _tr("Close; the state is kept."), intents.close)
        widgets.button(foot, _tr("Help"), _tr("How to use this."), intents.help)
        widgets.fill(foot)
        self.night = widgets.button(
            foot, _tr("Many images…"), _tr("Run this recipe on many images."), intents.open_night
        )
        container.add_widget(top, stretch=1)

    def _run(self, mode: str) -> None:
        if self.fields.collect():
            self._do.run_recipe(mode)

    def render(
        self, view: ViewModel | None, idle_words: str = "", *, cancellable: bool = False
    ) -> None:
        """Show a view model; None where there is no usable image, with words on why.

        `cancellable`: something runs, be it for another image.
        """
        ready = view is not None and view.ready and not view.busy
        self.title.set_text(view.title if view else idle_words)
        self.masks.render(view, ready)
        self.running.render(view, ready, cancellable)
        self.saving.render(view, ready)
        if view is not None:
            self.fields.render(view)

    def show_value(self, text: str) -> None:
        """Show what lies under the cursor."""
        hint = _tr("Move over the image to read the maps, after a run.")
        self.looks.value.set_text(text or hint)
