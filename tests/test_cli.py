"""The command line: results on stdout, talk on stderr, 0 done, 1 some failed, 2 wrong usage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin import Recipe, read_frame, run
from ginga_bkgplugin.cli import main
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.recipe import GROUPS
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.work.loading import read_recipe
from ginga_bkgplugin.work.pipeline import finish

FIELD = sample_field((200, 220), stars=20)
USUAL = ["a.bkg.json", "a.bkgmap.fits", "a.bkgrms.fits", "a.invalidmask.fits", "a.srcmask.fits"]
Printed = pytest.CaptureFixture[str]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _written(image: Path) -> Recipe:
    return read_recipe(image.parent / "a.bkg.json")


# --- run


def test_run_writes_the_products_beside_the_image(image: Path, capsys: Printed) -> None:
    assert main(["run", str(image)]) == 0

    assert _names(image.parent) == sorted([*USUAL, "a.fits"])
    printed = capsys.readouterr()
    assert printed.out.startswith("a.fits: Background 9")
    word = fits.getval(image.parent / "a.bkgmap.fits", "BKGWORD")
    assert printed.out.splitlines()[1].startswith(f"  Verdict: {word}.")
    assert [line.strip() for line in printed.out.splitlines()[2:]] == [
        str(image.parent / name)
        for name in ("a.srcmask.fits", "a.invalidmask.fits", "a.bkgmap.fits", "a.bkgrms.fits",
                     "a.bkg.json")
    ]  # fmt: skip


def test_no_verdict_is_said_where_none_is_wanted(image: Path, capsys: Printed) -> None:
    assert main(["run", str(image), "--no-verdict"]) == 0

    assert "Verdict" not in capsys.readouterr().out
    assert "BKGWORD" not in fits.getheader(image.parent / "a.bkgmap.fits")


def test_progress_goes_to_stderr(image: Path, capsys: Printed) -> None:
    main(["run", str(image), "--passes", "2"])

    printed = capsys.readouterr()
    assert "a.fits: pass 1: " in printed.err
    assert "a.fits: pass 2: " in printed.err
    assert "pass 1" not in printed.out


def test_run_gives_the_bytes_of_the_python_door(image: Path) -> None:
    assert main(["run", str(image), "--circle", "136,114,44", "--box-size", "50"]) == 0

    frame = read_frame(image)
    recipe = Recipe().with_regions(PixelCircle(136, 114, 44)).with_parameters(box_size=50)
    result = finish(
        run(frame.data, recipe, wcs=frame.wcs, saturation_level=frame.saturation_level)
    )
    assert np.array_equal(fits.getdata(image.parent / "a.srcmask.fits"), result.mask)
    assert np.array_equal(fits.getdata(image.parent / "a.bkgmap.fits"), result.fit.level)
    assert np.array_equal(fits.getdata(image.parent / "a.bkgrms.fits"), result.fit.rms)
    assert _written(image) == recipe


def test_circles_can_be_given_in_pixels_and_on_the_sky_and_repeated(image: Path) -> None:
    options = ["--circle", "10,20,5", "--circle", "30,40,6.5", "--sky-circle", "150,2.2,8"]

    assert main(["run", str(image), *options]) == 0

    assert _written(image).regions == (
        PixelCircle(10, 20, 5), PixelCircle(30, 40, 6.5), SkyCircle(150, 2.2, 8),
    )  # fmt: skip
    mask = fits.getdata(image.parent / "a.srcmask.fits")
    assert mask[20, 10] & 1
    assert mask[99, 109] & 1  # CRPIX, 0-based
    assert not mask[60, 60] & 1


def test_a_negative_number_can_begin_a_circle(image: Path) -> None:
    assert main(["run", str(image), "--circle=-5,20,30"]) == 0

    assert _written(image).regions == (PixelCircle(-5, 20, 30),)


def test_options_override_the_recipe_file_and_circles_join_its_own(
    image: Path, tmp_path: Path
) -> None:
    own = Recipe().with_regions(PixelCircle(50, 50, 9)).with_parameters(sigma=4, box_size=40)
    (tmp_path / "r.bkg.json").write_text(own.to_json())
    options = ["--recipe", str(tmp_path / "r.bkg.json"), "--sigma", "6", "--circle", "9,9,3"]

    assert main(["run", str(image), *options]) == 0

    assert _written(image) == own.with_parameters(sigma=6).with_regions(
        PixelCircle(50, 50, 9), PixelCircle(9, 9, 3)
    )


def test_every_parameter_has_an_option_with_its_help(capsys: Printed) -> None:
    with pytest.raises(SystemExit) as end:
        main(["run", "--help"])

    text = " ".join(capsys.readouterr().out.split())
    assert end.value.code == 0
    for group in GROUPS.values():
        for name, _, _, rule in group.rules():
            assert f"--{name.replace('_', '-')}" in text
            assert " ".join(rule.help.split()[:4]) in text


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (["--no-is-2d"], "is_2d", False),
        (["--blank-invalid"], "blank_invalid", True),
        (["--saturation-level", "40000"], "saturation_level", 40_000.0),
        (["--filter-size", "5"], "filter_size", 5),
        (["--min-area", "9"], "min_area", 9),
        (["--threshold-invalid-connection", "77"], "threshold_invalid_connection", 77),
    ],
)
def test_an_option_reaches_the_recipe(
    image: Path, options: list[str], name: str, value: object
) -> None:
    assert main(["run", str(image), *options]) == 0

    values = {
        key: v for _, group in _written(image).groups() for key, v in group.to_dict().items()
    }
    assert values[name] == value


def test_one_broken_file_does_not_end_the_batch(image: Path, capsys: Printed) -> None:
    broken = image.parent / "broken.fits"
    broken.write_text("no image")
    missing = image.parent / "missing.fits"
    second = image.parent / "z.fits"
    write_fits(second, FIELD.data + 10, FIELD.header)

    status = main(["run", str(broken), str(image), str(missing), str(second)])

    printed = capsys.readouterr()
    assert status == 1
    assert f"{broken}: failed: " in printed.out
    assert f"{missing}: failed: {missing}: no such file." in printed.out
    assert (image.parent / "a.bkgmap.fits").is_file()
    assert (image.parent / "z.bkgmap.fits").is_file()
    assert not list(image.parent.glob("broken.*map.fits"))


def test_an_over_masked_image_fails_with_a_cure(image: Path, capsys: Printed) -> None:
    assert main(["run", str(image), "--circle", "110,100,400"]) == 1

    assert "failed: " in capsys.readouterr().out
    assert _names(image.parent) == ["a.fits"]


def test_an_existing_product_is_refused_and_nothing_written(image: Path, capsys: Printed) -> None:
    old = image.parent / "a.bkgmap.fits"
    old.write_text("precious")

    assert main(["run", str(image)]) == 1

    assert "a.bkgmap.fits already there" in capsys.readouterr().out
    assert old.read_text() == "precious"
    assert _names(image.parent) == ["a.bkgmap.fits", "a.fits"]


def test_overwrite_replaces_the_products(image: Path) -> None:
    (image.parent / "a.bkgmap.fits").write_text("old")

    assert main(["run", str(image), "--overwrite"]) == 0

    assert fits.getdata(image.parent / "a.bkgmap.fits").shape == FIELD.data.shape


def test_products_can_go_into_another_folder_and_be_chosen(image: Path, tmp_path: Path) -> None:
    output = tmp_path / "deep" / "out"

    assert main(["run", str(image), "--output", str(output), "--save", "bkgmap, recipe"]) == 0

    assert _names(output) == ["a.bkg.json", "a.bkgmap.fits"]
    assert _names(image.parent) == ["a.fits"]


def test_a_file_in_the_place_of_the_output_folder_fails_in_words(
    image: Path, tmp_path: Path, capsys: Printed
) -> None:
    (tmp_path / "file").write_text("no folder")

    assert main(["run", str(image), "--output", str(tmp_path / "file")]) == 1

    assert f"{tmp_path / 'file'} is not a folder" in capsys.readouterr().err


def test_subtract_writes_the_difference_too(image: Path) -> None:
    assert main(["run", str(image), "--subtract"]) == 0

    difference = fits.getdata(image.parent / "a.subbkg.fits")
    wanted = FIELD.data - fits.getdata(image.parent / "a.bkgmap.fits")
    assert np.array_equal(difference, wanted, equal_nan=True)


def test_a_subtracted_image_is_not_subtracted_again(image: Path, capsys: Printed) -> None:
    main(["run", str(image), "--save", "subbkg"])

    assert main(["run", str(image.parent / "a.subbkg.fits"), "--subtract"]) == 1

    assert "BKGSUB = T" in capsys.readouterr().out


def test_names_can_be_those_of_ezphot(image: Path) -> None:
    assert main(["run", str(image), "--names", "ezphot", "--subtract"]) == 0

    assert _names(image.parent) == [
        "a.bkg.json", "a.fits", "a.fits.bkgmap", "a.fits.bkgrms", "a.fits.invalidmask",
        "a.fits.srcmask", "subbkg_a.fits",
    ]  # fmt: skip


@pytest.mark.parametrize("how", ["option", "brackets", "not at all"])
def test_another_hdu_can_be_named(
    tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [fits.ImageHDU(FIELD.data + n, name="SCI", ver=n) for n in (1, 200)]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / "mef.fits")
    file = str(tmp_path / "mef.fits")
    arguments = {
        "option": [file, "--hdu", "SCI,200"],
        "brackets": [f"{file}[SCI,200]"],
        "not at all": [file],
    }

    assert main(["run", *arguments[how], "--save", "bkgmap"]) == 0

    named, (product,) = how != "not at all", tmp_path.glob("*.bkgmap.fits")
    assert product.name == ("mef.SCI200.bkgmap.fits" if named else "mef.bkgmap.fits")
    assert fits.getheader(product)["BKGVALU"] == pytest.approx(1197 if named else 998, abs=6)
    assert ("the first of 2 images is taken" in capsys.readouterr().err) != named


def test_another_plane_can_be_named(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "cube.fits", np.stack([FIELD.data, FIELD.data + 200]))

    assert main(["run", str(tmp_path / "cube.fits"), "--plane", "1", "--save", "bkgmap"]) == 0

    (product,) = tmp_path.glob("*.bkgmap.fits")
    assert fits.getheader(product)["BKGVALU"] == pytest.approx(1197, abs=6)


# --- wrong usage


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--filter-size", "4"], "odd"),
        (["--sigma", "-1"], "sigma"),
        (["--circle", "1,2"], "--circle needs three numbers"),
        (["--circle", "a,b,c"], "--circle needs three numbers"),
        (["--circle", "1,2,-3"], "radius must be above 0"),
        (["--sky-circle", "150,95,3"], "dec must be from -90 to 90"),
        (["--recipe", "nowhere.bkg.json"], "nowhere.bkg.json"),
        (["--save", "bkgmap,everything"], "'everything'"),
    ],
)
def test_wrong_usage_is_told_on_stderr_with_status_2(
    image: Path, capsys: Printed, options: list[str], word: str
) -> None:
    assert main(["run", str(image), *options]) == 2

    printed = capsys.readouterr()
    assert word in printed.err
    assert printed.out == ""
    assert _names(image.parent) == ["a.fits"]


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["run"], ["run", "a.fits", "--sigma", "x"], ["run", "a.fits", "--names", "x"],
     ["run", "a.fits", "--no-such-option"]],
)  # fmt: skip
def test_what_the_parser_refuses_ends_with_status_2(arguments: list[str], capsys: Printed) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)

    assert end.value.code == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("ginga-bkg")
    assert hint.startswith("See ginga-bkg ")


def test_the_version_is_that_of_the_package(capsys: Printed) -> None:
    import ginga_bkgplugin

    with pytest.raises(SystemExit):
        main(["--version"])

    assert f"ginga-bkg {ginga_bkgplugin.__version__} (sep " in capsys.readouterr().out


# --- status


def test_status_lists_the_products(image: Path, capsys: Printed) -> None:
    main(["run", str(image), "--subtract"])
    capsys.readouterr()

    assert main(["status", str(image), str(image.parent / "a.subbkg.fits")]) == 0

    out = capsys.readouterr().out
    assert "a.fits: not subtracted, 6 products" in out
    assert str(image.parent / "a.bkgmap.fits") in out
    assert "a.subbkg.fits: subtracted (background " in out


def test_status_of_a_broken_file_fails_and_goes_on(image: Path, capsys: Printed) -> None:
    assert main(["status", str(image.parent / "missing.fits"), str(image)]) == 1

    out = capsys.readouterr().out
    assert "missing.fits: failed: " in out
    assert "a.fits: not subtracted, no products" in out
