from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import pytest

from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.simulate import SATURATION, SimulatedField, truth_field
from ginga_bkgplugin.sky.strips import set_threads, threads
from ginga_bkgplugin.work.pipeline import Result, finish, run

SHAPE = (800, 1000)
SMOOTH, SEP = (Recipe().with_parameters(method=name) for name in ("smooth", "sep"))

Array = npt.NDArray[np.float32]


@functools.cache
def _field(kind: str) -> SimulatedField:
    field = truth_field(kind, SHAPE, seed=3)
    field.data.flags.writeable = False
    return field


@functools.cache
def _result(kind: str, method: str = "smooth", circles: bool = False) -> Result:
    field = _field(kind)
    recipe = Recipe(regions=field.objects if circles else ()).with_parameters(method=method)
    return finish(run(field.data, recipe, saturation_level=SATURATION))


def _error(result: Result, field: SimulatedField) -> Array:
    """Of the background, in units of the noise."""
    error: Array = (result.fit.level - field.sky) / np.float32(field.noise)
    return error


def _inside(circle: PixelCircle, share: float) -> npt.NDArray[np.bool_]:
    y, x = np.indices(SHAPE)
    inside: npt.NDArray[np.bool_] = np.hypot(x - circle.x, y - circle.y) < share * circle.radius
    return inside


# --- pure noise


@pytest.mark.parametrize("seed", [0, 1])
def test_pure_noise_is_measured_without_bias_and_hardly_masked(seed: int) -> None:
    field = truth_field("noise", (1200, 1500), seed=seed)

    result = finish(run(field.data, SMOOTH))

    error = _error(result, field)
    assert abs(float(error.mean())) < 0.003
    assert float(error.std()) < 0.008
    assert np.mean(result.mask != 0) < 0.06
    assert float(np.median(result.fit.rms)) == pytest.approx(field.noise, rel=0.01)


def test_the_rms_map_follows_the_noise() -> None:
    field = _field("noise")
    x = np.indices(SHAPE)[1]
    steps = (1 + x / SHAPE[1]).astype(np.float32)

    result = finish(run((field.data - field.sky) * steps, SMOOTH))

    np.testing.assert_allclose(result.fit.rms / (steps * field.noise), 1, atol=0.05)


# --- fields with truth


@pytest.mark.parametrize(
    "kind", ["sparse", "typical", "crowded", "galaxy", "globular", "gaps", "low_counts"]
)
def test_the_sky_of_a_field_is_nearer_to_the_truth_than_seps(kind: str) -> None:
    smooth, plain = (_error(_result(kind, method), _field(kind)) for method in ("smooth", "sep"))

    assert smooth.std() < plain.std() / 2
    assert np.abs(smooth).max() < np.abs(plain).max()


def test_a_vignetted_sky_is_followed_into_its_corners() -> None:
    field = truth_field("noise", (1600, 2000), seed=3, structure=("gradient", "vignetting"))

    smooth, plain = (finish(run(field.data, recipe)) for recipe in (SMOOTH, SEP))

    assert _error(smooth, field).std() < _error(plain, field).std()
    assert np.abs(_error(smooth, field)).max() < 0.5
    assert np.mean(smooth.mask != 0) < 0.06


@pytest.mark.parametrize("kind", ["galaxy", "globular"])
def test_a_circle_drawn_over_a_big_object_does_not_worsen_the_sky_under_it(kind: str) -> None:
    field = _field(kind)
    under = _inside(field.objects[0], 0.5)

    drawn, free = (
        np.abs(_error(_result(kind, circles=circles), field))[under].mean()
        for circles in (True, False)
    )

    assert drawn < 1.05 * free
    assert free < np.abs(_error(_result(kind, "sep"), field))[under].mean() / 2


def test_a_circle_halves_the_error_under_light_that_no_pass_detects() -> None:
    field = _field("noise")
    y, x = np.indices(SHAPE)
    nebula = PixelCircle(400, 400, 230)
    light = 0.25 * field.noise * np.exp(-((x - 400) ** 2 + (y - 400) ** 2) / (2 * 90**2))
    image, under = (field.data + light).astype(np.float32), _inside(nebula, 0.5)

    drawn, free = (
        _error(finish(run(image, recipe)), field)[under].mean()
        for recipe in (SMOOTH.with_regions(nebula), SMOOTH)
    )

    assert abs(drawn) < abs(free) / 2


@pytest.mark.parametrize(("counts", "worst"), [(20, 0.003), (5, 0.006), (1, 0.03)])
def test_the_skewed_noise_of_few_counts_biases_the_sky_little(counts: int, worst: float) -> None:
    image = np.random.default_rng(4).poisson(counts, (600, 700))

    fit = finish(run(image, SMOOTH)).fit

    assert abs(float(fit.level.mean()) / counts - 1) < worst
    assert float(np.median(fit.rms)) == pytest.approx(np.sqrt(counts), rel=0.1)


def test_stars_are_masked_out_to_their_wings() -> None:
    field, result = _field("sparse"), _result("sparse")
    residual = (field.data - field.sky) / field.noise

    assert (result.mask[residual > 6] != 0).all()
    assert abs(float(residual[result.mask == 0].mean())) < 0.01


def test_a_noisy_half_does_not_make_the_rms_map_unphysical() -> None:
    image = np.random.default_rng(5).standard_normal((500, 600), dtype=np.float32)
    image[:, 300:] *= 100

    fit = finish(run(image, SMOOTH)).fit

    assert (fit.rms > 0).all()
    assert float(np.median(fit.rms[:, 450:])) == pytest.approx(100, rel=0.1)


def test_the_level_of_a_tilted_sky_is_not_shifted_by_part_of_a_pixel() -> None:
    slope = 1.0
    noise = np.random.default_rng(6).normal(0, 5, (700, 700))
    sky = 1000 + slope * np.arange(700)

    fit = finish(run(noise + sky, SMOOTH)).fit

    assert abs(float((fit.level - sky).mean())) < 0.05


# --- runs


def test_the_same_recipe_gives_the_same_bytes() -> None:
    field = _field("typical")

    again = finish(run(field.data, SMOOTH, saturation_level=SATURATION))

    first = _result("typical")
    assert again.mask.tobytes() == first.mask.tobytes()
    assert again.fit.level.tobytes() == first.fit.level.tobytes()
    assert again.fit.rms.tobytes() == first.fit.rms.tobytes()
    assert again.rows == first.rows


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_bytes_are_the_same_for_any_number_of_threads(count: int) -> None:
    before, first = threads(), _result("typical")
    try:
        set_threads(count)
        again = finish(run(_field("typical").data, SMOOTH, saturation_level=SATURATION))
        maps = again.fit.level.tobytes(), again.fit.rms.tobytes()
    finally:
        set_threads(before)

    assert again.mask.tobytes() == first.mask.tobytes()
    assert maps == (first.fit.level.tobytes(), first.fit.rms.tobytes())


@pytest.mark.parametrize("kind", [">f4", "f8", "u2"])
def test_files_byte_orders_and_types_give_the_bytes_of_float32(kind: str) -> None:
    data = np.clip(np.round(_field("low_counts").data), 0, 60_000).astype(np.float32)
    expected = finish(run(data, SMOOTH))

    result = finish(run(data.astype(kind), SMOOTH))

    assert result.mask.tobytes() == expected.mask.tobytes()
    assert result.fit.level.tobytes() == expected.fit.level.tobytes()


def test_the_rows_tell_what_each_pass_did() -> None:
    result = _result("typical")

    assert [row.index for row in result.rows] == [1, 2, 3][: len(result.rows)]
    assert all(row.sources > 100 for row in result.rows)
    assert result.rows[-1].masked_fraction == np.mean(result.mask != 0)
    assert result.rows[0].new_pixels == round(result.rows[0].masked_fraction * result.mask.size)


def test_the_globals_are_the_middle_of_the_maps() -> None:
    fit = _result("typical").fit

    assert fit.globalback == pytest.approx(float(np.median(fit.level)), rel=1e-3)
    assert fit.globalrms == pytest.approx(float(np.median(fit.rms)), rel=0.01)


def test_filled_boxes_are_counted_by_the_share_the_recipe_asks_for() -> None:
    recipe = SMOOTH.with_regions(PixelCircle(300, 300, 200))
    image = _field("noise").data

    few, many = (
        finish(run(image, recipe.with_parameters(least_free=share, passes=1))).fit.filled
        for share in (0.0, 0.6)
    )

    assert 0 < few < many


def test_more_passes_than_needed_are_not_made() -> None:
    result = finish(run(_field("noise").data, SMOOTH.with_parameters(passes=50)))

    assert len(result.rows) < 10
