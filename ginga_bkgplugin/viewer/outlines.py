"""Shapes as objects of Ginga's canvas."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from ginga import colors

from ginga_bkgplugin.recipe.region import PixelRegion, Point, common_ends, direction
from ginga_bkgplugin.recipe.shapes import (
    PixelAnnulus,
    PixelBox,
    PixelCircle,
    PixelEllipse,
    PixelPolygon,
    PixelStroke,
)
from ginga_bkgplugin.sky.blobs import polygon_of
from ginga_bkgplugin.sky.raster import draw
from ginga_bkgplugin.viewer.handles import TURN, handles

COLOR, ERASE_COLOR, SELECTED_COLOR = "cyan", "orange", "yellow"
Floats = npt.NDArray[np.float64]
REACH = 22  # pixels of the window from a shape to the handle that turns it
MOST_LABELS = 50  # a redraw of 200 texts is felt
_LONGEST_NAME = 24  # letters beside a shape
_FAINT = 0.4
_DOT = 5  # pixels of the window: a smaller shape is drawn as a ring
_MOST_HERE, _MOST_ELSEWHERE = 1000, 200  # shapes drawn at a time, the largest ones
_ELLIPSE = 64  # corners of an ellipse: within 0.12 % of its size
_FINE, _FINER = 8, 24  # cells in a radius: of a stroke's rim as it is painted, and after
_MOST_CELLS = 500  # a stroke's rim is looked for in, along each axis


class Look(NamedTuple):
    """How a line is drawn, in the words of Ginga's renderers."""

    color: str
    alpha: float
    linewidth: int
    linestyle: str


def look_of(region: PixelRegion, *, selected: bool = False) -> Look:
    """Solid where a shape masks, dashed where it erases; faint while it is off."""
    return Look(
        SELECTED_COLOR if selected else color_of(region),
        1.0 if region.on else _FAINT,
        3 if selected else 2,
        "dash" if region.erase else "solid",
    )


class Outlines:
    """A list of shapes as one object of Ginga's canvas.

    An object for each shape would cost Ginga 0.3 ms at every redraw, in two windows. Here
    positions are converted all at once, and what is not in view costs nothing.

    Parameters
    ----------
    viewer : ginga.ImageView.ImageViewBase
        The one with the mouse; others, such as Ginga's Pan, show the largest shapes only.
    classes : ginga.canvas draw classes
    labelled : bool
        Whether a few shapes get their number and name beside them.
    """

    def __init__(self, viewer: Any, classes: Any, *, labelled: bool = True) -> None:
        self._viewer, self._classes, self._labelled = viewer, classes, labelled
        self.mark = classes.Path([(0.0, 0.0), (0.0, 0.0)])
        self.mark.editable = self.mark.pickable = False
        self.mark.draw = self._draw
        self.regions: list[PixelRegion] = []
        self.looks: list[Look] = []
        self.bounds: Floats = np.empty((0, 4))
        self.labels: list[Any] = []
        self._plain: list[Look] = []
        self._rims: list[Floats | None] = []
        self._selection: tuple[int, ...] = ()

    def show(self, regions: Sequence[PixelRegion], selection: Iterable[int] = ()) -> None:
        """Take other shapes, numbered from 1, some selected; only what changed is worked out."""
        first, last = common_ends(self.regions, regions)
        middle = regions[first : len(regions) - last]
        stop = len(self.regions) - last
        fresh = np.array([region.bounds() for region in middle]).reshape(-1, 4)
        self.bounds = np.concatenate([self.bounds[:first], fresh, self.bounds[stop:]])
        self._rims[first:stop] = [None] * len(middle)
        self._plain[first:stop] = [look_of(region) for region in middle]
        self.regions, self._selection = list(regions), tuple(selection)
        self.looks = list(self._plain)
        for place in self._selection:
            self.looks[place] = look_of(regions[place], selected=True)
        few = self._labelled and len(regions) <= MOST_LABELS
        self.labels = [self._label(place) for place in range(len(regions))] if few else []

    def near(self, x: float, y: float, margin: float) -> list[int]:
        """The places of the shapes whose bounds a position is in, or nearer to than `margin`."""
        left, bottom, right, top = self.bounds.T
        across = (left - margin <= x) & (x <= right + margin)
        found: list[int] = np.flatnonzero(
            across & (bottom - margin <= y) & (y <= top + margin)
        ).tolist()
        return found

    def within(self, one: Point, two: Point) -> tuple[int, ...]:
        """The places of the shapes that lie wholly in a rectangle between two corners."""
        (left, right), (bottom, top) = map(sorted, zip(one, two, strict=True))
        inside = (self.bounds >= (left, bottom, left, bottom)) & (
            self.bounds <= (right, top, right, top)
        )
        return tuple(np.flatnonzero(inside.all(axis=1)).tolist())

    def _label(self, place: int) -> Any:
        region, look = self.regions[place], self.looks[place]
        (cx, cy), (_, _, right, top) = region.centre, region.bounds()
        share = 0.7072 if isinstance(region, (PixelCircle, PixelEllipse, PixelAnnulus)) else 1.0
        text = self._classes.Text(
            cx + share * (right - cx), cy + share * (top - cy),
            f"{place + 1} {_short(region.name)}".strip(), color=look.color, fontsize=14,
            alpha=look.alpha,
        )  # fmt: skip
        text.crdmap = self._viewer.get_coordmap("data")
        return text

    # --- drawing

    def _draw(self, viewer: Any) -> None:
        """Draw what is in view; Ginga calls it for each of its windows."""
        scale = viewer.get_scale()
        seen, sizes = self._seen(viewer, scale)
        if not seen:
            return
        context = viewer.renderer.setup_cr(self.mark)
        native = viewer.tform["data_to_native"].to_
        lines = {look: context.get_line(**look._asdict()) for look in {*self.looks}}
        rims, round_ones = [], []
        for place, size in zip(seen, sizes, strict=True):
            region, line = self.regions[place], lines[self.looks[place]]
            if size < _DOT:
                round_ones.append((region.centre, max(size / 2, 1.0), line))
            elif isinstance(region, PixelCircle):
                round_ones.append((region.centre, region.radius * scale, line))
            elif isinstance(region, PixelAnnulus):
                round_ones += [
                    (region.centre, radius * scale, line)
                    for radius in (region.outer, region.inner)
                ]
            else:
                rim = self._rim(place)
                rims.append((rim[:: max(1, len(rim) // max(8, int(size)))], line))
        if round_ones:
            centres = native(np.array([centre for centre, _, _ in round_ones]))
            for (x, y), (_, radius, line) in zip(centres.tolist(), round_ones, strict=True):
                context.draw_circle(x, y, radius, line=line)
        if rims:
            points = native(np.concatenate([rim for rim, _ in rims]))
            ends = np.cumsum([len(rim) for rim, _ in rims])[:-1]
            for part, (_, line) in zip(np.split(points, ends), rims, strict=True):
                context.draw_polygon(part.tolist(), line=line)
        for label in self.labels:
            label.draw(viewer)

    def _seen(self, viewer: Any, scale: float) -> tuple[list[int], list[float]]:
        """The shapes to draw, selected ones last, and their sizes in pixels of the window."""
        corners = np.array(viewer.get_pan_bbox())
        low, high = corners.min(axis=0), corners.max(axis=0)
        inside = (self.bounds[:, 2:] >= low) & (self.bounds[:, :2] <= high)
        seen = np.flatnonzero(inside.all(axis=1))
        sizes = np.ptp(self.bounds.reshape(-1, 2, 2)[seen], axis=1).max(axis=1) * scale
        chosen = np.isin(seen, self._selection)
        most = _MOST_HERE if viewer is self._viewer else _MOST_ELSEWHERE
        if seen.size > most:
            order = np.lexsort((-sizes, ~chosen))[:most]
            seen, sizes, chosen = seen[order], sizes[order], chosen[order]
        order = np.argsort(chosen, kind="stable")
        return seen[order].tolist(), sizes[order].tolist()

    def _rim(self, place: int) -> Floats:
        found = self._rims[place]
        if found is None:
            found = self._rims[place] = rim_of(self.regions[place])
        return found


def rim_of(region: PixelRegion) -> Floats:
    """The outline of a shape that is no circle, as corners in pixels, shape (n, 2)."""
    if isinstance(region, PixelPolygon):
        return np.array(region.vertices)
    if isinstance(region, PixelStroke):
        return np.array(stroke_rim(region.points, region.radius, _FINER))
    assert isinstance(region, (PixelEllipse, PixelBox))
    if isinstance(region, PixelBox):
        around = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (region.width, region.height) / 2
    else:
        turns = np.linspace(0, 2 * np.pi, _ELLIPSE, endpoint=False)
        around = np.stack([region.a * np.cos(turns), region.b * np.sin(turns)], axis=1)
    cos, sin = direction(region.angle)
    rim: Floats = around @ np.array([[cos, sin], [-sin, cos]]) + (region.x, region.y)
    return rim


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "…"


def color_of(region: PixelRegion) -> str:
    """The shape's own colour where Ginga knows it, else the usual one."""
    usual = ERASE_COLOR if region.erase else COLOR
    if not region.color:
        return usual
    try:
        colors.resolve_color(region.color)
    except (KeyError, ValueError, TypeError):
        return usual
    return region.color


def stroke_rim(points: Sequence[Point], radius: float, fine: int = _FINE) -> list[Point]:
    """The rim of a brush stroke, for the eye: within two of `fine` cells of the radius.

    Ginga draws a thick line segment by segment, so that a transparent one is darker at each joint.
    """
    path = np.array(points)
    if len(path) == 1:
        around = rim_of(PixelEllipse(*points[0], radius, radius, 0))
        return [(x, y) for x, y in around.tolist()]
    corner = path.min(axis=0) - radius
    unit = max(radius / fine, float(np.ptp(path, axis=0).max()) / _MOST_CELLS)
    inside = (path - corner) / unit + 1
    nx, ny = (int(side) for side in np.ceil(inside.max(axis=0) + radius / unit + 2))
    stroke = PixelStroke(tuple(map(tuple, inside.tolist())), radius / unit)
    rim = np.array(polygon_of(draw((ny, nx), [stroke]).masked, tolerance=1.1).vertices)
    return [(x, y) for x, y in ((rim - 1) * unit + corner).tolist()]


def handle_marks(classes: Any, region: PixelRegion) -> Any:
    """The handles of a shape: squares to resize, a disc to turn; of one size at every zoom."""
    marks = classes.Path(list(handles(region, 0.0).values()), color=SELECTED_COLOR)
    marks.editable = marks.pickable = False
    marks.draw = functools.partial(_draw_handles, marks, region)
    return marks


def _draw_handles(marks: Any, region: PixelRegion, viewer: Any) -> None:
    found = handles(region, REACH / viewer.get_scale())
    context = viewer.renderer.setup_cr(marks)
    line, fill = context.get_line("black"), context.get_fill(SELECTED_COLOR)
    for name, point in found.items():
        ((x, y),) = marks.get_cpoints(viewer, points=[point])
        if name == TURN:
            context.draw_circle(x, y, 5, line=line, fill=fill)
        else:
            corners = ((-4, -4), (4, -4), (4, 4), (-4, 4))
            context.draw_polygon([(x + dx, y + dy) for dx, dy in corners], line=line, fill=fill)
