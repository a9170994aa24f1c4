"""One image's live state in a viewer: recipe, result, progress, words. No Ginga, no widgets.

The panel shows a `ViewModel` and sends what the user asks for to the methods here. Work is
done elsewhere: `begin` says what to run, `advance` and `finish` take the answers, and those
of a run that is no longer the current one are dropped by their number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.names import find_products, is_loadable
from ginga_bkgplugin.files.subtracted import is_ours, subtracted_words
from ginga_bkgplugin.recipe.parameters import SourceMaskParameters
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.region import PixelRegion
from ginga_bkgplugin.sky.pixels import MaskImage
from ginga_bkgplugin.sky.placing import has_sky
from ginga_bkgplugin.sky.steps import Pass, PassRow, Stage
from ginga_bkgplugin.work.editing import Editor
from ginga_bkgplugin.work.history import Outcome, PackedMask
from ginga_bkgplugin.work.judging import Judgement
from ginga_bkgplugin.work.pipeline import (
    Result,
    Start,
    Step,
    Work,
    only_passes_differ,
)
from ginga_bkgplugin.work.viewmodel import (
    RegionRow,
    RegionRows,
    ViewModel,
    done_words,
    pixel_words,
    summary_words,
)

MOST_PASSES = next(
    int(rule.high or 0) for name, _, _, rule in SourceMaskParameters.rules() if name == "passes"
)

_MODES = {"run": "Run", "more": "One more pass", "stable": "Until nothing new"}


class Session(Editor):
    """The state of one image: what `Editor` does to the recipe, runs, and what is shown.

    Parameters
    ----------
    frame : Frame
        The image; until `describe` has the file's own header, what the viewer knows of it.
    recipe : Recipe, optional
        To start from.
    ready : bool
        Whether `frame` is complete.
    """

    def __init__(self, frame: Frame, recipe: Recipe = Recipe(), *, ready: bool = True) -> None:  # noqa: B008
        super().__init__(frame, recipe)
        self.ready = ready
        self.result: Result | None = None
        self.preview: Pass | None = None
        self.saved: dict[str, Path] = {}
        self.saved_in: Path | None = None
        self._rows: tuple[PassRow, ...] = ()
        self._serial = 0
        self._busy = False
        self._mode = ""
        self._stage: Stage | None = None
        self._words = ""
        self._is_error = self._run_failed = False
        self._region_rows = RegionRows()
        self._mask: MaskImage | None = None
        self.looked: Recipe | None = None
        self.judged: Result | None = None
        self.judgement: Judgement | None = None
        self._latest: tuple[Outcome | None, Result | None] = (None, None)
        if ready:
            self.describe(frame)

    # --- what is known of the image

    def describe(self, frame: Frame) -> None:
        """Take the complete frame: header, WCS, data quality; look for saved products."""
        self.frame, self.ready = frame, True
        self._region_rows = RegionRows()
        self.saved = find_products(frame)
        told = subtracted_words(frame)
        words = [f"Look: this image is {told}."] if told else []
        if self.can_load and self.result is None:
            kinds = ", ".join(self.saved)
            words.append(f"Saved products found ({kinds}): Load saved brings them in.")
        if words:
            self.say(" ".join(words))

    def show_pixels(self, data: Any) -> None:
        """Take the same image's pixels anew, e.g. loaded again by the viewer."""
        self.frame = dataclasses.replace(self.frame, data=data)

    def note_saved(self, paths: Iterable[Path]) -> None:
        """Products were written: look again which can be loaded."""
        for folder in {path.parent for path in paths}:
            self.saved_in = folder
            self.saved = find_products(self.frame, *self.folders)

    @property
    def folders(self) -> tuple[Path | None, ...]:
        """Where to look for saved products: beside the image, and where some were saved last."""
        return (None,) if self.saved_in is None else (None, self.saved_in)

    @property
    def can_load(self) -> bool:
        """Whether enough products are on disk to load."""
        return is_loadable(self.saved)

    # --- words

    def say(self, words: str) -> None:
        """Show a plain message."""
        self._words, self._is_error, self._run_failed = words, False, False

    def fail(self, error: BaseException | str) -> None:
        """Show an error; what was there before stays."""
        self._words, self._is_error = str(error), True

    # --- the recipe against the result

    @property
    def stale(self) -> bool:
        """Whether the recipe is no longer that of the result."""
        made = self.outcome.recipe if self.outcome else None
        return made is not None and made.essence != self.recipe.essence

    def _changed(self) -> None:
        if not self._busy and not self.stale:
            self.preview, self.looked = None, None
        if self._busy:
            self.say("Changed while running: press Run again afterwards.")
        elif self.outcome is not None and self.result is None:
            self.say("The mask of an earlier run: press Run for its maps.")
        elif self.stale:
            self.say("Changed since the last run: press Run.")
        else:
            self.say("")

    # --- work

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self._busy

    @property
    def can_continue(self) -> bool:
        """Whether the next pass can build on the last result."""
        result = self.result
        if result is None or not result.rows or result.stable or len(result.rows) >= MOST_PASSES:
            return False
        return self.recipe.automatic and only_passes_differ(self.recipe, result.recipe)

    def begin(self, mode: str) -> Work:
        """Start a run.

        Parameters
        ----------
        mode : {"run", "more", "stable"}
            The recipe as it is; one more pass; passes until nothing new. The last two go on
            from the last result where only the number of passes differs from its recipe.

        Returns
        -------
        Work
            What to compute; its serial belongs to every answer.

        Raises
        ------
        ParameterError
            When the recipe wants a mask from a file that was not read.
        """
        recipe, start, imported = self.recipe, None, self.imported()
        if mode != "run":
            rows: tuple[PassRow, ...] = ()
            if self.can_continue and self.result is not None:
                rows = self.result.rows
                if recipe.background.method == "sep":  # smooth looks for all sources anew
                    start = Start(self.result.mask, rows)
            recipe = recipe.with_parameters(
                passes=MOST_PASSES if mode == "stable" else len(rows) + 1
            )
        self._serial += 1
        self._busy, self._mode = True, mode
        self._rows = start.rows if start else ()
        self._stage = Stage("Starting", 0.0)
        self.say("")
        return Work(self._serial, recipe, start, imported)

    def advance(self, serial: int, step: Step) -> bool:
        """Take a step of the run; False if it is of an outdated one."""
        if serial != self._serial or not self._busy:
            return False
        if isinstance(step, Stage):
            self._stage = step
        elif isinstance(step, Pass):
            self.preview = step
            if step.row is not None:
                self._rows = (*self._rows, step.row)
        return True

    def finish(self, serial: int, outcome: Result | BaseException | None) -> bool:
        """Take the end of the run: a result, an error, or None when it was cancelled."""
        if serial != self._serial or not self._busy:
            return False
        self._busy, self._stage, self.preview = False, None, None
        if isinstance(outcome, Result):
            if self._mode != "run":  # write down the passes it took: run anew, they give the same
                smooth = outcome.recipe.background.method == "smooth"
                passes = len(outcome.rows) + (smooth and outcome.stable)
                made = outcome.recipe.with_parameters(passes=passes)
                if only_passes_differ(self.recipe, made):
                    self.recipe = self.recipe.with_parameters(passes=passes)
                outcome = dataclasses.replace(outcome, recipe=made)
            self._take(outcome, _MODES[self._mode])
            self.say(done_words(outcome))
        else:
            self._rows = self.outcome.rows if self.outcome else ()
            if outcome is None:
                kept = " The previous result is kept." if self.result else ""
                self.say("Cancelled." + kept)
            else:
                self.fail(outcome)
                self._run_failed = True
        return True

    def cancel(self) -> None:
        """Give up the run: whatever still arrives of it is dropped."""
        self.finish(self._serial, None)
        self._serial += 1

    def show_result(self, result: Result) -> None:
        """Take a result from elsewhere, e.g. loaded from disk."""
        self.recipe, self.selection = result.recipe, ()
        self._take(result, "Load saved")

    def _take(self, result: Result, step: str) -> None:
        self.result, self._mask, self._rows = result, None, result.rows
        self.looked = None
        self.outcome = Outcome(result)
        self._latest = (self.outcome, result)
        self._note(step)

    def _restore(self, outcome: Outcome | None) -> None:
        """Show an earlier run: its mask, and its maps where they are those made last."""
        if outcome is not self.outcome:
            self.outcome, self._mask = outcome, None
            self._rows = outcome.rows if outcome else ()
            latest, result = self._latest
            self.result = result if outcome is not None and outcome is latest else None

    def to_unpack(self, place: int) -> PackedMask | None:
        """The packed mask that going to a step of the history needs, if it needs one."""
        outcome = self.history.at(place).outcome
        if outcome is None or outcome is self.outcome or outcome is self._latest[0]:
            return None
        return outcome.packed

    @property
    def mask(self) -> MaskImage | None:
        """The mask to show: of the run under way, of the result, or of the run gone back to."""
        if self.preview is not None and self._busy:
            return self.preview.mask
        if self.result is not None:
            return self.result.mask
        if self._mask is None and self.outcome is not None and self.outcome.packed is not None:
            self._mask = self.outcome.packed.unpack()
        return self._mask

    def drop_maps(self) -> None:
        """Free the memory of the result; the recipe stays."""
        self.result, self.preview, self._rows = None, None, ()
        self.outcome, self._mask, self._latest = None, None, (None, None)
        self.judged = self.judgement = None
        self.live.drops()
        self.say("The maps were freed to save memory: press Run to have them again.")

    # --- what is shown

    def value_at(self, x: int, y: int) -> str:
        """Image, maps and mask reason at a pixel, in words."""
        boxes = self.judgement.boxes if self.judgement and self.preview is None else None
        return pixel_words(self.frame.data, self.shown, boxes, x, y)

    def region_rows(self) -> tuple[RegionRow, ...]:
        """The regions in pixels and, where there is a WCS, on the sky."""
        return self._region_rows.of(self.recipe.regions, self.frame.wcs)

    @property
    def shown(self) -> Pass | Result | None:
        """Whose mask and maps to show: the pass just made, else the last result."""
        return self.preview or self.result

    def pixels(self) -> list[PixelRegion]:
        """The regions in pixels."""
        return [row.pixel for row in self.region_rows()]

    def live_mask(self, *, always: bool = False) -> MaskImage | None:
        """The mask to show: as edited, or of the run under way."""
        if self.preview is not None and self._busy:
            return self.preview.mask
        return super().live_mask(always=always)  # a second look may be of shapes before they moved

    def view(self) -> ViewModel:
        """The state, worked out for display."""
        frame, result, stage = self.frame, self.result, self._stage
        level, done = frame.saturation_level, result is not None and not self._run_failed
        return ViewModel(
            title=frame.name,
            recipe=self.recipe,
            regions=self.region_rows(),
            selected=self.selected,
            selection=self.selection,
            history=self.history.names,
            history_place=self.history.place,
            missing_masks=self.missing_masks(),
            rows=self._rows,
            fraction=stage.fraction if stage else float(done),
            words=f"{stage.text} …" if stage and not self._is_error else self._words,
            is_error=self._is_error,
            summary=summary_words(result) if result else "",
            judgement=self.judgement if self.judged is result else None,
            stale=self.stale,
            is_subtracted=is_ours(frame.header),
            saturation_hint="header: none" if level is None else f"header: {level:g}",
            has_wcs=has_sky(frame.wcs),
            has_dq=frame.dq is not None,
            busy=self._busy,
            ready=self.ready,
            has_result=result is not None,
            can_continue=self.can_continue,
            can_load=self.can_load,
        )
