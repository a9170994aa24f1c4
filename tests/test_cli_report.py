"""``ginga-bkg report``: from saved products, or from a run that writes nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits

from ginga_bkgplugin.cli import main
from ginga_bkgplugin.sky.simulate import sample_field

pytest.importorskip("matplotlib")

FIELD = sample_field((200, 220), stars=20)
PAGES = ["a.bkgreport.pdf", "a.bkgreport.png"]
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    fits.writeto(tmp_path / "a.fits", FIELD.data, FIELD.header)
    return tmp_path / "a.fits"


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_page_is_written_and_nothing_else(image: Path, capsys: Printed) -> None:
    assert main(["report", str(image), "--circle", "136,114,44"]) == 0

    assert _names(image.parent) == sorted([*PAGES, "a.fits"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("a.fits: Look here: ")
    assert sorted(Path(line.strip()).name for line in lines[1:]) == PAGES


def test_the_page_of_saved_products_is_that_of_their_run(image: Path, capsys: Printed) -> None:
    products = ["--output", str(image.parent / "out")]
    options = [str(image), "--circle", "136,114,44", "--box-size", "48"]
    main(["run", *options, *products])
    capsys.readouterr()

    assert main(["report", str(image), *products, "--formats", "png"]) == 0
    saved = capsys.readouterr()
    assert main(["report", *options, "--formats", "png"]) == 0
    anew = capsys.readouterr()

    assert "the saved products" in saved.err
    assert "the saved products" not in anew.err
    assert saved.out.splitlines()[0] == anew.out.splitlines()[0]
    assert (image.parent / "out" / "a.bkgreport.png").is_file()


def test_stale_products_and_other_recipes_are_run_anew(image: Path, capsys: Printed) -> None:
    png = ["--formats", "png"]
    main(["run", str(image)])
    for more in (["--anew"], ["--sigma", "3"]):
        capsys.readouterr()
        assert main(["report", str(image), *png, "--overwrite", *more]) == 0
        told = capsys.readouterr().err
        assert "the saved products" not in told
        assert "run anew as asked; what is saved is not used" in told
    with fits.open(image, mode="update") as hdus:
        hdus[0].data[5, 5] += 1

    assert main(["report", str(image), *png, "--overwrite"]) == 0
    assert "Stale: " in capsys.readouterr().err


def test_one_bad_file_or_page_does_not_end_the_rest(image: Path, capsys: Printed) -> None:
    (image.parent / "bad.fits").write_text("no image")
    (image.parent / "a.bkgreport.png").touch()

    assert main(["report", str(image.parent / "bad.fits"), str(image)]) == 1
    told = capsys.readouterr().out
    assert "bad.fits: failed: " in told
    assert "already there" in told
    assert main(["report", str(image), "--formats", "pdf"]) == 0


def test_an_unknown_format_is_told_before_any_run(image: Path, capsys: Printed) -> None:
    assert main(["report", str(image), "--formats", "png,gif"]) == 1

    assert "Unknown format 'gif' of a page" in capsys.readouterr().out
