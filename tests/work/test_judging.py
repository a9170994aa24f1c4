from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from ginga_bkgplugin import (
    Frame,
    ImageSet,
    Recipe,
    SkyCircle,
    judge,
    load_result,
    read_frame,
    run,
    save_products,
)
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.sky.simulate import SimulatedField
from ginga_bkgplugin.work.pipeline import Result, finish
from tests.work.nights import write_night


@pytest.fixture(scope="module")
def frame(field: SimulatedField) -> Frame:
    return Frame(field.data, header=field.header, wcs=WCS(field.header), label="field")


@pytest.fixture(scope="module")
def result(field: SimulatedField) -> Result:
    return finish(run(field.data, Recipe(regions=(field.galaxy,)), saturation_level=60_000.0))


def test_the_judgement_of_the_demo_is_good_and_its_numbers_agree(
    frame: Frame, result: Result
) -> None:
    found = judge(frame, result)

    free = result.mask == 0
    assert found.word == "good", found.verdict.words()
    assert found.advice == ()
    assert found.statistics.count == np.count_nonzero(free & np.isfinite(frame.data))
    assert found.sigma == pytest.approx(12, rel=0.02)
    assert found.boxes.filled == result.fit.filled
    assert found.rows.size == frame.data.shape[0]
    assert found.columns.size == frame.data.shape[1]
    assert found.histogram.counts.sum() == pytest.approx(found.statistics.count, rel=1e-3)
    assert found.rings[0].name == "region 1"


def test_a_row_of_a_table_has_the_word_and_every_number(frame: Frame, result: Result) -> None:
    found = judge(frame, result)

    row = found.row()

    assert row["word"] == "good"
    assert row["sigma"] == found.statistics.sigma
    assert {line.name for line in found.verdict.lines} <= row.keys()


def test_an_array_is_judged_like_its_frame_whatever_its_type(frame: Frame, result: Result) -> None:
    one = judge(frame, result)
    two = judge(frame.data.astype(">f8"), result)

    assert [line.sentence for line in one.verdict.lines] == [
        line.sentence for line in two.verdict.lines
    ]
    assert one.statistics == two.statistics


def test_the_image_is_not_changed(field: SimulatedField, result: Result) -> None:
    before = field.data.copy()

    judge(field.data, result)

    assert np.array_equal(before, field.data, equal_nan=True)


def test_a_region_on_the_sky_is_looked_at_where_there_is_a_wcs(
    frame: Frame, field: SimulatedField
) -> None:
    sky = WCS(field.header).pixel_to_world(field.galaxy.x, field.galaxy.y)
    region = SkyCircle(float(sky.ra.deg), float(sky.dec.deg), field.galaxy.radius * 0.5)
    result = finish(run(field.data, Recipe(regions=(region,)), wcs=frame.wcs))

    names = [[one.name for one in judge(image, result).rings] for image in (frame, field.data)]

    assert "region 1" in names[0]
    assert "region 1" not in names[1]


def test_a_result_from_disk_gets_the_same_word(
    tmp_path: Path, field: SimulatedField, result: Result
) -> None:
    write_fits(tmp_path / "field.fits", field.data, field.header)
    read = read_frame(str(tmp_path / "field.fits"))
    save_products(read, result, ("srcmask", "bkgmap", "bkgrms", "recipe"))

    one, two = judge(read, result), judge(read, load_result(read))

    assert (one.word, one.statistics) == (two.word, two.statistics)
    # the method smooth counts free pixels in blocks, which masks do not hold, and flags do
    assert abs(one.boxes.filled - two.boxes.filled) <= 5
    save_products(read, result, ("bkgflag",))
    assert np.array_equal(judge(read, load_result(read)).boxes.measured, one.boxes.measured)
    assert [line.value for line in one.verdict.lines[3:7]] == pytest.approx(
        [line.value for line in two.verdict.lines[3:7]]
    )


def test_each_image_is_judged_and_the_word_is_kept_unless_none_is_wanted(
    tmp_path: Path,
) -> None:
    paths = write_night(tmp_path / "night", 2)
    images = ImageSet.of(paths)
    recipe = Recipe().with_parameters(box_size=32, passes=2)
    table = images.run(recipe, jobs=1)
    frame = read_frame(paths[0])
    judgement = judge(frame, load_result(frame))

    assert table["verdict"][0] == judgement.word
    assert all((word == "good") <= (why == "") or "Try: " in why
               for word, why in zip(table["verdict"], table["why"], strict=True))  # fmt: skip
    assert list(images.run(recipe, jobs=1)["verdict"]) == list(table["verdict"])
    without = images.with_output(tmp_path / "else").run(recipe, jobs=1, verdict=False)
    assert list(without["verdict"]) == [""] * 2
    assert "BKGWORD" not in fits.getheader(tmp_path / "else" / "n0.bkgmap.fits")


@pytest.mark.parametrize(
    "name, words",
    [
        ("sdss_r_frame.fits.gz", ("good",)),
        ("emmi_na36_R.fits", ("good",)),
        ("asi1600_ngc4535.fits", ("good",)),
        ("ps1_m61_g_nan.fits", ("do not use",)),  # the galaxy fills the frame
        ("hst_hrc_47tuc_flt.fits", ("do not use",)),  # no sky between the stars
        ("sep_rms.fits", ("do not use",)),  # an rms map: no noise, in some boxes no mean
        ("lco_s82_I.fits.fz", ("look here", "do not use")),  # vignetted edges, strips without data
    ],
)
def test_real_frames_get_the_word_an_astronomer_gives(
    real_frames: Path, name: str, words: tuple[str, ...]
) -> None:
    frame = read_frame(str(real_frames / name))
    result = finish(run(frame.data, Recipe(), saturation_level=frame.saturation_level))

    assert judge(frame, result).word in words
