"""Ginga's canvas without any toolkit (``ginga.pilw``): the same layers, drawn into a picture."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.viewer.circles import CircleLayer
from ginga_bkgplugin.viewer.overlays import OverlayLayer


class PictureCanvas:
    """An image in Ginga's invisible viewer, with the plugin's layers over it."""

    def __init__(self, data: Any, on_drawn: Callable[[PixelCircle], None]) -> None:
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
        self.circles = CircleLayer(
            view,
            classes,
            on_drawn=on_drawn,
            on_moved=lambda *_: None,
            on_selected=lambda _: None,
            on_delete=lambda: None,
        )
        canvas.add(self.overlays.canvas)
        canvas.add(self.circles.canvas)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw with the canvas's own drawing mode, from one image position to another."""
        canvas = self.circles.canvas
        canvas.draw_start(canvas, None, *start, self.view)
        canvas.draw_motion(canvas, None, *end, self.view)
        canvas.draw_stop(canvas, None, *end, self.view)

    def show(self, circles: Sequence[PixelCircle], mask: Any) -> None:
        """Show circles and mask."""
        self.circles.show(circles, None)
        self.overlays.set_arrays(mask=mask)

    def save(self, file: Path) -> None:
        """Write what is seen as PNG."""
        from PIL import Image

        self.view.redraw_now(whence=0)
        Image.fromarray(self.view.renderer.get_surface_as_array(order="RGB")).save(file)
