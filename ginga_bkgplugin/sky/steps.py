"""What a run says on its way: plain records, yielded by the generators of this layer."""

from __future__ import annotations

import dataclasses
import functools

from ginga_bkgplugin.sky.background import SkyFit
from ginga_bkgplugin.sky.binning import BlockMask, full_mask
from ginga_bkgplugin.sky.pixels import MaskImage


@dataclasses.dataclass(frozen=True)
class Stage:
    """A word on what is being done now; `fraction` of the whole work is behind it."""

    text: str
    fraction: float


@dataclasses.dataclass(frozen=True)
class PassRow:
    """One pass of detect, grow, re-fit, in numbers.

    Attributes
    ----------
    index : int
        1 for the first pass.
    sources, saturated : int
        Found in this pass, and how many of them reach the saturation level.
    new_pixels : int
        Masked by this pass and free before it.
    masked_fraction : float
        Share of the frame that is masked after it, whatever the reason.
    globalback, globalrms : float
        The sky fitted after it.
    """

    index: int
    sources: int
    saturated: int
    new_pixels: int
    masked_fraction: float
    globalback: float
    globalrms: float


@dataclasses.dataclass(frozen=True)
class Pass:
    """A pass, its mask and the sky after it.

    Attributes
    ----------
    row : PassRow or None
        None for the start and for the end.
    layers : ndarray of uint8 or BlockMask
        What the mask is made from.
    fit : SkyFit
    """

    row: PassRow | None
    layers: MaskImage | BlockMask
    fit: SkyFit

    @functools.cached_property
    def mask(self) -> MaskImage:
        """The mask, all bits, shape (ny, nx), read-only; made when first asked for."""
        return full_mask(self.layers)
