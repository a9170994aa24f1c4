"""Set-up for judging: known skies, what a fit leaves of them, judged runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin import Finding, Judgement, Recipe, SkyFit, judge, run
from ginga_bkgplugin.sky.residuals import Residual, measure_residual
from ginga_bkgplugin.work.pipeline import finish

Array = npt.NDArray[Any]


def judged(data: Array, *regions: Any, level: float | None = None, **parameters: Any) -> Judgement:
    recipe = Recipe(regions=regions).with_parameters(**parameters)
    return judge(data, finish(run(data, recipe, saturation_level=level)))


def of(judgement: Judgement, name: str) -> Finding:
    return next(line for line in judgement.verdict.lines if line.name == name)


def sky(seed: int, shape: tuple[int, int] = (256, 256), sigma: float = 5.0) -> Array:
    return np.random.default_rng(seed).normal(100, sigma, shape).astype(np.float32)


def flat_fit(
    shape: tuple[int, int],
    level: float = 100.0,
    rms: float = 5.0,
    boxes: tuple[int, int] = (4, 4),
) -> SkyFit:
    """A fit that knows the sky."""
    maps = (np.full(shape, value, np.float32) for value in (level, rms))
    return SkyFit(*maps, level, rms, np.ones(boxes))


def residual_of(data: Any, mask: Any = None, rms: float = 5.0) -> Residual:
    """Of an image whose sky is 100."""
    mask = np.zeros(data.shape, np.uint8) if mask is None else mask
    return measure_residual(data, mask, flat_fit(data.shape, rms=rms))
