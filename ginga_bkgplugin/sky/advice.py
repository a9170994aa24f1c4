"""Advice: which parameter to change, to what, and why, from what a run left.

Advice is given where something was found wrong, or where it is known to go wrong; a good result
gets none. Every piece is a change of parameters, for ``recipe.with_parameters(**advice.changes)``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.sky.inspection import BoxReport
from ginga_bkgplugin.sky.maps import Nodes, at_centres
from ginga_bkgplugin.sky.nodes import polynomial_surface
from ginga_bkgplugin.sky.residuals import BLOCK, Residual
from ginga_bkgplugin.sky.saturation import PILE, pile_up
from ginga_bkgplugin.sky.verdict import Verdict

if TYPE_CHECKING:
    from ginga_bkgplugin.recipe.recipe import Recipe
    from ginga_bkgplugin.sky.background import SkyFit

NEXT_MODEL = {"constant": "plane", "plane": "poly2", "poly2": "poly3", "poly3": "mesh",
              "poly4": "mesh"}  # fmt: skip
_MODELS = (("plane", "A plane"), ("poly2", "A polynomial of degree 2"),
           ("poly3", "A polynomial of degree 3"))  # fmt: skip
_ISOPHOTE = 0.5  # of the noise of a pixel: how far a source reaches
_LEAST_PEAK = 3.0  # of the noise of a pixel, of a source worth advice
_LEAST_MIDDLE = 1.2  # its median inside the circle: structure of the sky is flatter
_MOST_OF_FRAME = 0.6  # wider is sky
_FEWEST_BOXES = 6  # along a side that a larger box leaves
_PLAIN = 0.3  # of the noise: what a model may leave of the map away from sources


@dataclasses.dataclass(frozen=True)
class Advice:
    """One change of parameters.

    Attributes
    ----------
    words : str
        What to do, short enough for a button.
    why : str
        The reason, a sentence with its numbers.
    changes : dict
        Parameters by name, for `Recipe.with_parameters`.
    """

    words: str
    why: str
    changes: dict[str, Any]

    @property
    def sentence(self) -> str:
        """What to try and why."""
        return f"Try: {self.words}. {self.why}"


@dataclasses.dataclass(frozen=True)
class Extent:
    """The largest source, masked or not.

    Attributes
    ----------
    x, y : float
        The middle of the largest circle inside it, pixels.
    radius : float
        Of that circle.
    masked : float
        Share of the circle's pixels that are masked.
    """

    x: float
    y: float
    radius: float
    masked: float


def advise(
    data: Any,
    recipe: Recipe,
    fit: SkyFit,
    boxes: BoxReport,
    residual: Residual,
    verdict: Verdict,
    saturation_level: float | None = None,
) -> tuple[Advice, ...]:
    """What to change, the most telling first.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        The image.
    recipe : Recipe
        What was run.
    fit, boxes, residual, verdict
        What came out.
    saturation_level : float, optional
        What was used: the recipe's, or the header's. None: neither says.
    """
    wrong = {finding.name for finding in verdict.complaints}
    largest = largest_source(residual, boxes, fit)
    found = [
        *_no_sources(recipe, wrong),
        *_method(recipe, wrong),
        *_box(recipe, residual, boxes, wrong, largest),
        *_model(recipe, boxes, wrong),
        *_masking(recipe, residual, boxes, wrong),
        *_filter(recipe, residual),
        *_saturation(data, fit, residual, saturation_level),
    ]
    return tuple(_possible(recipe, found))


def _possible(recipe: Recipe, found: list[Advice]) -> Iterator[Advice]:
    """Advice that changes the recipe, each change once."""
    seen: list[dict[str, Any]] = []
    for advice in found:
        try:
            changed = recipe.with_parameters(**advice.changes)
        except ParameterError:
            continue
        if changed != recipe and advice.changes not in seen:
            seen.append(advice.changes)
            yield advice


def _no_sources(recipe: Recipe, wrong: set[str]) -> Iterator[Advice]:
    left = {"faint light", "bright pixels", "hills"} & wrong
    if recipe.automatic and recipe.source.passes == 0 and left:
        why = "Sources are left in the free sky, and none were looked for: passes is 0."
        yield Advice("Mask sources: 3 passes", why, {"passes": 3})


def _method(recipe: Recipe, wrong: set[str]) -> Iterator[Advice]:
    background = recipe.background
    if background.method == "smooth":
        if "faint light" in wrong and recipe.source.passes and recipe.smooth.low_sigma > 1.5:
            why = "Faint sources are left in the free sky: a lower threshold masks more of them."
            yield Advice("Lower low_sigma to 1.5", why, {"low_sigma": 1.5})
        return
    if "filling" in wrong and background.fill == "nearest":
        why = "SEP fills masked boxes in steps from the nearest ones; the sky changes more."
        yield Advice("Fill boxes smoothly", why, {"fill": "smooth"})
    if {"faint light", "bias"} & wrong:
        why = "SEP's mode is drawn by faint sources and by skewed noise; smooth masks deeper."
        yield Advice("Use the method smooth", why, {"method": "smooth"})


def _box(
    recipe: Recipe, residual: Residual, boxes: BoxReport, wrong: set[str], largest: Extent | None
) -> Iterator[Advice]:
    box, background = recipe.background.box_size, recipe.background
    if largest is None or box >= 2 * largest.radius or not _is_mesh(recipe):
        return
    steps = background.method == "sep" and background.fill == "nearest" and boxes.farthest > 1
    hurt = {"rings", "under masks", "hills"} & wrong
    if largest.masked >= 0.5:
        hurt |= {"filling"} & wrong
    if not (hurt or (steps and largest.masked >= 0.5)):
        return
    why = (
        f"box {box} < 2 x {largest.radius:.0f}, the radius of the source at {largest.x:.0f},"
        f" {largest.y:.0f}: the mesh can follow its light."
    )
    larger = int(2 ** np.ceil(np.log2(2 * largest.radius)))
    if min(residual.shape) >= _FEWEST_BOXES // 2 * larger:
        yield Advice(f"Box size {larger}", why, {"box_size": larger})
    yield from _plain(boxes, residual, largest, why)


def _plain(boxes: BoxReport, residual: Residual, largest: Extent, why: str) -> Iterator[Advice]:
    """The model of lowest degree that describes the map away from the source."""
    y, x = boxes.grid.centres()
    away = np.hypot(y[:, np.newaxis] - largest.y, x - largest.x) > 1.5 * largest.radius
    weights = (boxes.measured & away).astype(float)
    for degree, (model, words) in enumerate(_MODELS, start=1):
        if np.count_nonzero(weights) < 2 * (degree + 1) * (degree + 2):
            return
        left = (boxes.level - polynomial_surface(boxes.level, weights, degree))[weights > 0]
        if float(np.sqrt(np.mean(left**2))) < _PLAIN * residual.sigma:
            yield Advice(words, why, {"model": model})
            return


def _model(recipe: Recipe, boxes: BoxReport, wrong: set[str]) -> Iterator[Advice]:
    background = recipe.background
    if not background.is_2d:
        if "large scale" in wrong:
            why = "One constant leaves structure in the sky."
            yield Advice("2-D background", why, {"is_2d": True})
        return
    if background.modelled:
        if "large scale" in wrong:
            higher = NEXT_MODEL[background.model]
            why = f"The model {background.model} leaves structure in the sky."
            yield Advice(f"Model {higher}", why, {"model": higher})
        return
    if "boxes" in wrong:
        few = boxes.measured.size - boxes.filled
        model = "constant" if few < 12 else "plane"
        why = f"Only {few} of {boxes.measured.size} boxes were measured, too few for a mesh."
        yield Advice(f"A {model}", why, {"model": model})


def _masking(
    recipe: Recipe, residual: Residual, boxes: BoxReport, wrong: set[str]
) -> Iterator[Advice]:
    if not recipe.automatic or not recipe.source.passes:
        return
    why = (
        f"{residual.masked:.0%} of the frame is masked and"
        f" {boxes.filled} of {boxes.measured.size} boxes are filled."
    )
    over = {"masked", "boxes"} & wrong
    if recipe.background.method == "smooth":
        growth = recipe.smooth.growth
        if over and growth > 1.2:
            yield Advice("Grow masks less", why, {"growth": max(1.2, round(growth * 0.6, 2))})
        elif "rings" in wrong and not over and recipe.smooth.most_coverage < 0.8:
            why = "Light is left round masks, whose growth is held back by the most coverage."
            yield Advice("Let masks cover 80 %", why, {"most_coverage": 0.8})
        return
    factor = recipe.source.mask_radius_factor
    if over and factor > 1:
        less = max(1.0, round(factor * 0.6, 1))
        yield Advice("Grow masks less", why, {"mask_radius_factor": less})
    elif "rings" in wrong and not over:
        why = "Light is left round masks: larger discs cover more of it."
        yield Advice("Grow masks more", why, {"mask_radius_factor": round(factor * 1.5, 1)})


def _filter(recipe: Recipe, residual: Residual) -> Iterator[Advice]:
    background, shortest = recipe.background, min(residual.shape)
    if background.method != "sep" or background.filter_size == 1 or not background.is_2d:
        return
    span = background.filter_size * background.box_size
    if background.filter_size > 3 and 2 * span > shortest:
        why = (
            f"The median filter spans {span} px, more than half of the frame: it flattens the sky."
        )
        yield Advice("Filter size 3", why, {"filter_size": 3})


def _saturation(
    data: Any, fit: SkyFit, residual: Residual, stated: float | None
) -> Iterator[Advice]:
    level = pile_up(data, fit.globalback, residual.sigma)
    if level is None or (stated is not None and stated <= level * (1 + 2 * PILE)):
        return
    said = "the header says nothing" if stated is None else f"{stated:.6g} was used"
    why = f"Pixels pile up above {level:.6g}, and {said}: saturated stars need larger masks."
    yield Advice(f"Saturation level {level:.6g}", why, {"saturation_level": level})


def _is_mesh(recipe: Recipe) -> bool:
    return recipe.background.is_2d and not recipe.background.modelled


def largest_source(residual: Residual, boxes: BoxReport, fit: SkyFit) -> Extent | None:
    """The widest source above a smooth surface through the map, whether masked or not.

    Its width is that of the largest circle inside its isophote: stars that touch do not add up.
    """
    from scipy import ndimage  # late: the command line starts sooner

    if residual.sigma <= 0 or min(residual.total.shape) < 4:
        return None
    count = residual.count + residual.hidden
    with np.errstate(invalid="ignore", divide="ignore"):
        image = (residual.total + residual.light) / count
    signal = (np.where(count > 0, image, 0.0) + _rise(residual, boxes, fit)) / residual.sigma
    labels, number = ndimage.label(ndimage.uniform_filter(signal, 3) > _ISOPHOTE)
    if not number:
        return None
    peaks = np.full(number + 1, -np.inf)
    np.maximum.at(peaks, labels, signal)
    bad = (peaks < _LEAST_PEAK) | (np.bincount(labels.ravel()) > _MOST_OF_FRAME * labels.size)
    inside = ndimage.binary_fill_holes((labels > 0) & ~bad[labels])
    inside = np.pad(inside, 1)  # cores beyond all clipping were holes
    depth = ndimage.distance_transform_edt(inside)[1:-1, 1:-1]
    j, i = np.unravel_index(int(np.argmax(depth)), depth.shape)
    radius = float(depth[j, i])
    if radius < 1:
        return None
    y, x = np.ogrid[: depth.shape[0], : depth.shape[1]]
    circle = np.hypot(y - j, x - i) <= radius
    if np.median(signal[circle]) < _LEAST_MIDDLE:
        return None
    hidden = float(residual.hidden[circle].sum() / max(count[circle].sum(), 1))
    middle = (BLOCK - 1) / 2
    return Extent(float(i * BLOCK + middle), float(j * BLOCK + middle), radius * BLOCK, hidden)


def _rise(residual: Residual, boxes: BoxReport, fit: SkyFit) -> Nodes:
    """How far the map stands above a robust surface of degree two, at the blocks."""
    weights = np.where(boxes.measured, 1.0, 0.0)
    if not weights.any():
        weights[:] = 1.0
    for _ in range(4):
        off = boxes.level - polynomial_surface(boxes.level, weights, 2)
        scatter = 1.4826 * float(np.median(np.abs(off[weights > 0])))
        weights = np.where(boxes.measured & (np.abs(off) <= 3 * scatter + 1e-9 * residual.sigma),
                           1.0, 0.0)  # fmt: skip
        if not weights.any():
            return np.zeros(residual.total.shape)
    lift = boxes.grid.map(off, residual.shape)
    y, x = (
        np.minimum(np.arange(n) * BLOCK + (BLOCK - 1) / 2, size - 1.0)
        for n, size in zip(residual.total.shape, residual.shape, strict=True)
    )
    return at_centres(lift, y, x)
