"""The models besides the mesh, with both methods: truth, symmetry, masks, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ginga_bkgplugin.recipe.errors import SkyFitError
from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.background import SkyFit, fit_background
from ginga_bkgplugin.sky.models import DEGREES, polynomial_map
from ginga_bkgplugin.sky.nodes import term_orders
from ginga_bkgplugin.sky.pixels import MaskBit
from ginga_bkgplugin.work.pipeline import Result, finish, run

SHAPE = (320, 384)
SIGMA = 30.0
POLYNOMIALS = ("plane", "poly2", "poly3", "poly4")
MODELS = ("constant", *POLYNOMIALS)
ALL = ("mesh", *MODELS)
METHODS = ("sep", "smooth")

Array = npt.NDArray[Any]

both = pytest.mark.parametrize("method", METHODS)


def _run(image: Array, *regions: PixelCircle, **values: Any) -> Result:
    values.setdefault("passes", 1)
    return finish(run(image, Recipe(regions=regions).with_parameters(**values)))


def _fit(image: Array, **values: Any) -> SkyFit:
    return _run(image, **values).fit


def _sky(degree: int, seed: int = 0, shape: tuple[int, int] = SHAPE) -> Array:
    """A sky of 1000 with a random polynomial of some 100."""
    v, u = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    rng = np.random.default_rng(seed)
    sky = np.full(shape, 1000.0)
    for j in range(degree + 1):
        for i in range(degree + 1 - j):
            sky += rng.uniform(-60, 60) * v**j * u**i
    return sky.astype(np.float32)


def _noise(seed: int = 1, shape: tuple[int, int] = SHAPE, level: float = 1000) -> Array:
    return np.random.default_rng(seed).normal(level, SIGMA, shape).astype(np.float32)


def _disc(x: float, y: float, radius: float) -> Array:
    row, column = np.indices(SHAPE)
    return np.asarray(np.hypot(column - x, row - y) < radius)


# --- truth


@settings(max_examples=3)
@given(seed=st.integers(0, 1000), x=st.integers(100, 280), y=st.integers(100, 220), data=st.data())
@pytest.mark.parametrize("model", POLYNOMIALS)
@both
def test_a_polynomial_without_noise_is_found_again_under_a_big_mask(
    method: str, model: str, seed: int, x: int, y: int, data: st.DataObject
) -> None:
    sky = _sky(data.draw(st.integers(0, DEGREES[model])), seed)
    image = sky.copy()
    hole = PixelCircle(x, y, 90)
    image[_disc(x, y, 88)] += 5000  # hidden

    fit = _run(image, hole, method=method, model=model, passes=0).fit

    np.testing.assert_allclose(fit.level, sky, rtol=3e-7)  # float32 holds 6e-8 of a number


@pytest.mark.parametrize("model", POLYNOMIALS)
@both
def test_a_polynomial_with_noise_is_found_under_a_big_mask(method: str, model: str) -> None:
    sky = _sky(DEGREES[model], 3)

    fit = _run(sky + _noise(level=0), PixelCircle(190, 160, 90), method=method, model=model).fit

    hole = _disc(190, 160, 90)
    assert float((fit.level - sky).std()) < 0.03 * SIGMA
    assert float(np.abs(fit.level - sky)[hole].max()) < 0.1 * SIGMA


@both
def test_a_constant_is_the_median_of_the_free_sky_with_the_noise_of_a_pixel(method: str) -> None:
    image = _noise()
    image[60:120, 60:120] += 4000

    fit = _run(image, PixelCircle(90, 90, 80), method=method, model="constant", passes=2).fit

    assert np.unique(fit.level).tolist() == [np.float32(fit.globalback)]
    assert np.unique(fit.rms).tolist() == [np.float32(fit.globalrms)]
    assert fit.globalback == pytest.approx(1000, abs=0.015 * SIGMA)
    assert fit.globalrms == pytest.approx(SIGMA, rel=0.015)


@pytest.mark.parametrize("model", MODELS)
@both
def test_a_patch_that_no_pass_sees_does_not_pull_the_model(method: str, model: str) -> None:
    veiled = _noise(shape=(800, 800))
    veiled[100:200, 100:200] += np.float32(0.5 * SIGMA)

    fit, clean = (
        _fit(image, method=method, model=model, passes=0, box_size=50)
        for image in (veiled, _noise(shape=(800, 800)))
    )

    assert float(np.abs(fit.level - clean.level)[300:, 300:].max()) < 0.02 * SIGMA


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("counts", [1, 3, 20])
@both
def test_few_counts_bias_a_model_little(method: str, counts: int, model: str) -> None:
    image = np.random.default_rng(4).poisson(counts, (600, 700)).astype(np.int16)

    fit = _fit(image, method=method, model=model, threshold_invalid_connection=10**9)

    assert abs(float(fit.level.mean()) - counts) < 0.012 * np.sqrt(counts)
    assert float(np.median(fit.rms)) == pytest.approx(np.sqrt(counts), rel=0.12)


# --- units and symmetry


@settings(max_examples=2)
@given(offset=st.floats(-1e5, 1e5))
@pytest.mark.parametrize("model", ALL)
@both
def test_a_constant_added_to_the_image_is_added_to_the_sky(
    method: str, model: str, offset: float
) -> None:
    image = _noise() + _sky(1)

    fit, reference = (
        _fit(each, method=method, model=model, fill="smooth", passes=0)
        for each in (image.astype(float) + offset, image)
    )

    np.testing.assert_allclose(fit.level - offset, reference.level, atol=0.02 * SIGMA)
    np.testing.assert_allclose(fit.rms, reference.rms, rtol=0.02)


@settings(max_examples=2)
@given(power=st.floats(-12, 12))
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("model", MODELS)
@both
def test_other_units_scale_the_maps(method: str, model: str, sign: int, power: float) -> None:
    scale, image = sign * 10**power, _noise() + _sky(2)

    fit, reference = (
        _fit(each, method=method, model=model, passes=0) for each in (image * scale, image)
    )

    np.testing.assert_allclose(fit.level / scale, reference.level, atol=0.02 * SIGMA)
    np.testing.assert_allclose(fit.rms / abs(scale), reference.rms, rtol=0.02)


@pytest.mark.parametrize("turn", ["up-down", "left-right", "transposed"])
@pytest.mark.parametrize("model", MODELS)
@both
def test_a_turned_image_has_a_turned_sky(method: str, model: str, turn: str) -> None:
    def turned(array: Array) -> Array:
        views = {"up-down": array[::-1], "left-right": array[:, ::-1], "transposed": array.T}
        return np.ascontiguousarray(views[turn])

    image = _noise() + _sky(2)
    values = {"method": method, "model": model, "passes": 0}

    there, here = _fit(turned(image), **values).level, turned(_fit(image, **values).level)

    assert float(np.abs(there - here).max()) < 0.03 * SIGMA


# --- masks


@settings(max_examples=3)
@given(seed=st.integers(0, 1000), data=st.data())
@pytest.mark.parametrize("model", ALL)
@both
def test_masking_more_pixels_of_noise_does_not_bias_the_sky(
    method: str, model: str, seed: int, data: st.DataObject
) -> None:
    places = st.tuples(st.integers(0, 383), st.integers(0, 319), st.integers(5, 50))
    circles = [PixelCircle(*each) for each in data.draw(st.lists(places, max_size=6))]
    image = _noise(seed)

    few, many = (
        _run(image, *some, method=method, model=model, passes=0, fill="smooth")
        for some in (circles[:1], circles)
    )

    def bias(result: Result) -> float:
        return abs(float((result.fit.level - 1000)[many.mask == 0].mean())) / SIGMA

    error = 1 / np.sqrt(np.count_nonzero(many.mask == 0))
    assert bias(many) < bias(few) + (5 if method == "smooth" or model != "mesh" else 10) * error


@pytest.mark.parametrize("model", MODELS)
@both
def test_the_mask_does_not_depend_on_the_model(method: str, model: str) -> None:
    image = _noise() + _sky(3)
    image[100:110, 100:110] += 20 * SIGMA

    modelled, meshed = (
        _run(image, method=method, model=each, passes=3) for each in (model, "mesh")
    )

    assert np.array_equal(modelled.mask, meshed.mask)
    assert modelled.rows == meshed.rows


@pytest.mark.parametrize("model", MODELS)
@both
def test_pixels_under_a_mask_do_not_count(method: str, model: str) -> None:
    image, hole = _noise(), PixelCircle(200, 150, 70)
    veiled = image + np.float32(1000 * SIGMA) * _disc(200, 150, 68)

    first, second = (
        _run(each, hole, method=method, model=model, passes=0) for each in (image, veiled)
    )

    np.testing.assert_allclose(second.fit.level, first.fit.level, atol=1e-3 * SIGMA)


@pytest.mark.parametrize("model", ["poly2", "poly3", "poly4"])
def test_a_model_that_the_free_boxes_do_not_determine_is_refused(model: str) -> None:
    mask = np.ones(SHAPE, bool)
    mask[:, :70] = False  # a stripe says nothing of the curvature across it

    with pytest.raises(SkyFitError, match=rf"Over-masked: \d+ of \d+ boxes .* model {model}"):
        fit_background(_noise(), BackgroundParameters(model=model), mask=mask)


@both
def test_boxes_left_out_by_a_model_are_counted(method: str) -> None:
    fit = _run(
        _noise(),
        PixelCircle(192, 160, 100),
        method=method,
        model="plane",
        passes=0,
        least_free=0.5,
    ).fit

    assert fit.boxes == 5 * 6
    assert 4 <= fit.filled <= 12
    assert fit.fractions.min() == 0


@both
def test_without_is_2d_the_model_is_not_looked_at(method: str) -> None:
    image = _noise() + _sky(2)

    fit, reference = (_fit(image, method=method, is_2d=False, model=m) for m in ("poly2", "mesh"))

    assert np.array_equal(fit.level, reference.level)
    assert np.array_equal(fit.rms, reference.rms)


@pytest.mark.parametrize("model", MODELS)
@both
def test_a_models_maps_are_nan_where_pixels_are_invalid_if_asked(method: str, model: str) -> None:
    image = _noise()
    image[100:130, 200:] = np.nan

    kept, blanked = (
        _fit(image, method=method, model=model, blank_invalid=b) for b in (False, True)
    )

    assert np.isfinite(kept.level).all()
    assert np.array_equal(np.isnan(blanked.level), np.isnan(image))
    assert np.array_equal(np.isnan(blanked.rms), np.isnan(image))


def test_inputs_stay_as_they_are_and_may_be_locked() -> None:
    image, mask = _noise(), np.zeros(SHAPE, np.uint8)
    image[:9, :9] = np.nan
    mask[50:160] = MaskBit.REGION
    before = image.tobytes(), mask.tobytes()
    image.flags.writeable = mask.flags.writeable = False

    for model in ALL:
        fit_background(image, BackgroundParameters(model=model, fill="smooth"), mask=mask)

    assert (image.tobytes(), mask.tobytes()) == before


# --- evaluation


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (2, 3), (50, 33)])
def test_a_map_is_the_polynomial_at_the_pixels(shape: tuple[int, int]) -> None:
    orders = term_orders(4, *shape)
    coefficients = np.random.default_rng(0).normal(0, 100, len(orders))
    v, u = np.meshgrid(*((2 * np.arange(n) + 1) / n - 1 for n in shape), indexing="ij")
    legendre = np.polynomial.legendre.Legendre.basis

    expected = sum(
        c * legendre(j)(v) * legendre(i)(u) for (j, i), c in zip(orders, coefficients, strict=True)
    )

    np.testing.assert_allclose(polynomial_map(coefficients, orders, shape), expected, rtol=1e-5)
