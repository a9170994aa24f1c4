"""DS9 region files in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st
from regions import Regions

from ginga_bkgplugin.files.frames import Frame, read_frame
from ginga_bkgplugin.files.regionfile import read_regions
from ginga_bkgplugin.files.regionwriting import write_regions
from ginga_bkgplugin.recipe.errors import NoWCSError, ParameterError, ProductExistsError
from ginga_bkgplugin.recipe.region import Region
from ginga_bkgplugin.recipe.shapes import (
    PixelAnnulus,
    PixelBox,
    PixelCircle,
    PixelEllipse,
    PixelPolygon,
    PixelStroke,
    SkyCircle,
    SkyEllipse,
    SkyStroke,
)
from ginga_bkgplugin.sky.placing import to_pixel, to_sky
from ginga_bkgplugin.sky.raster import draw, mask_regions
from ginga_bkgplugin.sky.simulate import field_header
from tests.drawing import LOOKS, pixel_regions, sky_regions

SHAPES = ("circle", "ellipse", "box", "annulus", "polygon")
SEEN = {**LOOKS, "on": st.just(True), "locked": st.just(False)}
NICE = st.integers(-160, 480).map(lambda n: n / 8)
RA = st.integers(0, 360 * 64 - 1).map(lambda n: n / 64)
DEC = st.integers(-89 * 64, 89 * 64).map(lambda n: n / 64)
HEADER = field_header((100, 120), scale=0.5, angle=20)


def _close(one: Region, two: Region) -> bool:
    """The same shape to the digits of the file; angles go round."""
    if type(one) is not type(two) or one.looks() != two.looks():
        return False
    for name in one.geometry():
        a, b = (np.array(getattr(region, name), dtype=float) for region in (one, two))
        difference = (a - b + 180) % 360 - 180 if name in ("ra", "angle") else a - b
        if name == "vertices" and one.frame == "icrs":
            difference = (difference + 180) % 360 - 180
        if not np.allclose(difference, 0, atol=1e-5):
            return False
    return True


@given(
    regions=st.lists(
        pixel_regions(NICE, shapes=SHAPES, **SEEN) | sky_regions(RA, DEC, **SEEN), max_size=6
    )
)
def test_any_regions_survive_the_file(regions: list[Any], tmp_path_factory: Any) -> None:
    regions = [region for region in regions if region.shape in SHAPES]
    path = tmp_path_factory.mktemp("reg") / "a.reg"
    write_regions(path, regions)

    back = read_regions(path).regions

    assert len(back) == len(regions)
    assert all(_close(*pair) for pair in zip(regions, back, strict=True))


@given(regions=st.lists(pixel_regions(NICE, shapes=SHAPES, erase=st.booleans()), max_size=5))
def test_the_masked_pixels_survive_the_file(regions: list[Any], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("reg") / "a.reg"
    write_regions(path, regions)
    back: Any = read_regions(path).regions

    before, after = draw((40, 50), regions), draw((40, 50), back)

    # a size of ten digits may move a pixel whose centre is on the edge
    assert (before.masked ^ after.masked).sum() <= len(regions)


def test_astropy_regions_reads_what_is_written_in_the_same_pixels(tmp_path: Path) -> None:
    ours = [
        PixelCircle(30.2, 20.1, 9.7),
        PixelEllipse(60.3, 40.2, 20.1, 8.2, 33),
        PixelBox(30.4, 70.1, 25.3, 9.1, 70),
        PixelAnnulus(80.2, 70.3, 5.1, 12.2),
        PixelPolygon(((5.2, 5.1), (20.4, 8.3), (9.1, 30.2))),
    ]
    write_regions(tmp_path / "a.reg", ours)

    theirs = Regions.read(tmp_path / "a.reg", format="ds9")

    for one, two in zip(ours, theirs, strict=True):
        pixels = two.to_mask(mode="center").to_image((100, 120)) > 0
        assert np.array_equal(mask_regions((100, 120), [one]), pixels)


def test_sky_shapes_lie_in_the_image_where_astropy_regions_has_them(tmp_path: Path) -> None:
    wcs = WCS(HEADER)
    pixel = PixelEllipse(60.3, 40.2, 20.1, 8.2, 33)
    write_regions(tmp_path / "a.reg", [pixel], wcs=wcs, sky=True)

    (theirs,) = Regions.read(tmp_path / "a.reg", format="ds9")
    (ours,) = read_regions(tmp_path / "a.reg").regions

    placed = theirs.to_pixel(wcs)
    assert (placed.center.x, placed.center.y) == pytest.approx((60.3, 40.2), abs=1e-3)
    assert placed.angle.to_value("deg") % 180 == pytest.approx(33, abs=0.1)
    back = to_pixel(ours, wcs)
    assert isinstance(back, PixelEllipse)
    assert back.angle % 180 == pytest.approx(33, abs=1e-3)


def test_every_frame_names_the_same_place(tmp_path: Path) -> None:
    (tmp_path / "a.reg").write_text(
        'icrs\nellipse(266.41681663,-29.00782497,20",10",90)\n'
        'fk5\nellipse(17:45:40.036,-29:00:28.17,20",10",90)\n'
        'galactic;ellipse(359.94422947,-0.04615714,20",10",148.5969)\n'
        'fk4\nellipse(17:42:29.30,-28:59:18.5,20",10",90) # color=red\n'
    )

    regions = read_regions(tmp_path / "a.reg").regions

    for region in regions:
        assert isinstance(region, SkyEllipse)
        assert (region.ra, region.dec) == pytest.approx((266.4168, -29.0078), abs=1e-3)
        assert (region.a, region.b) == pytest.approx((20, 10))
        assert region.angle % 180 == pytest.approx(0, abs=1) or region.angle % 180 > 179


def test_a_box_along_the_galactic_plane_is_turned_by_the_angle_of_the_frames(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.reg").write_text('galactic\nbox(0,0,100",10",0)\n')

    (region,) = read_regions(tmp_path / "a.reg").regions

    # the plane runs at position angle 31.4 deg at the centre of the Galaxy
    assert region.angle % 180 == pytest.approx(31.4, abs=0.1)  # type: ignore[attr-defined]


STRANGE = """# Region file format: DS9 version 4.1
global color=green dashlist=8 3 width=1 text={} include=1
image
-circle(11,21,5) # text={a; b} color=red
panda(100,100,0,360,4,20,40,1)
box(11,21,4,6,0); circle(1,1,0)
circle(10,10,5")
# text(3,4) text={hello}
# a comment
ellipse(10,10,4,2,8,4,0)
# composite(10,10,0) || composite=1
circle(5,5,2) || # include=0
what is this
!!!
wcsa;circle(1,2,3)
amplifier
circle(1,2,3)
image;annulus(20,20,3,6,9)
"""


def test_what_is_no_mask_is_told_by_line_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.reg").write_text(STRANGE)

    found = read_regions(tmp_path / "a.reg")

    assert found.regions == (
        PixelCircle(10, 20, 5, erase=True, name="a; b", color="red"),
        PixelBox(10, 20, 4, 6, 0),
        PixelCircle(4, 4, 2, erase=True),
        PixelAnnulus(19, 19, 3, 6),
        PixelAnnulus(19, 19, 6, 9),
    )
    lines = [int(problem.split()[1].rstrip(":")) for problem in found.problems]
    assert lines == [5, 6, 7, 8, 10, 13, 14, 15, 17]
    assert "panda is no shape that masks" in found.problems[0]
    assert "'!!!' is not understood" in found.problems[6]
    assert "amplifier coordinates are not known here" in found.problems[8]


def test_a_minus_that_stands_before_no_shape_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.reg").write_text("-image;circle(10,20,5)\n")

    found = read_regions(tmp_path / "a.reg")

    assert "the minus stands before image" in found.problems[0]


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({}, PixelCircle(9, 19, 5)),
        ({"LTV1": -100, "LTV2": 2}, PixelCircle(-91, 21, 5)),
        ({"LTM1_1": 0.5, "LTM2_2": 0.5, "LTV1": 0.5, "LTV2": 0.5}, PixelCircle(4.5, 9.5, 2.5)),
    ],
)
def test_physical_coordinates_are_those_of_the_header(
    tmp_path: Path, cards: dict[str, float], expected: PixelCircle
) -> None:
    (tmp_path / "a.reg").write_text("circle(10,20,5)\n")  # no frame: DS9 takes physical
    frame = Frame(np.zeros((50, 50)), Header(cards))

    assert read_regions(tmp_path / "a.reg", frame).regions == (expected,)


def test_physical_coordinates_are_refused_without_an_image_or_when_stretched(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.reg").write_text("physical\ncircle(10,20,5)\n")
    stretched = Frame(np.zeros((50, 50)), Header({"LTM1_1": 0.5, "LTM2_2": 0.25}))

    assert (
        "line 2: physical coordinates need the image"
        in read_regions(tmp_path / "a.reg").problems[0]
    )
    assert (
        "turned, mirrored or stretched" in read_regions(tmp_path / "a.reg", stretched).problems[0]
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_names_are_read_in_unicode(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.reg").write_text("image\ncircle(2,2,1) # text={Größe ★}\n", encoding=encoding)

    found = read_regions(tmp_path / "a.reg")

    assert found.regions == (PixelCircle(1, 1, 1, name="Größe ★"),)
    assert found.problems == ()


def test_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.reg").write_text("image\ncircle(2,2,1) # text={Größe}\n", encoding="latin-1")

    found = read_regions(tmp_path / "a.reg")

    assert found.regions == (PixelCircle(1, 1, 1, name="Größe"),)
    assert found.problems == ("The file is not UTF-8; names were read as Latin-1.",)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.reg").write_bytes(b"SIMPLE\0\1\2")

    with pytest.raises(ParameterError, match=r"a\.reg: cannot be read as a region file \(not t"):
        read_regions(tmp_path / "a.reg")
    with pytest.raises(ParameterError, match="No such file"):
        read_regions(tmp_path / "none.reg")


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.reg").write_text("# nothing\n")

    assert read_regions(tmp_path / "a.reg").problems == ("The file holds no regions.",)


def test_a_stroke_is_written_as_a_polygon_of_the_same_pixels(tmp_path: Path) -> None:
    stroke = PixelStroke([(5, 5), (30, 9), (28, 30), (6, 20)], 3.2, name="trail", erase=True)

    notes = write_regions(tmp_path / "a.reg", [stroke])

    (back,) = read_regions(tmp_path / "a.reg").regions
    assert notes == ["1 brush strokes were written as polygons."]
    assert (back.name, back.erase) == ("trail", True)
    plain = [region.replace(erase=False) for region in (stroke, back)]
    assert np.array_equal(mask_regions((40, 40), plain[:1]), mask_regions((40, 40), plain[1:]))


OFF = PixelCircle(2, 2, 2, on=False)


def test_regions_that_are_off_are_left_out_and_told(tmp_path: Path) -> None:
    notes = write_regions(tmp_path / "a.reg", [PixelCircle(1, 1, 1), OFF])

    assert notes == ["1 regions that are off were left out."]
    assert read_regions(tmp_path / "a.reg").regions == (PixelCircle(1, 1, 1),)


def test_a_stroke_on_the_sky_needs_the_wcs_to_be_written(tmp_path: Path) -> None:
    stroke = to_sky(PixelStroke([(20, 20), (50, 40)], 5), WCS(HEADER))
    assert isinstance(stroke, SkyStroke)

    with pytest.raises(NoWCSError):
        write_regions(tmp_path / "a.reg", [stroke])
    write_regions(tmp_path / "a.reg", [stroke], wcs=WCS(HEADER))

    (back,) = read_regions(tmp_path / "a.reg").regions
    masks = [mask_regions((100, 120), [region], WCS(HEADER)) for region in (stroke, back)]
    assert np.array_equal(*masks)


def test_no_file_is_replaced_unasked(tmp_path: Path) -> None:
    write_regions(tmp_path / "a.reg", [PixelCircle(1, 1, 1)])

    with pytest.raises(ProductExistsError):
        write_regions(tmp_path / "a.reg", [])
    write_regions(tmp_path / "a.reg", [SkyCircle(1, 1, 1)], overwrite=True)


def test_a_real_physical_file_lies_on_its_galaxy(real_frames: Path) -> None:
    frame = read_frame(real_frames / "coma_a1656_R.fits")

    found = read_regions(real_frames / "coma_a1656_R_galaxy.reg", frame)

    (galaxy,) = found.regions
    assert found.problems == ()
    assert isinstance(galaxy, PixelEllipse)
    inside = mask_regions(frame.data.shape, [galaxy])
    assert frame.data[inside].mean() > frame.data.mean() + 100
