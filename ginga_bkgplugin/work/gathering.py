"""What the user names beside a recipe: region files, masks, the image that was drawn on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from ginga_bkgplugin.files.frames import Frame, read_frame, split_spec
from ginga_bkgplugin.files.maskfile import SELF, read_mask, read_masks
from ginga_bkgplugin.files.masklook import recognise_mask
from ginga_bkgplugin.files.regionfile import read_regions
from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.pixels import BoolImage
from ginga_bkgplugin.work.carry import anchor_regions, count_outside


@dataclasses.dataclass(frozen=True, kw_only=True)
class Named:
    """Files the user named for a run.

    Attributes
    ----------
    regions : sequence of path
        DS9 region files; their regions come after the recipe's.
    masks : sequence of str
        FITS masks, as ``file.fits[DQ,1]``; ``self[DQ,1]`` is in each image's own file. One
        whose file name the recipe wants stands for it and is read as the recipe says.
    kind, polarity, bits
        How the other masks are to be read; see `open_mask`.
    drawn_on : path, optional
        The image the regions in pixels belong to: they are carried from it by WCS.
    """

    regions: Sequence[str | Path] = ()
    masks: Sequence[str] = ()
    kind: str | None = None
    polarity: str | None = None
    bits: Sequence[int | str] = ()
    drawn_on: str | Path | None = None

    def __post_init__(self) -> None:
        if not self.masks and (self.kind or self.polarity or self.bits):
            raise ParameterError("A kind, polarity or bits of masks needs a mask file (--mask).")


NOTHING = Named()


def gather(
    recipe: Recipe, frame: Frame, named: Named, say: Callable[[str], None]
) -> tuple[Recipe, BoolImage | None]:
    """The recipe with what the user named, and what its masks from files mask, for one image.

    Parameters
    ----------
    recipe : Recipe
        Of the recipe file and the options.
    frame : Frame
        The image it will be run on.
    named : Named
        The files.
    say : callable
        Told what was left out or lies outside.

    Raises
    ------
    BackgroundPluginError
        When a file cannot be used, or a mask the recipe wants was not named.
    """
    drawn_on = None if named.drawn_on is None else read_frame(named.drawn_on)
    regions = list(recipe.regions)
    for path in named.regions:
        found = read_regions(path, drawn_on or frame)
        for problem in found.problems:
            say(f"{Path(path).name}: {problem}")
        if found.refused and not found.regions:
            why = found.refused[0]
            raise ParameterError(f"{Path(path).name}: no region of it can be used: {why}")
        regions += found.regions
    if drawn_on is not None:
        regions = list(anchor_regions(regions, drawn_on.wcs))
    recipe = recipe.with_regions(*regions)
    outside = count_outside(regions, frame)
    if outside:
        say(f"{outside} of {len(regions)} regions lie outside the image.")
    return _with_masks(recipe, frame, named, say)


def _with_masks(
    recipe: Recipe, frame: Frame, named: Named, say: Callable[[str], None]
) -> tuple[Recipe, BoolImage | None]:
    wanted = {Path(mask.path).name for mask in recipe.masks if mask.on}
    specs = [(spec, *split_spec(spec)) for spec in named.masks]
    known = {file.name: str(file) for _, file, _ in specs if file.name in wanted}
    masks = [
        mask.replace(path=known.get(Path(mask.path).name, mask.path)) for mask in recipe.masks
    ]
    plane = read_masks(masks, frame, known.values())
    ny, nx = frame.data.shape
    for _, file, hdu in specs:
        if file.name in known:
            continue
        own = str(file) == SELF and frame.path is not None
        there = frame.path if own and frame.path else file
        look, mask = recognise_mask(there, (ny, nx), hdu, named.kind, named.polarity, named.bits)
        if look.unknown:
            say(f"{Path(there).name}: {look.unknown} pixels of it are NaN: masked too.")
        one = read_mask(mask, (ny, nx))
        masks.append(mask.replace(path=SELF) if own else mask)
        plane = one if plane is None else plane | one
    return dataclasses.replace(recipe, masks=tuple(masks)), plane
