"""The light of sources too faint to find: of fields whose light is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from ginga_bkgplugin.recipe.parameters import BackgroundParameters, SmoothParameters
from ginga_bkgplugin.sky.faint import (
    FaintLight,
    cumulants,
    faint_light,
    in_groups,
    independent,
    least_light,
)
from ginga_bkgplugin.sky.masking import Pass
from ginga_bkgplugin.sky.simulate import truth_field
from ginga_bkgplugin.sky.smooth import iterate_smooth

SHAPE = (800, 900)
FREE = np.ones(SHAPE, bool)
Array = npt.NDArray[np.float32]


def _noise(seed: int = 1, shape: tuple[int, int] = SHAPE) -> Array:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def _faint(residual: Array, free: npt.NDArray[np.bool_]) -> FaintLight:
    ny, nx = residual.shape
    return faint_light(lambda rows: (residual[rows], free[rows]), (ny, nx))


def _light(mean: float, flux: Array | float, width: float, seed: int = 2) -> Array:
    """Gaussian sources of a given mean light; `flux` may be a list to draw from."""
    rng = np.random.default_rng(seed)
    fluxes = np.atleast_1d(np.asarray(flux, np.float32))
    points = np.zeros(SHAPE, np.float32)
    count = int(mean * points.size / fluxes.mean())
    place = tuple(rng.integers(0, size, count) for size in SHAPE)
    np.add.at(points, place, rng.choice(fluxes, count))
    light: Array = ndimage.gaussian_filter(points, width, mode="wrap")
    return light


@pytest.mark.parametrize("width", [0.8, 1.5, 2.5])
def test_the_light_of_equal_sources_is_found_and_never_too_much(width: float) -> None:
    light = _light(0.05, 12.0, width)

    found = _faint(_noise() + light, FREE)

    assert 0.6 * light.mean() < found.light < 1.2 * light.mean()
    assert found.mean == pytest.approx((_noise() + light).mean(), abs=0.002)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_many_fluxes_at_least_half_is_found(seed: int) -> None:
    fluxes = 3.0 * np.random.default_rng(seed).random(5000).astype(np.float32) ** -0.6
    light = _light(0.05, np.minimum(fluxes, 20), 1.5, seed)

    found = _faint(_noise(seed) + light, FREE)

    assert 0.4 * light.mean() < found.light < 1.1 * light.mean()


@pytest.mark.parametrize("seed", range(6))
def test_noise_has_no_light(seed: int) -> None:
    assert _faint(_noise(seed), FREE).light < 0.0015


def test_the_skewness_of_a_few_counts_is_not_taken_for_light() -> None:
    counts = np.random.default_rng(3).poisson(5.0, SHAPE).astype(np.float32)

    found = _faint(counts, FREE)

    assert found.light < 0.003
    assert found.mean == pytest.approx(counts.mean(), abs=1e-3)


def test_structure_of_the_sky_is_not_taken_for_light() -> None:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    wave = 0.1 * np.sin(columns / 40) + 0.1 * np.cos(rows / 30) ** 4

    assert _faint(_noise() + wave, FREE).light < 0.003


def test_units_and_an_added_constant_do_not_matter() -> None:
    image = _noise() + _light(0.05, 8.0, 1.5)
    here = _faint(image, FREE)

    there = _faint(image * np.float32(1e-10) + np.float32(3e-10), FREE)

    assert there.light == pytest.approx(here.light * 1e-10, rel=1e-3)
    assert there.mean == pytest.approx(here.mean * 1e-10 + 3e-10, rel=1e-3)


def test_single_outliers_do_not_matter() -> None:
    image = _noise() + _light(0.05, 8.0, 1.5)
    hot = image.copy()
    hot[::97, ::89] = 1e4

    here, there = _faint(image, FREE), _faint(hot, FREE)

    assert there.mean == pytest.approx(here.mean, abs=1e-3)
    assert there.light == pytest.approx(here.light, rel=0.1)


@pytest.mark.parametrize("shape", [(10, 10), (40, 900), (200, 200)])
def test_small_frames_have_no_correction(shape: tuple[int, int]) -> None:
    assert _faint(_noise(shape=shape), np.ones(shape, bool)).light == 0


def test_constants_and_nothing_free_give_zero() -> None:
    assert _faint(np.zeros(SHAPE, np.float32), FREE) == FaintLight(0, 0)
    assert _faint(_noise(), ~FREE) == FaintLight(0, 0)
    assert cumulants([in_groups(_noise(), ~FREE)]) is None


def test_excess_without_skewness_is_noise() -> None:
    image = ndimage.uniform_filter(_noise(), 3)
    image /= image.std()
    excess = cumulants([in_groups(image, FREE)])

    assert excess is not None
    assert excess.second > 0.5
    assert least_light(excess) == 0


# --- whether noise is independent


def _independent(image: Array, free: npt.NDArray[np.bool_]) -> bool:
    shape = image.shape[0], image.shape[1]
    return independent(lambda rows: (image[rows], free[rows]), shape, 1.0)


@pytest.mark.parametrize("seed", range(4))
def test_white_noise_is_independent_with_and_without_sources(seed: int) -> None:
    assert _independent(_noise(seed), FREE)
    assert _independent(_noise(seed) + _light(0.05, 8.0, 1.5), FREE)


@pytest.mark.parametrize("share", [0.03, 0.1, 1 / 9])
def test_noise_shared_with_neighbours_is_not_independent(share: float) -> None:
    kernel = np.full((3, 3), share) * [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    kernel[1, 1] = 1 - kernel.sum()
    image = ndimage.convolve(_noise(), kernel)
    image /= image.std()

    assert not _independent(image, FREE)


def test_nothing_to_look_at_is_not_independent() -> None:
    assert not _independent(_noise(), ~FREE)
    assert not _independent(_noise(shape=(10, 10)), np.ones((10, 10), bool))


# --- in the method


@pytest.mark.parametrize("kind", ["typical", "low_counts"])
def test_the_sky_of_a_field_of_faint_sources_is_nearer_to_the_truth(kind: str) -> None:
    field = truth_field(kind, (1200, 1500), seed=3)

    def bias(taken_off: bool) -> float:
        empty = np.zeros(field.data.shape, np.uint8)
        steps = iterate_smooth(
            field.data, empty,
            background=BackgroundParameters(method="smooth"),
            parameters=SmoothParameters(faint_light=taken_off),
        )  # fmt: skip
        fit = [step for step in steps if isinstance(step, Pass)][-1].fit
        assert fit is not None
        return float((fit.level - field.sky).mean() / field.noise)

    assert abs(bias(True)) < 0.7 * bias(False)
