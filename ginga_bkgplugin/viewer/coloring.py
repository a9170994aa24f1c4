"""Colours of the one picture over the image: levels of a view, tinted by mask and boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ginga import cmap
from ginga.AutoCuts import AutoCutsBase
from ginga.RGBMap import RGBMapper

from ginga_bkgplugin.viewer import views
from ginga_bkgplugin.work.viewmodel import MASK_COLORS

BOX_COLORS = {views.LINE: (255, 255, 255, 120), views.HATCH: (230, 159, 0, 210)}
Colors = npt.NDArray[np.uint8]  # shape (n, 3)
CLEAR: Colors = np.zeros((0, 3), np.uint8)


def map_colors() -> Colors:
    """256 colours for maps, from dark to bright; others than of most images."""
    colors = np.asarray(cmap.get_cmap("ds9_cool").clst)[:, :3]
    return np.round(255 * colors).astype(np.uint8)


def mask_colors() -> Colors:
    """The colour of each value of a mask; free pixels are black."""
    table = np.zeros((256, 3), np.uint8)
    values = np.arange(256)
    for bit, color in MASK_COLORS.items():
        table[(values & int(bit)) != 0] = color
    return table


class AsTheyAre(AutoCutsBase):
    """Cut levels for codes, which have none."""

    def cut_levels(
        self, data_np: Any, loval: float, hival: float, vmin: float = 0, vmax: float = 255
    ) -> Any:
        """The codes."""
        return data_np


class PictureMapper(RGBMapper):
    """Colours codes of `views.picture`, each pixel by one look into a table.

    Attributes
    ----------
    colors : ndarray of uint8, shape (n, 3), or None
        Of the levels of the view; None is the viewer's colour map, `CLEAR` is no view.
    opacity : float
        Of the view.
    """

    def __init__(self, logger: Any, viewer: Any) -> None:
        super().__init__(logger)
        self._viewer = viewer
        self.colors: Colors | None = CLEAR
        self.opacity = 1.0
        self._made: tuple[bytes, Any, Any] = (b"", None, None)
        self.set_mask_opacity(0)

    def set_mask_opacity(self, opacity: float) -> None:
        """Set the opacity, 0 to 1, of the mask over the view."""
        tints = np.zeros((views.LINES, views.REASONS, 4), np.float32)
        tints[:, 1:, :3] = mask_colors()[1 : views.REASONS]
        tints[:, 1:, 3] = int(255 * opacity)
        tints /= 255
        for line, color in BOX_COLORS.items():
            tints[line] = _over(np.array(color, np.float32) / 255, tints[line])
        self._tints = tints.reshape(-1, 1, 4)
        self._made = (b"", None, None)

    def get_rgb_array(self, idx: Any, order: str | None = None) -> Any:
        """RGBA of codes, or RGB where all are opaque: Ginga need not look at the alphas then."""
        table, places = self._tables()
        codes = idx.astype(np.uint32)
        color = codes & np.uint32(views.LEVELS - 1)
        if places is not None:
            color = np.take(places, color)
        codes //= views.LEVELS
        codes *= np.uint32(table.shape[1])
        codes += color
        found = np.take(table, codes)
        rgba = found.view(np.uint8).reshape(*found.shape, 4)
        if order in (None, "RGBA"):
            return rgba[..., :3] if self.opacity == 1 and self.colors is not CLEAR else rgba
        return rgba[..., ["RGBA".index(band) for band in str(order)]]

    def _tables(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32] | None]:
        """RGBA as one number by tint and colour; the colour of each level, if they are fewer."""
        alpha = int(255 * self.opacity) / 255 if self.colors is not CLEAR else 0
        colors = self._viewers_colors() if self.colors is None else self.colors
        key = colors.tobytes() + repr(alpha).encode()
        if self._made[0] != key:
            places = None
            if self.colors is None:  # far more levels than colours
                each = np.insert(colors, 3, 255, axis=1).view(np.uint32)[:, 0]
                distinct, places = np.unique(each, return_inverse=True)
                places = places.astype(np.uint32)
                colors = distinct[:, np.newaxis].view(np.uint8)[:, :3]
            base = np.zeros((max(len(colors), 1), 4), np.float32)
            base[: len(colors), :3], base[:, 3] = colors / np.float32(255), alpha
            rgba = np.round(255 * _over(self._tints, base)).astype(np.uint8)
            self._made = key, rgba.view(np.uint32).reshape(len(rgba), -1), places
        return self._made[1:]

    def _viewers_colors(self) -> Colors:
        """The viewer's colour of each level."""
        mapper = self._viewer.get_rgbmap()
        every = np.arange(min(mapper.get_hash_size(), views.LEVELS), dtype=np.uint)
        return np.asarray(mapper.get_rgb_array(every[np.newaxis], order="RGB")[0], np.uint8)


def _over(upper: npt.NDArray[Any], lower: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """One RGBA, of 0 to 1, over another (Porter & Duff 1984)."""
    seen, through = upper[..., 3:], lower[..., 3:] * (1 - upper[..., 3:])
    alpha = seen + through
    with np.errstate(invalid="ignore"):
        color = (upper[..., :3] * seen + lower[..., :3] * through) / alpha
    return np.concatenate((np.nan_to_num(color), alpha), axis=-1)
