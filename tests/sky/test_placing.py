"""Regions between the sky and the pixels of an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from ginga_bkgplugin.files.frames import read_frame
from ginga_bkgplugin.recipe.errors import NoWCSError
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.sky.placing import has_sky, to_pixel, to_pixels, to_sky
from ginga_bkgplugin.sky.raster import mask_regions
from ginga_bkgplugin.sky.simulate import field_header


def _wcs(sides: tuple[float, float] = (0.5, 0.5), angle: float = 20, dec: float = 2.2) -> WCS:
    """A tangent plane with pixels of these sides in arcseconds."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.0, dec]
    wcs.wcs.crpix = [50.0, 60.0]
    wcs.wcs.cd = np.array([[-cos, sin], [sin, cos]]) @ np.diag(sides) / 3600
    return wcs


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

    on_sky = mask_regions((100, 120), [to_sky(circle, wcs)], wcs)

    assert np.array_equal(on_sky, mask_regions((100, 120), [circle]))


@pytest.mark.parametrize("wcs", [None, WCS(naxis=2), WCS(Header([("CTYPE1", "LINEAR")]))])
def test_sky_coordinates_without_a_wcs_are_refused_in_words(wcs: WCS | None) -> None:
    assert not has_sky(wcs)
    with pytest.raises(NoWCSError, match="no celestial WCS: give the region in pixels"):
        mask_regions((10, 10), [SkyCircle(150, 2, 10)], wcs)


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
