"""Against SExtractor's own maps (README of the real frames: how they were made)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.sky.background import fit_background
from ginga_bkgplugin.sky.masking import mask_invalid
from ginga_bkgplugin.sky.pixels import as_sky_array


def _pixels(path: Path) -> npt.NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(next(hdu.data for hdu in fits.open(path) if hdu.data is not None))


@pytest.mark.parametrize(
    ("image", "back", "rms", "mask"),
    [
        ("emmi_na36_R.fits", "emmi_na36_R_sex_back.fits.gz", "emmi_na36_R_sex_rms.fits.gz", None),
        ("sep_image.fits", "sep_back.fits", "sep_rms.fits", None),
        (
            "coma_a1656_R.fits",
            "coma_a1656_R_sex_maskedback.fits.gz",
            "coma_a1656_R_sex_maskedrms.fits.gz",
            "coma_a1656_R_mask.fits.gz",
        ),
    ],
    ids=["emmi", "sep_image", "coma masked"],
)
def test_the_maps_equal_sextractors_exactly(
    real_frames: Path, image: str, back: str, rms: str, mask: str | None
) -> None:
    masked = None if mask is None else _pixels(real_frames / mask) != 0

    fit = fit_background(_pixels(real_frames / image), mask=masked)

    assert np.array_equal(fit.level, _pixels(real_frames / back))
    assert np.array_equal(fit.rms, _pixels(real_frames / rms))


@pytest.mark.parametrize(
    ("image", "globalback", "globalrms"),
    [("emmi_na36_R.fits", 6846.4, 63.188), ("sep_image.fits", 6852.05, 65.462)],
)
def test_the_global_values_are_those_sextractor_prints(
    real_frames: Path, image: str, globalback: float, globalrms: float
) -> None:
    fit = fit_background(_pixels(real_frames / image))

    assert fit.globalback == pytest.approx(globalback, rel=1e-5)
    assert fit.globalrms == pytest.approx(globalrms, rel=1e-5)


def test_a_frame_in_units_of_1e_minus_12_scales_like_any_other(real_frames: Path) -> None:
    image = as_sky_array(_pixels(real_frames / "kids_r.fits"))[:1000, :1000]
    power = np.float32(2.0**40)

    small, large = fit_background(image), fit_background(image * power)

    assert 0 < small.globalrms < 1e-10
    assert np.array_equal(small.level * power, large.level)
    assert np.array_equal(small.rms * power, large.rms)


def test_a_border_of_zeros_is_invalid_and_of_nan_too(real_frames: Path) -> None:
    zeros = _pixels(real_frames / "vircam_H_swarp.fits")
    nans = _pixels(real_frames / "vircam_H_nanborder.fits")

    assert np.mean(mask_invalid(zeros)) == pytest.approx(0.050, abs=0.002)
    assert np.mean(mask_invalid(nans)) == pytest.approx(0.064, abs=0.001)
    assert np.array_equal(mask_invalid(zeros)[:800, -800:], mask_invalid(nans))


@pytest.mark.parametrize(
    "name", ["ps1_m61_g_nan.fits", "vircam_H_nanborder.fits", "lco_s82_I.fits.fz"]
)
def test_real_frames_with_holes_have_finite_maps(real_frames: Path, name: str) -> None:
    image = _pixels(real_frames / name)
    image = image[0] if image.ndim == 3 else image

    fit = fit_background(image, BackgroundParameters(), mask=mask_invalid(image))

    assert np.isfinite(fit.level).all()
    assert np.isfinite(fit.rms).all()


def test_our_sky_agrees_with_sdss_own_within_a_tenth_of_the_noise(real_frames: Path) -> None:
    with fits.open(real_frames / "sdss_r_dn_with_sky.fits.gz") as hdus:
        image, sdss = hdus[0].data, hdus[1].data

    fit = fit_background(image, BackgroundParameters(box_size=128))

    assert float(np.mean(fit.level - sdss)) == pytest.approx(0.82, abs=0.02)
    assert abs(float(np.mean(fit.level - sdss))) < 0.2 * fit.globalrms
