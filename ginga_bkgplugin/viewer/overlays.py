"""Mask and maps over the image: drawn from the arrays themselves, nothing copied.

Ginga cuts and scales a canvas image to the window before it is coloured, so an overlay costs
what the window costs. `NormImage` ignores its alpha; the opacity is put in by the colour map.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ginga import cmap
from ginga.BaseImage import BaseImage
from ginga.RGBMap import RGBMapper

from ginga_bkgplugin.sky.pixels import MaskBit

# Colours of Okabe & Ito's palette, safe for colour blindness; later ones cover earlier ones
MASK_COLORS = {
    MaskBit.SOURCE: (240, 228, 66),
    MaskBit.SATURATED: (213, 94, 0),
    MaskBit.REGION: (86, 180, 233),
    MaskBit.IMPORTED: (0, 158, 115),
    MaskBit.INVALID: (204, 121, 167),
}
KINDS = ("mask", "background", "rms")
_SAMPLES = 200  # per axis, for the cut levels of a map


def legend() -> list[tuple[str, str]]:
    """Name and hex colour of each reason a pixel is masked for."""
    return [
        (str(bit.name).lower(), "#{:02x}{:02x}{:02x}".format(*color))
        for bit, color in sorted(MASK_COLORS.items())
    ]


class _MaskMapper(RGBMapper):
    """Colours a uint8 mask by its bits, through a table of 256 RGBA values."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logger)
        self.table = np.zeros((256, 4), np.uint8)

    def set_opacity(self, opacity: float) -> None:
        values = np.arange(256)
        for bit, color in MASK_COLORS.items():
            self.table[(values & int(bit)) != 0] = (*color, int(255 * opacity))

    def get_rgb_array(self, idx: Any, order: str | None = None) -> Any:
        return _ordered(self.table[np.minimum(idx, 255).astype(np.intp)], order)


class _MapMapper(RGBMapper):
    """A colour map with an opacity."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logger)
        self.opacity = 0.5
        self.set_cmap(cmap.get_cmap("ds9_cool"))

    def set_opacity(self, opacity: float) -> None:
        self.opacity = opacity

    def get_rgb_array(self, idx: Any, order: str | None = None) -> Any:
        rgba = np.array(super().get_rgb_array(idx, order="RGBA"))
        rgba[..., 3] = int(255 * self.opacity)
        return _ordered(rgba, order)


def _ordered(rgba: npt.NDArray[np.uint8], order: str | None) -> npt.NDArray[np.uint8]:
    if order in (None, "RGBA"):
        return rgba
    return rgba[..., ["RGBA".index(band) for band in str(order)]]


class OverlayLayer:
    """The three overlays of one viewer, each with a visibility and an opacity.

    Parameters
    ----------
    viewer : ginga.ImageView.ImageViewBase
    classes : ginga.canvas draw classes
    logger : logging.Logger
    """

    def __init__(self, viewer: Any, classes: Any, logger: Any) -> None:
        self.viewer = viewer
        self.canvas = classes.DrawingCanvas()
        self.canvas.set_surface(viewer)
        self._classes = classes
        self._mappers = {
            kind: _MaskMapper(logger) if kind == "mask" else _MapMapper(logger) for kind in KINDS
        }
        self._arrays: dict[str, Any] = dict.fromkeys(KINDS)
        self._objects: dict[str, Any] = {}
        self._changes = 0
        self.visible = {"mask": True, "background": False, "rms": False}
        self.opacity = {"mask": 0.45, "background": 0.6, "rms": 0.6}
        for kind in KINDS:
            self._mappers[kind].set_opacity(self.opacity[kind])

    def set_arrays(self, changes: int = 0, **arrays: Any) -> None:
        """Show other arrays: ``mask=``, ``background=``, ``rms=``, each an array or None.

        `changes` is another number when the mask was changed in place.
        """
        inside, self._changes = changes != self._changes, changes
        changed = {kind: arrays.get(kind) for kind in KINDS}
        if all(changed[kind] is self._arrays[kind] for kind in KINDS):
            if inside and "mask" in self._objects:
                self.canvas.update_canvas(whence=0)
            return
        self._arrays = changed
        self._redraw()

    def set_visible(self, kind: str, on: bool) -> None:
        """Show or hide one overlay."""
        if self.visible[kind] != on:
            self.visible[kind] = on
            self._redraw()

    @property
    def wants_maps(self) -> bool:
        """Whether background or rms are to be seen."""
        return self.visible["background"] or self.visible["rms"]

    def set_opacity(self, kind: str, opacity: float) -> None:
        """Set the opacity of one overlay, 0 to 1."""
        self.opacity[kind] = opacity
        self._mappers[kind].set_opacity(opacity)
        if kind in self._objects:
            self.canvas.update_canvas(whence=2)

    def shown(self) -> set[str]:
        """The overlays that are on the canvas now."""
        return set(self._objects)

    def _redraw(self) -> None:
        self.canvas.delete_all_objects(redraw=False)
        self._objects = {}
        for kind in ("background", "rms", "mask"):
            array = self._arrays[kind]
            if array is None or not self.visible[kind]:
                continue
            image = BaseImage(data_np=array)
            cuts = (0, 255) if kind == "mask" else _cuts(array)
            shape = self._classes.NormImage(
                0, 0, image, rgbmap=self._mappers[kind], cuts=cuts, interpolation="basic"
            )
            self.canvas.add(shape, redraw=False)
            self._objects[kind] = shape
        self.canvas.update_canvas(whence=0)  # the default leaves image overlays stale


def _cuts(array: npt.NDArray[np.float32]) -> tuple[float, float]:
    """The 1st and 99th percentile of a coarse sample, kept apart for a constant map."""
    ny, nx = array.shape
    sample = array[:: ny // _SAMPLES + 1, :: nx // _SAMPLES + 1]
    if not np.isfinite(sample).any():
        return (0.0, 1.0)
    low, high = (float(each) for each in np.nanpercentile(sample, (1, 99)))
    if not high > low:
        margin = abs(low) * 1e-3 or 1.0
        low, high = low - margin, low + margin
    return low, high
