from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from ginga_bkgplugin import ImageSet, Recipe, ScienceImage, search_products
from ginga_bkgplugin.recipe.errors import ImageError, ParameterError
from tests.work.nights import SHAPE, frame_of, write_night

RECIPE = Recipe().with_parameters(box_size=32, passes=1)


@pytest.fixture
def night(tmp_path: Path) -> Path:
    write_night(tmp_path / "night", 4)
    return tmp_path / "night"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("done")
    write_night(folder, 2)
    ImageSet.search(folder).run(RECIPE, jobs=1, save=("srcmask", "invalidmask", "bkgmap"))
    ImageSet.search(folder).run(RECIPE, jobs=1, save=("bkgrms", "subbkg"), names="ezphot")
    return folder


def _names(images: ImageSet) -> list[str]:
    return [entry.path.name for entry in images]


def test_a_search_gives_a_table_of_what_the_headers_say(night: Path) -> None:
    table = ImageSet.search(night).table

    assert isinstance(table, Table)
    assert table.colnames == ["file", "hdu", "nx", "ny", "OBJECT", "FILTER", "EXPTIME", "DATE-OBS"]
    assert list(table["FILTER"]) == ["m600", "m650", "m600", "m650"]
    assert table["EXPTIME"].dtype.kind == "f"
    assert set(zip(table["ny"], table["nx"], strict=True)) == {SHAPE}


def test_a_file_that_cannot_be_read_has_a_problem_in_the_table_and_no_size(
    tmp_path: Path,
) -> None:
    write_night(tmp_path, 1)
    (tmp_path / "bad.fits").write_text("x")

    bad, good = ImageSet.search(tmp_path).table

    assert np.ma.is_masked(bad["nx"])
    assert np.ma.is_masked(bad["ny"])
    assert "bad.fits: cannot be read as a FITS image" in bad["problem"]
    assert (good["ny"], good["nx"]) == SHAPE
    assert np.ma.is_masked(good["problem"])


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ({"FILTER": "m600"}, ["n0.fits", "n2.fits"]),
        ({"FILTER": "m600", "EXPTIME": ">=60"}, ["n2.fits"]),
        (["FILTER=m6*", "EXPTIME<60"], ["n0.fits", "n3.fits"]),
        ({"DATE-OBS": ">2026-11-22"}, ["n2.fits", "n3.fits"]),
        ({"NAXIS1": SHAPE[1]}, ["n0.fits", "n1.fits", "n2.fits", "n3.fits"]),
    ],
)
def test_images_are_chosen_by_their_headers(night: Path, where: object, names: list[str]) -> None:
    found = ImageSet.search(night, where=where)  # type: ignore[arg-type]

    assert _names(found) == names
    assert _names(ImageSet.search(night).select(where)) == names  # type: ignore[arg-type]


def test_a_search_of_real_frames_by_their_headers(real_frames: Path) -> None:
    found = ImageSet.search(real_frames, "*lco*", {"OBJECT": "*"}, hdu="all")
    mosaic = found.select({"FILTER": "w"})

    assert len(found) == 2
    assert [entry.name for entry in mosaic] == ["lco_fa05_raw_mef.fits[all]"]
    assert mosaic.table["hdu"][0] == "all"


def test_a_search_without_a_match_says_what_was_searched(done: Path) -> None:
    with pytest.raises(ImageError, match=r"searched .* for \*\.x; 0 files") as none:
        ImageSet.search(done, "*.x")
    assert str(done) in str(none.value)
    with pytest.raises(
        ImageError, match=r"of them products; 2 images do not have FILTER=z, EXPTIME>9"
    ):
        ImageSet.search(done, where={"FILTER": "z", "EXPTIME": ">9"})


def test_products_are_never_taken_for_images(done: Path) -> None:
    fits.writeto(done / "renamed.fits", *fits.getdata(done / "n0.bkgmap.fits", header=True),
                 overwrite=True)  # fmt: skip
    found = ImageSet.search(done, "**/*")

    assert _names(found) == ["n0.fits", "n1.fits"]
    assert found.notes == (f"{done / 'n0.bkgmap.fits'} and 10 more: products, left out.",)
    assert _names(ImageSet.of(sorted(done.glob("*")))) == ["n0.fits", "n1.fits"]
    (done / "renamed.fits").unlink()


def test_a_single_file_is_taken_at_its_word(done: Path) -> None:
    assert _names(ImageSet.of([done / "subbkg_n0.fits"])) == ["subbkg_n0.fits"]


def test_the_same_file_twice_and_links_to_it_are_taken_once(night: Path) -> None:
    (night / "a-link.fits").symlink_to(night / "n1.fits")
    (night / "loop").symlink_to(night)

    found = ImageSet.search(night)
    twice = ImageSet.of([night / "n0.fits", night / "n0.fits", night / "loop" / "n0.fits"])

    assert _names(found) == ["n0.fits", "n1.fits", "n2.fits", "n3.fits"]
    assert "a-link.fits: the same image as" in found.notes[0]
    assert len(twice) == 1
    assert len(twice.notes) == 2
    assert len(found + twice) == 4


def test_a_list_names_images_beside_it(night: Path) -> None:
    (night / "good.txt").write_text("# the good ones\nn2.fits\n\n  n0.fits[0]  \n")

    found = ImageSet.from_list(night / "good.txt")

    assert _names(found) == ["n2.fits", "n0.fits"]
    for text, words in (("# none\n", "names no image"), (b"\xff\xfe\xfa", "not a text file")):
        path = night / "bad.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ParameterError, match=words):
            ImageSet.from_list(path)


def test_sorting_excluding_and_parts(night: Path) -> None:
    images = ImageSet.search(night)

    assert _names(images.sorted_by("EXPTIME")) == ["n0.fits", "n3.fits", "n1.fits", "n2.fits"]
    assert _names(images.sorted_by("CRPIX1", reverse=True))  # of no column: read again
    assert _names(images.sorted_by("file", reverse=True))[0] == "n3.fits"
    assert _names(images.exclude("n[01].fits", where={"FILTER": "m650"})) == ["n2.fits"]
    parts = [_names(images.part(k, 3)) for k in (1, 2, 3)]
    assert parts == [["n0.fits", "n3.fits"], ["n1.fits"], ["n2.fits"]]
    with pytest.raises(ParameterError, match="no part 4/3"):
        images.part(4, 3)


def test_products_are_linked_and_read_when_asked_for(done: Path) -> None:
    images = ImageSet.search(done)

    assert [path and path.name for path in images.bkgmaps.paths] == [
        "n0.bkgmap.fits", "n1.bkgmap.fits",
    ]  # fmt: skip
    assert [path and path.name for path in images.bkgrms.paths] == [
        "n0.fits.bkgrms", "n1.fits.bkgrms",
    ]  # fmt: skip
    for image, level, mask, invalid, rms in zip(
        images.images(), images.bkgmaps, images.sourcemasks, images.invalidmasks, images.bkgrms,
        strict=True,
    ):  # fmt: skip
        assert level and mask and invalid and rms
        assert isinstance(image, ScienceImage)
        assert image.bkgmap is not None
        assert np.array_equal(level.data, image.bkgmap.data)
        assert mask.data.shape == invalid.data.shape == rms.data.shape == SHAPE
    assert images.with_output(done / "none").bkgmaps.saved == 0
    assert images.with_output(done / "none").bkgmaps[0] is None


def test_products_are_found_by_kind_and_header(done: Path) -> None:
    every = search_products(done)
    maps = search_products(done, where={"FILTER": "m600"}, kinds=["bkgmap", "bkgrms"])

    assert len(every) == 10
    assert sorted(maps["kind"]) == ["bkgmap", "bkgrms"]
    assert set(maps["image"]) == {"n0.fits"}
    assert len(search_products(done, "*.nothing")) == 0


def _cube_and_mosaic(folder: Path) -> None:
    data = frame_of(0).data
    fits.writeto(folder / "cube.fits", np.stack([data, data + 50]))
    chips = [
        fits.ImageHDU(data + k, name=name, ver=k) for k in (1, 2) for name in ("SCI", "ERR", "DQ")
    ]
    fits.HDUList([fits.PrimaryHDU(), *chips]).writeto(folder / "mef.fits")


def test_what_a_file_holds_beside_the_image_taken_is_told_once(tmp_path: Path) -> None:
    _cube_and_mosaic(tmp_path)
    fits.writeto(tmp_path / "one.fits", frame_of(1).data)
    shutil.copy(tmp_path / "mef.fits", tmp_path / "nef.fits")
    names = [tmp_path / name for name in ("cube.fits", "mef.fits", "one.fits")]

    found = ImageSet.search(tmp_path).notes

    assert found == (
        "cube.fits: the first of 2 planes is taken (another: --plane).",
        "mef.fits and 1 more: the first of 2 images is taken"
        " (all: --all-hdus, hdu='all'; another: --hdu).",
    )
    assert ImageSet.of(names[:1]).notes == found[:1]
    assert ImageSet.of(names[:1], plane=1).notes == ()
    assert len(ImageSet.of(names[1:2]).notes) == 1
    for hdu in ("all", "SCI,2", "SCI"):
        assert ImageSet.of(names[1:2], hdu=hdu).notes == ()
    assert ImageSet.of(names[2:]).notes == ImageSet.of([f"{names[1]}[SCI,1]"]).notes == ()


def test_another_plane_and_hdu_are_found_and_run(tmp_path: Path) -> None:
    _cube_and_mosaic(tmp_path)

    plane = ImageSet.of([tmp_path / "cube.fits"], plane=1)
    second = ImageSet.of([tmp_path / "mef.fits"], hdu="SCI,2")
    table = (plane + second).run(RECIPE, jobs=1, save=["bkgmap"])

    assert list(table["hdu"]) == ["plane1", "SCI2"]
    assert list(table["state"]) == ["done", "done"]
    assert all(product is not None for product in (*plane.bkgmaps, *second.bkgmaps))
