"""Masks from FITS files: which way round, which flags, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin.files.flags import flag_names
from ginga_bkgplugin.files.frames import Frame, read_frame
from ginga_bkgplugin.files.maskfile import SELF, read_mask, read_masks
from ginga_bkgplugin.files.masklook import look_at_mask, open_mask
from ginga_bkgplugin.recipe.errors import ImageError, ParameterError
from ginga_bkgplugin.recipe.imported import ImportedMask
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.work.pipeline import finish, run
from ginga_bkgplugin.work.saving import save_products

SHAPE = (30, 40)
SPOT = np.zeros(SHAPE, bool)
SPOT[5:9, 7:12] = True


def _write(path: Path, data: Any, **cards: Any) -> Path:
    header = fits.Header({key.replace("__", "-"): value for key, value in cards.items()})
    fits.PrimaryHDU(data, header).writeto(path)
    return path


@pytest.mark.parametrize("kind", [">i2", "u1", "<i4", ">f4", "i8"])
def test_a_mask_of_zeros_and_ones_masks_the_ones(tmp_path: Path, kind: str) -> None:
    path = _write(tmp_path / "m.fits", SPOT.astype(kind))

    mask, plane = open_mask(path, SHAPE)

    assert (mask.kind, mask.polarity) == ("mask", "bad")
    assert np.array_equal(plane, SPOT)
    assert np.array_equal(read_mask(mask, SHAPE), SPOT)


def test_a_mask_that_is_mostly_set_needs_its_polarity(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.fits", (~SPOT).astype("u1"))

    assert look_at_mask(path, SHAPE).polarity is None
    with pytest.raises(ParameterError, match=r"m\.fits: 98% of it is set and it does not say"):
        open_mask(path, SHAPE)
    good, plane = open_mask(path, SHAPE, polarity="good")
    bad, other = open_mask(path, SHAPE, polarity="bad")

    assert np.array_equal(plane, SPOT)
    assert np.array_equal(other, ~SPOT)
    assert Recipe.from_json(Recipe(masks=(good, bad)).to_json()).masks == (good, bad)


@pytest.mark.parametrize(
    ("words", "polarity"), [("1=MASKED", "bad"), ("1 = bad", "bad"), ("1=GOOD", "good")]
)
def test_a_polarity_in_the_header_is_followed(tmp_path: Path, words: str, polarity: str) -> None:
    data = SPOT if polarity == "bad" else ~SPOT
    path = _write(tmp_path / "m.fits", data.astype("u1"), MASKPOL=words)

    mask, plane = open_mask(path, SHAPE)

    assert mask.polarity == polarity
    assert np.array_equal(plane, SPOT)


def test_nan_in_a_mask_is_masked_whatever_the_polarity_and_counted(tmp_path: Path) -> None:
    values = (~SPOT).astype("f4")
    values[0, 0] = values[20, 20] = np.nan
    path = _write(tmp_path / "m.fits", values)

    assert look_at_mask(path, SHAPE).unknown == 2
    for polarity in ("bad", "good"):
        plane = open_mask(path, SHAPE, polarity=polarity)[1]
        assert plane[0, 0]
        assert plane[20, 20]


def test_a_weight_of_zero_less_or_nan_is_bad(tmp_path: Path) -> None:
    weight = np.full(SHAPE, 0.7, "f4")
    weight[SPOT] = 0
    weight[0, 0], weight[0, 1] = np.nan, -1
    path = _write(tmp_path / "field.weight.fits", weight)

    mask, plane = open_mask(path, SHAPE)

    assert mask.kind == "weight"
    assert plane.sum() == SPOT.sum() + 2


def test_labels_mask_all_objects_or_those_named(tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, ">i4")
    labels[::3, ::4] = np.arange(1, 101).reshape(10, 10)
    path = _write(tmp_path / "segmentation.fits", labels)

    mask, plane = open_mask(path, SHAPE)
    some = open_mask(path, SHAPE, bits=[3, "77"])[1]

    assert mask.kind == "labels"
    assert np.array_equal(plane, labels > 0)
    assert np.array_equal(some, np.isin(labels, [3, 77]))


# --- flags


FLAGS = np.zeros(SHAPE, "<i4")
FLAGS[0, :10] = 1
FLAGS[1, :10] = 256 + 16
FLAGS[2, :10] = 2048
FLAGS[3, :10] = 4


@pytest.mark.parametrize(
    ("cards", "bits", "rows"),
    [
        ({"TELESCOP": "HST", "INSTRUME": "ACS"}, ["SATURATED"], [1]),
        ({"TELESCOP": "HST", "INSTRUME": "WFC3"}, ["hot", "ATODSAT"], [1, 2]),
        ({"TELESCOP": "JWST", "INSTRUME": "NIRCAM"}, ["DO_NOT_USE", "HOT"], [0, 2]),
        ({"INSTRUME": "DECam", "DESFNAME": "x"}, ["CRAY", "SSXTALK"], [1]),
        ({"INSTRUME": "DECam", "PLVER": "V3.2.1"}, ["CRAY"], [1]),
        ({"MP_BAD": 0, "MP_SAT": 8}, ["MP_SAT"], [1]),
        ({"MP_BAD": 0, "MP_SAT": 8}, ["BAD", 4], [0, 3]),
        ({}, [256], [1]),
        ({}, [1, "2048"], [0, 2]),
        ({}, [], [0, 1, 2, 3]),
        ({"TELESCOP": "HST", "INSTRUME": "ACS"}, [], [0, 1, 2, 3]),
    ],
)
def test_flags_are_chosen_by_name_and_number(
    tmp_path: Path, cards: dict[str, Any], bits: list[Any], rows: list[int]
) -> None:
    path = _write(tmp_path / "m.fits", FLAGS, **cards)
    expected = np.zeros(SHAPE, bool)
    expected[rows, :10] = True

    mask, plane = open_mask(path, SHAPE, bits=bits)

    assert mask.kind == "bits"
    assert mask.bits == tuple(bits)
    assert np.array_equal(plane, expected)


def test_flags_that_are_named_are_masked_though_most_pixels_have_some_flag(tmp_path: Path) -> None:
    flags = FLAGS | 32
    path = _write(tmp_path / "m.fits", flags, MP_SAT=8, MP_DETECTED=5)

    mask, plane = open_mask(path, SHAPE, bits=["SAT"])

    assert mask.polarity == "bad"
    assert np.array_equal(plane, flags & 256 != 0)
    with pytest.raises(ParameterError, match="100% of it is set"):
        open_mask(path, SHAPE)


@pytest.mark.parametrize(
    ("name", "kind"), [("DQ", "bits"), ("FLAGS", "bits"), ("SEGMAP", "labels"), ("X", "bits")]
)
def test_a_name_tells_flags_from_objects(tmp_path: Path, name: str, kind: str) -> None:
    path = _write(tmp_path / "m.fits", FLAGS, EXTNAME=name)

    look = look_at_mask(path, SHAPE)

    assert look.kind == kind
    assert look.sure == (name != "X")


def test_decams_codes_are_no_bits(tmp_path: Path) -> None:
    codes = np.zeros(SHAPE, "i2")
    codes[0], codes[1], codes[2] = 1, 3, 5
    path = _write(tmp_path / "c4d_ood.fits", codes, INSTRUME="DECam", PLVER="V5.5")

    mask, plane = open_mask(path, SHAPE, bits=["SATURATED"])

    assert mask.kind == "labels"
    assert plane[1].all()
    assert plane.sum() == SHAPE[1]


def test_an_unknown_flag_is_refused_with_those_known(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.fits", FLAGS, MP_BAD=0, MP_SAT=8)

    with pytest.raises(ParameterError, match=r"no flag is called 'HOT'\. Known here: BAD, SAT"):
        open_mask(path, SHAPE, bits=["HOT"])


def test_a_negative_short_keeps_its_highest_flag(tmp_path: Path) -> None:
    values = np.zeros(SHAPE, "i2")
    values[3, 4] = -32768  # bit 15 of HST's DQ
    path = _write(tmp_path / "m.fits", values + SPOT * np.int16(4), INSTRUME="WFC3")

    assert open_mask(path, SHAPE, bits=["USER"])[1].sum() == 1


def test_every_table_of_flags_has_a_name_for_each_bit() -> None:
    for card, count in (("ACS", 16), ("WFC3", 16), ("NIRCAM", 32)):
        names, kind = flag_names({"INSTRUME": card, "TELESCOP": "JWST"})
        assert kind == "bits"
        assert sorted(names.values()) == [1 << bit for bit in range(count)]


# --- files


def test_another_size_is_refused_with_both(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.fits", SPOT.astype("u1"))

    with pytest.raises(ImageError, match="the mask is 40 x 30 pixels, the image 50 x 31"):
        open_mask(path, (31, 50))


def test_of_several_images_the_one_like_a_mask_is_taken_or_asked_for(tmp_path: Path) -> None:
    blank, spot = np.zeros(SHAPE, "i2"), SPOT.astype("i2")
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(blank, name="SCI"), fits.ImageHDU(spot, name="DQ")]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    hdus[2].name = "THIRD"
    fits.HDUList(hdus).writeto(tmp_path / "b.fits")

    assert open_mask(tmp_path / "a.fits", SHAPE)[0].hdu == "DQ,1"
    with pytest.raises(ImageError, match=r"which of its images is the mask\? Name one: 1 \(SCI\)"):
        open_mask(tmp_path / "b.fits", SHAPE)
    assert open_mask(f"{tmp_path / 'b.fits'}[2]", SHAPE)[1].sum() == SPOT.sum()


@pytest.mark.parametrize("content", [None, b"", b"no FITS at all"])
def test_what_cannot_be_read_is_refused_in_words(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "m.fits"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ImageError, match=r"m\.fits: (no such file|cannot be read as a FITS mask)"):
        open_mask(path, SHAPE)


def test_a_path_in_a_recipe_is_not_followed_by_itself(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.fits", SPOT.astype("u1"))
    frame = Frame(np.zeros(SHAPE))
    wanted = (ImportedMask(path=str(path)), ImportedMask(path="x.fits", on=False))

    with pytest.raises(ParameterError, match="Its path is not followed: name the file yourself"):
        read_masks(wanted, frame)
    with pytest.raises(ParameterError, match="not followed"):
        read_masks((ImportedMask(path=SELF),), frame)  # it has no file
    plane = read_masks((wanted[0].replace(path="/other/place/m.fits"),), frame, [path])

    assert plane is not None
    assert np.array_equal(plane, SPOT)
    assert read_masks(wanted[1:], frame) is None


def test_a_mask_we_saved_opens_as_what_it_is(tmp_path: Path) -> None:
    field = sample_field((128, 160), stars=10)
    result = finish(run(field.data, Recipe()))
    (path,) = save_products(
        Frame(field.data, field.header, label="a"), result, ["srcmask"], folder=tmp_path
    )

    mask, plane = open_mask(path, (128, 160))
    invalid = open_mask(path, (128, 160), bits=["invalid"])[1]

    assert (mask.kind, mask.polarity) == ("mask", "bad")
    assert np.array_equal(plane, result.mask != 0)
    assert np.array_equal(invalid, result.mask & 8 != 0)


# --- real files


def test_flags_of_hst_by_name(real_frames: Path) -> None:
    path = real_frames / "hst_hrc_47tuc_flt.fits"
    frame = read_frame(path)
    assert frame.dq is not None

    mask, plane = open_mask(path, (1024, 1024), bits=["SATURATED", "MASKED"])

    assert mask.hdu == "DQ,1"
    assert np.array_equal(plane, frame.dq & (256 | 8) != 0)
    assert read_masks([mask.replace(path=SELF)], frame) is not None


def test_planes_of_hsc_by_name(real_frames: Path) -> None:
    path = real_frames / "hsc_r_mef.fits"

    plane = open_mask(path, (466, 448), bits=["BRIGHT_OBJECT"])[1]
    look = look_at_mask(path, (466, 448))

    assert plane.mean() == pytest.approx(0.055, abs=0.001)
    assert look.present["DETECTED"] == pytest.approx(0.306, abs=0.001)


@pytest.mark.parametrize(
    ("name", "shape", "kind", "share"),
    [
        ("coma_a1656_R_mask.fits.gz", (809, 609), "labels", 0.295),
        ("jwst_a2744_f200w_mask.fits.gz", (900, 900), "mask", 0.127),
        ("emmi_na36_R_weight.fits.gz", (1024, 1024), "weight", 0.0),
    ],
)
def test_real_masks_are_taken_for_what_they_are(
    real_frames: Path, name: str, shape: tuple[int, int], kind: str, share: float
) -> None:
    mask, plane = open_mask(real_frames / name, shape)

    assert mask.kind == kind
    assert plane.mean() == pytest.approx(share, abs=0.001)
