from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from ginga_bkgplugin.recipe.errors import DetectionError
from ginga_bkgplugin.recipe.shapes import PixelCircle, PixelEllipse
from ginga_bkgplugin.sky.blobs import adopt_blob, blob_at, grow_from, polygon_of, simplified
from ginga_bkgplugin.sky.raster import mask_regions
from ginga_bkgplugin.sky.simulate import SimulatedField

BLOBS = arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(np.any)


@given(blob=BLOBS, corner=st.tuples(st.integers(-5, 20), st.integers(-5, 20)))
def test_the_outline_of_any_pixels_masks_exactly_them(
    blob: np.ndarray, corner: tuple[int, int]
) -> None:
    wide = np.zeros((50, 60), bool)
    ny, nx = blob.shape
    shifted = polygon_of(blob, (corner[0] + 5, corner[1] + 5))
    wide[corner[1] + 5 : corner[1] + 5 + ny, corner[0] + 5 : corner[0] + 5 + nx] = blob

    assert np.array_equal(mask_regions((50, 60), [shifted]), wide)


def test_holes_are_joined_to_what_is_near() -> None:
    disc = mask_regions((300, 300), [PixelCircle(150, 150, 120)])
    holes = mask_regions((300, 300), [PixelCircle(x, 150, 25) for x in (70, 150, 230)])

    path = np.array(polygon_of(disc & ~holes, tolerance=1.0).vertices)

    assert np.hypot(*(path - np.roll(path, 1, axis=0)).T).max() < 45  # between holes, to the rim


@given(blob=BLOBS, data=st.data())
def test_the_blob_at_a_pixel_is_its_connected_component(
    blob: np.ndarray, data: st.DataObject
) -> None:
    y, x = data.draw(st.sampled_from(np.argwhere(blob).tolist()))
    labels, _ = ndimage.label(blob, structure=np.ones((3, 3)))

    found = blob_at(blob, x, y)

    assert found is not None
    window, pixels = found
    whole = np.zeros(blob.shape, bool)
    whole[window.slices] = pixels
    assert np.array_equal(whole, labels == labels[y, x])


def test_a_blob_larger_than_the_first_window_is_found_whole() -> None:
    mask = mask_regions((700, 900), [PixelEllipse(500, 300, 350, 40, 20)])

    found = blob_at(mask, 240, 210)

    assert found is not None
    assert found[1].sum() == mask.sum()


@pytest.mark.parametrize(("x", "y"), [(0, 0), (-5, 3), (99, 1000)])
def test_where_nothing_is_masked_there_is_no_blob(x: float, y: float) -> None:
    mask = mask_regions((100, 100), [PixelCircle(50, 50, 10)])

    assert blob_at(mask, x, y) is None
    assert adopt_blob(mask, x, y) is None


def test_an_adopted_blob_has_few_vertices_and_nearly_the_same_pixels() -> None:
    mask = mask_regions((300, 300), [PixelEllipse(150, 140, 90, 50, 30)])
    hole = mask_regions((300, 300), [PixelCircle(150, 140, 9)])

    polygon = adopt_blob(mask & ~hole, 100, 120)

    assert polygon is not None
    drawn = mask_regions((300, 300), [polygon])
    assert len(polygon.vertices) < 60
    assert (drawn ^ mask).sum() < 0.03 * mask.sum()
    assert drawn[140, 150]


def test_growing_from_the_galaxy_masks_its_light(field: SimulatedField) -> None:
    galaxy = field.galaxy

    polygon = grow_from(field.data, galaxy.x, galaxy.y)

    drawn = mask_regions(field.data.shape, [polygon])
    y, x = np.indices(field.data.shape)
    assert drawn[np.hypot(x - galaxy.x, y - galaxy.y) < 0.3 * galaxy.radius].all()
    assert drawn.sum() < 4 * np.pi * galaxy.radius**2


def test_growing_from_a_star_takes_the_star_only() -> None:
    rng = np.random.default_rng(2)
    y, x = np.indices((200, 220))
    data = rng.normal(100, 5, (200, 220)) + 800 * np.exp(-((x - 60) ** 2 + (y - 70) ** 2) / 18)
    data[70, 61] = np.nan

    drawn = mask_regions(data.shape, [grow_from(data, 61, 70)])

    assert drawn[66:75, 56:65].all()
    assert drawn.sum() < 900


@pytest.mark.parametrize(("x", "y"), [(20, 20), (-1, 5), (500, 5)])
def test_growing_from_empty_sky_is_refused_in_words(x: float, y: float) -> None:
    with pytest.raises(DetectionError, match="No source stands out at"):
        grow_from(np.zeros((100, 100)), x, y)


LINE = [(float(x), float(5 * np.sin(x / 30))) for x in range(400)]


@pytest.mark.parametrize("closed", [True, False])
def test_a_simplified_line_keeps_its_ends_and_stays_near(closed: bool) -> None:
    fewer = simplified(LINE, 0.25, closed=closed)

    assert len(fewer) < 80
    assert fewer[0] == LINE[0]
    assert closed or fewer[-1] == LINE[-1]
    heights = np.interp(range(400), *np.array(fewer).T)
    assert np.abs(heights - np.array(LINE)[:, 1])[: int(fewer[-1][0])].max() <= 0.26


def test_a_single_point_or_two_stay_as_they_are() -> None:
    assert simplified([(1, 2)], 1, closed=False) == ((1, 2),)
    assert simplified([(1, 2), (3, 4)], 1, closed=False) == ((1, 2), (3, 4))
