"""Judge a result: the verdict, the boxes, advice, and what the plots beside them show."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.region import PixelRegion
from ginga_bkgplugin.sky.advice import Advice, advise
from ginga_bkgplugin.sky.findings import judge_sky
from ginga_bkgplugin.sky.inspection import BoxReport, inspect_boxes
from ginga_bkgplugin.sky.maps import Nodes
from ginga_bkgplugin.sky.placing import place
from ginga_bkgplugin.sky.residuals import Histogram, Residual, Statistics, measure_residual
from ginga_bkgplugin.sky.rings import Bump, Ring, look_at_rings, look_under, masked_objects
from ginga_bkgplugin.sky.verdict import Verdict
from ginga_bkgplugin.work.pipeline import Result

if TYPE_CHECKING:
    from astropy.wcs import WCS


@dataclasses.dataclass(frozen=True, eq=False)
class Judgement:
    """All that is told of a result.

    Attributes
    ----------
    verdict : Verdict
        The word and its lines.
    boxes : BoxReport
        Each box, measured or filled.
    advice : tuple of Advice
        What to change, if anything, and why.
    histogram : Histogram
        Of the residual in units of the rms map, and the Gaussian that map promises.
    rings : tuple of Ring
        The sky just outside the regions and the brightest sources.
    bumps : tuple of Bump
        The map under them.
    residual : Residual
        What all this comes from.
    """

    verdict: Verdict
    boxes: BoxReport
    advice: tuple[Advice, ...]
    histogram: Histogram
    rings: tuple[Ring, ...]
    bumps: tuple[Bump, ...]
    residual: Residual

    @property
    def statistics(self) -> Statistics:
        """Of the residual on the free pixels, nothing clipped, in the image's units."""
        return self.residual.statistics

    @property
    def rows(self) -> Nodes:
        """Means of the residual over the free pixels of each row, image's units, or NaN."""
        return self.residual.rows

    @property
    def columns(self) -> Nodes:
        """Means of the residual over the free pixels of each column, image's units, or NaN."""
        return self.residual.columns

    @property
    def sigma(self) -> float:
        """Noise of a pixel, image's units."""
        return self.residual.sigma

    @property
    def word(self) -> str:
        """``good``, ``look here`` or ``do not use``."""
        return self.verdict.word

    @property
    def why(self) -> str:
        """What speaks against the background, and the advice; empty for a good one without."""
        said = [line.sentence for line in self.verdict.complaints]
        return " ".join([*said, *(each.sentence for each in self.advice)])

    def row(self) -> dict[str, float | str]:
        """The judgement as a row of a table: the word, and every number by name."""
        numbers = {finding.name: finding.value for finding in self.verdict.lines}
        return {
            "word": self.word, **numbers, **dataclasses.asdict(self.statistics),
            "filled": self.boxes.filled, "boxes": self.boxes.measured.size,
        }  # fmt: skip


def judge(
    image: Frame | Any, result: Result, *, wcs: WCS | None = None, step: int | None = None
) -> Judgement:
    """Judge what a recipe made of an image.

    Reads the image twice, in strips of rows: 61 Mpix take 4 s on two slow cores.

    Parameters
    ----------
    image : Frame or array_like, shape (ny, nx)
        The image that was run, any real type; not changed.
    result : Result
        Of `run` or `load_result`.
    wcs : astropy.wcs.WCS, optional
        For regions on the sky, where `image` is no Frame. Without one those get no ring.
    step : int, optional
        As of `inspect_boxes`.

    Raises
    ------
    ImageError
        When the image is not that of the result.
    """
    data = image.data if isinstance(image, Frame) else image
    wcs = image.wcs if isinstance(image, Frame) else wcs
    recipe, fit = result.recipe, result.fit
    boxes = inspect_boxes(data, result.layers, recipe.background, fit, step=step)
    residual = measure_residual(data, result.layers, fit)
    objects = masked_objects(residual, _regions(recipe, wcs))
    rings = tuple(look_at_rings(residual, objects))
    bumps = tuple(look_under(boxes, residual.sigma, objects))
    verdict = judge_sky(residual, boxes, rings, bumps, fit, recipe.background)
    return Judgement(
        verdict=verdict,
        boxes=boxes,
        advice=advise(data, recipe, fit, boxes, residual, verdict, result.saturation_level),
        histogram=residual.histogram(),
        rings=rings,
        bumps=bumps,
        residual=residual,
    )


def _regions(recipe: Recipe, wcs: WCS | None) -> list[PixelRegion | None]:
    """The regions in pixels and in their order; None where they have no place."""
    if wcs is not None:
        return place(recipe.regions, wcs)
    return [region if isinstance(region, PixelRegion) else None for region in recipe.regions]
