from __future__ import annotations

import numpy as np
from astropy.wcs import WCS

from ginga_bkgplugin.sky.simulate import SATURATION, SimulatedField, sample_field


def test_the_same_seed_gives_the_same_field() -> None:
    first, second = (sample_field((120, 150), stars=10, seed=4) for _ in range(2))

    assert np.array_equal(first.data, second.data, equal_nan=True)


def test_another_seed_gives_another_field() -> None:
    first, second = (sample_field((120, 150), stars=10, seed=seed) for seed in (4, 5))

    assert not np.array_equal(first.data, second.data, equal_nan=True)


def test_far_from_any_light_the_noise_is_the_stated_one() -> None:
    empty = sample_field((300, 300), stars=0)
    corner = np.s_[250:290, 5:60]

    residual = empty.data[corner] - empty.sky[corner]

    assert abs(float(np.std(residual)) / empty.noise - 1) < 0.1


def test_light_only_adds_to_the_sky(field: SimulatedField) -> None:
    residual = (field.data - field.sky)[np.isfinite(field.data)]

    assert residual.min() > -6 * field.noise
    assert residual.mean() > field.noise


def test_the_field_holds_the_defects_it_promises(field: SimulatedField) -> None:
    assert np.isnan(field.data[0]).all()
    assert np.isnan(field.data[:, -1]).all()
    assert np.nanmax(field.data) == SATURATION
    assert (field.data[50:-50] == SATURATION).all(axis=0).sum() == 1


def test_the_header_has_a_celestial_wcs(field: SimulatedField) -> None:
    assert WCS(field.header).has_celestial


def test_the_galaxy_outshines_the_sky_inside_its_circle(field: SimulatedField) -> None:
    x, y = round(field.galaxy.x), round(field.galaxy.y)

    core = (field.data - field.sky)[y - 5 : y + 6, x - 5 : x + 6]

    assert core.mean() > 20 * field.noise
