"""Views in place of the image, mask and boxes over it: nothing of the image itself is touched.

Ginga cuts and scales a canvas image to the window before it is coloured, so each costs what the
window costs. `NormImage` ignores its alpha; the opacity is put in by the colour map.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ginga import cmap
from ginga.BaseImage import BaseImage
from ginga.RGBMap import RGBMapper

from ginga_bkgplugin.viewer import views
from ginga_bkgplugin.viewer.views import IMAGE, VIEWS, Scene
from ginga_bkgplugin.work.viewmodel import MASK_COLORS

BOX_COLORS = {views.LINE: (255, 255, 255, 120), views.HATCH: (230, 159, 0, 210)}
MASK, BOXES = "mask overlay", "boxes"
_WHOLE = (0, 255)  # cut levels of a plane of codes


def legend() -> list[tuple[str, str]]:
    """Name and hex colour of each reason a pixel is masked for."""
    return [
        (str(bit.name).lower(), "#{:02x}{:02x}{:02x}".format(*color))
        for bit, color in sorted(MASK_COLORS.items())
    ]


def _map_colors() -> npt.NDArray[np.uint8]:
    """256 colours for maps, from dark to bright; others than of most images."""
    levels = np.asarray(cmap.get_cmap("ds9_cool").clst)[:, :3]
    return np.round(255 * levels).astype(np.uint8)


class _TableMapper(RGBMapper):
    """Colours a plane of codes through a table of 256 RGBA values."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logger)
        self.table = np.zeros((256, 4), np.uint8)

    def get_rgb_array(self, idx: Any, order: str | None = None) -> Any:
        return _looked_up(self.table, idx, order)


class _MaskMapper(_TableMapper):
    """Colours a mask by its bits; free pixels are clear, or black."""

    def set_opacity(self, opacity: float, *, ground: bool = False) -> None:
        values = np.arange(256)
        self.table[:, 3] = int(255 * opacity) if ground else 0
        for bit, color in MASK_COLORS.items():
            self.table[(values & int(bit)) != 0] = (*color, int(255 * opacity))


class _ViewersMapper(RGBMapper):
    """The colour map of the viewer, with an opacity."""

    def __init__(self, logger: Any, viewer: Any) -> None:
        super().__init__(logger)
        self._viewer, self.opacity = viewer, 1.0

    def get_hash_size(self) -> Any:
        return self._viewer.get_rgbmap().get_hash_size()

    def get_rgb_array(self, idx: Any, order: str | None = None) -> Any:
        every = np.arange(self.get_hash_size(), dtype=np.uint)[np.newaxis]
        colours = self._viewer.get_rgbmap().get_rgb_array(every, order="RGBA")
        table = np.array(colours[0], np.uint8)
        table[:, 3] = int(255 * self.opacity)
        return _looked_up(table, idx, order)


class _LazyImage(BaseImage):
    """An image of Ginga that does not look for its least and largest value."""

    def _set_minmax(self) -> None:
        self.minval = self.maxval = self.minval_noinf = self.maxval_noinf = 0


def _looked_up(table: npt.NDArray[np.uint8], idx: Any, order: str | None) -> Any:
    """Colours of codes; four bytes at a time, which is several times faster than one by one."""
    whole = table.view(np.uint32)[:, 0]
    found = np.take(whole, idx.astype(np.intp), mode="clip")
    rgba = found.view(np.uint8).reshape(*found.shape, 4)
    if order in (None, "RGBA"):
        # without the alphas Ginga need not look whether all are 1
        return rgba[..., :3] if (table[:, 3] == 255).all() else rgba
    return rgba[..., ["RGBA".index(band) for band in str(order)]]


class OverlayLayer:
    """One view in place of the image, the mask and the boxes over it.

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
        self._images = _ViewersMapper(logger, viewer)
        self._maps = _TableMapper(logger)
        self._maps.table[:, :3] = _map_colors()
        self._masks, self._alone = _MaskMapper(logger), _MaskMapper(logger)
        self._filled, self._lines = _TableMapper(logger), _TableMapper(logger)
        self._filled.table[:, :3] = views.filled_colors()
        for code, color in BOX_COLORS.items():
            self._lines.table[code] = color
        self.scene = Scene()
        self._objects: dict[str, Any] = {}
        self._changes = 0
        self.view = IMAGE
        self.visible = {MASK: True, BOXES: False}
        self.bare = False
        self.split: int | None = None
        self.opacity = {MASK: 0.45, "view": 1.0}
        for kind, opacity in self.opacity.items():
            self._fade(kind, opacity)

    def show(self, scene: Scene, changes: int = 0) -> None:
        """Show another scene; `changes` is another number when its mask was changed in place."""
        inside, self._changes = changes != self._changes, changes
        if not scene.same(self.scene):
            self.scene = scene
            self._redraw()
        elif inside and {MASK, "mask"} & set(self._objects):
            self.canvas.update_canvas(whence=0)

    def set_view(self, view: str) -> None:
        """Choose what is seen in place of the image; a name of `VIEWS`."""
        if self.view != VIEWS[view].name:
            self.view = view
            self._redraw()

    def set_visible(self, kind: str, on: bool) -> None:
        """Show or hide the mask over the view, or the boxes."""
        if self.visible[kind] != on:
            self.visible[kind] = on
            self._redraw()

    def set_bare(self, on: bool) -> None:
        """Show the bare image for now, or what was chosen."""
        if self.bare != on:
            self.bare = on
            self._redraw()

    def set_split(self, column: int | None) -> None:
        """Show the bare image left of a column of the image; None: nowhere."""
        if self.split != column:
            self.split = column
            self._redraw()

    def set_opacity(self, kind: str, opacity: float) -> None:
        """Set the opacity, 0 to 1, of the mask overlay or of the ``view``."""
        self.opacity[kind] = opacity
        self._fade(kind, opacity)
        if self._objects:
            self.canvas.update_canvas(whence=2)

    def _fade(self, kind: str, opacity: float) -> None:
        if kind == MASK:
            self._masks.set_opacity(opacity)
            return
        self._images.opacity = opacity
        self._alone.set_opacity(opacity, ground=True)
        self._maps.table[:, 3] = self._filled.table[:, 3] = int(255 * opacity)

    def shown(self) -> set[str]:
        """What is on the canvas now."""
        return set(self._objects)

    def there(self) -> bool:
        """Whether the view chosen can be shown."""
        return self.scene.has(self.view)

    def cuts(self) -> tuple[float, float] | None:
        """The values that are darkest and brightest in the view of a map."""
        shape = self._objects.get(self.view)
        return shape.cuts if shape is not None and self.view in ("background", "rms") else None

    def _redraw(self) -> None:
        self.canvas.delete_all_objects(redraw=False)
        self._objects = {}
        scene = self.scene
        if not self.bare:
            if scene.has(self.view) and self.view != IMAGE:
                self._add(self.view, *self._base(scene))
            if self.visible[MASK] and scene.mask is not None and self.view != "mask":
                self._add(MASK, scene.mask, self._masks, _WHOLE)
            if self.visible[BOXES] and scene.boxes is not None:
                self._add(BOXES, views.mesh_lines(scene.boxes), self._lines, _WHOLE)
        self.canvas.update_canvas(whence=0)  # the default leaves image overlays stale

    def _base(self, scene: Scene) -> tuple[npt.NDArray[Any], Any, tuple[float, float] | None]:
        """Values, colours and cut levels of the view; None are the viewer's."""
        if self.view == "mask":
            assert scene.mask is not None
            return scene.mask, self._alone, _WHOLE
        if self.view == "filled":
            assert scene.boxes is not None
            return views.filled(scene.boxes), self._filled, _WHOLE
        assert scene.fit is not None and scene.data is not None
        if self.view == "subtracted":
            return views.subtracted(scene.data, scene.fit), self._images, None
        plane = views.of_map(
            scene.fit.level_map if self.view == "background" else scene.fit.rms_map
        )
        return plane, self._maps, views.cuts_of(plane)

    def _add(
        self, name: str, plane: npt.NDArray[Any], mapper: Any, cuts: tuple[float, float] | None
    ) -> None:
        start = 0
        if self.split is not None:
            start = min(max(self.split, 0), plane.shape[1])
            plane = views.cropped(plane, start)
            if not plane.shape[1]:
                return
        shape = self._classes.NormImage(
            start, 0, _LazyImage(data_np=plane), rgbmap=mapper, cuts=cuts, interpolation="basic"
        )
        self.canvas.add(shape, redraw=False)
        self._objects[name] = shape
