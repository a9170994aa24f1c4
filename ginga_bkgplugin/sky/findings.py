"""What speaks for or against a background, line by line.

Each line is a function from what was measured to a number, its error, a limit and a sentence with
a cure. A line speaks up only when its number is both sure (beyond what noise does in all places
looked at) and large enough to matter. The reasons for the limits: docs/judging.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ginga_bkgplugin.sky.evidence import (
    Hill,
    LargeScale,
    Pattern,
    bright_pixels,
    faint_blocks,
    filling_error,
    large_scale,
    line_pattern,
    map_hill,
    surely,
)
from ginga_bkgplugin.sky.inspection import BoxReport
from ginga_bkgplugin.sky.residuals import Residual, clipped_sigma
from ginga_bkgplugin.sky.rings import Bump, Ring
from ginga_bkgplugin.sky.verdict import GOOD, LOOK, WORDS, Finding, Verdict, graded

if TYPE_CHECKING:
    from ginga_bkgplugin.recipe.parameters import BackgroundParameters
    from ginga_bkgplugin.sky.background import SkyFit

# (look here, do not use): in units of the noise of a pixel unless said; docs/judging.md has why
BIAS = 0.1, 0.5
LARGE_SCALE = 0.1, 0.25
WORST_CELL = 0.3, 2.0
PATTERN = 0.1, 0.5
RING = 0.2, 1.0
BUMP = 0.3, 2.0
HILL = 1.0, 3.0
FILLING = 0.2, 1.0
FAINT = 0.03, 0.15
BRIGHT_SHARE = 0.01, 0.05  # of the free pixels
RMS_OFF = 0.1, 0.5  # of the rms
FILLED_SHARE = 0.6, 0.9  # of the boxes
UNTESTED_SHARE = 0.2, 2.0  # of the boxes, filled, where the filling cannot be tested
MASKED_SHARE = 0.8, 0.95  # of the frame
_LEAST_GOOD = 0.3  # of a box, to tell how the sky changes


def judge_sky(
    residual: Residual,
    boxes: BoxReport,
    rings: Sequence[Ring],
    bumps: Sequence[Bump],
    fit: SkyFit,
    background: BackgroundParameters,
) -> Verdict:
    """Put all lines together.

    Parameters
    ----------
    residual : Residual
        Of `measure_residual`.
    boxes : BoxReport
        Of `inspect_boxes`.
    rings, bumps : sequence
        Of `look_at_rings` and `look_under`.
    fit : SkyFit
    background : BackgroundParameters
        What the fit was made with.
    """
    return Verdict(
        (
            judge_masked(residual),
            judge_boxes(boxes, background),
            judge_filling(boxes, residual.sigma, background),
            judge_bias(residual),
            judge_faint(residual),
            judge_bright(residual),
            judge_large_scale(large_scale(residual, background.box_size)),
            judge_pattern("rows", line_pattern(residual, 0)),
            judge_pattern("columns", line_pattern(residual, 1)),
            judge_rings(rings),
            judge_bumps(bumps),
            judge_hills(map_hill(boxes, residual.sigma)),
            judge_rms(residual, fit.unphysical),
        )
    )


def judge_masked(residual: Residual) -> Finding:
    """How much of the frame is masked or invalid."""
    share = residual.masked
    word = graded(share, MASKED_SHARE)
    said = f"{share:.0%} of the frame is masked."
    cure = " Little sky is left: mask less, raise the thresholds, or take a constant or a plane."
    return Finding(
        "masked", word, said + cure * (word != GOOD), share, 0.0, MASKED_SHARE[0], "share"
    )


def judge_boxes(boxes: BoxReport, background: BackgroundParameters) -> Finding:
    """How many boxes were measured; few are enough for a constant."""
    share = boxes.filled / boxes.measured.size
    constant = not background.is_2d or background.model == "constant"
    word = GOOD if constant else graded(share, FILLED_SHARE)
    said = boxes.words()
    said = f"{said[0].upper()}{said[1:]}."
    cure = " Most of the map is no measurement: mask less, or take larger boxes or a plane."
    return Finding(
        "boxes", word, said + cure * (word != GOOD), share, 0.0, FILLED_SHARE[0], "share"
    )


def judge_filling(boxes: BoxReport, sigma: float, background: BackgroundParameters) -> Finding:
    """How wrong the filled boxes may be, from how the measured sky changes over such distances."""
    stepped = background.method == "sep" and background.fill == "nearest"
    away = int(np.max(boxes.distance[boxes.distance > 0], initial=0))
    value = float("nan")
    if away and background.is_2d and not background.modelled and sigma > 0:
        known = boxes.measured & (boxes.good >= _LEAST_GOOD) & np.isfinite(boxes.mean)
        value = filling_error(boxes.mean / sigma, known, away, stepped=stepped)
    word = graded(value, FILLING)
    if np.isnan(value):
        said = "Nothing had to be filled."
        if away:
            said = "Too little is measured to tell how good the filling is."
            word = graded(boxes.filled / boxes.measured.size, UNTESTED_SHARE)
    else:
        far = "the next box" if away == 1 else f"up to {away} boxes away"
        said = f"Filled from {far}, where the sky may differ by {value:.2f} sigma."
    cure = " Choose fill smooth, the method smooth, or a plane." if stepped else (
        " Take larger boxes, or a plane or a polynomial."
    )  # fmt: skip
    return Finding("filling", word, said + cure * (word != GOOD), value, 0.0, FILLING[0])


def judge_bias(residual: Residual) -> Finding:
    """Mean of the free sky after subtraction."""
    pixels = float(residual.count.sum())
    if not pixels or residual.sigma <= 0:
        return _unseen("bias", BIAS[0])
    value = float(residual.total.sum()) / pixels / residual.sigma
    error = float(residual.error(pixels)) / residual.sigma
    word = graded(surely(value, error, 1), BIAS)
    said = f"The free sky is left at {value:+.3f} ± {error:.3f} sigma."
    cure = " Mask more of the sources, or use the method smooth." if value > 0 else (
        " The map is too high: mask more of the sources; if it is structure, take smaller boxes."
    )  # fmt: skip
    return Finding("bias", word, said + cure * (word != GOOD), value, error, BIAS[0])


def judge_faint(residual: Residual) -> Finding:
    """Light of sources no mask covers, from the blocks of pixels that stand out upwards only."""
    value, error = faint_blocks(residual)
    word = graded(surely(max(value, 0.0), error, 1), FAINT)
    said = "No light of unmasked faint sources is seen."
    if word != GOOD:
        said = f"Unmasked faint sources leave {value:+.3f} sigma in the free sky."
    cure = (
        " The map may be three times as much too high: lower sigma or low_sigma, grow the masks."
    )
    return Finding("faint light", word, said + cure * (word != GOOD), value, error, FAINT[0])


def judge_bright(residual: Residual) -> Finding:
    """Share of free pixels above 3 sigma, less those below -3: stars or hot pixels left."""
    value, error = bright_pixels(residual)
    word = graded(surely(max(value, 0.0), error, 1), BRIGHT_SHARE)
    said = f"{max(value, 0.0):.2%} of the free pixels are bright beyond noise."
    cure = " Sources or hot pixels are not masked: lower sigma, or more passes."
    return Finding(
        "bright pixels", word, said + cure * (word != GOOD), value, error, BRIGHT_SHARE[0], "share"
    )


def judge_large_scale(found: LargeScale) -> Finding:
    """What the map misses in cells of box size and more."""
    word = max(graded(found.excess, LARGE_SCALE), graded(found.worst, WORST_CELL), key=WORDS.index)
    said = f"Cells of {found.side} px scatter {found.excess:.3f} sigma beyond noise."
    if not np.isfinite(found.excess):
        said = "Too few free cells to see large structure."
    elif found.worst > 0:
        said += f" Worst at {found.x:.0f}, {found.y:.0f}: {found.sign * found.worst:+.2f} sigma."
    cure = " Take smaller boxes or a model of higher degree."
    if found.worst > 0 and found.sign > 0:
        cure = " Mask the light there; if it is sky, take smaller boxes or a higher degree."
    return Finding(
        "large scale", word, said + cure * (word != GOOD), found.excess, found.error,
        LARGE_SCALE[0],
    )  # fmt: skip


def judge_pattern(name: str, found: Pattern) -> Finding:
    """Rows or columns off from their neighbours: banding."""
    word = graded(found.excess, PATTERN)
    said = f"The {name} scatter {found.excess:.3f} sigma beyond noise."
    cure = " Read-out pattern: no sky model follows it; correct it before."
    return Finding(name, word, said + cure * (word != GOOD), found.excess, found.error, PATTERN[0])


def judge_rings(rings: Sequence[Ring]) -> Finding:
    """The sky just outside what is masked."""
    sure = [(surely(ring.excess, ring.error, len(rings)), ring) for ring in rings]
    words = [graded(size, RING) for size, _ in sure]
    bad = [ring for (_, ring), word in zip(sure, words, strict=True) if word != GOOD]
    worst = max(rings, key=lambda ring: abs(ring.excess), default=None)
    if worst is None:
        return _unseen("rings", RING[0], "No mask with enough free sky round it.")
    if not bad:
        said = f"No light leaks out of the {len(rings)} largest masks."
        return Finding("rings", GOOD, said, worst.excess, worst.error, RING[0])
    bad.sort(key=lambda ring: -abs(ring.excess))
    told = [_ring_words(ring) for ring in bad[:3]]
    if len(bad) > 3:
        told.append(f"{len(bad) - 3} more.")
    word = max(words, key=WORDS.index)
    return Finding("rings", word, " ".join(told), bad[0].excess, bad[0].error, RING[0])


def _ring_words(ring: Ring) -> str:
    cure = "grow it" if ring.region is not None else "mask it by hand, or grow more"
    if ring.excess < 0:
        cure = "the map took its light: mask more, or take larger boxes"
    return f"Ring round {ring.name}: {ring.excess:+.2f} sigma, {cure}."


def judge_bumps(bumps: Sequence[Bump]) -> Finding:
    """The map under large masks, beside its surroundings."""
    sure = [(surely(max(bump.height, 0.0), bump.error, len(bumps)), bump) for bump in bumps]
    if not sure:
        return _unseen(
            "under masks", BUMP[0], "No mask larger than the boxes has measured sky on all sides."
        )
    size, worst = max(sure, key=lambda each: each[0])
    word = graded(size, BUMP)
    if word == GOOD:
        said = "The map does not rise under large masks."
        worst = max(bumps, key=lambda bump: bump.height)
    else:
        said = (
            f"The map rises by {worst.height:.2f} sigma under {worst.name}: its light was taken"
            " for sky. Grow the mask, or take larger boxes or a plane."
        )
    return Finding("under masks", word, said, worst.height, worst.error, BUMP[0])


def judge_hills(hill: Hill) -> Finding:
    """A hill of the map, narrow beside the frame: light of an object taken for sky."""
    word = graded(hill.height, HILL)
    said = f"The map has no hill: at most {hill.height:+.2f} sigma above a smooth surface."
    if not np.isfinite(hill.height):
        said = "Too few boxes to look for hills of the map."
    elif word != GOOD:
        said = (
            f"The map has a hill of {hill.height:+.2f} sigma at {hill.x:.0f}, {hill.y:.0f}: is it"
            " sky? If it is an object, mask it, or take larger boxes or a plane."
        )
    return Finding("hills", word, said, hill.height, hill.error, HILL[0])


def judge_rms(residual: Residual, unphysical: int = 0) -> Finding:
    """Sigma of the residual over the rms map."""
    ratio = clipped_sigma(residual.normalised, 1.0)
    if not residual.normalised.size or ratio <= 0:
        return _unseen("rms", RMS_OFF[0], "The rms map cannot be tested.")
    error = float(np.sqrt(residual.correlation / 2 / residual.normalised.size))
    word = graded(surely(ratio - 1, error, 1), RMS_OFF)
    said = f"The noise is {ratio:.3f} ± {error:.3f} times the rms map."
    cure = " Errors and thresholds in sigma are off by as much."
    if unphysical:
        word = max(word, LOOK, key=WORDS.index)
        cure = f" The rms map is not above 0 at {unphysical} pixels: mask less there." + cure
    return Finding(
        "rms", word, said + cure * (word != GOOD), ratio, error, 1 + RMS_OFF[0], "ratio"
    )


def _unseen(name: str, limit: float, said: str = "There is no free sky to measure.") -> Finding:
    return Finding(name, GOOD, said, float("nan"), float("nan"), limit)
