"""What a user does to one image's recipe: regions, masks from files, parameters; undo and redo."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.maskfile import SELF
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ParameterError
from ginga_bkgplugin.recipe.imported import ImportedMask
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.region import PixelRegion, Region, SkyRegion
from ginga_bkgplugin.sky.blobs import adopt_blob, grow_from
from ginga_bkgplugin.sky.layers import AUTOMATIC
from ginga_bkgplugin.sky.pixels import BoolImage, MaskImage, has
from ginga_bkgplugin.sky.placing import to_pixel, to_pixels, to_sky
from ginga_bkgplugin.work.carry import carry_regions
from ginga_bkgplugin.work.history import History, Moment, Outcome
from ginga_bkgplugin.work.livemask import LiveMask
from ginga_bkgplugin.work.maskplanes import MaskPlanes, content

LABELS = {name: rule.label for _, group in Recipe().groups() for name, _, _, rule in group.rules()}


class Editor:
    """A recipe being edited; every change is a step that can be undone.

    Parameters
    ----------
    frame : Frame
        The image.
    recipe : Recipe
        To start from.
    """

    def __init__(self, frame: Frame, recipe: Recipe) -> None:
        self.frame = frame
        self.recipe = recipe
        self.selection: tuple[int, ...] = ()
        self.outcome: Outcome | None = None
        self.history = History(Moment(recipe))
        self.planes = MaskPlanes()
        self._tried: set[ImportedMask] = set()
        self.live = LiveMask()

    def say(self, words: str) -> None:
        """Show a plain message."""
        raise NotImplementedError

    def fail(self, error: BaseException | str) -> None:
        """Show an error; what was there before stays."""
        raise NotImplementedError

    def _changed(self) -> None:
        """The recipe changed."""

    @property
    def mask(self) -> MaskImage | None:
        """The mask that is shown."""
        raise NotImplementedError

    def _step(self, name: str, recipe: Recipe, selection: Iterable[int] = ()) -> None:
        """Take a new recipe, as a step of the history."""
        self.recipe, self.selection = recipe, tuple(selection)
        self._note(name)
        self._changed()

    def _note(self, name: str) -> None:
        self.history.record(name, Moment(self.recipe, self.selection, self.outcome))

    # --- undo and redo

    def undo(self) -> None:
        """Go back one step."""
        self.go_to(self.history.place - 1)

    def redo(self) -> None:
        """Take back an undo."""
        self.go_to(self.history.place + 1)

    def go_to(self, place: int) -> None:
        """Go to a state by its place among the names of the history."""
        moment = self.history.go(place)
        self.recipe, self.selection = moment.recipe, moment.selection
        self._restore(moment.outcome)
        self._changed()

    def _restore(self, outcome: Outcome | None) -> None:
        self.outcome = outcome

    # --- regions

    @property
    def selected(self) -> int | None:
        """The region selected last, by its place in the list."""
        return self.selection[-1] if self.selection else None

    def select(self, index: int | Iterable[int] | None) -> None:
        """Select regions by their places in the list, or none."""
        wanted = () if index is None else (index,) if isinstance(index, int) else tuple(index)
        known = range(len(self.recipe.regions))
        self.selection = tuple(place for place in wanted if place in known)

    def add_region(self, region: Region, step: str = "") -> None:
        """Add a region at the end of the list and select it.

        Raises
        ------
        NoWCSError
            For a region on the sky of an image without WCS, or off its projection.
        """
        self.add_regions([region], step or ("Erase" if region.erase else f"Add {region.shape}"))

    def add_regions(self, regions: Iterable[Region], step: str = "Add regions") -> None:
        """Add regions, from a file, another image or the clipboard, in one step; select them."""
        new = list(regions)
        to_pixels(new, self.frame.wcs)
        count = len(self.recipe.regions)
        whole = self.recipe.with_regions(*self.recipe.regions, *new)
        self._step(step, whole, range(count, count + len(new)))

    def paste_regions(
        self, regions: Iterable[Region], source: Frame, *, same_pixels: bool = False
    ) -> None:
        """Take over regions of another image, by the WCS of both; see `carry_regions`."""
        carried = carry_regions(list(regions), source, self.frame, same_pixels=same_pixels)
        here = set(self.recipe.regions)
        new = [region for region in carried.regions if region not in here]
        if new:
            self.add_regions(new, "Paste regions")
        self.say(carried.words)

    def adopt(self, x: float, y: float) -> None:
        """Make a polygon to edit of what the automatic mask has at a position."""
        mask = self.mask
        polygon = None if mask is None else adopt_blob(has(mask, AUTOMATIC), x, y)
        if polygon is None:
            self.say("No source is masked there: click on one, after a run.")
        else:
            self.add_region(polygon, "Adopt")

    def grow(self, x: float, y: float) -> None:
        """Mask the source at a position, as far as it stands out of the sky.

        Raises
        ------
        DetectionError
            When nothing stands out there.
        """
        self.add_region(grow_from(self.frame.data, x, y), "Grow from here")

    def move_region(self, index: int, region: PixelRegion, step: str = "Move") -> None:
        """Take over one region's new place, size or outline; see `move_regions`."""
        self.selection = (index,)
        self.move_regions({index: region}, step)

    def move_regions(self, moved: dict[int, PixelRegion], step: str = "Move") -> None:
        """Take over new places in pixels, by place in the list; regions on the sky stay there.

        Raises
        ------
        ParameterError
            When one is locked.
        """
        wcs = self.frame.wcs
        changed: dict[int, Region] = {}
        for index, given in moved.items():
            old = self.recipe.regions[index]
            region = given.replace(**old.looks())
            if region != to_pixel(old, wcs):  # moved, not only clicked
                changed[index] = to_sky(region, wcs) if isinstance(old, SkyRegion) else region
        if changed:
            self._refuse_locked(changed)
            self._step(step, self._with(changed), self.selection)

    def change_regions(self, places: Iterable[int], step: str, **looks: Any) -> None:
        """Change name, colour, erase, on or locked of regions.

        Raises
        ------
        ParameterError
            For a value that cannot be used.
        """
        regions = self.recipe.regions
        changed = {place: regions[place].replace(**looks) for place in places}
        if any(regions[place] != region for place, region in changed.items()):
            self._step(step, self._with(changed), self.selection)

    def shift_selected(self, by: int) -> None:
        """Move the selected regions up (-1) or down (1) in the list: its order decides."""
        regions, selection = list(self.recipe.regions), list(self.selection)
        for place in sorted(selection, reverse=by > 0):
            to = place + by
            if 0 <= to < len(regions) and to not in selection:
                regions[place], regions[to] = regions[to], regions[place]
                selection[selection.index(place)] = to
        if selection != list(self.selection):
            self._step("Order", self.recipe.with_regions(*regions), selection)

    def delete_selected(self) -> None:
        """Delete the selected regions, if there are any."""
        if not self.selection:
            self.say("Select a region first: click it on the image in Edit mode, or in the list.")
            return
        self.delete_regions(self.selection)

    def delete_regions(self, places: Iterable[int], step: str = "Delete") -> None:
        """Delete regions by their places in the list.

        Raises
        ------
        ParameterError
            When one is locked.
        """
        gone = set(places)
        self._refuse_locked(gone)
        kept = [region for i, region in enumerate(self.recipe.regions) if i not in gone]
        self._step(step, self.recipe.with_regions(*kept))

    def clear_regions(self) -> None:
        """Delete all regions that are not locked."""
        kept = [region for region in self.recipe.regions if region.locked]
        self._step("Clear", self.recipe.with_regions(*kept))

    def _with(self, changed: dict[int, Region]) -> Recipe:
        regions = [changed.get(i, region) for i, region in enumerate(self.recipe.regions)]
        return self.recipe.with_regions(*regions)

    def _refuse_locked(self, places: Iterable[int]) -> None:
        for place in places:
            if self.recipe.regions[place].locked:
                raise ParameterError(f"Region {place + 1} is locked: unlock it first.")

    def pixels(self) -> list[PixelRegion]:
        """The regions in pixels."""
        return to_pixels(self.recipe.regions, self.frame.wcs)

    def live_mask(self, *, always: bool = False) -> MaskImage | None:
        """The mask the layers make now: the sources of the last run, all else as it stands.

        The last run's own while nothing that masks changed since, None where nothing masks; with
        `always` one of its own, so that the next change need not wait for it.
        """
        found, made = self.mask, self.outcome.recipe if self.outcome else None
        if (
            found is not None
            and not always
            and (not made or _layers(made) == _layers(self.recipe))
        ):
            return found
        imported = self.planes.joined(self.recipe.masks)
        if found is None and imported is None and not self.recipe.regions and not always:
            return None
        ny, nx = self.frame.data.shape
        return self.live.of((ny, nx), self.pixels(), found, imported, self.recipe.automatic)

    # --- masks from files, automatic sources

    def import_mask(self, mask: ImportedMask, plane: BoolImage) -> None:
        """Add a mask the user named, with its pixels (see `read_mask`).

        Where the recipe wants a file of that name which was not read yet, it takes its place.
        """
        masks, wanted = list(self.recipe.masks), self.wanted_mask(mask.path)
        if wanted is not None:
            masks[masks.index(wanted)] = mask
        else:
            masks.append(mask)
        self.planes.put(mask, plane)
        self._step("Import mask", dataclasses.replace(self.recipe, masks=tuple(masks)))

    def change_mask(self, place: int, step: str, **changes: Any) -> None:
        """Change name or on of a mask from a file."""
        masks = list(self.recipe.masks)
        masks[place] = masks[place].replace(**changes)
        self._step(step, dataclasses.replace(self.recipe, masks=tuple(masks)), self.selection)

    def delete_mask(self, place: int) -> None:
        """Take a mask from a file out of the recipe."""
        masks = [mask for i, mask in enumerate(self.recipe.masks) if i != place]
        self._step("Delete mask", dataclasses.replace(self.recipe, masks=tuple(masks)))

    def missing_masks(self) -> tuple[ImportedMask, ...]:
        """Masks the recipe wants and the user has not named: their files are not followed."""
        return tuple(m for m in self.recipe.masks if m.on and m not in self.planes)

    def wanted_mask(self, path: str) -> ImportedMask | None:
        """The missing mask that a file of this name stands for, if there is one."""
        name = Path(path).name
        return next((m for m in self.missing_masks() if Path(m.path).name == name), None)

    def own_masks(self) -> tuple[ImportedMask, ...]:
        """Missing masks that stand in the image's own file: read unasked, each tried once."""
        known = self.frame.path is not None
        found = {m for m in self.missing_masks() if m.path == SELF and known} - self._tried
        self._tried |= found
        return tuple(found)

    def imported(self) -> BoolImage | None:
        """What the masks from files mask; None where there are none.

        Raises
        ------
        ParameterError
            When one of them was not read yet.
        """
        missing = self.missing_masks()
        if missing:
            raise ParameterError(
                f"The recipe wants the mask {missing[0].path}: import that file, if you trust"
                " the recipe, or switch it off in the list."
            )
        return self.planes.joined(self.recipe.masks)

    def set_automatic(self, on: bool) -> None:
        """Look for sources or not; without, the mask is that of the other layers exactly."""
        if on != self.recipe.automatic:
            name = f"Automatic sources {'on' if on else 'off'}"
            self._step(name, dataclasses.replace(self.recipe, automatic=on), self.selection)

    # --- parameters

    def set_parameter(self, name: str, value: Any) -> None:
        """Change one parameter; a wrong value is told and the old one kept."""
        self.change_parameters(LABELS[name], {name: value})

    def change_parameters(self, step: str, changes: dict[str, Any]) -> None:
        """Change parameters as one step; wrong values are told and the old ones kept."""
        try:
            recipe = self.recipe.with_parameters(**changes)
        except BackgroundPluginError as error:
            self.fail(error)
            return
        if recipe != self.recipe:
            self._step(step, recipe, self.selection)

    def use_recipe(self, recipe: Recipe) -> None:
        """Replace regions, masks and parameters."""
        to_pixels(recipe.regions, self.frame.wcs)
        self._step("Open recipe", recipe)


def _layers(recipe: Recipe) -> tuple[Any, ...]:
    """What of a recipe decides the mask, besides how sources are found."""
    shapes = [region.bare() for region in recipe.regions if region.on]
    return shapes, [content(mask) for mask in recipe.masks if mask.on], recipe.automatic
