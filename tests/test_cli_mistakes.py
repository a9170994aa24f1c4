"""The command line: mistakes of its users, told in words that help."""

from __future__ import annotations

from pathlib import Path

import pytest

from ginga_bkgplugin.cli import main

Printed = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("wrong", "right"), [("--boxsize", "--box-size"), ("--highsigma=4", "--high-sigma")]
)
def test_an_option_misspelled_is_told_the_right_one(
    wrong: str, right: str, capsys: Printed
) -> None:
    with pytest.raises(SystemExit):
        main(["run", "a.fits", wrong])

    assert f"Did you mean {right}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "ignored"),
    [(["--sigma", "3"], "sigma does nothing with the method smooth."),
     (["--method", "sep", "--growth", "3"], "growth does nothing with the method sep.")],
)  # fmt: skip
def test_a_parameter_of_the_other_method_is_told(
    image: Path, arguments: list[str], ignored: str, capsys: Printed
) -> None:
    assert main(["run", str(image), *arguments]) == 0

    assert ignored in capsys.readouterr().err


def test_a_folder_where_a_file_belongs_and_a_file_cut_off_are_told_as_such(
    image: Path, capsys: Printed
) -> None:
    short = image.with_name("short.fits")
    short.write_bytes(image.read_bytes()[:8640])

    assert main(["status", str(image.parent)]) == 1
    assert "this is a folder" in capsys.readouterr().out
    assert main(["run", str(short)]) == 1
    assert "it is cut off" in capsys.readouterr().out


def test_a_region_file_without_a_region_is_refused(image: Path, capsys: Printed) -> None:
    file = image.with_name("notes.reg")
    file.write_text("hello\n", encoding="utf-8")

    assert main(["run", str(image), "--regions", str(file)]) == 1

    assert "no region of it can be used" in capsys.readouterr().out
