"""What a panel shows of a session, worked out: plain frozen data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ginga_bkgplugin.recipe.errors import NoWCSError
from ginga_bkgplugin.recipe.imported import ImportedMask
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.region import PixelRegion, Point, Region, SkyRegion, common_ends
from ginga_bkgplugin.sky.maps import value_at
from ginga_bkgplugin.sky.pixels import MaskBit, reasons
from ginga_bkgplugin.sky.placing import anchor, spots, to_pixels, to_skies
from ginga_bkgplugin.sky.steps import Pass, PassRow
from ginga_bkgplugin.sky.verdict import DO_NOT_USE, GOOD, LOOK, Verdict
from ginga_bkgplugin.work.pipeline import Result

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from ginga_bkgplugin.sky.inspection import BoxReport
    from ginga_bkgplugin.work.judging import Judgement

# Colours of Okabe & Ito's palette, safe for colour blindness; later ones cover earlier ones
MASK_COLORS = {
    MaskBit.SOURCE: (240, 228, 66),
    MaskBit.SATURATED: (213, 94, 0),
    MaskBit.REGION: (86, 180, 233),
    MaskBit.IMPORTED: (0, 158, 115),
    MaskBit.INVALID: (204, 121, 167),
}
_MOST_SENTENCES = 2  # of a verdict above the panel's table: more push it out of a small window
SYMBOLS = {GOOD: "✓", LOOK: "▲", DO_NOT_USE: "✖"}
COLORS = {GOOD: "#2a752e", LOOK: "#945600", DO_NOT_USE: "#c62828"}  # 4.5 to 1 on grey


@dataclasses.dataclass(frozen=True)
class RegionRow:
    """A region in both coordinate systems, for the list; sky values None without WCS."""

    pixel: PixelRegion
    sky: SkyRegion | None
    on_sky: bool

    @property
    def sky_centre(self) -> Point | None:
        """Right ascension and declination in degrees; of points, those of the middle one."""
        return anchor(self.sky) if self.sky is not None else None

    def size(self, digits: int = 1, *, sky: bool = False) -> str:
        """The size in words, in pixels or arcseconds; – where there is no WCS."""
        region = self.sky if sky else self.pixel
        if region is None:
            return "–"
        text = " × ".join(f"{getattr(region, name):.{digits}f}" for name in region.sizes)
        points = len(spots(region))
        if points == 1:
            return text
        return f"{text} ({points} points)" if text else f"{points} points"


class RegionRows:
    """The rows of a list of regions; a row is the same object as long as its region is."""

    def __init__(self) -> None:
        self._regions: tuple[Region, ...] = ()
        self._rows: tuple[RegionRow, ...] = ()

    def of(self, regions: tuple[Region, ...], wcs: WCS | None) -> tuple[RegionRow, ...]:
        """The rows of these regions; only those that changed are worked out.

        Raises
        ------
        NoWCSError
            For a region on the sky without WCS.
        """
        if regions is not self._regions:
            first, last = common_ends(self._regions, regions)
            fresh = _rows_of(regions[first : len(regions) - last], wcs)
            after = self._rows[len(self._rows) - last :]
            self._regions, self._rows = regions, (*self._rows[:first], *fresh, *after)
        return self._rows


def _rows_of(regions: Sequence[Region], wcs: WCS | None) -> list[RegionRow]:
    pixels = to_pixels(regions, wcs)
    try:
        skies: list[SkyRegion | None] = list(to_skies(pixels, wcs))
    except NoWCSError:
        skies = [None] * len(pixels)
    rows = []
    for region, pixel, sky in zip(regions, pixels, skies, strict=True):
        on_sky = isinstance(region, SkyRegion)
        rows.append(RegionRow(pixel, region if isinstance(region, SkyRegion) else sky, on_sky))
    return rows


@dataclasses.dataclass(frozen=True)
class ViewModel:
    """Everything the panel shows, worked out."""

    title: str
    recipe: Recipe
    regions: tuple[RegionRow, ...]
    selected: int | None
    rows: tuple[PassRow, ...]
    fraction: float
    words: str
    is_error: bool
    summary: str
    saturation_hint: str
    has_wcs: bool
    has_dq: bool
    busy: bool
    ready: bool
    has_result: bool
    can_continue: bool
    can_load: bool
    selection: tuple[int, ...]
    history: tuple[str, ...]
    history_place: int
    missing_masks: tuple[ImportedMask, ...]
    judgement: Judgement | None
    stale: bool
    is_subtracted: bool


@dataclasses.dataclass(frozen=True)
class FindingRow:
    """One line of a verdict, in words."""

    word: str
    name: str
    found: str
    limit: str
    sentence: str


def verdict_words(view: ViewModel) -> str:
    """The verdict in words, the worst of it; empty where there is no result to judge."""
    if view.judgement is None:
        return "Judging …" if view.has_result and not view.is_error else ""
    words = view.judgement.verdict.words(_MOST_SENTENCES)  # the tab lists them all
    return f"Of the last run: {words}" if view.stale else words


def finding_rows(verdict: Verdict) -> list[FindingRow]:
    """The numbers of a verdict, one line for everything looked at."""
    return [
        FindingRow(
            line.word,
            line.name,
            _number(line.value, line.unit, line.error),
            _number(line.limit, line.unit).lstrip("+"),
            line.sentence,
        )
        for line in verdict.lines
    ]


def _number(value: float, unit: str, error: float = 0.0) -> str:
    if not math.isfinite(value):
        return "–"
    if unit == "share":
        return f"{abs(value) if abs(value) < 5e-4 else value:.1%}"
    within = f" ± {error:.2g}" if math.isfinite(error) and error > 0 else ""
    return f"{value:+.3g}{within} σ" if unit == "sigma" else f"{value:.3g}{within}"


def statistics_words(judgement: Judgement) -> str:
    """The residual in numbers."""
    found = judgement.statistics
    return (
        f"Residual of {found.count} free pixels: mean {found.mean:.4g}, median {found.median:.4g},"
        f" sigma {found.sigma:.4g}, MAD {found.mad:.4g}, skew {found.skew:.3g}"
    )


def summary_words(result: Result) -> str:
    """The result in one line."""
    fit = result.fit
    return (
        f"Background {fit.globalback:.6g}, rms {fit.globalrms:.4g},"
        f" {result.masked_fraction:.1%} masked, {model_words(result)}"
    )


def model_words(result: Result) -> str:
    """How many boxes were measured, and what the model made of the others."""
    fit, background = result.fit, result.recipe.background
    if not background.modelled:
        if fit.boxes == 1:
            return "one box as large as the image"
        smoothly = " smoothly" if background.fills_smoothly else ""
        return f"{fit.filled} of {fit.boxes} boxes filled{smoothly}"
    name = {"constant": "one constant", "plane": "a plane"}.get(
        background.model, f"a polynomial of degree {background.model.removeprefix('poly')}"
    )
    return f"{name} from {fit.boxes - fit.filled} of {fit.boxes} boxes"


def pixel_words(
    data: npt.NDArray[Any], shown: Pass | Result | None, boxes: BoxReport | None, x: int, y: int
) -> str:
    """Image, subtracted, background, rms, mask reason, box; nothing off the image.

    Parameters
    ----------
    data : ndarray, shape (ny, nx)
        The image.
    shown : Pass, Result or None
        Whose maps to read; None: there are none yet.
    boxes : BoxReport or None
        The mesh, where it was looked at.
    x, y : int
        0-based pixel.
    """
    ny, nx = data.shape
    if not (0 <= x < nx and 0 <= y < ny):
        return ""
    value = float(data[y, x])
    if shown is None:
        return f"({x}, {y})  image {value:.6g}"
    fit, why = shown.fit, reasons(int(shown.mask[y, x]))
    level, rms = (value_at(sky_map, y, x) for sky_map in (fit.level_map, fit.rms_map))
    box = boxes.at(x, y) if boxes is not None else None
    made = "" if box is None else "  measured box" if box.measured else "  filled box"
    return (
        f"({x}, {y})  image {value:.6g}  sub {value - level:.4g}  bkg {level:.6g}"
        f"  rms {rms:.4g}  {why}{made}"
    )


def done_words(result: Result) -> str:
    """What to say when a run is done; how good the map is, the verdict says."""
    fit, rows, background = result.fit, result.rows, result.recipe.background
    words = "Done."
    if rows:
        words = f"Done after {len(rows)} pass{'es' if len(rows) > 1 else ''}"
        smooth = background.method == "smooth"
        new = ", the sky no longer moves." if smooth else ", nothing new in the last."
        words += new if result.stable else "."
    if fit.unphysical:
        words += (
            f" Look: the rms map is not above 0 at {fit.unphysical} pixels, where it swings beside"
            " filled boxes. Mask less there, or use a larger box or a constant."
        )
    return words
