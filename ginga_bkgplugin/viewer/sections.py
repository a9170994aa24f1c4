"""The sections of the panel to run and to save. Each shows and tells, no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.sky.verdict import DO_NOT_USE
from ginga_bkgplugin.viewer import widgets
from ginga_bkgplugin.viewer.looks import LookIntents
from ginga_bkgplugin.viewer.masks import MaskIntents
from ginga_bkgplugin.viewer.tables import PassTable
from ginga_bkgplugin.viewer.verdicts import BoxTab, Headline, JudgeIntents, VerdictTab
from ginga_bkgplugin.work.viewmodel import COLORS, ViewModel

_BOX = 2  # its place among the pages

SAVE_CHOICES = (
    ("srcmask", "Mask", "The mask with the reasons as bits"),
    ("invalidmask", "Invalid", "The invalid pixels, 0/1"),
    ("bkgmap", "Background", "The background map"),
    ("bkgrms", "Rms", "The map of the sky's noise"),
    ("subbkg", "Subtracted", "Image minus background"),
    ("recipe", "Recipe", "Regions and parameters, for other images and the shell"),
)


class Intents(MaskIntents, LookIntents, JudgeIntents, Protocol):
    """What the user can ask for; the plugin does it."""

    def set_parameter(self, name: str, value: Any) -> None: ...  # noqa: D102
    def run_recipe(self, mode: str) -> None: ...  # noqa: D102
    def cancel_run(self) -> None: ...  # noqa: D102
    def subtract(self) -> None: ...  # noqa: D102
    def restore(self) -> None: ...  # noqa: D102
    def report(self, folder: str, overwrite: bool) -> None: ...  # noqa: D102
    def save(self, kinds: list[str], folder: str, overwrite: bool) -> None: ...  # noqa: D102
    def choose_folder(self) -> None: ...  # noqa: D102
    def open_recipe(self) -> None: ...  # noqa: D102
    def load_saved(self) -> None: ...  # noqa: D102
    def open_night(self) -> None: ...  # noqa: D102
    def close(self) -> object: ...  # noqa: D102
    def help(self) -> object: ...  # noqa: D102


class RunSection:
    """Run, its progress and its passes."""

    def __init__(self, box: Any, do: Intents, run: Callable[[str], None]) -> None:
        inner = widgets.frame(box, _tr("Run"))
        line = widgets.row(inner)
        self.run = widgets.button(
            line, _tr("Run"), _tr("Mask and fit with this recipe, from the start."),
            lambda: run("run"),
        )  # fmt: skip
        self.cancel = widgets.button(
            line, _tr("Cancel"), _tr("Stop at once; the result before stays."), do.cancel_run
        )
        widgets.fill(line)
        line = widgets.row(inner)
        self.more = widgets.button(
            line, _tr("One more pass"), _tr("Detect, grow and re-fit once more."),
            lambda: run("more"),
        )  # fmt: skip
        self.stable = widgets.button(
            line, _tr("Until nothing new"), _tr("Passes until one masks no new pixel."),
            lambda: run("stable"),
        )  # fmt: skip
        widgets.fill(line)
        self.progress = Widgets.ProgressBar()
        inner.add_widget(self.progress, stretch=0)
        self.words = widgets.text_line(inner)
        self.error = widgets.text_line(inner)
        widgets.color_text(self.error, COLORS[DO_NOT_USE])
        self.headline = Headline(inner)
        self.pages = widgets.Pages(inner, {
            _tr("Passes"): _tr("What each pass found."),
            _tr("Verdict"): _tr("Whether the map can be trusted: advice, numbers, plots."),
            _tr("Box"): _tr("One box of the mesh: its pixels, measured or filled."),
        })  # fmt: skip
        passes, verdict, one = self.pages.boxes.values()
        self.passes = PassTable()
        passes.add_widget(self.passes.widget, stretch=0)
        self.summary = widgets.text_line(passes)
        self.verdict = VerdictTab(verdict, do)
        self.box = BoxTab(one, do)

    def box_is_open(self) -> bool:
        """Whether the tab of one box is in front."""
        return self.pages.current == list(self.pages.boxes)[_BOX]

    def open_box(self) -> None:
        """Bring the tab of one box to the front."""
        self.pages.open(list(self.pages.boxes)[_BOX])

    def render(self, view: ViewModel | None, ready: bool, cancellable: bool) -> None:
        """Show progress, words, passes and the verdict."""
        self.run.set_enabled(ready)
        self.stable.set_enabled(ready)
        self.more.set_enabled(ready and view is not None and view.can_continue)
        self.cancel.set_enabled(cancellable)
        failed = view is not None and view.is_error
        words = view.words if view else ""
        widgets.show_text(self.words, "" if failed else words)
        widgets.show_text(self.error, f"⚠ {words}" if failed else "")
        widgets.show_text(self.summary, view.summary if view else "")
        self.progress.set_value(view.fraction if view else 0.0)
        self.passes.show(view.rows if view else ())
        self.headline.render(view)
        self.verdict.render(view)


class SaveSection:
    """What to save and where; subtracting; loading."""

    def __init__(self, box: Any, do: Intents) -> None:
        self._do = do
        inner = widgets.frame(box, _tr("Subtract and save"))
        grid = Widgets.GridBox(rows=2, columns=3)
        self.kinds = {}
        for i, (kind, text, tip) in enumerate(SAVE_CHOICES):
            ending = "bkg.json" if kind == "recipe" else f"{kind}.fits"
            self.kinds[kind] = widgets.check(_tr(text), f"{_tr(tip)}: <image>.{ending}", True)
            grid.add_widget(self.kinds[kind], i // 3, i % 3)
        inner.add_widget(grid, stretch=0)
        line = widgets.row(inner)
        line.add_widget(Widgets.Label(_tr("Folder")), stretch=0)
        self.folder = Widgets.TextEntry("")
        self.folder.set_tooltip(_tr("Where products go. Empty: beside the image."))
        line.add_widget(self.folder, stretch=1)
        widgets.button(line, _tr("Choose…"), _tr("Choose the folder."), do.choose_folder)
        line = widgets.row(inner)
        self.overwrite = widgets.check(_tr("Overwrite"), _tr("Replace existing products."), False)
        line.add_widget(self.overwrite, stretch=0)
        widgets.fill(line)
        self.save = widgets.button(line, _tr("Save"), _tr("Save what is ticked."), self._save)
        self.subtract = widgets.button(
            line, _tr("Subtract"),
            _tr("Show image minus background in another channel; the image itself stays."),
            do.subtract,
        )  # fmt: skip
        self.restore = widgets.button(
            line, _tr("Restore"),
            _tr("Take a subtraction back: show the image as it was before."),
            do.restore,
        )  # fmt: skip
        line = widgets.row(inner)
        widgets.fill(line)
        self.report = widgets.button(
            line, _tr("Report"),
            _tr("Write a page to keep: pictures, verdict, recipe: <image>.bkgreport.png and .pdf"),
            lambda: do.report(self.folder.get_text().strip(), bool(self.overwrite.get_state())),
        )  # fmt: skip
        self.load = widgets.button(
            line, _tr("Load saved"), _tr("Load the products beside the image, or last saved."),
            do.load_saved,
        )  # fmt: skip
        self.open = widgets.button(
            line, _tr("Open recipe…"), _tr("Take regions and parameters from a .bkg.json file."),
            do.open_recipe,
        )  # fmt: skip

    def _save(self) -> None:
        kinds = [kind for kind, check in self.kinds.items() if check.get_state()]
        self._do.save(kinds, self.folder.get_text().strip(), bool(self.overwrite.get_state()))

    def render(self, view: ViewModel | None, ready: bool) -> None:
        """Enable what can be done now."""
        self.open.set_enabled(ready)
        self.load.set_enabled(ready and view is not None and view.can_load)
        self.restore.set_enabled(ready and view is not None and view.is_subtracted)
        for button in (self.save, self.subtract, self.report):
            button.set_enabled(ready and view is not None and view.has_result)
