"""Every shape against its definition, pixel by pixel, and the order of masking and erasing."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.bench_masks import mixed
from ginga_bkgplugin.recipe.region import PixelRegion
from ginga_bkgplugin.recipe.shapes import (
    PixelAnnulus,
    PixelBox,
    PixelCircle,
    PixelEllipse,
    PixelPolygon,
    PixelStroke,
)
from ginga_bkgplugin.sky.raster import Drawn, add, draw, mask_regions, outside, update
from tests.drawing import pixel_regions

SHAPE = (40, 50)
EIGHTHS = st.integers(-80, 480).map(lambda n: n / 8)  # exact in binary, as are their products
SIZES = st.integers(1, 300).map(lambda n: n / 8)
EXACT = ("circle", "annulus", "polygon", "stroke")
ANY = pixel_regions(erase=st.booleans(), on=st.sampled_from([True, True, False]))


def _by_definition(region: Any, margin: float = 0.0) -> npt.NDArray[np.bool_]:
    """Every pixel against the shape; enlarged by `margin`, so that edges can be left out."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    if isinstance(region, PixelPolygon):
        return _odd(region, x, y)
    if isinstance(region, PixelStroke):
        ends = list(itertools.pairwise(region.points)) or [region.points * 2]
        near = [_near(x, y, *pair, region.radius + margin) for pair in ends]
        return np.logical_or.reduce(near)
    dx, dy = x - region.x, y - region.y
    if isinstance(region, PixelCircle):
        return dx**2 + dy**2 <= (region.radius + margin) ** 2
    if isinstance(region, PixelAnnulus):
        r2 = dx**2 + dy**2
        return (r2 <= (region.outer + margin) ** 2) & (r2 >= (region.inner - margin) ** 2)
    turn = np.exp(-1j * np.radians(region.angle)) * (dx + 1j * dy)
    if isinstance(region, PixelBox):
        across = np.abs(turn.real) <= region.width / 2 + margin
        return across & (np.abs(turn.imag) <= region.height / 2 + margin)
    radius = np.hypot(turn.real / region.a, turn.imag / region.b)
    return radius <= 1 + margin / min(region.a, region.b)


def _odd(polygon: PixelPolygon, x: Any, y: Any) -> npt.NDArray[np.bool_]:
    inside = np.zeros(SHAPE, bool)
    for one, two in zip(
        polygon.vertices, polygon.vertices[1:] + polygon.vertices[:1], strict=True
    ):
        (x0, y0), (x1, y1) = sorted((one, two), key=lambda point: point[1])
        left_of = (x - x0) * (y1 - y0) >= (y - y0) * (x1 - x0)
        inside ^= (y0 <= y) & (y < y1) & left_of
    return inside


def _near(x: Any, y: Any, one: Any, two: Any, radius: float) -> npt.NDArray[np.bool_]:
    vx, vy = two[0] - one[0], two[1] - one[1]
    dx, dy = x - one[0], y - one[1]
    along, length2 = dx * vx + dy * vy, vx**2 + vy**2
    beside = (along >= 0) & (along <= length2) & (length2 > 0)
    close = beside & ((dx * vy - dy * vx) ** 2 <= radius**2 * length2)
    for px, py in (one, two):
        close |= (x - px) ** 2 + (y - py) ** 2 <= radius**2
    return close


@given(region=pixel_regions(places=EIGHTHS, sizes=SIZES, shapes=("circle", "polygon")))
def test_circles_and_polygons_are_their_definition_to_the_last_pixel(region: Any) -> None:
    assert np.array_equal(mask_regions(SHAPE, [region]), _by_definition(region))


@given(region=pixel_regions(), quarter=st.booleans())
def test_every_shape_is_its_definition_away_from_its_edge(region: Any, quarter: bool) -> None:
    if quarter and hasattr(region, "angle"):
        region = region.replace(angle=90.0 * round(region.angle / 90))
    drawn = mask_regions(SHAPE, [region])

    sure = _by_definition(region, -1e-9)
    possible = _by_definition(region, 1e-9)

    assert not (sure & ~drawn).any()
    assert not (drawn & ~possible).any()


@pytest.mark.parametrize(
    ("region", "there", "not_there"),
    [
        (PixelEllipse(10, 10, 5, 3, 0), [(15, 10), (10, 13)], [(15, 11), (10, 14)]),
        (PixelEllipse(10, 10, 5, 3, 90), [(10, 15), (13, 10)], [(15, 10)]),
        (PixelBox(10, 10, 6, 2, 0), [(13, 11), (7, 9)], [(14, 10), (10, 12)]),
        (PixelBox(10, 10, 6, 2, 90), [(11, 13), (9, 7)], [(13, 11)]),
        (PixelAnnulus(10, 10, 3, 5), [(13, 10), (15, 10)], [(12, 10), (16, 10)]),
        (PixelStroke([(5, 5), (15, 5)], 2), [(3, 5), (10, 7), (17, 5)], [(10, 8), (2, 5)]),
        (PixelStroke([(5, 5)], 2), [(5, 7)], [(5, 8)]),
        (PixelPolygon([(2, 2), (6, 2), (6, 6), (2, 6)]), [(2, 2), (5, 5)], [(6, 4), (4, 6)]),
    ],
)
def test_edges_belong_to_the_shape_as_written(region: Any, there: Any, not_there: Any) -> None:
    mask = mask_regions((20, 20), [region])

    assert all(mask[y, x] for x, y in there)
    assert not any(mask[y, x] for x, y in not_there)


def test_polygons_that_share_edges_share_no_pixel_and_leave_none_out() -> None:
    rng = np.random.default_rng(5)
    middle = tuple(rng.uniform(10, 30, 2))
    rim = [(0.0, 0.0), (40.0, 0.0), (40.0, 40.0), (0.0, 40.0)]
    parts = [
        mask_regions((40, 40), [PixelPolygon([a, b, middle])]).astype(int)
        for a, b in zip(rim, rim[1:] + rim[:1], strict=True)
    ]

    assert (sum(parts) == 1).all()


def test_a_polygon_that_crosses_itself_is_free_where_it_overlaps_twice() -> None:
    star = [(25 + 20 * np.cos(a), 20 + 20 * np.sin(a)) for a in np.arange(5) * 4 * np.pi / 5]

    mask = mask_regions(SHAPE, [PixelPolygon(star)])

    assert not mask[20, 25]
    assert mask[20, 40]


# --- order


def _in_order(regions: list[Any]) -> tuple[Any, Any]:
    masked, erased = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    for region in regions:
        if region.on:
            inside = mask_regions(SHAPE, [region.replace(erase=False)])
            masked[inside] = not region.erase
            erased |= inside & region.erase
    return masked, erased


def _erased(drawn: Drawn) -> Any:
    return np.zeros(SHAPE, bool) if drawn.erased is None else drawn.erased


@given(regions=st.lists(ANY, max_size=6))
def test_the_list_is_followed_in_its_order(regions: list[Any]) -> None:
    drawn = draw(SHAPE, regions)
    masked, erased = _in_order(regions)

    assert np.array_equal(drawn.masked, masked)
    assert np.array_equal(_erased(drawn), erased)


@given(regions=st.lists(pixel_regions(), max_size=6), data=st.data())
def test_the_order_of_includes_does_not_matter(regions: list[Any], data: st.DataObject) -> None:
    other = data.draw(st.permutations(regions))

    assert np.array_equal(draw(SHAPE, regions).masked, draw(SHAPE, other).masked)


@given(before=st.lists(ANY, max_size=6), data=st.data())
def test_an_update_gives_what_drawing_anew_gives(before: list[Any], data: st.DataObject) -> None:
    after = list(before)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(after)))
        gone = data.draw(st.integers(0, 1))
        after[place : place + gone] = data.draw(st.lists(ANY, max_size=1))
    drawn = draw(SHAPE, before)

    update(drawn, before, after)

    fresh = draw(SHAPE, after)
    assert np.array_equal(drawn.masked, fresh.masked)
    assert np.array_equal(_erased(drawn), _erased(fresh))


def test_a_moved_shape_touches_its_own_surroundings_only() -> None:
    before: list[PixelRegion] = [PixelCircle(20, 20, 5), PixelCircle(80, 80, 10)]
    after: list[PixelRegion] = [PixelCircle(30, 20, 5), PixelCircle(80, 80, 10)]
    drawn = draw((100, 100), before)
    drawn.masked[60, 10] = True  # would go if more were drawn

    windows = update(drawn, before, after)

    assert drawn.masked[60, 10]
    assert sum((w.right - w.left) * (w.top - w.bottom) for w in windows) <= 2 * 12**2
    assert all(w.top <= 27 for w in windows)


@given(points=st.lists(st.tuples(EIGHTHS, EIGHTHS), min_size=2, max_size=8), erase=st.booleans())
def test_a_stroke_grown_move_by_move_is_the_whole_stroke(points: Any, erase: bool) -> None:
    under = PixelBox(25, 20, 30, 30, 0)
    live = draw(SHAPE, [under])
    for pair in itertools.pairwise(points):
        add(live, PixelStroke(pair, 3.5, erase=erase))

    whole = draw(SHAPE, [under, PixelStroke(points, 3.5, erase=erase)])

    assert np.array_equal(live.masked, whole.masked)
    assert np.array_equal(_erased(live), _erased(whole))


# --- outside, many, large


def test_shapes_without_a_pixel_are_counted() -> None:
    regions = [
        PixelCircle(10, 10, 3),
        PixelCircle(500, 10, 3),
        PixelPolygon([(-9, -9), (-1, -9), (-5, -1)]),
        PixelCircle(10.5, 10.5, 0.1),  # between pixels
        PixelBox(1e300, 0, 1, 1, 30),
    ]

    assert outside(regions, SHAPE) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "region",
    [
        PixelEllipse(25, 20, 1e6, 1e6, 33),
        PixelBox(25, 20, 1e6, 1e6, 33),
        PixelPolygon([(-1e6, -1e6), (1e6, -1e6), (0, 1e7)]),
        PixelStroke([(-1e6, 20), (1e6, 20.5)], 1e5),
        PixelAnnulus(25, 1e5, 9e4, 2e5),
    ],
)
def test_a_shape_round_the_whole_image_masks_all_of_it(region: Any) -> None:
    assert mask_regions(SHAPE, [region]).all()


def test_shapes_on_a_large_image_need_little_memory() -> None:
    regions = [region.replace(erase=False) for region in mixed(200, 6388, 9576, 600)]
    tracemalloc.start()
    try:
        mask = mask_regions((6388, 9576), regions)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak - mask.nbytes < 50e6


def test_thousands_of_shapes_are_drawn() -> None:
    regions = mixed(3000, 1000, 1000, 20)

    drawn = draw((1000, 1000), regions)

    assert 0.2 < drawn.masked.mean() < 0.9
