from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin.cli import main
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.sky.simulate import sample_field

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Two images after a run, and one without."""
    paths = [tmp_path / f"{name}.fits" for name in "abc"]
    for seed, path in enumerate(paths):
        field = sample_field((200, 220), stars=20, seed=seed)
        write_fits(path, field.data, field.header)
    assert main(["run", *map(str, paths[:2])]) == 0
    return paths


def test_a_night_is_subtracted_and_restored_and_one_failure_ends_nothing(
    images: list[Path], tmp_path: Path, capsys: Printed
) -> None:
    capsys.readouterr()

    status = main(["subtract", *map(str, images)])

    told = capsys.readouterr().out.splitlines()
    assert status == 1
    assert told[0] == f"{images[0]}: {tmp_path / 'a.subbkg.fits'}"
    assert "c.fits: failed: c.fits: no saved background" in told[2]

    subtracted = [str(tmp_path / f"{name}.subbkg.fits") for name in "ab"]
    assert main(["restore", *subtracted, "--output", str(tmp_path / "back")]) == 0
    for name in "ab":
        back = fits.getdata(tmp_path / "back" / f"{name}.restored.fits")
        original = fits.getdata(tmp_path / f"{name}.fits")
        assert np.array_equal(back, original, equal_nan=True)


def test_a_second_subtraction_is_refused_in_a_batch_and_forced(
    images: list[Path], tmp_path: Path, capsys: Printed
) -> None:
    main(["subtract", str(images[0])])
    capsys.readouterr()
    again = ["subtract", str(tmp_path / "a.subbkg.fits")]

    assert main(again) == 1
    assert "BKGSUB = T, a background was subtracted already" in capsys.readouterr().out
    assert main([*again, "--force", "--output", str(tmp_path / "twice")]) == 0
    (made,) = (tmp_path / "twice").iterdir()
    assert "by force" in str(fits.getheader(made)["HISTORY"])


def test_running_on_a_subtracted_image_refuses_to_subtract_it(
    images: list[Path], tmp_path: Path, capsys: Printed
) -> None:
    main(["subtract", str(images[0])])
    capsys.readouterr()

    assert main(["run", str(tmp_path / "a.subbkg.fits"), "--subtract"]) == 1
    assert "BKGSUB = T" in capsys.readouterr().out


def test_restore_names_the_original_where_it_is_there(
    images: list[Path], tmp_path: Path, capsys: Printed
) -> None:
    main(["subtract", str(images[0])])
    capsys.readouterr()

    assert main(["restore", str(tmp_path / "a.subbkg.fits")]) == 0

    assert f"{images[0]}: the original is there" in capsys.readouterr().out


def test_status_tells_what_is_stale_and_subtracted(
    images: list[Path], tmp_path: Path, capsys: Printed
) -> None:
    main(["subtract", str(images[0])])
    with fits.open(images[0], mode="update") as hdus:
        hdus[0].data[5, 5] += 1
    capsys.readouterr()

    assert main(["status", str(images[0]), str(images[1]), str(tmp_path / "a.subbkg.fits")]) == 0

    first, second, third = capsys.readouterr().out.split(".fits: ")[1:]
    assert first.count("STALE: made from other pixels") == 5
    assert "STALE" not in second
    assert third.startswith("subtracted (background ")


@pytest.mark.parametrize("command", ["status", "run", "subtract"])
def test_an_image_subtracted_by_others_is_warned_of(
    images: list[Path], capsys: Printed, command: str
) -> None:
    fits.setval(images[0], "BG-EXTR", value="GraXpert")
    capsys.readouterr()

    assert main([command, str(images[0]), *(["--overwrite"] if command == "run" else [])]) == 0

    told = "".join(capsys.readouterr())
    assert "probably subtracted already, by GraXpert (BG-EXTR)" in told


def test_masks_can_be_written_plain(images: list[Path], tmp_path: Path) -> None:
    main(["run", str(images[2]), "--no-compress", "--save", "srcmask"])

    with fits.open(tmp_path / "c.srcmask.fits") as hdus:
        assert hdus[0].data.dtype == np.uint8
