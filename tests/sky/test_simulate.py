from __future__ import annotations

import numpy as np
import pytest
from astropy.wcs import WCS

from ginga_bkgplugin import ScienceImage
from ginga_bkgplugin.sky.simulate import (
    KINDS,
    SATURATION,
    STRUCTURES,
    SimulatedField,
    gaps,
    sample_field,
    sky_shape,
    truth_field,
)

SHAPE = (400, 500)


# --- the sample field


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


# --- ten kinds


@pytest.fixture(scope="module")
def truths() -> dict[str, SimulatedField]:
    return {kind: truth_field(kind, SHAPE) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_has_the_shape_asked_for_and_a_positive_sky(
    truths: dict[str, SimulatedField], kind: str
) -> None:
    field = truths[kind]

    assert field.kind == kind
    assert field.data.shape == field.sky.shape == SHAPE
    assert field.data.dtype == field.sky.dtype == np.float32
    assert (field.sky > 0).all()
    assert np.nanmax(field.data) <= SATURATION


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_truth(truths: dict[str, SimulatedField], kind: str) -> None:
    again = truth_field(kind, SHAPE)

    assert again.data.tobytes() == truths[kind].data.tobytes()
    assert again.sky.tobytes() == truths[kind].sky.tobytes()


def test_another_seed_gives_other_stars_on_the_same_sky() -> None:
    first, second = (truth_field("typical", SHAPE, seed=seed) for seed in (0, 1))

    assert not np.array_equal(first.data, second.data)
    assert np.array_equal(first.sky, second.sky)


def test_kinds_of_the_same_seed_do_not_share_their_noise(
    truths: dict[str, SimulatedField],
) -> None:
    one, other = (truths[kind].data - truths[kind].sky for kind in ("noise", "sparse"))

    assert abs(np.corrcoef(one[:50].ravel(), other[:50].ravel())[0, 1]) < 0.05


def test_without_sources_the_image_is_sky_and_stated_noise(
    truths: dict[str, SimulatedField],
) -> None:
    field = truths["noise"]
    residual = (field.data - field.sky) / field.noise

    assert abs(float(np.median(residual))) < 0.01
    assert abs(float(residual.mean())) < 0.01
    assert float(residual.std()) == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "noise"])
def test_light_only_adds_to_the_sky_of_a_kind(
    truths: dict[str, SimulatedField], kind: str
) -> None:
    field = truths[kind]
    residual = ((field.data - field.sky) / field.noise)[np.isfinite(field.data)]

    assert residual.mean() > 0.004
    assert residual.min() > -6.5


def test_the_low_counts_are_truly_poissonian(truths: dict[str, SimulatedField]) -> None:
    data = truths["low_counts"].data

    assert np.array_equal(data, np.round(data))
    assert data.min() >= 0
    assert 15 < np.median(data) < 25


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_are_missing_only_where_gaps_are_promised(
    truths: dict[str, SimulatedField], kind: str
) -> None:
    expected = gaps(SHAPE) if kind in ("gaps", "everything") else np.zeros(SHAPE, bool)

    assert np.array_equal(np.isnan(truths[kind].data), expected)


@pytest.mark.parametrize(
    ("kind", "count"),
    [("sparse", 0), ("globular", 1), ("galaxy", 1), ("halo", 1), ("everything", 2)],
)
def test_a_circle_is_given_for_each_big_object(
    truths: dict[str, SimulatedField], kind: str, count: int
) -> None:
    field = truths[kind]
    good = np.isfinite(field.data)
    light = np.where(good, field.data - field.sky, 0) / field.noise
    y, x = np.indices(SHAPE)

    assert len(field.objects) == count
    for circle in field.objects:
        distance = np.hypot(x - circle.x, y - circle.y)
        inside = light[(distance < circle.radius / 2) & good]
        assert inside.mean() > 1
        assert inside.mean() > light[(distance > circle.radius) & good].mean()


def test_only_the_bright_star_saturates_its_core(truths: dict[str, SimulatedField]) -> None:
    star = truths["halo"].objects[0]

    assert truths["halo"].data[round(star.y), round(star.x)] == SATURATION
    assert not (truths["noise"].data >= SATURATION).any()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_the_header_of_an_observed_image(
    truths: dict[str, SimulatedField], kind: str
) -> None:
    header = truths[kind].header
    image = ScienceImage(truths[kind].data, header)

    assert WCS(header).has_celestial
    assert header["BUNIT"] == "count"
    assert image.frame.saturation_level == SATURATION


def test_the_galaxy_is_the_first_of_the_big_objects(truths: dict[str, SimulatedField]) -> None:
    field = truths["everything"]

    assert field.galaxy == field.objects[0]


def test_a_field_without_big_objects_says_which_have_them(
    truths: dict[str, SimulatedField],
) -> None:
    with pytest.raises(ValueError, match=r"'sparse' has no big object\. Take .*globular"):
        _ = truths["sparse"].galaxy


# --- structures


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_structure_bends_the_sky_by_percents(name: str) -> None:
    sky = sky_shape((600, 800), (name,))

    assert 0.004 < np.ptp(sky) < 0.5
    assert sky.mean() == pytest.approx(1, abs=0.1)


def test_no_structure_is_a_flat_sky() -> None:
    assert (sky_shape(SHAPE, ()) == 1).all()


def test_amplifiers_differ_by_a_step_in_the_middle() -> None:
    sky = sky_shape(SHAPE, ("amplifiers",))

    assert np.unique(sky[:, :250]).tolist() == [1]
    assert np.unique(sky[:, 250:]).tolist() == [np.float32(1.01)]


def test_structures_join() -> None:
    joined = sky_shape(SHAPE, ("gradient", "vignetting"))

    product = sky_shape(SHAPE, ("gradient",)) * sky_shape(SHAPE, ("vignetting",))
    np.testing.assert_allclose(joined, product, rtol=1e-6)


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'nebula'\. Known: sparse, .*noise"):
        truth_field("nebula", SHAPE)


def test_an_unknown_structure_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'fringes'\. Known: gradient, .*amplifiers"):
        truth_field("noise", SHAPE, structure=("fringes",))
