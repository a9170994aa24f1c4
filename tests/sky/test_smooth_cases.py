"""The method ``smooth`` on images that are odd, extreme or broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ginga_bkgplugin.recipe.errors import ImageError, SkyFitError
from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.background import SkyFit
from ginga_bkgplugin.sky.pixels import MaskBit, MaskImage, has
from ginga_bkgplugin.sky.smooth import iterate_smooth
from ginga_bkgplugin.sky.steps import Pass
from ginga_bkgplugin.work.pipeline import finish, run
from ginga_bkgplugin.work.worker import Worker

SHAPE = (300, 340)
SIGMA = 30.0
SMOOTH = Recipe().with_parameters(method="smooth")

Array = npt.NDArray[np.float32]


def _sky(shape: tuple[int, int] = SHAPE, level: float = 1000, seed: int = 1) -> Array:
    """A tilted sky with noise and one star."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    noise = np.random.default_rng(seed).normal(level, SIGMA, shape)
    star = 3000 * np.exp(-((x - shape[1] / 3) ** 2 + (y - shape[0] / 3) ** 2) / 18)
    return (noise + 0.05 * x - 0.03 * y + star).astype(np.float32)


def _truth(shape: tuple[int, int] = SHAPE, level: float = 1000) -> Array:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (level + 0.05 * x - 0.03 * y).astype(np.float32)


def _fit(image: Any, **values: Any) -> SkyFit:
    return finish(run(image, SMOOTH.with_parameters(**values))).fit


def _last(image: Array, mask: MaskImage, **values: Any) -> Pass:
    background = BackgroundParameters(method="smooth", **values)
    *_, last = iterate_smooth(image, mask, background=background)
    assert isinstance(last, Pass)
    return last


def _free(shape: tuple[int, int] = SHAPE) -> MaskImage:
    return np.zeros(shape, np.uint8)


# --- units and symmetry


@settings(max_examples=3)
@given(offset=st.floats(-1e5, 1e5))
def test_a_constant_added_to_the_image_is_added_to_the_sky(offset: float) -> None:
    fit, reference = _fit(_sky().astype(float) + offset), _fit(_sky())

    np.testing.assert_allclose(fit.level - offset, reference.level, atol=0.02 * SIGMA)
    np.testing.assert_allclose(fit.rms, reference.rms, rtol=0.02)


@settings(max_examples=3)
@given(power=st.floats(-12, 12))
@pytest.mark.parametrize("sign", [1, -1])
def test_other_units_scale_the_maps(sign: int, power: float) -> None:
    scale = sign * 10**power

    fit, reference = _fit(_sky() * scale), _fit(_sky())

    np.testing.assert_allclose(fit.level / scale, reference.level, atol=0.02 * SIGMA)
    np.testing.assert_allclose(fit.rms / abs(scale), reference.rms, rtol=0.02)


@pytest.mark.parametrize("level", [-1000.0, 0.0, -30.0])
def test_a_sky_may_be_negative_or_nothing(level: float) -> None:
    fit = _fit(_sky(level=level))

    assert np.abs(fit.level - _truth(level=level)).mean() < 0.05 * SIGMA


@pytest.mark.parametrize("turn", ["up-down", "left-right", "transposed", "half turn"])
def test_a_turned_image_has_a_turned_sky(turn: str) -> None:
    def turned(array: Array) -> Array:
        views = {"up-down": array[::-1], "left-right": array[:, ::-1],
                 "transposed": array.T, "half turn": array[::-1, ::-1]}  # fmt: skip
        return np.ascontiguousarray(views[turn])

    image = _sky((320, 384))

    assert np.abs(_fit(turned(image)).level - turned(_fit(image).level)).max() < 0.05 * SIGMA


@pytest.mark.parametrize("kind", ["u2", "i2", "i4", ">i2", ">f4", "f8", "i8"])
def test_the_pixel_type_does_not_change_the_maps(kind: str) -> None:
    image = np.round(_sky())

    fit, reference = _fit(image.astype(kind)), _fit(image)

    assert np.array_equal(fit.level, reference.level)
    assert np.array_equal(fit.rms, reference.rms)


@pytest.mark.parametrize("value", [0.0, 7.0, -3.5, 1e-12, 60_000.0, 1e20])
@pytest.mark.parametrize("shape", [(300, 310), (20, 20)])
def test_a_constant_image_is_its_own_sky(value: float, shape: tuple[int, int]) -> None:
    fit = _fit(np.full(shape, value, np.float32))

    np.testing.assert_allclose(fit.level, value, rtol=1e-6)
    assert (fit.rms == 0).all()


# --- sizes


@pytest.mark.parametrize(
    "shape",
    [(10, 10), (5, 5), (1, 400), (400, 1), (2, 13), (65, 64), (257, 259), (255, 1025)],
)
def test_an_image_of_any_size_has_a_sky(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(2).normal(1000, SIGMA, shape)

    fit = _fit(image)

    assert fit.level.shape == fit.rms.shape == shape
    few = min(image.size, 64 * 64)
    assert np.abs(fit.level - 1000).max() < 6 * SIGMA / np.sqrt(few) + 0.05 * SIGMA
    assert 0.5 * SIGMA < fit.rms.min() <= fit.rms.max() < 1.5 * SIGMA


@pytest.mark.parametrize("shape", [(40, 9000), (9000, 40)])
def test_a_long_strip_keeps_its_slope(shape: tuple[int, int]) -> None:
    truth = np.broadcast_to(np.linspace(0, 200, max(shape)), (40, 9000))
    truth = truth if shape[1] == 9000 else truth.T
    image = truth + np.random.default_rng(3).normal(0, SIGMA, shape)

    fit = _fit(image)

    assert np.abs(fit.level - truth).max() < 0.1 * SIGMA
    np.testing.assert_allclose(fit.rms, SIGMA, rtol=0.1)


@pytest.mark.parametrize("box", [4, 8, 16, 50, 300, 16_384])
def test_a_box_of_any_size_has_a_sky(box: int) -> None:
    fit = _fit(np.random.default_rng(4).normal(1000, SIGMA, (200, 220)), box_size=box)

    assert np.abs(fit.level - 1000).mean() < 0.05 * SIGMA
    assert float(np.median(fit.rms)) == pytest.approx(SIGMA, rel=0.08)


@pytest.mark.parametrize("shape", [(1, 1), (4, 6), (1, 24)])
def test_a_tiny_image_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match=f"{shape[0] * shape[1]} pixels.*at least 25"):
        _fit(np.ones(shape, np.float32))


# --- what is missing


@pytest.mark.parametrize(
    "stripes",
    [np.s_[::4], np.s_[::2], np.s_[:, ::2], np.s_[:, ::8], np.s_[::2, ::2], np.s_[1::3]],
    ids=["rows 4", "rows 2", "columns 2", "columns 8", "both", "rows 3"],
)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_stripes_of_missing_pixels_leave_the_sky_between_them(stripes: Any, bad: float) -> None:
    image = _sky()
    image[stripes] = bad

    fit = _fit(image)

    assert np.abs(fit.level - _truth()).mean() < 0.05 * SIGMA
    np.testing.assert_allclose(fit.rms, SIGMA, rtol=0.15)


@pytest.mark.parametrize("known", [np.s_[:70], np.s_[:, 140:210], np.s_[:140, :200]])
def test_the_sky_far_from_the_few_free_boxes_does_not_run_away(known: Any) -> None:
    image = np.random.default_rng(5).normal(1000, SIGMA, (600, 600))
    mask = np.ones((600, 600), np.uint8)
    mask[known] = 0

    fit = _last(image.astype(np.float32), mask).fit

    assert np.abs(fit.level - 1000).max() < SIGMA
    assert fit.globalback == pytest.approx(1000, abs=SIGMA / 3)


@pytest.mark.parametrize("kind", ["mask", "nan", "circle", "one box free"])
def test_an_image_with_too_little_sky_is_refused_in_words(kind: str) -> None:
    image, mask = _sky((400, 400)), np.zeros((400, 400), np.uint8)
    if kind == "nan":
        image[:] = np.nan
    elif kind != "circle":
        mask[:] = MaskBit.REGION
    if kind == "one box free":
        mask[:70, :70] = 0

    with pytest.raises(SkyFitError, match=r"Over-masked: [01] of 36 boxes .* 6 are needed"):
        if kind == "circle":
            finish(run(image, SMOOTH.with_regions(PixelCircle(200, 200, 1000))))
        else:
            _last(image, mask)


def test_one_free_box_is_enough_where_there_is_only_one() -> None:
    image, mask = _sky((60, 60)), np.ones((60, 60), np.uint8)
    mask[40:] = 0

    assert abs(_last(image, mask).fit.globalback - 1000) < 0.3 * SIGMA


def test_maps_hold_the_sky_under_invalid_pixels_unless_asked_not_to() -> None:
    image = _sky()
    image[100:150, 200:] = np.nan

    assert np.isfinite(_fit(image).level).all()
    assert np.isfinite(_fit(image).rms).all()


@pytest.mark.parametrize("passes", [0, 2])
def test_blanked_maps_are_nan_exactly_where_pixels_are_invalid(passes: int) -> None:
    image, mask = _sky(), _free()
    image[100:150, 200:] = np.nan
    mask[:9] = MaskBit.INVALID
    mask[200:230, 200:230] = MaskBit.REGION

    last = _last(image, mask, blank_invalid=True)

    expected = np.isnan(image)
    expected[:9] = True
    assert np.array_equal(np.isnan(last.fit.level), expected)
    assert np.array_equal(np.isnan(last.fit.rms), expected)
    assert np.array_equal(has(last.mask, MaskBit.INVALID), expected)


def test_a_constant_sky_is_the_global_one() -> None:
    fit = _fit(_sky(), is_2d=False)

    assert np.unique(fit.level).tolist() == [np.float32(fit.globalback)]
    assert np.unique(fit.rms).tolist() == [np.float32(fit.globalrms)]
    assert fit.globalback == pytest.approx(float(np.median(_truth())), abs=0.05 * SIGMA)


def test_pixels_under_a_region_are_left_out_of_the_fit() -> None:
    image, mask = _sky(), _free()
    mask[100:250, 150:300] = MaskBit.REGION
    veiled = image + np.float32(0.3 * SIGMA) * (mask != 0)

    np.testing.assert_allclose(
        _last(veiled, mask).fit.level, _last(image, mask).fit.level, atol=0.06 * SIGMA
    )


# --- extreme parameters


@pytest.mark.parametrize(
    "values",
    [
        {"growth": 0},
        {"growth": 20, "most_growth": 1e5},
        {"most_coverage": 0},
        {"least_free": 0},
        {"low_sigma": 1000, "high_sigma": 1000},
        {"low_sigma": 5, "high_sigma": 0.5},
        {"degree": 0},
        {"degree": 6},
        {"stiffness": 0},
        {"stiffness": 1e12},
        {"passes": 0},
        {"min_area": 1_000_000},
    ],
    ids=str,
)
def test_every_parameter_at_its_end_gives_a_sky(values: dict[str, Any]) -> None:
    fit = _fit(_sky(), **values)

    assert np.abs(fit.level - _truth()).mean() < 0.5 * SIGMA
    assert (fit.rms > 0).all()


def test_a_threshold_in_the_noise_is_refused_or_gives_a_sky_but_no_nan() -> None:
    try:
        fit = _fit(_sky(), low_sigma=0.5, high_sigma=0.5, growth=5)
    except SkyFitError as refused:
        assert "Over-masked" in str(refused)
    else:
        assert np.isfinite(fit.level).all()


# --- the callers' arrays, and other doors


def test_inputs_stay_as_they_are_and_may_be_locked() -> None:
    image, mask = _sky(), _free()
    image[:9, :9] = np.nan
    mask[50:60] = MaskBit.REGION
    before = image.tobytes(), mask.tobytes()
    image.flags.writeable = mask.flags.writeable = False

    last = _last(image, mask)

    assert (image.tobytes(), mask.tobytes()) == before
    assert not last.mask.flags.writeable


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def test_the_worker_gives_the_bytes_of_this_process(worker: Worker) -> None:
    recipe = SMOOTH.with_regions(PixelCircle(200, 200, 40))

    there, here = finish(worker.run(_sky(), recipe)), finish(run(_sky(), recipe))

    assert there.mask.tobytes() == here.mask.tobytes()
    assert there.fit.level.tobytes() == here.fit.level.tobytes()
    assert there.fit.rms.tobytes() == here.fit.rms.tobytes()
    assert there.fit.fractions.tobytes() == here.fit.fractions.tobytes()
    assert (there.rows, there.fit.filled) == (here.rows, here.fit.filled)
