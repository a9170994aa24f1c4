"""All chips of a file in one go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin import Background, ImageSet, Mask, Recipe, read_frame, run
from ginga_bkgplugin.work.pipeline import finish
from tests.work.nights import frame_of

RECIPE = Recipe().with_parameters(box_size=32, passes=1)
SIZE = 192


@pytest.fixture
def mosaic(tmp_path: Path) -> Path:
    """Four chips of one tilted sky with noise, placed by DETSEC."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[: 2 * SIZE, : 2 * SIZE]
    sky = 500 + 0.1 * x + 0.05 * y + rng.normal(0, 5, x.shape)
    hdus = [fits.PrimaryHDU(header=fits.Header([("FILTER", "g"), ("OBJECT", "mosaic")]))]
    for number, (y0, x0) in enumerate([(0, 0), (0, SIZE), (SIZE, 0), (SIZE, SIZE)], 1):
        chip = fits.ImageHDU(
            sky[y0 : y0 + SIZE, x0 : x0 + SIZE].astype(np.float32), name="SCI", ver=number
        )
        chip.header["DETSEC"] = f"[{x0 + 1}:{x0 + SIZE},{y0 + 1}:{y0 + SIZE}]"
        hdus += [chip, fits.ImageHDU(np.zeros((SIZE, SIZE), np.int16), name="DQ", ver=number)]
    fits.HDUList(hdus).writeto(tmp_path / "m.fits")
    return tmp_path / "m.fits"


def test_products_have_the_chips_of_the_file(mosaic: Path) -> None:
    images = ImageSet.of([mosaic], hdu="all")
    table = images.run(RECIPE, jobs=1)

    assert list(table["hdu"]) == ["", "SCI2", "SCI3", "SCI4"]
    assert list(table["state"]) == ["done"] * 4
    for kind in ("srcmask", "invalidmask", "bkgmap", "bkgrms"):
        with fits.open(mosaic.with_name(f"m.{kind}.fits")) as hdus:
            hdus.verify("exception")
            assert [(hdu.name, hdu.ver) for hdu in hdus[1:]] == [("SCI", k) for k in (1, 2, 3, 4)]
            assert hdus[0].header["FILTER"] == "g"
            assert hdus[0].header["BKGPROD"] == kind
    for number in (1, 2, 3, 4):
        frame = read_frame(mosaic, ("SCI", number))
        alone = finish(run(frame.data, RECIPE))
        assert np.array_equal(
            fits.getdata(mosaic.with_name("m.bkgmap.fits"), ("SCI", number)), alone.fit.level
        )
    assert list(images.run(RECIPE, jobs=1)["state"]) == ["kept"] * 4


def test_the_products_of_a_chip_are_read_back_as_its_own(mosaic: Path) -> None:
    images = ImageSet.of([mosaic], hdu="all")
    images.run(RECIPE, jobs=1)

    masks, levels = list(images.sourcemasks), list(images.bkgmaps)

    assert len(masks) == len(levels) == 4
    for number, (mask, level) in enumerate(zip(masks, levels, strict=True), 1):
        assert isinstance(mask, Mask)
        assert isinstance(level, Background)
        file = mosaic.with_name("m.bkgmap.fits")
        assert np.array_equal(level.data, fits.getdata(file, ("SCI", number)))
        level.clear()
        assert np.array_equal(level.data, fits.getdata(file, ("SCI", number)))
        assert level.value == fits.getheader(file, ("SCI", number))["BKGVALU"]


def test_a_common_plane_has_no_steps_between_chips(mosaic: Path) -> None:
    images = ImageSet.of([mosaic], hdu="all")
    table = images.run(RECIPE, jobs=1, common="plane", save=["bkgmap", "recipe"])

    assert list(table["state"]) == ["done"] * 4
    file = mosaic.with_name("m.bkgmap.fits")
    assert fits.getheader(file, 2)["BKGCOMM"] == "plane"
    one, two, three, four = (fits.getdata(file, ("SCI", k)).astype(float) for k in (1, 2, 3, 4))
    for left, right in ((one, two), (three, four)):
        assert np.abs(right[:, 0] - left[:, -1] - 0.1).max() < 0.02 * 5  # 0.2 sigma is asked
    for below, above in ((one, three), (two, four)):
        assert np.abs(above[0] - below[-1] - 0.05).max() < 0.02 * 5
    assert (
        list(images.run(RECIPE, jobs=1, common="plane", save=["bkgmap"])["state"]) == ["kept"] * 4
    )
    other = images.run(RECIPE, jobs=1, common="constant", save=["bkgmap"])
    assert list(other["state"]) == ["failed"]


def test_a_chip_that_fails_is_a_row_and_the_others_are_written(mosaic: Path) -> None:
    with fits.open(mosaic, mode="update") as hdus:
        hdus["SCI", 3].data[:] = np.nan
    images = ImageSet.of([mosaic], hdu="all")

    table = images.run(RECIPE, jobs=1, save=["bkgmap"])

    assert list(table["state"]) == ["done", "done", "failed", "done"]
    assert table["note"][2]
    with fits.open(mosaic.with_name("m.bkgmap.fits")) as hdus:
        assert [hdu.ver for hdu in hdus[1:]] == [1, 2, 4]
    with fits.open(mosaic, mode="update") as hdus:  # mended: the products were not whole
        hdus["SCI", 3].data[:] = frame_of(1, (SIZE, SIZE)).data
    again = images.run(RECIPE, jobs=1, save=["bkgmap"])
    assert list(again["state"]) == ["done"] * 4


@pytest.mark.parametrize("name", ["lco_fa05_raw_mef.fits", "hst_hrc_47tuc_flt.fits"])
def test_real_files_are_run_whole(real_frames: Path, tmp_path: Path, name: str) -> None:
    images = ImageSet.of([real_frames / name], hdu="all").with_output(tmp_path)

    table = images.run(Recipe(), jobs=1)

    assert set(table["state"]) == {"done"}
    assert len(table) == len(images.entries[0].hdus)
    assert images.bkgmaps.saved == 1
    if len(table) > 1:
        joined = images.with_output(tmp_path / "common").run(
            Recipe(), jobs=1, common="plane", offsets=True
        )
        assert set(joined["state"]) == {"done"}
