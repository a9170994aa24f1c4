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
from ginga_bkgplugin.files.names import find_products
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, NoWCSError
from ginga_bkgplugin.recipe.parameters import SourceMaskParameters
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.region import Region
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.sky.masking import Pass, PassRow, Stage
from ginga_bkgplugin.sky.pixels import MaskImage, reasons
from ginga_bkgplugin.sky.placing import has_sky, to_pixel, to_pixels, to_skies, to_sky
from ginga_bkgplugin.work.pipeline import Result, Start, Step
from ginga_bkgplugin.work.viewmodel import RegionRow, ViewModel, done_words, summary_words

MOST_PASSES = next(
    int(rule.high or 0) for name, _, _, rule in SourceMaskParameters.rules() if name == "passes"
)


@dataclasses.dataclass(frozen=True)
class Work:
    """What to run now."""

    serial: int
    recipe: Recipe
    start: Start | None


class Session:
    """The state of one image.

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
        self.frame = frame
        self.recipe = recipe
        self.ready = ready
        self.selected: int | None = None
        self.result: Result | None = None
        self.preview: MaskImage | None = None
        self.saved: dict[str, Path] = {}
        self.saved_in: Path | None = None
        self._rows: tuple[PassRow, ...] = ()
        self._serial = 0
        self._busy = False
        self._mode = ""
        self._stage: Stage | None = None
        self._words = ""
        self._is_error = False
        self._placed: dict[Region, RegionRow] = {}
        if ready:
            self.describe(frame)

    # --- what is known of the image

    def describe(self, frame: Frame) -> None:
        """Take the complete frame: header, WCS, data quality; look for saved products."""
        self.frame, self.ready = frame, True
        self._placed.clear()
        self.saved = find_products(frame)
        if self.can_load and self.result is None:
            self.say(f"Saved products found ({', '.join(self.saved)}): Load saved brings them in.")

    def show_pixels(self, data: Any) -> None:
        """Take the same image's pixels anew, e.g. loaded again by the viewer."""
        self.frame = dataclasses.replace(self.frame, data=data)

    def note_saved(self, paths: Iterable[Path]) -> None:
        """Products were written: look again which can be loaded."""
        for folder in {path.parent for path in paths}:
            self.saved = find_products(self.frame, folder)
            self.saved_in = folder

    @property
    def can_load(self) -> bool:
        """Whether enough products are on disk to load."""
        return {"srcmask", "bkgmap", "bkgrms"} <= set(self.saved)

    # --- words

    def say(self, words: str) -> None:
        """Show a plain message."""
        self._words, self._is_error = words, False

    def fail(self, error: BaseException | str) -> None:
        """Show an error; what was there before stays."""
        self._words, self._is_error = str(error), True

    # --- regions

    def add_region(self, region: Region) -> None:
        """Add a region and select it.

        Raises
        ------
        NoWCSError
            For a sky circle on an image without WCS, or off its projection.
        """
        to_pixel(region, self.frame.wcs)
        self.recipe = self.recipe.with_regions(*self.recipe.regions, region)
        self.selected = len(self.recipe.regions) - 1
        self._hint_stale()

    def move_region(self, index: int, circle: PixelCircle) -> None:
        """Replace a region by a moved or resized one; a sky circle stays one."""
        regions = list(self.recipe.regions)
        on_sky = isinstance(regions[index], SkyCircle)
        if circle == self.region_rows()[index].pixel:
            self.selected = index  # clicked, not moved
            return
        regions[index] = to_sky(circle, self.frame.wcs) if on_sky else circle
        self.recipe = self.recipe.with_regions(*regions)
        self.selected = index
        self._hint_stale()

    def delete_selected(self) -> None:
        """Delete the selected region, if there is one."""
        if self.selected is None:
            self.say("Select a region first: click it on the image in Edit mode, or in the list.")
            return
        regions = list(self.recipe.regions)
        del regions[self.selected]
        self.recipe = self.recipe.with_regions(*regions)
        self.selected = None
        self._hint_stale()

    def clear_regions(self) -> None:
        """Delete all regions."""
        self.recipe = self.recipe.with_regions()
        self.selected = None
        self._hint_stale()

    def select(self, index: int | None) -> None:
        """Select a region by its place in the list, or none."""
        known = index is not None and 0 <= index < len(self.recipe.regions)
        self.selected = index if known else None

    # --- parameters

    def set_parameter(self, name: str, value: Any) -> None:
        """Change one parameter; a wrong value is told and the old one kept."""
        try:
            recipe = self.recipe.with_parameters(**{name: value})
        except BackgroundPluginError as error:
            self.fail(error)
            return
        if recipe != self.recipe:
            self.recipe = recipe
            self._hint_stale()

    def use_recipe(self, recipe: Recipe) -> None:
        """Replace regions and parameters."""
        to_pixels(recipe.regions, self.frame.wcs)
        self.recipe, self.selected = recipe, None
        self._hint_stale()

    @property
    def stale(self) -> bool:
        """Whether the recipe is no longer that of the result."""
        return self.result is not None and self.result.recipe != self.recipe

    def _hint_stale(self) -> None:
        if self._busy:
            self.say("Changed while running: press Run again afterwards.")
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
        if self.recipe.background.method != "sep":
            return False  # its passes do not build on each other's masks
        if result is None or not result.rows or result.stable or len(result.rows) >= MOST_PASSES:
            return False
        return self.recipe.with_parameters(passes=0) == result.recipe.with_parameters(passes=0)

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
        """
        recipe, start = self.recipe, None
        if mode != "run":
            rows: tuple[PassRow, ...] = ()
            if self.can_continue and self.result is not None:
                rows = self.result.rows
                start = Start(self.result.mask, rows)
            recipe = recipe.with_parameters(
                passes=MOST_PASSES if mode == "stable" else len(rows) + 1
            )
        self._serial += 1
        self._busy, self._mode = True, mode
        self._rows = start.rows if start else ()
        self._stage = Stage("Starting", 0.0)
        self.say("")
        return Work(self._serial, recipe, start)

    def advance(self, serial: int, step: Step) -> bool:
        """Take a step of the run; False if it is of an outdated one."""
        if serial != self._serial or not self._busy:
            return False
        if isinstance(step, Stage):
            self._stage = step
        elif isinstance(step, Pass):
            self.preview = step.mask
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
                made = outcome.recipe.with_parameters(passes=len(outcome.rows))
                if self.recipe.with_parameters(passes=0) == made.with_parameters(passes=0):
                    self.recipe = made
                outcome = dataclasses.replace(outcome, recipe=made)
            self.result = outcome
            self.say(done_words(outcome))
        else:
            self._rows = self.result.rows if self.result else ()
            if outcome is None:
                kept = " The previous result is kept." if self.result else ""
                self.say("Cancelled." + kept)
            else:
                self.fail(outcome)
        return True

    def cancel(self) -> None:
        """Give up the run: whatever still arrives of it is dropped."""
        self.finish(self._serial, None)
        self._serial += 1

    def show_result(self, result: Result) -> None:
        """Take a result from elsewhere, e.g. loaded from disk."""
        self.result, self.recipe, self._rows = result, result.recipe, result.rows
        self.selected = None

    def drop_maps(self) -> None:
        """Free the memory of the result; the recipe stays."""
        self.result, self.preview, self._rows = None, None, ()
        self.say("The maps were freed to save memory: press Run to have them again.")

    # --- what is shown

    def value_at(self, x: int, y: int) -> str:
        """Background, rms and mask reason at a pixel, in words."""
        ny, nx = self.frame.data.shape
        if self.result is None or not (0 <= x < nx and 0 <= y < ny):
            return ""
        fit = self.result.fit
        why = reasons(int(self.result.mask[y, x]))
        return f"({x}, {y})  bkg {fit.level[y, x]:.6g}  rms {fit.rms[y, x]:.4g}  {why}"

    def region_rows(self) -> tuple[RegionRow, ...]:
        """The regions in pixels and, where there is a WCS, on the sky."""
        missing = [region for region in self.recipe.regions if region not in self._placed]
        if missing:
            wcs = self.frame.wcs
            circles = to_pixels(missing, wcs)
            try:
                skies: list[SkyCircle | None] = list(to_skies(circles, wcs))
            except NoWCSError:
                skies = [None] * len(circles)
            for region, circle, sky in zip(missing, circles, skies, strict=True):
                on_sky = isinstance(region, SkyCircle)
                shown = region if isinstance(region, SkyCircle) else sky
                self._placed[region] = RegionRow(circle, shown, on_sky)
        return tuple(self._placed[region] for region in self.recipe.regions)

    def view(self) -> ViewModel:
        """The state, worked out for display."""
        frame, result, stage = self.frame, self.result, self._stage
        level = frame.saturation_level
        return ViewModel(
            title=frame.name,
            recipe=self.recipe,
            regions=self.region_rows(),
            selected=self.selected,
            rows=self._rows,
            fraction=stage.fraction if stage else float(result is not None and not self._is_error),
            words=f"{stage.text} …" if stage and not self._is_error else self._words,
            is_error=self._is_error,
            summary=summary_words(result) if result else "",
            saturation_hint="header: none" if level is None else f"header: {level:g}",
            has_wcs=has_sky(frame.wcs),
            has_dq=frame.dq is not None,
            busy=self._busy,
            ready=self.ready,
            has_result=result is not None,
            can_continue=self.can_continue,
            can_load=self.can_load,
        )
