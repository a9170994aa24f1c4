"""Light that leaks out of a mask, or a map too high beside it: rings round what is masked.

The residual just outside a mask is compared with that farther out. Light that goes on beyond the
mask falls outwards: the ring is brighter. A map that took the object's light for sky stands too
high beside it: the ring is darker, the dark halo of many published images. A sky the map follows
badly does neither. And the map itself is looked at: where it rises under an object above the
surface through its surroundings, the boxes took the object's light for sky.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.region import PixelRegion
from ginga_bkgplugin.sky.boxes import Grid
from ginga_bkgplugin.sky.inspection import BoxReport
from ginga_bkgplugin.sky.maps import Nodes
from ginga_bkgplugin.sky.pixels import BoolImage
from ginga_bkgplugin.sky.raster import draw
from ginga_bkgplugin.sky.residuals import BLOCK, Residual

MOST_SOURCES = 20  # brightest ones looked at
_LEAST_WIDTH = 2  # blocks
_SHARE = 0.1  # of the radius: width of the ring
_OUTER = 3.0, 6.0  # times the width: where the ring is compared with
_LEAST_BLOCKS = 10  # of ring and of surroundings
_LEAST_FREE = BLOCK**2 / 4  # pixels of a block that counts
_SURROUNDED = 0.7  # of a region's rim that is masked as well
_LEAST_RADIUS = 2.0  # blocks, of a source looked at
_CLIP = 4.0  # of the scatter of the blocks: stars in the ring
_AROUND = 1.5, 3.5  # times the radius: boxes the map under an object is compared with
_FEWEST_AROUND = 12  # a quarter of them on each side


@dataclasses.dataclass(frozen=True)
class Masked:
    """Something masked, on the plane of blocks.

    Attributes
    ----------
    name : str
        For people: ``region 3`` or ``the source at 512, 384``.
    x, y, radius : float
        Its centre and the radius of its area, pixels.
    region : int or None
        Its place in the list of regions.
    window : tuple of slice
        Blocks round it.
    blocks : ndarray of bool
        Its blocks, in the window.
    """

    name: str
    x: float
    y: float
    radius: float
    region: int | None
    window: tuple[slice, slice]
    blocks: BoolImage


@dataclasses.dataclass(frozen=True)
class Ring:
    """The residual just outside something masked, in units of the noise of a pixel.

    Attributes
    ----------
    name : str
    x, y, radius : float
        Of what is masked, pixels.
    region : int or None
        Its place in the list of regions; None for a source.
    excess, error : float
        Mean of the ring minus that of its surroundings.
    pixels : int
        Free pixels of the ring.
    """

    name: str
    x: float
    y: float
    radius: float
    region: int | None
    excess: float
    error: float
    pixels: int


@dataclasses.dataclass(frozen=True)
class Bump:
    """How far the map rises under something masked, in units of the noise of a pixel."""

    name: str
    x: float
    y: float
    radius: float
    region: int | None
    height: float
    error: float


def masked_objects(
    residual: Residual, regions: Sequence[PixelRegion | None] = (), *, most: int = MOST_SOURCES
) -> list[Masked]:
    """The regions that mask, in their order, and the brightest sources no region covers.

    Parameters
    ----------
    residual : Residual
        Its masked light tells the sources.
    regions : sequence of PixelRegion or None
        As in the recipe, in pixels; those that are off, erase or have no place are passed over.
    most : int
        Sources, at most.
    """
    from scipy import ndimage  # late: the command line starts sooner

    shape = residual.total.shape[0], residual.total.shape[1]
    labels, number = ndimage.label(2 * residual.hidden > BLOCK**2)
    found, taken = [], np.zeros(shape, bool)
    for index, region in enumerate(regions):
        if region is None or region.erase or not region.on:
            continue
        blocks = draw(shape, [_on_blocks(region)]).masked
        if blocks.any():
            taken |= blocks
            blocks = _with_what_surrounds(blocks, labels)
            name = region.name or f"region {index + 1}"
            found.append(_masked(name, blocks, (slice(None), slice(None)), index))
    return found + _sources(residual, taken, most, labels, number)


def _with_what_surrounds(blocks: BoolImage, labels: npt.NDArray[np.int32]) -> BoolImage:
    """A region, joined with the automatic masks that go on all round it."""
    from scipy.ndimage import binary_dilation

    width = max(_LEAST_WIDTH, round(_SHARE * np.sqrt(np.count_nonzero(blocks) / np.pi)))
    rim = binary_dilation(blocks, iterations=width) & ~blocks
    if np.mean(labels[rim] > 0) < _SURROUNDED:
        return blocks
    touching = np.unique(labels[blocks | rim])
    joined: BoolImage = blocks | np.isin(labels, touching[touching > 0])
    return joined


def _sources(
    residual: Residual, taken: BoolImage, most: int, labels: npt.NDArray[np.int32], count: int
) -> list[Masked]:
    """Connected masked blocks, the most light first."""
    from scipy import ndimage

    if not count:
        return []
    numbers = np.arange(1, count + 1)
    light = ndimage.sum_labels(residual.light, labels, numbers)
    size = ndimage.sum_labels(residual.hidden, labels, numbers)
    covered = ndimage.sum_labels(taken, labels, numbers) > 0
    large = size > np.pi * (_LEAST_RADIUS * BLOCK) ** 2
    light = np.where(large & ~covered & (light > 0), light, 0.0)
    brightest = np.argsort(-light, kind="stable")[:most]
    brightest = brightest[light[brightest] > 0]
    places = np.zeros(count + 1, np.int32)
    places[brightest + 1] = np.arange(1, brightest.size + 1)
    labels = places[labels]
    # of those alone: slices for 20,000 sources make Python look through all it holds, for 0.2 s
    windows = ndimage.find_objects(labels)
    return [
        _masked("", labels[window] == place, window, None)
        for place, window in enumerate(windows, start=1)
    ]


def _masked(
    name: str, blocks: BoolImage, window: tuple[slice, slice], region: int | None
) -> Masked:
    """With centre, radius and the smallest window."""
    y, x = np.nonzero(blocks)
    tight = slice(int(y.min()), int(y.max()) + 1), slice(int(x.min()), int(x.max()) + 1)
    cx, cy = (
        (float(place.mean()) + (side.start or 0)) * BLOCK + (BLOCK - 1) / 2
        for place, side in ((x, window[1]), (y, window[0]))
    )
    radius = float(np.sqrt(y.size / np.pi)) * BLOCK
    moved = tuple(
        slice(inner.start + (outer.start or 0), inner.stop + (outer.start or 0))
        for inner, outer in zip(tight, window, strict=True)
    )
    name = name or f"the source at {cx:.0f}, {cy:.0f}"
    return Masked(name, cx, cy, radius, region, (moved[0], moved[1]), blocks[tight])


def _on_blocks(region: PixelRegion) -> PixelRegion:
    """A region on the plane of blocks."""
    x, y = region.centre
    middle = (BLOCK - 1) / 2
    shrunk = region.scaled(1 / BLOCK).replace(on=True)
    return shrunk.moved((x - middle) / BLOCK - x, (y - middle) / BLOCK - y)


def look_at_rings(residual: Residual, objects: Iterable[Masked]) -> list[Ring]:
    """A ring round each; those without enough free sky are passed over."""
    mean, count = residual.means(1, _LEAST_FREE / BLOCK**2)
    count = np.where(np.isfinite(mean), count, 0.0)
    total = np.where(count > 0, residual.total, 0.0)
    rings = (_ring(residual, one, total, count) for one in objects)
    return [ring for ring in rings if ring is not None]


def _ring(residual: Residual, one: Masked, total: Nodes, count: Nodes) -> Ring | None:
    from scipy.ndimage import distance_transform_edt  # late

    first = max(_LEAST_WIDTH, round(_SHARE * one.radius / BLOCK))
    for width in (first, 2 * first):  # an automatic mask may reach beyond a region
        margin = int(np.ceil(_OUTER[1] * width)) + 1
        window = tuple(
            slice(max(0, side.start - margin), min(size, side.stop + margin))
            for side, size in zip(one.window, total.shape, strict=True)
        )
        inside = np.zeros([side.stop - side.start for side in window], bool)
        inside[tuple(
            slice(tight.start - wide.start, tight.stop - wide.start)
            for tight, wide in zip(one.window, window, strict=True)
        )] = one.blocks  # fmt: skip
        away = distance_transform_edt(~inside)
        near = (away > 0) & (away <= width)
        far = (away > _OUTER[0] * width) & (away <= _OUTER[1] * width)
        n = count[window]
        if 3 * np.count_nonzero(n[near]) >= np.count_nonzero(near):
            break
    sums = total[window]
    values = [_clipped_mean(residual, sums[part], n[part]) for part in (near, far)]
    if any(value is None for value in values) or residual.sigma <= 0:
        return None
    (ring, error, pixels), (outside, outer_error, _) = (value for value in values if value)
    return Ring(
        one.name, one.x, one.y, one.radius, one.region, (ring - outside) / residual.sigma,
        float(np.hypot(error, outer_error)) / residual.sigma, pixels,
    )  # fmt: skip


def _clipped_mean(
    residual: Residual, total: Nodes, count: Nodes
) -> tuple[float, float, int] | None:
    """Mean of blocks without those that stand out, its error and pixels; None with too few.

    The error is the larger of what the noise promises and what the blocks' scatter says.
    """
    used = count > 0
    if np.count_nonzero(used) < _LEAST_BLOCKS:
        return None
    total, count = total[used], count[used]
    means, expected = total / count, residual.error(count)
    middle = float(np.median(means))
    off = (means - middle) / expected
    spread = max(1.0, 1.4826 * float(np.median(np.abs(off))))
    kept = np.abs(off) <= _CLIP * spread
    pixels = float(count[kept].sum())
    mean = float(total[kept].sum()) / pixels
    return mean, float(residual.error(pixels)) * spread, int(pixels)


def look_under(boxes: BoxReport, noise: float, objects: Iterable[Masked]) -> list[Bump]:
    """How far the map rises under each object larger than a box.

    Parameters
    ----------
    boxes : BoxReport
        The map at the boxes' centres, and which were measured.
    noise : float
        Of a pixel, in the image's units.
    objects : iterable of Masked
        Of `masked_objects`.
    """
    grid: Grid = boxes.grid
    y, x = grid.centres()
    side = float(np.median(np.concatenate([np.diff(grid.rows), np.diff(grid.columns)])))
    found = []
    for one in objects:
        if one.radius < side or noise <= 0:
            continue
        away = np.hypot(y[:, np.newaxis] - one.y, x - one.x) / one.radius
        inside = away <= 1 / np.sqrt(2)
        around = (away > _AROUND[0]) & (away < _AROUND[1]) & boxes.measured
        if not inside.any() or not _surrounds(around, y - one.y, x - one.x):
            continue
        height, error = _above_plane(
            boxes.level / noise, (x - one.x) / one.radius, (y - one.y) / one.radius, inside, around
        )
        found.append(Bump(one.name, one.x, one.y, one.radius, one.region, height, error))
    return found


def _surrounds(around: BoolImage, y: Nodes, x: Nodes) -> bool:
    """Whether boxes stand on all sides: nothing is carried on beyond them."""
    sides = [around[np.ix_(rows, columns)].sum() for rows in (y < 0, y > 0)
             for columns in (x < 0, x > 0)]  # fmt: skip
    return bool(min(sides) >= _FEWEST_AROUND // 4)


def _above_plane(
    level: Nodes, x: Nodes, y: Nodes, inside: BoolImage, around: BoolImage
) -> tuple[float, float]:
    """Mean of the map inside minus the surface through its surroundings, and the error.

    A plane, or with enough boxes a surface of degree two; the error is its scatter there.
    """
    right, up = np.meshgrid(x, y)
    powers = [(0, 0), (1, 0), (0, 1)]
    if np.count_nonzero(around) >= 4 * _FEWEST_AROUND:
        powers += [(2, 0), (1, 1), (0, 2)]
    terms = np.stack([right**i * up**j for i, j in powers], axis=-1)
    near: npt.NDArray[np.float64] = terms[around]
    coefficients = np.linalg.lstsq(near, level[around], rcond=None)[0]
    scatter = float(np.std(level[around] - near @ coefficients))
    return float(np.mean(level[inside] - terms[inside] @ coefficients)), scatter
