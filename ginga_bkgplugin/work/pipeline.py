"""From an image and a recipe to mask and maps, step by step. Every door ends here."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.files.identity import checksum
from ginga_bkgplugin.recipe.errors import ImageError, ParameterError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.background import SkyFit
from ginga_bkgplugin.sky.binning import BlockMask, full_mask
from ginga_bkgplugin.sky.layers import AUTOMATIC, compose
from ginga_bkgplugin.sky.masking import invalid_bits, iterate_source_mask
from ginga_bkgplugin.sky.pixels import BoolImage, MaskImage, as_sky_array, check_image
from ginga_bkgplugin.sky.placing import to_pixels
from ginga_bkgplugin.sky.raster import Drawn, draw
from ginga_bkgplugin.sky.smooth import Smoother
from ginga_bkgplugin.sky.steps import Pass, PassRow, Stage

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from ginga_bkgplugin.files.frames import Frame


@dataclasses.dataclass(frozen=True)
class Result:
    """What a recipe made of an image.

    Attributes
    ----------
    recipe : Recipe
        The recipe that was run.
    layers : ndarray of uint8 or BlockMask
        What the mask is made from.
    fit : SkyFit
        Background and rms maps and their summary.
    rows : tuple of PassRow
        One for each pass.
    saturation_level : float or None
        The level that was used.
    """

    recipe: Recipe
    layers: MaskImage | BlockMask
    fit: SkyFit
    rows: tuple[PassRow, ...]
    saturation_level: float | None

    @functools.cached_property
    def mask(self) -> MaskImage:
        """The mask, all bits of `MaskBit`, shape (ny, nx), read-only."""
        return full_mask(self.layers)

    @property
    def masked_fraction(self) -> float:
        """Share of the pixels that are masked."""
        if self.rows:
            return self.rows[-1].masked_fraction
        return int(np.count_nonzero(self.mask)) / self.mask.size

    @functools.cached_property
    def mask_sum(self) -> str:
        """The checksum of the mask; see `files.identity`."""
        return checksum(self.layers)

    @property
    def stable(self) -> bool:
        """Whether another pass would change nothing: the last masked no new pixel.

        With the method ``smooth``, whether it stopped before its passes were used up: another
        would move the background by less than 0.005 of the noise, or to where it was before.
        """
        if self.recipe.background.method == "smooth":
            return 0 < len(self.rows) < self.recipe.source.passes
        return bool(self.rows) and self.rows[-1].new_pixels == 0


@dataclasses.dataclass(frozen=True)
class Start:
    """Where to go on from: the mask after earlier passes, and their rows."""

    mask: MaskImage
    rows: tuple[PassRow, ...]


@dataclasses.dataclass(frozen=True)
class Work:
    """What to run now; answers carry its serial."""

    serial: int
    recipe: Recipe
    start: Start | None
    imported: BoolImage | None = None


Step = Stage | Pass | Result


class Memory:
    """What the last run of the method ``smooth`` leaves for a second look.

    Attributes
    ----------
    recipe : Recipe or None
        What was run.
    smoother : Smoother or None
        The frame as that run left it.
    """

    def __init__(self) -> None:
        self.recipe: Recipe | None = None
        self.smoother: Smoother | None = None


def run(
    data: Any,
    recipe: Recipe,
    *,
    wcs: WCS | None = None,
    dq: npt.ArrayLike | None = None,
    saturation_level: float | None = None,
    start: Start | None = None,
    imported: BoolImage | None = None,
    memory: Memory | None = None,
) -> Iterator[Step]:
    """Run a recipe on an image.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        The image, any real type; not changed.
    recipe : Recipe
        Regions and parameters.
    wcs : astropy.wcs.WCS, optional
        Needed for regions on the sky.
    dq : array_like of int, optional
        Data quality, used with ``use_dq``.
    saturation_level : float, optional
        Used where the recipe gives none, e.g. the header's.
    start : Start, optional
        Go on after earlier passes of the same recipe; gives the same bytes as all passes in
        one run, since a pass depends on the mask before it only.
    imported : ndarray of bool, shape (ny, nx), optional
        What the recipe's masks from files say, see `read_masks`; files are never followed here.
    memory : Memory, optional
        Keeps what `second_look` needs.

    Yields
    ------
    Stage
        What is being done, and the fraction behind it.
    Pass
        After the first fit and after each pass, for display.
    Result
        Last.

    Raises
    ------
    BackgroundPluginError
        ImageError, NoWCSError, SkyFitError, DetectionError (of the method ``sep``), or
        ParameterError where the recipe has masks from files and `imported` is not given.
    """
    yield Stage("Looking for invalid pixels", 0.0)
    smooth = recipe.background.method == "smooth"
    pixels = check_image(data) if smooth else as_sky_array(data)  # smooth reads it in strips
    level = recipe.source.saturation_level
    level = saturation_level if level is None else level
    source = recipe.source if recipe.automatic else recipe.source.replace(passes=0)
    drawn = draw((pixels.shape[0], pixels.shape[1]), to_pixels(recipe.regions, wcs))
    rows: list[PassRow] = []
    if start is None:
        mask = _manual_mask(pixels, recipe, drawn, dq, imported)
    else:
        mask = start.mask
        rows.extend(start.rows)
    last: Pass | None = None
    if memory is not None:
        memory.recipe = memory.smoother = None
    if smooth:
        if rows:
            mask = mask & ~np.uint8(AUTOMATIC)  # each pass looks anew
            rows.clear()
        smoother = Smoother(
            pixels, mask, source, recipe.background, recipe.smooth,
            saturation_level=level, keep=drawn.erased,
        )  # fmt: skip
        steps = smoother.passes()
    else:
        steps = iterate_source_mask(
            pixels, mask, source, recipe.background,
            saturation_level=level, first=len(rows) + 1, keep=drawn.erased,
        )  # fmt: skip
    for step in steps:
        if isinstance(step, Pass):
            last = step
            if step.row is not None:
                rows.append(step.row)
        yield step
    assert last is not None
    if memory is not None and smooth:
        memory.recipe, memory.smoother = recipe, smoother
    yield Result(recipe, last.layers, last.fit, tuple(rows), level)


def _manual_mask(
    pixels: npt.NDArray[Any],
    recipe: Recipe,
    drawn: Drawn,
    dq: npt.ArrayLike | None,
    imported: BoolImage | None,
) -> MaskImage:
    """The mask before any source is looked for."""
    wanted = [mask.path for mask in recipe.masks if mask.on]
    if wanted and imported is None:
        raise ParameterError(
            f"The recipe wants masks from files ({', '.join(wanted)}), which are read only where"
            " you name them: see read_masks, or --mask."
        )
    if imported is not None and imported.shape != pixels.shape:
        raise ImageError(f"The mask has shape {imported.shape}, the image {pixels.shape}.")
    bits = invalid_bits(pixels, recipe.invalid, dq=dq)
    return compose(drawn, bits, imported if wanted else None, out=bits)


def second_look(
    memory: Memory, recipe: Recipe, *, wcs: WCS | None = None, imported: BoolImage | None = None
) -> Pass | None:
    """The sky after regions were moved, with the sources of the last run; see `Smoother.refit`.

    For display while an astronomer draws: `run` is what decides, and may find other sources.

    Returns
    -------
    Pass or None
        None where the recipe differs from that of the run in more than its regions.

    Raises
    ------
    SkyFitError
        When too few boxes keep free pixels.
    """
    if memory.smoother is None or not only_regions_differ(recipe, memory.recipe):
        return None
    regions = recipe.essence.regions
    drawn = draw(memory.smoother.shape, to_pixels(regions, wcs))
    wanted = any(mask.on for mask in recipe.masks)
    return memory.smoother.refit(compose(drawn, None, imported if wanted else None), drawn.erased)


def only_regions_differ(one: Recipe, two: Recipe | None) -> bool:
    """Whether two recipes are the same but for their regions."""
    return two is not None and one.essence.with_regions() == two.essence.with_regions()


def only_passes_differ(one: Recipe, two: Recipe) -> bool:
    """Whether two recipes are the same but for their number of passes."""
    return one.essence.with_parameters(passes=0) == two.essence.with_parameters(passes=0)


def run_frame(frame: Frame, recipe: Recipe, imported: BoolImage | None = None) -> Iterator[Step]:
    """`run` on a frame, with all that its file says."""
    return run(
        frame.data, recipe, wcs=frame.wcs, dq=frame.dq, saturation_level=frame.saturation_level,
        imported=imported,
    )  # fmt: skip


def finish(steps: Iterator[Step], tell: Callable[[Step], object] | None = None) -> Result:
    """Run all steps, each told, and return the result."""
    for step in steps:
        if tell is not None:
            tell(step)
        if isinstance(step, Result):
            return step
    raise AssertionError("a pipeline ends with its result")
