"""Ginga's canvas without any toolkit (``ginga.pilw``): the same layers, drawn into a picture."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ginga_bkgplugin.recipe.region import PixelRegion
from ginga_bkgplugin.viewer.drawing import ShapeLayer
from ginga_bkgplugin.viewer.overlays import OverlayLayer
from ginga_bkgplugin.viewer.views import Scene


class PictureCanvas:
    """An image in Ginga's invisible viewer, with the plugin's layers over it."""

    def __init__(self, data: Any, on_drawn: Callable[[PixelRegion], None]) -> None:
        from ginga.AstroImage import AstroImage
        from ginga.pilw.ImageViewPil import CanvasView

        logger = logging.getLogger("ginga")
        logger.addHandler(logging.NullHandler())
        self.view = view = CanvasView(logger=logger)
        view.configure_window(1000, 800)
        view.enable_autocuts("on")
        view.set_autocut_params("zscale")
        image = AstroImage(logger=logger)
        image.set_data(data)
        view.set_image(image)
        view.zoom_fit()
        canvas = view.get_canvas()
        classes = canvas.get_draw_classes()
        self.overlays = OverlayLayer(view, classes, logger)
        self.shapes = ShapeLayer(
            view,
            classes,
            on_drawn=on_drawn,
            on_changed=lambda *_: None,
            on_selected=lambda _: None,
            on_key=lambda *_: False,
        )
        canvas.add(self.overlays.canvas)
        canvas.add(self.shapes.canvas)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw a circle as the left mouse button does, from one image position to another."""
        self.shapes.press("left", set(), start)
        self.shapes.drag(end)
        self.shapes.release(end)

    def show(self, shapes: Sequence[PixelRegion], mask: Any) -> None:
        """Show shapes and mask."""
        self.shapes.show(shapes)
        self.overlays.show(Scene(mask=mask))

    def save(self, file: Path) -> None:
        """Write what is seen as PNG."""
        from PIL import Image

        self.view.redraw_now(whence=0)
        Image.fromarray(self.view.renderer.get_surface_as_array(order="RGB")).save(file)
