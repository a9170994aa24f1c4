from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin.files.frames import Frame, read_frame
from ginga_bkgplugin.files.subtracted import is_ours, subtracted_by, subtracted_words

Cards = list[tuple[str, Any]]


def _frame(cards: Cards, primary: Cards | None = None) -> Frame:
    return Frame(np.zeros((5, 5)), fits.Header(cards), primary=fits.Header(primary or []))


@pytest.mark.parametrize(
    ("cards", "program"),
    [
        ([("BKGTYPE", "SEP"), ("BKGVALU", 0.0), ("TGTPATH", "/a/b.fits")], "ezphot"),
        ([("BG-EXTR", "GraXpert"), ("CBG-1", 0.1)], "GraXpert"),
        ([("BKGMETH", "local"), ("BKGLEVEL", 0.2), ("BKGSUB", True)], "the JWST pipeline"),
        ([("MDRIZSKY", 3.2), ("NDRIZIM", 4)], "AstroDrizzle"),
        ([("BACKSUBF", "T")], "SWarp"),
        ([("SUBF0001", True)], "SWarp"),
        ([("HISTORY", "SWarp Parameter : SUBTRACT_BACK : Y")], "SWarp"),
        ([("ORIGIN", "SDSS"), ("BUNIT", "nanomaggy")], "the SDSS pipeline"),
        ([("BGMEAN", 3.0), ("BGVAR", 1.0)], "the LSST pipeline"),
        ([("EXTNAME", "INPUT-NO-SKY")], "Gnuastro"),
    ],
)
def test_what_others_subtracted_is_recognised(cards: Cards, program: str) -> None:
    frame = _frame(cards)

    sign = subtracted_by(frame)

    assert sign is not None
    assert sign.program == program
    assert f"probably subtracted already, by {program}" in subtracted_words(frame)
    assert not is_ours(frame.header)


@pytest.mark.parametrize(
    "cards",
    [
        [],
        [("BKGTYPE", "SEP"), ("BKGPATH", "a.bkgmap")],  # ezphot writes these at its estimate
        [("BKGTYPE", "SEP"), ("BKGVALU", 995.0)],
        [("BKGMETH", "local"), ("BKGLEVEL", 0.2), ("BKGSUB", False)],
        [("S_BKDSUB", "SKIPPED")],
        [("MDRIZSKY", 3.2)],  # an flt: measured, not taken off
        [("MDRIZSKY", 0.0), ("NDRIZIM", 4)],
        [("SKYSUB", ""), ("SKYSUM", 0.0)],
        [("BACKSUBF", False)],
        [("HISTORY", "SWarp Parameter : SUBTRACT_BACK : N")],
        [("ORIGIN", "SDSS"), ("BUNIT", "DN")],
    ],
)
def test_what_only_looks_like_it_is_not(cards: Cards) -> None:
    assert subtracted_by(_frame(cards)) is None
    assert subtracted_words(_frame(cards)) == ""


def test_the_primary_header_counts_for_an_extension(tmp_path: Path) -> None:
    primary = fits.PrimaryHDU(header=fits.Header([("S_BKDSUB", "COMPLETE")]))
    science = fits.ImageHDU(np.ones((5, 5), "f4"), name="SCI")
    fits.HDUList([primary, science]).writeto(tmp_path / "jw.fits")

    assert "JWST" in subtracted_words(read_frame(tmp_path / "jw.fits"))


def test_our_own_word_is_ours_and_that_of_jwst_becomes_ours() -> None:
    assert is_ours(fits.Header([("BKGSUB", True)]))
    assert is_ours(fits.Header([("BKGSUB", True), ("BKGLEVEL", 1.0), ("BKGID", "a")]))
    assert not is_ours(fits.Header([("BKGSUB", "T")]))
    assert not is_ours(fits.Header([("BKGSUB", False)]))


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("sdss_r_frame.fits.gz", "the SDSS pipeline"),
        ("sdss_r_dn_with_sky.fits.gz", None),
        ("hsc_r_mef.fits", "the LSST pipeline"),
        ("hst_hrc_47tuc_flt.fits", None),
        ("vircam_H_swarp.fits", None),  # a coadd of SWarp without its file information
        ("jwst_a2744_f200w.fits", None),  # HISTORY: SUBTRACT_BACK : N
        ("coma_a1656_R.fits", None),
        ("emmi_na36_R.fits", None),
        ("asi1600_ngc4535.fits", None),
        ("lco_s82_I.fits.fz", None),
        ("euler_ngc2024_satstar.fits", None),
        ("wise_w5_12um.fits", None),
        ("ps1_m61_g_nan.fits", None),
    ],
)
@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")
def test_real_frames_say_what_they_are(real_frames: Path, name: str, program: str | None) -> None:
    sign = subtracted_by(read_frame(real_frames / name))

    assert (sign.program if sign else None) == program
