"""What the map rests on: each box of the mesh, its free pixels, its numbers, measured or filled.

Statistics are those of the free pixels after the background map is taken off, so that a gradient
inside a box widens nothing; the map at the box's centre is put back on mean and median.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.binning import Layers, masked_rows
from ginga_bkgplugin.sky.boxes import Grid, measure_boxes
from ginga_bkgplugin.sky.maps import Nodes, SplineMap, at_centres, sampled_rows
from ginga_bkgplugin.sky.models import model_grid
from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage, check_image, check_same_shape
from ginga_bkgplugin.sky.strips import each

if TYPE_CHECKING:
    from ginga_bkgplugin.recipe.parameters import BackgroundParameters
    from ginga_bkgplugin.sky.background import SkyFit

_ALL_ROWS = 4_000_000  # pixels of a frame up to which all rows are looked at
_ENOUGH = 1024  # pixels of a box in the rows looked at: its mean is known to 1/32 of its sigma


@dataclasses.dataclass(frozen=True)
class Box:
    """One box, in numbers.

    Attributes
    ----------
    row, column : int
        Its place in the mesh, (0, 0) at the first pixel.
    left, right, bottom, top : int
        First and one past the last pixel along x and y.
    good : float
        Share of its pixels that are not masked.
    level : float
        The background map at its centre.
    mean, median, sigma : float
        Of its free pixels, clipped at 3 sigma but for the median; NaN where none is free.
    measured : bool
        Whether the fit used it.
    distance : int
        Boxes to the nearest measured one, diagonal steps counted as one; 0 when measured,
        -1 when no box is.
    """

    row: int
    column: int
    left: int
    right: int
    bottom: int
    top: int
    good: float
    level: float
    mean: float
    median: float
    sigma: float
    measured: bool
    distance: int

    def words(self) -> str:
        """The box in a line."""
        what = "measured" if self.measured else f"filled from {self.distance} boxes away"
        if self.distance == 1:
            what = "filled from the next box"
        elif self.distance < 0:
            what = "not measured"
        numbers = (
            f"mean {self.mean:.6g}, median {self.median:.6g}, sigma {self.sigma:.4g}"
            if np.isfinite(self.mean)
            else "no pixel to measure"
        )
        return f"box {self.column}, {self.row}: {self.good:.0%} free, {what}; {numbers}"


@dataclasses.dataclass(frozen=True, eq=False)
class BoxReport:
    """All boxes of a mesh or model; arrays of shape `grid.shape`, row 0 at the first pixel row.

    Attributes
    ----------
    grid : Grid
        Edges of the boxes, pixels; those at the far edges may be partial.
    good : ndarray of float64
        Share of the pixels of each box that are not masked.
    level : ndarray of float64
        The background map at the boxes' centres; 0 without a fit.
    mean, median, sigma : ndarray of float64
        Of the free pixels, in the image's units; NaN where none is free.
    measured : ndarray of bool
        Boxes the fit used. The others are filled, or left out by a model.
    distance : ndarray of int
        Boxes to the nearest measured one; 0 when measured, -1 when no box is.
    step : int
        Every how many rows of pixels the statistics saw (1: all). `good` saw all.
    """

    grid: Grid
    good: Nodes
    level: Nodes
    mean: Nodes
    median: Nodes
    sigma: Nodes
    measured: BoolImage
    distance: npt.NDArray[np.intp]
    step: int

    @property
    def shape(self) -> tuple[int, int]:
        """Boxes along y and x."""
        return self.grid.shape

    @property
    def filled(self) -> int:
        """Number of boxes that were not measured; that of `SkyFit.filled`."""
        return int(np.count_nonzero(~self.measured))

    @property
    def farthest(self) -> int:
        """Boxes between the worst filled one and the nearest measured one."""
        return int(self.distance.max())

    @property
    def residual(self) -> Nodes:
        """What the map misses of each box: its mean minus the map."""
        missed: Nodes = self.mean - self.level
        return missed

    def words(self) -> str:
        """How much was measured, in a line."""
        if not self.filled:
            return f"all {self.measured.size} boxes measured"
        far = ""
        if self.farthest > 0:
            boxes = "box" if self.farthest == 1 else "boxes"
            far = f", the farthest {self.farthest} {boxes} from a measured one"
        return f"{self.filled} of {self.measured.size} boxes filled{far}"

    def at(self, x: float, y: float) -> Box | None:
        """The box under a place in the image; None off the frame.

        Parameters
        ----------
        x, y : float
            0-based pixels, centres at integers.
        """
        rows, columns = self.grid.rows, self.grid.columns
        if not (-0.5 <= x < columns[-1] - 0.5 and -0.5 <= y < rows[-1] - 0.5):
            return None
        row, column = (
            int(np.searchsorted(edges, np.floor(place + 0.5), side="right")) - 1
            for edges, place in ((rows, y), (columns, x))
        )
        return self.box(row, column)

    def box(self, row: int, column: int) -> Box:
        """One box by its place in the mesh."""
        here = row, column
        (bottom, top), (left, right) = (
            (int(edges[place]), int(edges[place + 1]))
            for edges, place in ((self.grid.rows, row), (self.grid.columns, column))
        )
        return Box(
            row=row, column=column, left=left, right=right, bottom=bottom, top=top,
            good=float(self.good[here]), level=float(self.level[here]),
            mean=float(self.mean[here]), median=float(self.median[here]),
            sigma=float(self.sigma[here]), measured=bool(self.measured[here]),
            distance=int(self.distance[here]),
        )  # fmt: skip


def grid_of_fit(fit: SkyFit, background: BackgroundParameters) -> Grid:
    """The boxes of a fit made with these parameters, see `mesh_grid`."""
    (ny, nx), (rows, columns) = fit.level_map.shape, fit.fractions.shape
    return mesh_grid((ny, nx), background, (rows, columns))


def mesh_grid(
    shape: tuple[int, int],
    background: BackgroundParameters,
    boxes: tuple[int, int] | None = None,
) -> Grid:
    """The boxes in which a sky is measured, in pixels, partial ones cut at the frame's edge.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    background : BackgroundParameters
        Method, model and box size.
    boxes : tuple of int, optional
        Boxes along y and x where a fit tells: the method ``smooth`` divides the binned frame.
    """
    size = background.box_size
    if background.modelled:
        grid = model_grid(shape, background)
    elif background.method == "sep":
        grid = Grid(*(np.append(np.arange(0, side, size), side) for side in shape))
    else:
        grid = Grid.over(shape, size)
    if boxes is None or boxes == grid.shape:
        return grid
    return Grid(
        *(
            np.round(np.linspace(0, side, count + 1)).astype(np.intp)
            for side, count in zip(shape, boxes, strict=True)
        )
    )


def inspect_boxes(
    data: Any,
    layers: Layers,
    background: BackgroundParameters,
    fit: SkyFit,
    *,
    step: int | None = None,
) -> BoxReport:
    """Look at every box of a fit.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        The image, any real type and byte order; read a strip of rows at a time.
    layers : ndarray of uint8, shape (ny, nx), or BlockMask
        The mask; non-zero pixels are left out, as are NaN and inf.
    background : BackgroundParameters
        What the fit was made with.
    fit : SkyFit
        Tells which boxes were measured.
    step : int, optional
        Take statistics of every `step`-th row. Default: all rows of frames up to 4 Mpix; of larger
        ones as many as give 1024 pixels to a box.

    Raises
    ------
    ImageError
        When the image has another shape than the fit.
    """
    image = check_image(data)
    shape = image.shape[0], image.shape[1]
    check_same_shape(image, fit.level_map.shape)
    grid = grid_of_fit(fit, background)
    step = _step(shape, grid) if step is None else step
    good = _good(layers, grid)
    centres = at_centres(_unblanked(fit.level_map), *grid.centres())
    mean, median, sigma = _statistics(image, layers, grid, fit, step)
    return BoxReport(
        grid, good, centres, mean + centres, median + centres, sigma, fit.measured,
        boxes_away(fit.measured), step,
    )  # fmt: skip


def boxes_away(measured: BoolImage) -> npt.NDArray[np.intp]:
    """Boxes from each to the nearest measured one, a diagonal step counted as one; -1: none."""
    from scipy.ndimage import distance_transform_cdt  # late: the command line starts sooner

    if not measured.any():
        return np.full(measured.shape, -1, np.intp)
    away: npt.NDArray[np.intp] = distance_transform_cdt(~measured, "chessboard").astype(np.intp)
    return away


def _step(shape: tuple[int, int], grid: Grid) -> int:
    if shape[0] * shape[1] <= _ALL_ROWS:
        return 1
    height, width = (int(np.diff(edges).min()) for edges in (grid.rows, grid.columns))
    return max(1, min(height, round(height * width / _ENOUGH)))


def _good(layers: Layers, grid: Grid) -> Nodes:
    """Share of pixels not masked, all rows."""
    widths = np.diff(grid.columns)

    def row(j: int, _: int) -> Nodes:
        start, stop = int(grid.rows[j]), int(grid.rows[j + 1])
        free = (masked_rows(layers, start, stop) == 0).sum(axis=0, dtype=np.int64)
        share: Nodes = np.add.reduceat(free, grid.columns[:-1]) / (widths * (stop - start))
        return share

    return np.stack(each(row, [(j, j + 1) for j in range(grid.shape[0])]))


def _statistics(
    image: npt.NDArray[Any], layers: Layers, grid: Grid, fit: SkyFit, step: int
) -> tuple[Nodes, Nodes, Nodes]:
    """Clipped mean, median and sigma of image - level in each box."""
    few = Grid(-(-grid.rows // step), grid.columns)  # rows looked at, numbered 0, 1, 2, ...
    ny, level = image.shape[0], _unblanked(fit.level_map)
    medians = np.full(grid.shape, np.nan)

    def read(start: int, stop: int) -> tuple[FloatImage, BoolImage]:
        rows = np.arange(start * step, min(stop * step, ny), step)
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.asarray(image[rows[0] : rows[-1] + 1 : step], np.float32)
            values = values - sampled_rows(level, rows)
        free = masked_rows(layers, int(rows[0]), int(rows[-1]) + 1, step) == 0
        free &= np.isfinite(values)
        values = np.where(free, values, np.float32(0))
        j = int(np.searchsorted(few.rows, start, side="right")) - 1
        medians[j] = _medians(values, free, few.columns)
        return values, ~free

    guess = at_centres(_unblanked(fit.rms_map), *grid.centres())
    floor = 8 * float(np.finfo(np.float32).eps) * abs(fit.globalback)
    found = measure_boxes(read, few, np.maximum(guess, floor))
    return found.mean, medians, found.rms


def _medians(values: FloatImage, free: BoolImage, columns: npt.NDArray[np.intp]) -> Nodes:
    """Medians of the free pixels of each box of one row of them."""
    widths = np.diff(columns)
    boxes = np.full((widths.size, int(widths.max()), values.shape[0]), np.inf, np.float32)
    place = np.arange(columns[-1]) - np.repeat(columns[:-1], widths)
    boxes[np.repeat(np.arange(widths.size), widths), place] = np.where(free, values, np.inf).T
    flat = np.sort(boxes.reshape(widths.size, -1), axis=1)
    count = np.add.reduceat(free.sum(axis=0, dtype=np.intp), columns[:-1])
    ends = (np.maximum(count - 1, 0) // 2, np.minimum(count // 2, flat.shape[1] - 1))
    low, high = (np.take_along_axis(flat, end[:, np.newaxis], 1)[:, 0] for end in ends)
    return np.where(count > 0, (low.astype(np.float64) + high) / 2, np.nan)


def _unblanked(sky_map: Any) -> Any:
    """A map with numbers under invalid pixels, where it can have them."""
    return dataclasses.replace(sky_map, blank=None) if isinstance(sky_map, SplineMap) else sky_map
