"""Regions taken to dithered, rotated, distorted and differently sampled frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS, Sip

from ginga_bkgplugin.files.frames import Frame, read_frame
from ginga_bkgplugin.recipe.errors import NoWCSError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import (
    PixelAnnulus,
    PixelBox,
    PixelCircle,
    PixelEllipse,
    PixelPolygon,
    PixelStroke,
    SkyCircle,
)
from ginga_bkgplugin.sky.raster import mask_regions
from ginga_bkgplugin.work.carry import anchor_regions, carry_regions, count_outside
from ginga_bkgplugin.work.session import Session

SHAPE = (400, 400)
DRAWN = [
    PixelCircle(180, 210, 40),
    PixelEllipse(220, 170, 60, 25, 35, erase=True, name="halo"),
    PixelBox(200, 200, 90, 40, -20),
    PixelAnnulus(190, 230, 25, 50),
    PixelPolygon([(150, 150), (260, 170), (230, 250), (170, 240)]),
    PixelStroke([(160, 180), (220, 200), (240, 240)], 15),
]


def _wcs(
    *,
    shift: tuple[float, float] = (0, 0),
    angle: float = 0,
    scale: float = 0.2,
    mirrored: bool = False,
    sip: bool = False,
) -> WCS:
    turn = np.radians(angle)
    cos, sin = np.cos(turn), np.sin(turn)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"] if sip else ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.1, 2.2]
    wcs.wcs.crpix = [200 + shift[0], 200 + shift[1]]
    left = 1.0 if mirrored else -1.0
    wcs.wcs.cd = np.array([[left * cos, sin], [-left * sin, cos]]) * scale / 3600
    if sip:  # two percent at the edge
        a, b = np.zeros((3, 3)), np.zeros((3, 3))
        a[2, 0], a[0, 2], b[1, 1], b[0, 2] = 3e-5, -2e-5, 2.5e-5, 4e-5
        wcs.sip = Sip(a, b, None, None, wcs.wcs.crpix)
    wcs.wcs.set()
    return wcs


PLAIN = _wcs()
TARGETS = {
    "dither": _wcs(shift=(31.4, -12.7)),
    "rotated": _wcs(angle=30),
    "coarse": _wcs(angle=30, scale=0.4),
    "fine": _wcs(angle=-75, scale=0.15),
    "mirrored": _wcs(mirrored=True, angle=20),
    "distorted": _wcs(sip=True, shift=(10, 20)),
    "distorted and turned": _wcs(sip=True, angle=110, scale=0.25),
}


def _truth(region: Any, source: WCS, target: WCS) -> Any:
    """Each pixel of the target, looked up in a finely drawn mask of the source."""
    fine = 4
    big = region.replace(erase=False).scaled(fine)
    mask = mask_regions(
        (400 * fine, 400 * fine), [big.moved(*[(fine - 1) * c for c in region.centre])]
    )
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    sky = target.all_pix2world(x.ravel(), y.ravel(), 0)
    there = source.all_world2pix(*sky, 0)
    columns, rows = (np.rint(axis * fine).astype(int).reshape(SHAPE) for axis in there)
    inside = (rows >= 0) & (rows < 400 * fine) & (columns >= 0) & (columns < 400 * fine)
    found = np.zeros(SHAPE, bool)
    found[inside] = mask[rows[inside], columns[inside]]
    return found


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("region", DRAWN, ids=lambda region: region.shape)
def test_a_carried_region_lies_where_its_sky_is(region: Any, name: str) -> None:
    source, target = Frame(np.zeros(SHAPE), wcs=PLAIN), Frame(np.zeros(SHAPE), wcs=TARGETS[name])

    carried = carry_regions([region], source, target)

    (there,) = carried.regions
    assert carried.outside == 0
    assert there.looks() == region.looks()
    drawn = mask_regions(SHAPE, [there.replace(erase=False)])
    truth = _truth(region, PLAIN, TARGETS[name])
    places = [np.array(np.nonzero(mask)).mean(axis=1) for mask in (drawn, truth)]
    assert np.hypot(*(places[0] - places[1])) < 0.5
    assert drawn.sum() == pytest.approx(truth.sum(), rel=0.02)
    assert (drawn & truth).sum() > 0.96 * truth.sum()


@pytest.mark.parametrize("name", TARGETS)
def test_there_and_back_is_where_it_was(name: str) -> None:
    frames = [Frame(np.zeros(SHAPE), wcs=wcs) for wcs in (PLAIN, TARGETS[name])]

    there = carry_regions(DRAWN, *frames).regions
    back = carry_regions(there, *frames[::-1]).regions

    for one, two in zip(DRAWN, back, strict=True):
        masks = [mask_regions(SHAPE, [r.replace(erase=False)]) for r in (one, two)]
        assert (masks[0] ^ masks[1]).sum() <= 0.01 * masks[0].sum()


def test_what_lies_outside_is_counted() -> None:
    far = _wcs(shift=(-5000, 0), sip=True)
    drawn = [PixelCircle(200, 200, 30), PixelCircle(20, 380, 10), SkyCircle(330, -2, 5)]
    source, target = Frame(np.zeros(SHAPE), wcs=PLAIN), Frame(np.zeros(SHAPE), wcs=far)
    near = Frame(np.zeros(SHAPE), wcs=_wcs(shift=(0, 100)))

    assert carry_regions(drawn, source, target).outside == 3
    carried = carry_regions(drawn, source, near)
    assert carried.outside == 2
    assert len(carried.regions) == 2  # the other side of the sky has no place here
    assert carried.words == "2 regions taken over; 2 lie outside this image."
    assert count_outside(drawn, near) == 1 + count_outside(drawn[1:2], near)


def test_anchored_regions_keep_their_order() -> None:
    drawn = [PixelCircle(20, 30, 4), SkyCircle(150.1, 2.2, 5), PixelCircle(40, 50, 6)]

    skies = anchor_regions(drawn, PLAIN)

    assert [type(sky).__name__ for sky in skies] == ["SkyCircle"] * 3
    assert skies[1] == drawn[1]


@pytest.mark.parametrize("bare", [0, 1])
def test_without_a_wcs_the_same_pixels_are_used_only_if_asked_for(bare: int) -> None:
    frames = [Frame(np.zeros(SHAPE), wcs=PLAIN), Frame(np.zeros(SHAPE), wcs=PLAIN)]
    frames[bare] = Frame(np.zeros(SHAPE))

    with pytest.raises(NoWCSError, match=r"image has no celestial WCS\. .*same_pixels"):
        carry_regions(DRAWN, *frames)
    assert carry_regions(DRAWN, *frames, same_pixels=True).regions == tuple(DRAWN)

    frames[1] = Frame(np.zeros((400, 401)), wcs=frames[1].wcs)
    with pytest.raises(NoWCSError, match="400 x 400 and 401 x 400 pixels: regions cannot be"):
        carry_regions(DRAWN, *frames, same_pixels=True)


def test_pasting_is_one_step_and_tells_the_count() -> None:
    source = Session(Frame(np.zeros(SHAPE), wcs=PLAIN), Recipe(regions=tuple(DRAWN)))
    target = Session(Frame(np.zeros(SHAPE), wcs=TARGETS["dither"]))

    target.paste_regions(source.recipe.regions, source.frame)

    assert target.view().words == "6 regions taken over."
    assert target.view().history == ("Start", "Paste regions")
    assert target.selection == (0, 1, 2, 3, 4, 5)
    target.undo()
    assert target.recipe.regions == ()


def test_a_region_on_a_real_distorted_frame_comes_back(real_frames: Path) -> None:
    wcs = read_frame(real_frames / "hst_hrc_47tuc_flt.fits").wcs
    frames = [Frame(np.zeros((1024, 1024)), wcs=wcs), Frame(np.zeros(SHAPE), wcs=wcs)]

    back = carry_regions(carry_regions(DRAWN, *frames).regions, *frames[::-1]).regions

    for one, two in zip(DRAWN, back, strict=True):
        masks = [mask_regions(SHAPE, [r.replace(erase=False)]) for r in (one, two)]
        # its pixels are skewed on the sky, where a box has right angles
        most = 0.06 if one.shape == "box" else 0.02
        assert (masks[0] ^ masks[1]).sum() <= most * masks[0].sum()
        assert masks[0].sum() == pytest.approx(masks[1].sum(), rel=0.01)
