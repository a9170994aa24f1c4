"""Views in place of the image, mask and boxes over it: nothing of the image itself is touched.

Ginga cuts and scales a canvas image to the window before it is coloured, so it costs what the
window costs, and that for each: view, mask and boxes are one. `NormImage` ignores its alpha; the
opacity is put in by the colour map.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ginga.BaseImage import BaseImage

from ginga_bkgplugin.viewer import views
from ginga_bkgplugin.viewer.coloring import (
    CLEAR,
    AsTheyAre,
    Colors,
    PictureMapper,
    map_colors,
    mask_colors,
)
from ginga_bkgplugin.viewer.views import IMAGE, VIEWS, Scene
from ginga_bkgplugin.work.viewmodel import MASK_COLORS

MASK, BOXES = "mask overlay", "boxes"


def legend() -> list[tuple[str, str]]:
    """Name and hex colour of each reason a pixel is masked for."""
    return [
        (str(bit.name).lower(), "#{:02x}{:02x}{:02x}".format(*color))
        for bit, color in sorted(MASK_COLORS.items())
    ]


class _LazyImage(BaseImage):
    """An image of Ginga that does not look for its least and largest value."""

    def _set_minmax(self) -> None:
        self.minval = self.maxval = self.minval_noinf = self.maxval_noinf = 0


class _WholeWhereNew:
    """With `NormImage`: Ginga makes it whole where it is new, though others stay as they are.

    To Ginga ``whence`` says from where on all images of a window are made anew; from 0 the one
    below is cut out of all its pixels once more.
    """

    def prepare_image(self, viewer: Any, whence: float) -> None:
        cache = self.get_cache(viewer)  # type: ignore[attr-defined]
        super().prepare_image(viewer, whence if cache.visible else 0)  # type: ignore[misc]


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
        self._picture = type("Picture", (_WholeWhereNew, classes.NormImage), {})
        self.canvas.set_surface(viewer)
        self._mapper, self._codes = PictureMapper(logger, viewer), AsTheyAre(logger)
        self.scene = Scene()
        self._shown: set[str] = set()
        self._cuts: tuple[float, float] | None = None
        self._changes = 0
        self.view = IMAGE
        self.visible = {MASK: True, BOXES: False}
        self.bare = False
        self.split: int | None = None
        self.opacity = {MASK: 0.45, "view": 1.0}
        for kind, opacity in self.opacity.items():
            self._fade(kind, opacity)
        viewer.get_settings().get_setting("cuts").add_callback("set", self._on_cuts)

    def show(self, scene: Scene, changes: int = 0) -> None:
        """Show another scene; `changes` is another number when its mask was changed in place."""
        inside, self._changes = changes != self._changes, changes
        if not scene.same(self.scene):
            self.scene = scene
            self._redraw()
        elif inside and {MASK, "mask"} & self._shown:
            self._update(anew=True)

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
        if self._shown:
            self._update()

    def _fade(self, kind: str, opacity: float) -> None:
        if kind == MASK:
            self._mapper.set_mask_opacity(opacity)
        else:
            self._mapper.opacity = opacity

    def _on_cuts(self, *_: Any) -> None:
        if "subtracted" in self._shown:  # its codes were made at the levels of before
            self._update(anew=True)

    def shown(self) -> set[str]:
        """What is on the canvas now."""
        return set(self._shown)

    def there(self) -> bool:
        """Whether the view chosen can be shown."""
        return self.scene.has(self.view)

    def cuts(self) -> tuple[float, float] | None:
        """The values that are darkest and brightest in the view of a map."""
        return self._cuts

    def _redraw(self) -> None:
        self.canvas.delete_all_objects(redraw=False)
        self._shown, self._cuts = set(), None
        if not self.bare:
            self._draw(self.scene)
        self._update()

    def _update(self, *, anew: bool = False) -> None:
        """Draw; `anew`: with what was cut out of the planes before made once more."""
        if anew:
            for picture in self.canvas.objects:
                picture.reset_optimize()
        self.canvas.update_canvas(whence=2)  # the default leaves images on a canvas stale

    def _draw(self, scene: Scene) -> None:
        base, mask, lines = None, None, None
        self._mapper.colors = CLEAR
        if scene.has(self.view) and self.view != IMAGE:
            base, self._mapper.colors = self._base(scene)
            self._shown.add(self.view)
        if self.visible[MASK] and scene.mask is not None and self.view != "mask":
            mask = scene.mask
            self._shown.add(MASK)
        if self.visible[BOXES] and scene.boxes is not None:
            lines = views.mesh_lines(scene.boxes)
            self._shown.add(BOXES)
        plane = next((each for each in (base, mask, lines) if each is not None), None)
        if plane is not None:
            self._add(views.picture(plane.shape, base, mask, lines))

    def _base(self, scene: Scene) -> tuple[npt.NDArray[Any], Colors | None]:
        """Levels of the view and their colours; None are the viewer's."""
        if self.view == "mask":
            assert scene.mask is not None
            return scene.mask, mask_colors()
        if self.view == "filled":
            assert scene.boxes is not None
            return views.filled(scene.boxes), views.filled_colors()
        assert scene.fit is not None and scene.data is not None
        if self.view == "subtracted":
            return views.levels(views.subtracted(scene.data, scene.fit), self._as_the_image), None
        plane = views.of_map(
            scene.fit.level_map if self.view == "background" else scene.fit.rms_map
        )
        colors, self._cuts = map_colors(), views.cuts_of(plane)
        low, high = self._cuts
        top = len(colors)
        return views.levels(plane, lambda values: self._cut(values, low, high, top)), colors

    def _as_the_image(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        low, high = self.viewer.get_cut_levels()
        size = self.viewer.get_rgbmap().get_hash_size()
        return self._cut(values, low, high, min(size, views.LEVELS))

    def _cut(
        self, values: npt.NDArray[Any], low: float, high: float, size: int
    ) -> npt.NDArray[Any]:
        """Levels of values, as Ginga makes them of an image."""
        cut_levels = self.viewer.autocuts.cut_levels
        return np.asarray(cut_levels(values, low, high, vmin=0, vmax=size - 1))

    def _add(self, plane: npt.NDArray[Any]) -> None:
        start = 0
        if self.split is not None:
            start = min(max(self.split, 0), plane.shape[1])
            plane = views.cropped(plane, start)
            if not plane.shape[1]:
                return
        shape = self._picture(
            start, 0, _LazyImage(data_np=plane), rgbmap=self._mapper, autocuts=self._codes,
            interpolation="basic",
        )  # fmt: skip
        self.canvas.add(shape, redraw=False)
