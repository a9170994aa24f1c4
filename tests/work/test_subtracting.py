"""Subtracting and taking it back, in memory and as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from ginga_bkgplugin import (
    Frame,
    ProductError,
    ProductExistsError,
    Recipe,
    ScienceImage,
    read_frame,
    restore_file,
    sample_field,
    subtract_file,
)
from ginga_bkgplugin.files.names import KINDS
from ginga_bkgplugin.work.subtracting import restore, subtract

FIELD = sample_field((200, 220), stars=20)
KEPT = {"SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "EXTEND", "BSCALE", "BZERO", "HISTORY"}


def _pixels(kind: str) -> npt.NDArray[Any]:
    """The field as another type of pixels, with what goes wrong in each."""
    data = np.nan_to_num(FIELD.data, nan=0.0)
    data[50, :100] = 0.3  # dead, not zero
    if kind == "u1":
        return (data / 40).astype("u1")
    if np.dtype(kind).kind == "f":
        data = np.where(FIELD.data > 5000, np.inf, data)
        data[:3] = np.nan
    return data.astype(kind)


def _saved(folder: Path, kind: str = "f4", *kinds: str, **parameters: Any) -> Path:
    header = FIELD.header.copy()
    header["BUNIT"], header["SATURATE"] = "adu", 60000.5
    fits.writeto(folder / "a.fits", _pixels(kind), header)
    image = ScienceImage.read(folder / "a.fits")
    image.save(image.run(Recipe().with_parameters(**parameters)), kinds or KINDS[:4])
    return folder / "a.fits"


@pytest.mark.parametrize("method", ["sep", "smooth"])
@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"])
def test_every_type_of_image_comes_back_to_the_bit(tmp_path: Path, kind: str, method: str) -> None:
    path = _saved(tmp_path, kind, method=method)
    before = path.read_bytes()
    subtracted = subtract_file(path)
    assert path.read_bytes() == before

    original = read_frame(path)
    path.unlink()
    restored, words = restore_file(subtracted)

    assert restored == tmp_path / "a.restored.fits"
    assert words == "the same pixels to the bit"
    with fits.open(restored) as hdus:
        hdus.verify("exception")
        assert (
            hdus[0].header["BITPIX"] == fits.Header.fromstring(before.decode("latin1"))["BITPIX"]
        )
    again = read_frame(restored)
    assert again.data.tobytes() == original.data.tobytes()
    assert again.checksum == original.checksum


def test_the_header_comes_back_with_one_line_more(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    before = fits.getheader(path)
    subtracted = subtract_file(path)
    path.unlink()

    after = fits.getheader(restore_file(subtracted)[0])

    cards = {key: value for key, value in before.items() if key not in KEPT}
    assert {key: value for key, value in after.items() if key not in KEPT} == cards
    assert "restored from a.subbkg.fits" in "".join(after["HISTORY"])


def test_a_subtracted_file_says_so(tmp_path: Path) -> None:
    path = _saved(tmp_path, "u2")

    header = fits.getheader(subtract_file(path))

    assert header["BKGSUB"] is True
    assert header["BKGID"] == fits.getheader(tmp_path / "a.bkgmap.fits")["PIXSUM"]
    assert header["BKGPATH"] == "a.bkgmap.fits"
    assert (header["TGTPATH"], header["TGTSUM"]) == ("a.fits", read_frame(path).checksum)
    assert (header["TGTTYPE"], header["BUNIT"]) == ("uint16", "adu")
    assert header["SATURATE"] == pytest.approx(60000.5 - header["BKGVALU"])
    assert header["BKGBOX"] == 64  # the recipe, from the map
    assert '"recipe"' not in str(header["HISTORY"])
    assert "ginga-bkg recipe" in str(header["HISTORY"])


def test_it_is_the_very_file_that_a_run_writes(tmp_path: Path) -> None:
    path = _saved(tmp_path, "f4", *KINDS[:5])
    (tmp_path / "a.subbkg.fits").rename(tmp_path / "run.fits")

    subtract_file(path)

    with fits.open(tmp_path / "run.fits") as run, fits.open(tmp_path / "a.subbkg.fits") as ours:
        assert np.array_equal(run[0].data, ours[0].data, equal_nan=True)
        times = {"BKGDATE", "HISTORY"}
        assert {k: v for k, v in run[0].header.items() if k not in times} == {
            k: v for k, v in ours[0].header.items() if k not in times
        }


def test_negative_values_nan_and_inf_are_kept(tmp_path: Path) -> None:
    found = fits.getdata(subtract_file(_saved(tmp_path)))

    assert np.nanmin(found) < -900
    assert np.isnan(found[:3]).all()
    assert np.isinf(found).any()


def test_where_the_original_is_there_nothing_is_written(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    subtracted = subtract_file(path)
    before = sorted(tmp_path.iterdir())

    found, words = restore_file(subtracted)

    assert found == path
    assert "the original is there" in words
    assert sorted(tmp_path.iterdir()) == before


def test_where_the_original_changed_it_is_restored(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    pixels = read_frame(path).data.tobytes()
    subtracted = subtract_file(path)
    fits.writeto(path, _pixels("f4") + 1, overwrite=True)

    found, words = restore_file(subtracted)

    assert found == tmp_path / "a.restored.fits"
    assert words == "the same pixels to the bit"
    assert read_frame(found).data.tobytes() == pixels


def test_the_mesh_serves_in_place_of_the_map(tmp_path: Path) -> None:
    path = _saved(tmp_path, "f4", "bkgmesh", "bkgmap")
    (tmp_path / "a.bkgmap.fits").unlink()

    subtracted = subtract_file(path)
    _, words = restore_file(subtracted, folder=tmp_path / "out")

    assert words == "the same pixels to the bit"
    assert fits.getheader(subtracted)["BKGPATH"] == "a.bkgmesh.fits"


def test_a_second_subtraction_is_refused_and_can_be_forced_and_taken_back(
    tmp_path: Path,
) -> None:
    path = _saved(tmp_path)
    once = subtract_file(path)
    with pytest.raises(ProductError, match="BKGSUB = T"):
        subtract_file(once, background=tmp_path / "a.bkgmap.fits")

    twice = subtract_file(once, background=tmp_path / "a.bkgmap.fits", force=True)

    header = fits.getheader(twice)
    assert f"subtracted again by force, after {header['BKGID']}" in "".join(header["HISTORY"])
    back, _ = restore_file(twice, folder=tmp_path / "once")
    first, again = read_frame(once).data, read_frame(back).data
    there = np.isfinite(first)
    assert np.array_equal(first[~there], again[~there], equal_nan=True)
    assert (np.abs(again[there] - first[there]) <= np.spacing(np.abs(first[there]))).all()
    assert fits.getval(back, "BKGSUB") is True
    assert fits.getval(back, "TGTSUM") == read_frame(path).checksum


def test_a_stale_background_is_refused_unless_named_or_forced(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    fits.writeto(path, _pixels("f4") + 1, FIELD.header, overwrite=True)

    with pytest.raises(ProductError, match="it is stale, made from other pixels"):
        subtract_file(path)

    subtract_file(path, background=tmp_path / "a.bkgmap.fits")
    subtract_file(path, force=True, overwrite=True)


def test_an_existing_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    subtracted = subtract_file(path)
    path.unlink()
    restored, _ = restore_file(subtracted)

    with pytest.raises(ProductExistsError):
        restore_file(subtracted)
    restored.write_bytes(b"old")
    restore_file(subtracted, overwrite=True)

    assert fits.getdata(restored).shape == (200, 220)


def test_without_a_background_there_is_nothing_to_subtract(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "a.fits", _pixels("f4"))

    with pytest.raises(ProductError, match="no saved background"):
        subtract_file(tmp_path / "a.fits")


def test_another_background_cannot_be_added_back(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    subtracted = subtract_file(path)
    path.unlink()
    fits.writeto(tmp_path / "b.fits", np.full((200, 220), 900, "f4"))

    with pytest.raises(ProductError, match="not the background that was subtracted"):
        restore_file(subtracted, background=tmp_path / "b.fits")


def test_a_background_of_others_can_be_subtracted_and_taken_back(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "a.fits", _pixels("u2"))
    fits.writeto(tmp_path / "sky.fits", np.full((200, 220), 900.25, "f4"))

    subtracted = subtract_file(tmp_path / "a.fits", background=tmp_path / "sky.fits")
    (tmp_path / "a.fits").unlink()
    restored, _ = restore_file(subtracted)

    assert np.array_equal(fits.getdata(subtracted), _pixels("u2") - np.float32(900.25))
    assert np.array_equal(fits.getdata(restored), _pixels("u2"))


def test_what_others_subtracted_cannot_be_restored(tmp_path: Path) -> None:
    cards = fits.Header([("BG-EXTR", "GraXpert")])
    fits.writeto(tmp_path / "a.fits", _pixels("f4"), cards)

    with pytest.raises(ProductError, match="only what ginga-bkg subtracted"):
        restore_file(tmp_path / "a.fits", background=tmp_path / "a.fits")


def test_a_lost_extension_is_told(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    subtracted = subtract_file(path)
    path.unlink()
    with fits.open(subtracted) as hdus:
        assert hdus[0].header["BKGLEFT"] > 0
        data, header = hdus[0].data.copy(), hdus[0].header
    fits.writeto(subtracted, data, header, overwrite=True)

    with pytest.raises(ProductError, match="LEFTOVER is gone"):
        restore_file(subtracted)


def test_a_second_hdu_goes_its_own_way(tmp_path: Path) -> None:
    hdus = [fits.ImageHDU(_pixels("f4") + i, name="SCI", ver=i + 1) for i in range(2)]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "m.fits")
    image = ScienceImage.read(tmp_path / "m.fits", "SCI,2")
    image.save(image.run(Recipe()), ["bkgmap"])

    subtracted = subtract_file(f"{tmp_path}/m.fits[SCI,2]")

    assert subtracted.name == "m.SCI2.subbkg.fits"
    assert restore_file(subtracted)[0] == tmp_path / "m.fits"
    restored, _ = restore_file(subtracted, folder=tmp_path)
    assert restored.name == "m.SCI2.restored.fits"
    assert np.array_equal(fits.getdata(restored), hdus[1].data, equal_nan=True)


# --- in memory


def test_in_memory_it_is_refused_forced_and_taken_back() -> None:
    image = ScienceImage(_pixels("f4"), FIELD.header)
    background = image.calculate_bkg()
    product = image.subtract_background()
    subtracted = ScienceImage(product.data, product.header)

    with pytest.raises(ProductError, match="BKGSUB = T"):
        subtracted.subtract_background(background)
    forced = subtracted.subtract_background(background, force=True)
    back = image.restore_background(product)

    assert back.data.tobytes() == image.data.tobytes()
    assert "BKGSUB" not in back.header
    assert "by force" in str(forced.header["HISTORY"])


def test_a_subtracted_file_is_restored_in_memory(tmp_path: Path) -> None:
    path = _saved(tmp_path, "i2")

    back = ScienceImage.read(subtract_file(path)).restore_background()

    assert back.data.dtype == np.int16
    assert np.array_equal(back.data, _pixels("i2"))


def test_an_image_of_jwst_that_says_bkgsub_is_subtracted_once() -> None:
    header = fits.Header([("BKGSUB", True), ("BKGLEVEL", 0.2), ("BKGMETH", "match")])
    frame = Frame(_pixels("f4"), header)
    level = np.full(frame.data.shape, 1000, np.float32)

    product = subtract(frame, level, [])
    again = Frame(product.data, product.header)

    with pytest.raises(ProductError, match="BKGSUB = T"):
        subtract(again, level, [])
    back = restore(again, level, product.extensions).header
    assert (back["BKGSUB"], back["BKGLEVEL"], "BKGID" in back) == (True, 0.2, False)
