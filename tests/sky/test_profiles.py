from __future__ import annotations

import numpy as np
import pytest

from ginga_bkgplugin.sky.profiles import (
    add_aureole,
    add_moffats,
    add_population,
    add_sersic,
    moffat_core,
    moffat_flux,
)


def _stars(x: list[float], y: list[float], flux: list[float], fwhm: float) -> np.ndarray:
    light = np.zeros((201, 301), np.float32)
    add_moffats(light, *map(np.array, (x, y, flux)), np.full(len(x), fwhm))
    return light


def test_a_star_has_the_width_asked_for() -> None:
    light = _stars([150], [100], [1e5], 6.0)

    assert light[100, 153] == pytest.approx(light[100, 150] / 2, rel=1e-5)
    assert light[97, 150] == pytest.approx(light[100, 150] / 2, rel=1e-5)


def test_a_star_has_the_total_asked_for_but_for_its_wings() -> None:
    flux, half = 1e5, 60
    light = _stars([150.3], [100.4], [flux], 4.0)[100 - half : 101 + half, 150 - half : 151 + half]

    # of beta = 3, a share (1 + r^2 / core^2)^-2 lies outside of r
    outside = (1 + (half / moffat_core(4.0)) ** 2) ** -2
    assert light.sum() == pytest.approx(flux * (1 - outside), rel=2e-3)


def test_the_peak_and_the_total_belong_together() -> None:
    light = _stars([150], [100], [moffat_flux(700.0, 4.0)], 4.0)

    assert light.max() == pytest.approx(700, rel=1e-6)


def test_stars_are_added_and_those_outside_are_cut() -> None:
    one, other = ([20.0], [30.0], [900.0]), ([-2.0], [199.0], [900.0])
    both = [a + b for a, b in zip(one, other, strict=True)]

    np.testing.assert_allclose(
        _stars(*both, 5.0), _stars(*one, 5.0) + _stars(*other, 5.0), rtol=1e-6
    )


def test_a_population_has_the_numbers_of_its_slope() -> None:
    light = np.zeros((40, 50), np.float32)
    before = np.random.default_rng(3).random(5000)
    flux = np.minimum(50 * (1 - before) ** (-1 / 1.5), 3e6)

    add_population(light, np.random.default_rng(3), 5000, faintest=50, slope=1.5)

    assert np.mean(flux > 100) == pytest.approx(2**-1.5, abs=0.02)
    assert 0.5 * flux.sum() < light.sum() < flux.sum()


@pytest.mark.parametrize("index", [1.0, 1.5, 2.0])
def test_half_the_light_of_a_galaxy_is_inside_its_half_light_radius(index: float) -> None:
    light = np.zeros((1201, 1201), np.float32)
    add_sersic(light, (600, 600), half_light=9.0, brightness=10.0, index=index, axis_ratio=1.0)
    y, x = np.ogrid[:1201, :1201]

    inside = light[np.hypot(x - 600, y - 600) < 9.0].sum() / light.sum()

    assert inside == pytest.approx(0.5, abs=0.02)


def test_a_galaxy_is_as_bright_as_said_at_its_half_light_radius() -> None:
    light = np.zeros((101, 201), np.float32)
    add_sersic(light, (100, 50), half_light=40.0, brightness=7.0, index=4, axis_ratio=0.5)

    assert light[50, 140] == pytest.approx(7, rel=1e-5)
    assert light[70, 100] == pytest.approx(7, rel=1e-5)


def test_an_aureole_falls_with_the_power_of_two_and_a_half() -> None:
    light = np.zeros((5, 2001), np.float32)
    add_aureole(light, (0, 2), brightness=100.0)

    assert light[2, 2000] / light[2, 1000] == pytest.approx(2**-2.5, rel=1e-3)
