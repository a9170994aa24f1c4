from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin import ScienceImage, read_frame
from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.names import KINDS, RECIPE, STYLES, USUAL
from ginga_bkgplugin.recipe.errors import ParameterError, ProductError, ProductExistsError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.pixels import MaskBit, has
from ginga_bkgplugin.sky.simulate import field_header, sample_field
from ginga_bkgplugin.work.pipeline import Result, finish, run
from ginga_bkgplugin.work.saving import make_product, save_products

RECIPE_OF_TESTS = Recipe().with_regions(PixelCircle(200, 170, 66)).with_parameters(box_size=32)


def _counts() -> np.ndarray[Any, Any]:
    """A small field as a camera writes it, with invalid zeros below."""
    small = sample_field((300, 320), stars=20)
    counts = np.nan_to_num(np.clip(small.data, 0, 65_535)).astype(np.uint16)
    counts[200:, :100] = 3  # below the sky: negative when it is subtracted
    return counts


@pytest.fixture(scope="module")
def result() -> Result:
    return finish(run(_counts(), RECIPE_OF_TESTS, saturation_level=6e4))


@pytest.fixture
def frame(tmp_path: Path) -> Frame:
    fits.writeto(tmp_path / "n1.fits", _counts(), field_header((300, 320)))
    return read_frame(tmp_path / "n1.fits")


def _sum(path: Path | None) -> str:
    assert path is not None
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("style", STYLES)
def test_all_products_are_written_and_nothing_else(
    frame: Frame, result: Result, tmp_path: Path, style: str
) -> None:
    paths = save_products(frame, result, (*KINDS, RECIPE), folder=tmp_path / "out", style=style)

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        path.name for path in paths
    )
    assert len(paths) == len(KINDS) + 1


def test_the_science_file_and_its_header_stay_as_they_are(frame: Frame, result: Result) -> None:
    before, cards = _sum(frame.path), frame.header.tostring()

    save_products(frame, result)

    assert _sum(frame.path) == before
    assert frame.header.tostring() == cards


def test_every_product_is_sound_fits(frame: Frame, result: Result) -> None:
    for path in save_products(frame, result, KINDS):
        with fits.open(path) as hdus:
            hdus.verify("exception")
            images = [hdu for hdu in hdus if hdu.data is not None]
            size = (9, 10) if path.name == "n1.bkgmesh.fits" else (300, 320)
            assert images[0].data.shape == size


def test_the_arrays_on_disk_are_the_results(frame: Frame, result: Result) -> None:
    save_products(frame, result)

    assert frame.path is not None
    saved = {kind: fits.getdata(frame.path.with_name(f"n1.{kind}.fits")) for kind in USUAL}
    assert np.array_equal(saved["srcmask"], result.mask)
    assert saved["srcmask"].dtype == np.uint8
    assert np.array_equal(saved["invalidmask"], has(result.mask, MaskBit.INVALID))
    assert np.array_equal(saved["bkgmap"], result.fit.level)
    assert np.array_equal(saved["bkgrms"], result.fit.rms)


def test_a_subtracted_camera_frame_keeps_its_negative_values(frame: Frame, result: Result) -> None:
    product = make_product(frame, result, "subbkg")

    path = product.write()

    saved = fits.getdata(path)
    expected = frame.data.astype(np.float32) - result.fit.level
    assert frame.data.dtype == np.uint16
    assert saved.min() < -900
    assert np.array_equal(saved, expected)


def test_every_product_says_what_was_done(frame: Frame, result: Result) -> None:
    for kind in KINDS:
        header = make_product(frame, result, kind).header

        assert header["BKGPROD"] == kind
        assert header["TGTPATH"] == "n1.fits"
        assert header["BKGBOX"] == 32
        assert header["MASKNREG"] == 1
        assert header["MASKSAT"] == 6e4
        assert header["MASKATMP"] == len(result.rows)
        assert header["BKGVALU"] == result.fit.globalback
        assert header["BKGSIG"] == result.fit.globalrms
        assert header["BKGNBOX"] == result.fit.boxes
        assert header["OBJECT"] == "SIMULATED"
        assert header.get("BKGSUB", False) is (kind == "subbkg")


def test_the_whole_recipe_stands_in_the_history(frame: Frame, result: Result) -> None:
    path = make_product(frame, result, "bkgmap").write()

    lines = fits.getheader(path)["HISTORY"]
    text = "".join(f"{line:<72}" for line in lines)
    recipe, _ = json.JSONDecoder().raw_decode(text[text.index("{") :])
    assert Recipe.from_json(json.dumps(recipe)) == RECIPE_OF_TESTS


def test_a_subtracted_image_is_not_subtracted_again(
    frame: Frame, result: Result, tmp_path: Path
) -> None:
    path = make_product(frame, result, "subbkg").write()
    subtracted = read_frame(path)

    with pytest.raises(ProductError, match="BKGSUB = T"):
        save_products(subtracted, result, folder=tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("there", USUAL)
def test_one_existing_product_stops_all_of_them(
    frame: Frame, result: Result, tmp_path: Path, there: str
) -> None:
    (tmp_path / f"n1.{there}.fits").write_bytes(b"precious")

    with pytest.raises(ProductExistsError, match=rf"n1\.{there}\.fits already there"):
        save_products(frame, result)

    assert {path.name for path in tmp_path.iterdir()} == {"n1.fits", f"n1.{there}.fits"}
    assert (tmp_path / f"n1.{there}.fits").read_bytes() == b"precious"


def test_existing_products_are_replaced_when_asked_for(
    frame: Frame, result: Result, tmp_path: Path
) -> None:
    (tmp_path / "n1.bkgmap.fits").write_bytes(b"old")

    save_products(frame, result, overwrite=True)

    assert np.array_equal(fits.getdata(tmp_path / "n1.bkgmap.fits"), result.fit.level)


def test_an_unknown_product_is_refused_before_anything_is_written(
    frame: Frame, result: Result, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError, match="Unknown product 'skymap'"):
        save_products(frame, result, ["srcmask", "skymap"])

    assert [path.name for path in tmp_path.iterdir()] == ["n1.fits"]


def test_a_folder_that_cannot_be_made_is_refused(
    frame: Frame, result: Result, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ProductError, match=r"file.*cannot be made"):
        save_products(frame, result, folder=tmp_path / "file" / "out")


def test_only_the_products_asked_for_are_written(frame: Frame, result: Result) -> None:
    paths = save_products(frame, result, ["bkgmap", RECIPE])

    assert [path.name for path in paths] == ["n1.bkgmap.fits", "n1.bkg.json"]


def test_products_of_a_second_hdu_stand_beside_those_of_the_first(
    result: Result, tmp_path: Path
) -> None:
    hdus = [fits.ImageHDU(_counts(), name="SCI", ver=version) for version in (1, 2)]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "m.fits")

    for hdu in ("SCI,1", "SCI,2"):
        save_products(read_frame(tmp_path / "m.fits", hdu), result, ["bkgmap", RECIPE])

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "m.SCI2.bkg.json", "m.SCI2.bkgmap.fits", "m.bkg.json", "m.bkgmap.fits", "m.fits",
    ]  # fmt: skip
    assert fits.getheader(tmp_path / "m.SCI2.bkgmap.fits")["TGTHDU"] == "SCI2"


@pytest.mark.parametrize(
    "name",
    [
        "asi1600_ngc4535.fits", "coma_a1656_R.fits", "emmi_na36_R.fits", "hsc_r_mef.fits",
        "hst_hrc_47tuc_flt.fits", "lco_fa05_raw_mef.fits[SCI,2]", "lco_s82_I.fits.fz",
        "ps1_m61_g_nan.fits", "vircam_H_nanborder.fits", "wise_w5_12um.fits",
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")  # ESO-LOG
def test_products_of_real_frames_are_sound(real_frames: Path, tmp_path: Path, name: str) -> None:
    image = ScienceImage.read(f"{real_frames}/{name}")
    outcome = image.run(Recipe().with_parameters(passes=0, threshold_invalid_connection=5000))

    paths = image.save(outcome, folder=tmp_path)

    for path in paths[:-1]:
        with fits.open(path) as hdus:
            hdus.verify("exception")
    again = ScienceImage.read(paths[USUAL.index("subbkg")])
    assert (again.wcs is None) == (image.wcs is None)
    assert np.array_equal(again.data, np.float32(image.data) - outcome.fit.level, equal_nan=True)


def test_products_of_an_image_with_an_international_name_are_sound(
    frame: Frame, result: Result, tmp_path: Path
) -> None:
    assert frame.path is not None
    path = frame.path.rename(tmp_path / "은하.fits")

    paths = save_products(read_frame(path), result)

    assert paths[0].name == "은하.srcmask.fits"
    with fits.open(paths[0]) as hdus:
        hdus.verify("exception")
