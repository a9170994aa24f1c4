"""Make docs/images/*.png by driving the real viewer, without a screen: make screenshots.

python docs/make_screenshots.py [masking]    # those of masking by hand only
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")

import numpy as np
from astropy.io import fits
from PIL import Image, ImageColor

from ginga_bkgplugin import sample_field
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.viewer.charts import BLUE, ORANGE
from ginga_bkgplugin.viewer.launch import Viewer
from ginga_bkgplugin.viewer.overlays import MASK, legend
from ginga_bkgplugin.viewer.views import BOXES_KEY, SPLIT_KEY, VIEWS
from ginga_bkgplugin.work.viewmodel import COLORS

IMAGES = Path(__file__).resolve().parent / "images"
SIZE = (1120, 820)
PANEL_WIDTH = 420
COLOURS = 100  # of the palette, besides those that mean something; more only store sky noise
MEANING = (
    "#d62728",
    "#ffff00",
    "#00ffff",
    "#ffa500",
    "#90ee90",
    "#ff00ff",
    *(color for _, color in legend()),
    *COLORS.values(),
    BLUE,
    ORANGE,
)


class Camera:
    """The viewer with the plugin open, its left column folded away."""

    def __init__(self, viewer: Viewer, folder: Path) -> None:
        self.viewer, self.folder = viewer, folder
        self.field = sample_field()
        file = folder / "field.fits"
        write_fits(file, self.field.data, self.field.header)
        viewer.open([file])
        self.plugin = viewer.start_plugin()
        self.session, self.panel = self.plugin.session, self.plugin.panel
        self._fold()
        viewer.fv.get_channel("Image").viewer.zoom_fit()
        viewer.pump(2.5)  # Ginga's own words on the image fade away

    def _fold(self) -> None:
        """Give the room of Ginga's empty left column to the image."""
        from qtpy.QtCore import Qt
        from qtpy.QtWidgets import QSplitter

        root = self.viewer.fv.w.root.get_widget()
        for splitter in root.findChildren(QSplitter):
            if splitter.orientation() == Qt.Orientation.Horizontal and splitter.count() == 3:
                splitter.setSizes([0, SIZE[0] - PANEL_WIDTH, PANEL_WIDTH])

    def draw_circle(self) -> None:
        circle = self.field.galaxy
        self.viewer.drag("Image", (circle.x, circle.y), (circle.x + circle.radius, circle.y))
        self.viewer.wait(lambda: self.session.recipe.regions, "the circle", 10)

    def run(self) -> None:
        self.viewer.press(self.panel.running.run)
        self.viewer.wait(lambda: not self.session.busy, "the run", 120)

    def back_to(self, step: int) -> None:
        self.plugin.go_to_step(step)
        self.viewer.wait(lambda: self.session.history.place == step, "the step", 20)

    def judge(self) -> None:
        self.viewer.wait(lambda: self.session.judgement is not None, "the verdict", 120)
        self.viewer.pump(0.3)

    def key(self, key: str) -> None:
        """Type a key over the image."""
        from qtpy.QtTest import QTest

        view = self.viewer.fv.get_channel("Image").viewer
        QTest.keyClicks(view.get_widget(), key)
        self.viewer.pump(0.4)

    def page(self, name: str) -> None:
        """Open a page of the section Run and bring it into view."""
        pages = self.panel.running.pages
        self.viewer.press(pages.buttons[name])
        self.see(pages.boxes[name])

    def point_at(self, x: float, y: float) -> None:
        """Rest the cursor on a pixel, so that the panel shows its values."""
        from qtpy.QtCore import QPoint
        from qtpy.QtTest import QTest

        view = self.viewer.fv.get_channel("Image").viewer
        for near in (5, 2, 0):
            wx, wy = view.get_canvas_xy(x + near, y)
            QTest.mouseMove(view.get_widget(), QPoint(round(float(wx)), round(float(wy))))
            self.viewer.pump(0.3)

    def see(self, widget: Any) -> None:
        """Scroll the panel until a widget is in view."""
        from qtpy.QtWidgets import QScrollArea

        self.viewer.pump(0.2)
        native = widget.get_widget()
        parent = native.parentWidget()
        while parent is not None and not isinstance(parent, QScrollArea):
            parent = parent.parentWidget()
        if parent is not None:
            parent.ensureWidgetVisible(native, 0, 10)
        self.viewer.pump(0.2)

    def shoot(self, name: str, colours: int = COLOURS, widget: Any = None) -> None:
        """Write the picture of the window, or of a widget of its own."""
        file = self.folder / name
        if widget is None:
            self.viewer.grab(file)
        else:
            widget.get_widget().grab().save(str(file))
        shot = Image.open(file).convert("RGB")
        target = IMAGES / name
        few = shot.quantize(colours).getpalette()[: 3 * colours]
        palette = Image.new("P", (1, 1))
        palette.putpalette([*few, *(v for c in MEANING for v in ImageColor.getrgb(c))])
        shot.quantize(palette=palette, dither=Image.Dither.NONE).save(target, optimize=True)
        print(f"{target}: {shot.width} x {shot.height}, {target.stat().st_size // 1000} kB")

    def mask_by_hand(self) -> None:
        """Every shape over the field, one of them erasing."""
        plugin, draw = self.plugin, self.viewer.drag
        for tool, start, end in (
            ("ellipse", (300, 300), (400, 350)),
            ("box", (100, 700), (250, 800)),
            ("annulus", (300, 600), (380, 600)),
        ):
            plugin.set_tool(tool)
            draw("Image", start, end)
        plugin.set_tool("polygon")
        for corner in ((900, 100), (1000, 130), (950, 250), (900, 100)):
            self.viewer.click("Image", *corner)
        plugin.set_tool("brush")
        self.viewer.trace("Image", [(100, 100), (200, 130), (300, 120), (350, 80)])

    def flags(self) -> None:
        """The question which flags of a mask to take."""
        plane = np.zeros(self.field.data.shape, np.int16)
        plane[:, 420], plane[600:640, 700:760], plane[::37, ::41] = 128, 256, 16
        header = fits.Header({"TELESCOP": "HST", "INSTRUME": "ACS"})
        file = self.folder / "field_dq.fits"
        fits.PrimaryHDU(plane, header).writeto(file)
        self.plugin.use_mask_file(str(file))
        self.viewer.wait(lambda: hasattr(self.plugin, "_dialog"), "the question", 20)
        self.viewer.pump(0.3)
        self.shoot("flags.png", widget=self.plugin._dialog)
        self.viewer.press(self.plugin._dialog.buttons[-1])

    def bridge(self) -> None:
        """A stroke out of the circle over the galaxy, seen while it is painted."""
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest

        view = self.viewer.fv.get_channel("Image").viewer
        widget = view.get_widget()
        self.plugin.set_tool("brush")
        self.viewer.trace("Image", [(560, 640), (744, 680), (930, 650)], "right")
        points = [
            QPoint(*(round(float(each)) for each in view.get_canvas_xy(x, y)))
            for x, y in ((600, 500), (744, 470), (880, 500))
        ]
        QTest.mousePress(widget, Qt.MouseButton.RightButton, pos=points[0])
        for point in points:
            QTest.mouseMove(widget, point)
            self.viewer.pump(0.1)
        self.shoot("brush.png")
        QTest.mouseRelease(widget, Qt.MouseButton.RightButton, pos=points[-1])


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        viewer = Viewer(SIZE)
        try:
            camera = Camera(viewer, Path(folder))
            if "masking" in sys.argv[1:]:
                camera.draw_circle()
                camera.run()
                shoot_masking(camera)
            else:
                shoot_all(camera)
        finally:
            viewer.close()


def shoot_all(camera: Camera) -> None:
    viewer, panel = camera.viewer, camera.panel
    camera.draw_circle()
    camera.shoot("draw.png")
    camera.run()
    camera.shoot("panel.png")
    shoot_judging(camera)
    shoot_views(camera)
    panel.saving.folder.set_text("products")
    viewer.press(panel.saving.save)
    viewer.wait(lambda: "Saved" in camera.session.view().words, "saving", 60)
    camera.see(panel.saving.load)
    camera.shoot("save.png")
    viewer.press(panel.saving.subtract)
    viewer.wait(lambda: "Subtracted" in camera.session.view().words, "subtracting", 60)
    viewer.fv.change_channel("Image_bkg")
    viewer.pump(0.5)
    viewer.fv.get_channel("Image_bkg").viewer.zoom_fit()
    camera.shoot("subtracted.png")
    viewer.fv.change_channel("Image")
    shoot_growing(camera)
    shoot_masking(camera)
    camera.plugin.set_parameter("method", "sep")  # which grows its discs by hand
    camera.plugin.set_parameter("mask_radius_factor", 40.0)
    camera.run()
    camera.see(panel.running.error)
    camera.shoot("over-masked.png")


def shoot_judging(camera: Camera) -> None:
    """The verdict on SEP's mesh, filled under the galaxy; the boxes of `smooth`; one of them."""
    viewer, plugin, running = camera.viewer, camera.plugin, camera.panel.running
    camera.judge()
    before = camera.session.history.place
    plugin.set_parameter("method", "sep")
    camera.run()
    camera.judge()
    camera.page("Verdict")
    camera.see(running.pages.boxes["Verdict"])
    camera.shoot("verdict.png")
    camera.back_to(before)
    camera.run()
    camera.judge()
    camera.page("Box")
    plugin.show_overlay(MASK, False)
    camera.key(BOXES_KEY)
    camera.point_at(150, 150)
    camera.see(running.pages.boxes["Box"])
    camera.shoot("boxes.png")
    camera.key(BOXES_KEY)
    plugin.show_overlay(MASK, True)
    viewer.press(running.pages.buttons["Passes"])


def shoot_views(camera: Camera) -> None:
    """A map in place of the image; the divider."""
    camera.plugin.show_overlay(MASK, False)
    camera.key(VIEWS["background"].key)
    camera.see(camera.panel.looks.value)
    camera.point_at(camera.field.galaxy.x, camera.field.galaxy.y)
    camera.shoot("background.png", colours=200)
    camera.key(VIEWS["subtracted"].key)
    camera.key(SPLIT_KEY)
    camera.point_at(camera.field.galaxy.x + 150, camera.field.galaxy.y)
    camera.shoot("split.png")
    camera.key(SPLIT_KEY)
    camera.key(VIEWS["image"].key)
    camera.plugin.show_overlay(MASK, True)


def shoot_growing(camera: Camera) -> None:
    """The circle of a result made larger: the preview, then all back as it was."""
    circle, before = camera.field.galaxy, camera.session.history.place
    camera.see(camera.panel.title)
    camera.plugin.set_tool("edit")
    camera.viewer.click("Image", circle.x, circle.y)
    edge = circle.x + circle.radius
    camera.viewer.drag("Image", (edge, circle.y), (edge + 75, circle.y))
    camera.viewer.pump(1.5)
    camera.shoot("grow.png")
    camera.back_to(before)
    camera.plugin.set_tool("circle")


def shoot_masking(camera: Camera) -> None:
    """The shapes and the brush, then all back as it was."""
    before = camera.session.history.place
    camera.see(camera.panel.title)
    camera.mask_by_hand()
    camera.plugin.select_regions((1,))
    camera.shoot("masking.png")
    camera.bridge()
    camera.flags()
    camera.back_to(before)
    camera.plugin.set_tool("circle")


if __name__ == "__main__":
    main()
