from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from ginga_bkgplugin.files.frames import read_frame
from ginga_bkgplugin.recipe.errors import NoWCSError
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.sky.raster import has_sky, mask_circles, to_pixel, to_pixels, to_sky
from ginga_bkgplugin.sky.simulate import field_header

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


def _wcs(sides: tuple[float, float] = (0.5, 0.5), angle: float = 20, dec: float = 2.2) -> WCS:
    """A tangent plane with pixels of these sides in arcseconds."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.0, dec]
    wcs.wcs.crpix = [50.0, 60.0]
    wcs.wcs.cd = np.array([[-cos, sin], [sin, cos]]) @ np.diag(sides) / 3600
    return wcs


def test_a_pixel_exactly_at_the_radius_is_masked() -> None:
    mask = mask_circles((11, 11), [PixelCircle(5, 5, 5)])

    assert mask[5 + 3, 5 + 4]
    assert mask[5, 10]
    assert not mask[5 + 4, 5 + 4]


def test_a_radius_a_hair_shorter_leaves_that_pixel_free() -> None:
    mask = mask_circles((11, 11), [PixelCircle(5, 5, np.nextafter(5, 0))])

    assert not mask[8, 9]
    assert not mask[5, 10]


def test_a_circle_between_pixels_masks_nothing() -> None:
    assert not mask_circles((10, 10), [PixelCircle(4.5, 4.5, 0.7)]).any()


@given(circles=CIRCLES, shape=st.tuples(st.integers(1, 70), st.integers(1, 70)))
def test_the_mask_is_the_definition(circles: list[PixelCircle], shape: tuple[int, int]) -> None:
    assert np.array_equal(mask_circles(shape, circles), _by_definition(shape, circles))


def test_a_circle_of_many_strips_is_the_definition() -> None:
    shape, circles = (1500, 1600), [PixelCircle(801.3, 744.7, 731.9)]

    assert np.array_equal(mask_circles(shape, circles), _by_definition(shape, circles))


@given(circles=CIRCLES, dx=st.integers(0, 30), dy=st.integers(0, 30))
def test_moving_the_circles_moves_the_mask(circles: list[PixelCircle], dx: int, dy: int) -> None:
    moved = [PixelCircle(c.x + dx, c.y + dy, c.radius) for c in circles]

    mask = mask_circles((60, 60), moved)

    assert np.array_equal(mask[dy:, dx:], mask_circles((60 - dy, 60 - dx), circles))


@given(circles=CIRCLES, data=st.data())
def test_the_order_of_circles_does_not_matter(
    circles: list[PixelCircle], data: st.DataObject
) -> None:
    other = data.draw(st.permutations(circles))

    assert np.array_equal(mask_circles((50, 50), circles), mask_circles((50, 50), other))


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
    assert not mask_circles((30, 40), [circle]).any()


@pytest.mark.parametrize(
    "circle", [PixelCircle(20, 15, 1e5), PixelCircle(0, 0, 1e200), PixelCircle(1e200, 0, 2e200)]
)
def test_a_circle_round_the_whole_image_masks_all_of_it(circle: PixelCircle) -> None:
    assert mask_circles((30, 40), [circle]).all()


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
        mask = mask_circles((ny, nx), circles)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak - mask.nbytes < 200e6
    assert mask[round(circles[0].y), round(circles[0].x)]


@given(
    x=st.floats(-100, 200),
    y=st.floats(-100, 200),
    radius=st.floats(0.5, 500),
    angle=st.floats(0, 360),
    dec=st.floats(-85, 85),
)
def test_a_circle_comes_back_from_the_sky(
    x: float, y: float, radius: float, angle: float, dec: float
) -> None:
    wcs = _wcs(angle=angle, dec=dec)

    back = to_pixel(to_sky(PixelCircle(x, y, radius), wcs), wcs)

    assert (back.x, back.y) == pytest.approx((x, y), abs=1e-6)
    assert back.radius == pytest.approx(radius, rel=1e-7)


@pytest.mark.parametrize("sides", [(0.5, 0.5), (0.2, 0.8), (3.0, 0.1)])
@pytest.mark.parametrize("angle", [0, 33, 90])
@pytest.mark.parametrize("dec", [0, -60, 89.9, 90])
def test_a_circle_on_the_sky_keeps_its_area(
    sides: tuple[float, float], angle: float, dec: float
) -> None:
    wcs = _wcs(sides, angle, dec)

    circle = to_pixel(to_sky(PixelCircle(49, 59, 1), wcs), wcs)
    on_sky = to_sky(PixelCircle(49, 59, 10), wcs)

    assert on_sky.radius**2 == pytest.approx(100 * sides[0] * sides[1], rel=1e-6)
    assert circle.radius == pytest.approx(1, rel=1e-7)


def test_a_sky_circle_has_the_radius_the_pixel_scale_gives() -> None:
    circle = to_pixel(SkyCircle(150.0, 2.2, 10), _wcs())

    assert (circle.x, circle.y) == pytest.approx((49, 59), abs=1e-6)
    assert circle.radius == pytest.approx(20, rel=1e-6)


def test_sky_and_pixel_circles_keep_their_order() -> None:
    wcs = _wcs()
    pixel = [PixelCircle(1, 2, 3), PixelCircle(40, 50, 6), PixelCircle(7, 8, 9)]
    mixed = [pixel[0], to_sky(pixel[1], wcs), pixel[2], to_sky(pixel[0], wcs)]

    circles = to_pixels(mixed, wcs)

    assert [round(circle.radius, 4) for circle in circles] == [3, 6, 9, 3]


def test_a_sky_circle_masks_the_pixels_of_its_pixel_twin() -> None:
    wcs, circle = _wcs(), PixelCircle(40.3, 51.7, 20.2)

    on_sky = mask_circles((100, 120), [to_sky(circle, wcs)], wcs)

    assert np.array_equal(on_sky, mask_circles((100, 120), [circle]))


@pytest.mark.parametrize("wcs", [None, WCS(naxis=2), WCS(Header([("CTYPE1", "LINEAR")]))])
def test_sky_coordinates_without_a_wcs_are_refused_in_words(wcs: WCS | None) -> None:
    assert not has_sky(wcs)
    with pytest.raises(NoWCSError, match="no celestial WCS: give the circle in pixels"):
        mask_circles((10, 10), [SkyCircle(150, 2, 10)], wcs)


def test_the_other_side_of_the_sky_is_refused_with_the_place() -> None:
    with pytest.raises(NoWCSError, match=r"RA 330\.00000, Dec -2\.20000 has no place"):
        to_pixel(SkyCircle(330.0, -2.2, 10), _wcs())


def test_galactic_frames_take_circles_in_icrs() -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["GLON-TAN", "GLAT-TAN"]
    wcs.wcs.crval = [0.0, 0.0]
    wcs.wcs.crpix = [50.0, 50.0]
    wcs.wcs.cdelt = [-1 / 3600, 1 / 3600]

    circle = to_pixel(SkyCircle(266.40499, -28.93617, 5), wcs)  # the centre of the Galaxy

    assert (circle.x, circle.y) == pytest.approx((49, 49), abs=0.1)


def test_the_simulated_header_has_square_pixels_of_its_scale() -> None:
    wcs = WCS(field_header((100, 100), scale=0.5, angle=20))

    assert to_sky(PixelCircle(10, 10, 2), wcs).radius == pytest.approx(1, rel=1e-6)


def test_a_circle_comes_back_from_the_sky_of_a_real_skewed_wcs(real_frames: Path) -> None:
    wcs = read_frame(real_frames / "hst_hrc_47tuc_flt.fits").wcs

    back = to_pixel(to_sky(PixelCircle(700, 100, 30), wcs), wcs)

    assert (back.x, back.y) == pytest.approx((700, 100), abs=1e-6)
    assert back.radius == pytest.approx(30, rel=1e-6)
