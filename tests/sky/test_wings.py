"""The light of large sources beyond their masks: of profiles that are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ginga_bkgplugin.recipe.parameters import BackgroundParameters, SmoothParameters
from ginga_bkgplugin.sky.simulate import SimulatedField, truth_field
from ginga_bkgplugin.sky.smooth import iterate_smooth
from ginga_bkgplugin.sky.steps import Pass
from ginga_bkgplugin.sky.wings import Large, large_sources

SHAPE = (600, 700)
RADIUS, PLACE = 60.0, (340.0, 290.0)
Array = npt.NDArray[np.float32]


def _radius(ratio: float = 1.0) -> Array:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    r: Array = np.hypot(columns - PLACE[0], (rows - PLACE[1]) / ratio).astype(np.float32)
    return r / np.float32(RADIUS)


def _sersic(index: float, ratio: float = 1.0) -> Array:
    """1 at the radius, with a slope of -2.8 there."""
    u = np.maximum(_radius(ratio), 0.01)
    light: Array = np.exp(-2.8 * index * (u ** (1 / index) - 1)).astype(np.float32)
    return light


def _power() -> Array:
    light: Array = np.maximum(_radius(), 0.05) ** np.float32(-2.5)
    return light


def _catalogue(peak: float = 1000.0, **more: float) -> npt.NDArray[np.void]:
    row = {
        "xcpeak": PLACE[0],
        "ycpeak": PLACE[1],
        "npix": np.pi * RADIUS**2,
        "cpeak": peak,
        **more,
    }
    return np.array([tuple(row.values())], dtype=[(name, float) for name in row])


def _fitted(image: Array, used: npt.NDArray[np.bool_] | None = None, noise: float = 1.0) -> Large:
    everything = np.ones(SHAPE, bool) if used is None else used
    (one,) = large_sources(image, everything, noise, _catalogue())
    one.fit(np.zeros(one.mean.shape))
    return one


def _noise(seed: int = 1) -> Array:
    return np.random.default_rng(seed).standard_normal(SHAPE, dtype=np.float32)


def _far(one: Large, light: Array) -> tuple[float, float]:
    """Mean light two to three radii away: what is found, and what is there."""
    away = (_radius() > 2) & (_radius() < 3)
    found = one.light(np.arange(float(SHAPE[0])), np.arange(float(SHAPE[1])))
    return float(found[away].mean()), float(light[away].mean())


@pytest.mark.parametrize(
    "light", [_sersic(4), _sersic(4, 0.6), _sersic(1), _power()], ids=["n4", "flat", "n1", "star"]
)
def test_the_light_beyond_the_mask_is_found_from_the_profile_inside(light: Array) -> None:
    one = _fitted(light + _noise())

    found, true = _far(one, light)
    assert one.fitted
    assert found == pytest.approx(true, rel=0.2, abs=0.01)


def test_a_tilted_sky_is_not_taken_for_a_wing() -> None:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    light = _sersic(4)

    one = _fitted(light + _noise() + 5 + columns / 300 - rows / 200)

    found, true = _far(one, light)
    assert found == pytest.approx(true, rel=0.25)


def test_gaps_and_stars_on_the_galaxy_do_not_matter() -> None:
    light = _sersic(4)
    image = light + _noise()
    used = np.ones(SHAPE, bool)
    used[300:330], used[:, 360:380] = False, False
    image[~used] = np.nan
    for x, y in np.random.default_rng(2).integers(50, 550, (8, 2)):
        image[y : y + 6, x : x + 6] += 100

    found, true = _far(_fitted(np.nan_to_num(image), used), light)

    assert 0.4 * true < found < 1.3 * true


def test_the_noise_is_only_a_unit() -> None:
    light = _sersic(4)
    image = light + _noise()

    here, there = _fitted(image), _fitted(image * np.float32(1e-9), noise=1e-9)

    assert there.shape == pytest.approx(here.shape, rel=1e-3, abs=1e-3)


def test_what_is_no_ellipse_has_no_wing() -> None:
    rng = np.random.default_rng(4)
    cluster = np.zeros(SHAPE, np.float32)
    for x, y in rng.normal(PLACE, RADIUS / 2, (40, 2)).astype(int):
        cluster[y : y + 8, x : x + 8] += 60

    one = _fitted(cluster + _noise())

    assert not one.fitted
    assert not one.light(np.arange(10.0), np.arange(12.0)).any()


def test_faint_large_areas_and_pieces_of_another_are_left_alone() -> None:
    free = np.ones(SHAPE, bool)
    twice = np.concatenate([_catalogue(), _catalogue(peak=500.0, xcpeak=PLACE[0] + 50)])

    assert large_sources(_noise(), free, 1.0, _catalogue(peak=10.0)) == []
    assert len(large_sources(_noise(), free, 1.0, twice)) == 1


def test_too_little_to_fit_is_no_wing() -> None:
    used = np.zeros(SHAPE, bool)
    used[:20, :20] = True

    assert not _fitted(_noise(), used).fitted


# --- in the method


def _under(field: SimulatedField, **values: bool) -> float:
    steps = iterate_smooth(
        field.data, np.zeros(field.data.shape, np.uint8),
        background=BackgroundParameters(method="smooth"), parameters=SmoothParameters(**values),
        saturation_level=60_000.0,
    )  # fmt: skip
    fit = [step for step in steps if isinstance(step, Pass)][-1].fit
    assert fit is not None
    y, x = np.ogrid[: field.data.shape[0], : field.data.shape[1]]
    circle = field.objects[0]
    inside = np.hypot(x - circle.x, y - circle.y) < circle.radius / 2
    return float((fit.level - field.sky)[inside].mean() / field.noise)


@pytest.mark.parametrize("kind", ["galaxy", "halo"])
def test_the_sky_under_a_large_source_is_the_sky(kind: str) -> None:
    field = truth_field(kind, (1200, 1500), seed=5)

    assert abs(_under(field)) < min(0.04, 0.7 * _under(field, wings=False))
