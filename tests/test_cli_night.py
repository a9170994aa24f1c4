"""The command line over a night: found, run, stopped, resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from astropy.io import fits
from astropy.table import Table

from ginga_bkgplugin.cli import main
from ginga_bkgplugin.sky.simulate import sample_field
from tests.work.nights import contents, write_night

FAST = ["--passes", "1", "--box-size", "32", "--save", "srcmask,bkgmap"]
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def night(tmp_path: Path) -> Path:
    write_night(tmp_path / "night", 4)
    return tmp_path / "night"


def _states(table: Path) -> dict[str, str]:
    read = Table.read(table)
    names = (Path(file).name for file in read["file"])
    return dict(zip(names, map(str, read["state"]), strict=True))


@pytest.mark.parametrize("terminal", [True, False])
def test_a_folder_is_run_and_a_table_printed_and_written(
    night: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    (night / "bad.fits").write_text("x")
    table = night / "t.ecsv"

    assert main(["run", str(night), *FAST, "--jobs", "2", "--table", str(table)]) == 1

    printed = capsys.readouterr()
    assert f"{night / 'bad.fits'}: failed: " in printed.out
    assert printed.out.count(" done ") == 4
    assert "2 jobs, up to 0.2 GB each" in printed.err
    assert ("5/5" in printed.err) == terminal
    assert _states(table) == {"bad.fits": "failed"} | {f"n{k}.fits": "done" for k in range(4)}
    (night / "bad.fits").unlink()
    assert main(["run", str(night), *FAST, "--table", str(table)]) == 0
    assert set(_states(table).values()) == {"kept"}


def test_images_are_chosen_sorted_and_parted(night: Path, capsys: Printed) -> None:
    choice = ["--where", "FILTER=m600", "--where", "EXPTIME>=30", "--exclude", "n9*"]

    assert main(["run", str(night), "--dry-run", *choice, "--sort", "EXPTIME"]) == 0
    shown = capsys.readouterr().out
    assert "n0.fits" in shown
    assert "n2.fits" in shown
    assert "n1.fits" not in shown
    assert not list(night.glob("*.bkgmap.fits"))
    for part in ("1/2", "2/2"):
        assert main(["run", str(night), *FAST, "--glob", "*.fits", "--part", part]) == 0
    assert len(list(night.glob("*.bkgmap.fits"))) == 4


def test_files_folders_and_lists_join(night: Path, tmp_path: Path, capsys: Printed) -> None:
    write_night(tmp_path / "more", 1)
    (tmp_path / "l.txt").write_text("night/n2.fits\nnight/n0.fits\n")

    arguments = ["run", str(night / "n0.fits"), str(tmp_path / "more")]
    assert main([*arguments, "--list", str(tmp_path / "l.txt"), "--dry-run"]) == 0

    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2 + 3
    assert "taken once" in printed.err


def test_names_in_headers_lead_out_of_no_folder(tmp_path: Path) -> None:
    data = sample_field((96, 96), stars=5).data
    night, out = tmp_path / "night", tmp_path / "out"
    night.mkdir()
    hdus = fits.HDUList([fits.PrimaryHDU()])
    for name in ("../../evil", str(tmp_path / "evil")):
        hdus.append(fits.ImageHDU(data, name=name))
        hdus[-1].header["FILENAME"] = hdus[-1].header["ORIGFILE"] = "../../evil.fits"
    hdus.writeto(night / "m.fits")

    for how in (["--hdu", "../../evil"], ["--hdu", "2"], ["--all-hdus", "--overwrite"]):
        assert main(["run", str(night / "m.fits"), *how, *FAST, "--output", str(out)]) == 0

    written = {path.name for path in tmp_path.rglob("*") if path.is_file()} - {"m.fits"}
    assert {path.name for path in out.iterdir()} == written
    assert {path.name for path in tmp_path.iterdir()} == {"night", "out"}


def test_a_mosaic_is_run_whole(tmp_path: Path, capsys: Printed, real_frames: Path) -> None:
    file = str(real_frames / "lco_fa05_raw_mef.fits")
    options = ["--all-hdus", "--common", "plane", "--chip-offsets", "--output", str(tmp_path)]

    assert main(["run", file, *options, "--save", "bkgmap"]) == 0

    assert "SCI4" in capsys.readouterr().out
    (product,) = tmp_path.iterdir()
    with fits.open(product) as hdus:
        assert [(hdu.name, hdu.ver) for hdu in hdus[1:]] == [("SCI", k) for k in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--where", "FILTER"], 2, "The condition 'FILTER' cannot be read"),
        (["--part", "3"], 2, "--part needs K/N"),
        (["--part", "9/3"], 2, "no part 9/3"),
        (["--jobs", "0"], 2, "jobs must be at least 1"),
        (["--where", "FILTER=z"], 1, "4 images do not have FILTER=z"),
        (["--glob", "*.x"], 1, "0 files"),
        (["--list", "nowhere.txt"], 2, "nowhere.txt: cannot be read as a list"),
    ],
)
def test_wrong_choices_are_told(
    night: Path, capsys: Printed, options: list[str], status: int, words: str
) -> None:
    assert main(["run", str(night), *options]) == status

    assert words in capsys.readouterr().err


def test_a_scheduler_that_is_not_there_is_told(
    night: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("ginga_bkgplugin.work.cluster.PATIENCE", 1.0)

    assert main(["run", str(night), *FAST, "--dask", "tcp://127.0.0.1:9"]) == 1

    assert "No scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_whole_files_and_is_resumed(
    tmp_path: Path, how: signal.Signals
) -> None:
    night, reference = tmp_path / "night", tmp_path / "reference"
    write_night(night, 6, (300, 400))
    command = [sys.executable, "-m", "ginga_bkgplugin.cli", "run", str(night), "--jobs", "2"]
    running = subprocess.Popen(
        [*command, "--table", str(night / "t.ecsv")], stderr=subprocess.PIPE, text=True,
        # a shell's background job would hand down that SIGINT is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    )  # fmt: skip
    while not any(len(list(night.glob(f"n{k}.*"))) == 6 for k in range(6)):  # one is done
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(how)
    _, said = running.communicate(timeout=60)

    if how == signal.SIGINT:
        assert running.returncode == 1
        assert "stopped; the files written so far are whole" in said
        assert "stopped" in _states(night / "t.ecsv").values()
    assert len(list(night.glob("*.bkgmap.fits"))) < 6
    if how == signal.SIGKILL:  # the children end the images they are at
        _wait_for_quiet(night)
    assert not list(night.glob(".*.part"))
    for path in night.glob("*.fits"):
        with fits.open(path, checksum=False) as hdus:
            assert next(hdu for hdu in hdus if hdu.data is not None).shape == (300, 400)
    assert main(["run", str(night), "--jobs", "2", "--table", str(night / "t.ecsv")]) == 0
    states = list(_states(night / "t.ecsv").values())
    assert set(states) == {"kept", "done"}
    assert main(["run", str(night), "--jobs", "1", "--output", str(reference)]) == 0
    ours = {name: one for name, one in contents(night).items() if ".bkg" in name}
    assert ours == {name: one for name, one in contents(reference).items() if ".bkg" in name}


def _wait_for_quiet(folder: Path) -> None:
    """Until no file was written for two seconds."""
    until = time.time() + 60
    while time.time() < until:
        newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
        if time.time() - newest > 2:
            return
        time.sleep(0.1)
