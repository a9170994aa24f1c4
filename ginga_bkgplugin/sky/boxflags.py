"""Where a map was measured and where it was filled, pixel by pixel, and back to the boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ginga_bkgplugin.sky.inspection import boxes_away, grid_of_fit, mesh_grid
from ginga_bkgplugin.sky.maps import Nodes
from ginga_bkgplugin.sky.pixels import MaskImage

if TYPE_CHECKING:
    from ginga_bkgplugin.recipe.parameters import BackgroundParameters
    from ginga_bkgplugin.sky.background import SkyFit

MEASURED, FARTHEST, NOTHING = 0, 254, 255


def box_flags(fit: SkyFit, background: BackgroundParameters) -> MaskImage:
    """How far each pixel's box is from a measured one.

    Parameters
    ----------
    fit : SkyFit
    background : BackgroundParameters
        What it was made with.

    Returns
    -------
    ndarray of uint8, shape (ny, nx)
        0 where the box was measured; where it was filled, or left out by a model, the boxes to the
        nearest measured one, a diagonal step counted as one, 254 at most; 255 where none was.
    """
    grid = grid_of_fit(fit, background)
    away = boxes_away(fit.measured)
    flags = np.where(away < 0, NOTHING, np.minimum(away, FARTHEST)).astype(np.uint8)
    return np.repeat(np.repeat(flags, np.diff(grid.columns), axis=1), np.diff(grid.rows), axis=0)


def flagged_fractions(
    fractions: Nodes, flags: Any, background: BackgroundParameters, least_free: float
) -> Nodes:
    """Shares of free pixels that agree with flags on what was measured.

    A mask on disk does not tell them to the last pixel: the method ``smooth`` counts free pixels
    in blocks.

    Parameters
    ----------
    fractions : ndarray of float64
        Share of free pixels in each box, from the mask.
    flags : ndarray of uint8, shape (ny, nx)
        Of `box_flags`.
    background : BackgroundParameters
    least_free : float
        Share from which on a box was measured.
    """
    y, x = mesh_grid(flags.shape, background, (fractions.shape[0], fractions.shape[1])).centres()
    measured = flags[np.ix_(y.astype(np.intp), x.astype(np.intp))] == MEASURED
    least = max(least_free, float(np.finfo(np.float64).tiny))
    agreed: Nodes = np.where(
        measured, np.maximum(fractions, least), np.minimum(fractions, np.nextafter(least, 0))
    )
    return agreed
