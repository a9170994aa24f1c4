from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.raster import mask_regions

EIGHTHS = st.integers(-400, 800).map(lambda n: n / 8)  # exact in binary: a shift loses nothing
CIRCLES = st.lists(
    st.builds(PixelCircle, EIGHTHS, EIGHTHS, st.integers(1, 480).map(lambda n: n / 8)), max_size=6
)


def _by_definition(
    shape: tuple[int, int], circles: Sequence[PixelCircle]
) -> npt.NDArray[np.bool_]:
    """Every pixel against every circle, no boxes and no strips."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    mask = np.zeros(shape, bool)
    for circle in circles:
        mask |= (x - circle.x) ** 2 + (y - circle.y) ** 2 <= circle.radius**2
    return mask


def test_a_pixel_exactly_at_the_radius_is_masked() -> None:
    mask = mask_regions((11, 11), [PixelCircle(5, 5, 5)])

    assert mask[5 + 3, 5 + 4]
    assert mask[5, 10]
    assert not mask[5 + 4, 5 + 4]


def test_a_radius_a_hair_shorter_leaves_that_pixel_free() -> None:
    mask = mask_regions((11, 11), [PixelCircle(5, 5, np.nextafter(5, 0))])

    assert not mask[8, 9]
    assert not mask[5, 10]


def test_a_circle_between_pixels_masks_nothing() -> None:
    assert not mask_regions((10, 10), [PixelCircle(4.5, 4.5, 0.7)]).any()


@given(circles=CIRCLES, shape=st.tuples(st.integers(1, 70), st.integers(1, 70)))
def test_the_mask_is_the_definition(circles: list[PixelCircle], shape: tuple[int, int]) -> None:
    assert np.array_equal(mask_regions(shape, circles), _by_definition(shape, circles))


def test_a_circle_of_many_strips_is_the_definition() -> None:
    shape, circles = (1500, 1600), [PixelCircle(801.3, 744.7, 731.9)]

    assert np.array_equal(mask_regions(shape, circles), _by_definition(shape, circles))


@given(circles=CIRCLES, dx=st.integers(0, 30), dy=st.integers(0, 30))
def test_moving_the_circles_moves_the_mask(circles: list[PixelCircle], dx: int, dy: int) -> None:
    moved = [PixelCircle(c.x + dx, c.y + dy, c.radius) for c in circles]

    mask = mask_regions((60, 60), moved)

    assert np.array_equal(mask[dy:, dx:], mask_regions((60 - dy, 60 - dx), circles))


@given(circles=CIRCLES, data=st.data())
def test_the_order_of_circles_does_not_matter(
    circles: list[PixelCircle], data: st.DataObject
) -> None:
    other = data.draw(st.permutations(circles))

    assert np.array_equal(mask_regions((50, 50), circles), mask_regions((50, 50), other))


@pytest.mark.parametrize(
    "circle",
    [
        PixelCircle(-50, 5, 20),
        PixelCircle(5, 1e6, 20),
        PixelCircle(1e200, 0, 1e199),
        PixelCircle(-1e308, -1e308, 1),
    ],
)
def test_a_circle_off_the_image_masks_nothing(circle: PixelCircle) -> None:
    assert not mask_regions((30, 40), [circle]).any()


@pytest.mark.parametrize(
    "circle", [PixelCircle(20, 15, 1e5), PixelCircle(0, 0, 1e200), PixelCircle(1e200, 0, 2e200)]
)
def test_a_circle_round_the_whole_image_masks_all_of_it(circle: PixelCircle) -> None:
    assert mask_regions((30, 40), [circle]).all()


def test_many_circles_on_a_large_image_need_little_memory() -> None:
    rng = np.random.default_rng(3)
    ny, nx = 7000, 9000
    circles = [
        PixelCircle(x, y, r)
        for x, y, r in zip(
            rng.uniform(0, nx, 200), rng.uniform(0, ny, 200), rng.uniform(5, 300, 200), strict=True
        )
    ]
    tracemalloc.start()
    try:
        mask = mask_regions((ny, nx), circles)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak - mask.nbytes < 200e6
    assert mask[round(circles[0].y), round(circles[0].x)]
