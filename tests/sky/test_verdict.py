from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from ginga_bkgplugin import (
    Finding,
    PixelCircle,
    Verdict,
    truth_field,
)
from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.sky.evidence import (
    filling_error,
    large_scale,
    line_pattern,
    surely,
    threshold,
)
from ginga_bkgplugin.sky.findings import (
    judge_bias,
    judge_bright,
    judge_faint,
    judge_filling,
    judge_large_scale,
    judge_masked,
    judge_pattern,
    judge_rms,
)
from ginga_bkgplugin.sky.simulate import NOISES, pure_noise
from ginga_bkgplugin.sky.verdict import DO_NOT_USE, GOOD, LOOK
from tests.judged import judged, of, residual_of, sky

# --- false alarms


@pytest.mark.parametrize(
    ("method", "seeds"), [("smooth", 3), ("sep", 12)]
)  # 100 of each kind: benchmarks/bench_verdict.py
def test_fields_of_pure_noise_are_good(method: str, seeds: int) -> None:
    found = {
        (kind, seed): judged(pure_noise(kind, (160, 192), seed), method=method, box_size=48)
        for kind in NOISES
        for seed in range(seeds)
    }

    alarms = {name: one.verdict.words() for name, one in found.items() if one.word != GOOD}
    assert not alarms


def test_a_sure_size_is_beyond_what_noise_does_in_many_places() -> None:
    rng = np.random.default_rng(0)
    alarms = sum(
        surely(float(np.abs(rng.normal(size=50)).max()), 1.0, 50) > 0 for _ in range(5000)
    )

    assert alarms <= 3  # 1e-4 of 5000 is 0.5
    assert threshold(1) == pytest.approx(3.89, abs=0.01)
    assert surely(float("nan"), 1.0, 1) == 0


def test_a_clean_scene_with_sources_is_good() -> None:
    for kind in ("sparse", "typical", "gaps", "noise"):
        field = truth_field(kind, (600, 700), seed=3)
        assert judged(field.data, level=6e4).word == GOOD, kind


# --- each line on a known truth


def test_the_bias_of_a_sky_left_too_high_is_told() -> None:
    line = judge_bias(residual_of(sky(1) + 1.0))  # 0.2 sigma

    assert line.value == pytest.approx(0.2, abs=4 * line.error)
    assert line.error == pytest.approx(1 / 256, rel=0.2)
    assert (line.word, judge_bias(residual_of(sky(1))).word) == (LOOK, GOOD)
    assert judge_bias(residual_of(sky(1) - 4.0)).word == DO_NOT_USE


def test_the_error_of_the_bias_knows_correlated_noise() -> None:
    found = []
    for seed in range(40):
        data = 100 + 15 * uniform_filter(np.random.default_rng(seed).normal(0, 1, (256, 256)), 3)
        found.append(judge_bias(residual_of(data)))

    assert np.std([line.value for line in found]) == pytest.approx(
        float(np.mean([line.error for line in found])), rel=0.35
    )


def test_stars_no_mask_caught_are_told_and_a_noise_of_either_sign_is_not() -> None:
    rng = np.random.default_rng(2)
    data = sky(2, (512, 512))
    y, x = rng.integers(0, 512, (2, 6000))
    starry = data.copy()
    np.add.at(starry, (y, x), 22.0)
    both = starry.copy()
    np.add.at(both, (x, y), -22.0)

    lines = [judge_bright(residual_of(each)) for each in (data, starry, both)]

    assert [line.word for line in lines] == [GOOD, LOOK, GOOD]
    assert lines[1].value == pytest.approx(6000 / 512**2 * 0.9, rel=0.1)


def test_faint_light_of_wide_sources_is_told() -> None:
    rng = np.random.default_rng(3)
    data = sky(3, (512, 512))
    bright = data.copy()
    for y, x in rng.integers(6, 500, (300, 2)):
        bright[y : y + 8, x : x + 8] += 5.0  # one sigma over 64 pixels

    lines = [judge_faint(residual_of(each)) for each in (data, bright)]

    assert [line.word for line in lines] == [GOOD, LOOK]
    assert 0.3 < lines[1].value / (300 * 64 / 512**2) < 1.0  # part of it stands out


def test_large_structure_is_measured_and_placed() -> None:
    data = sky(4, (512, 512))
    y, x = np.indices(data.shape)
    wave = data + 1.3 * np.sin(2 * np.pi * x / 512)  # rms of 0.18 sigma
    spot = data + 3.0 * (np.hypot(x - 300, y - 200) < 40)

    waved, spotted, plain = (large_scale(residual_of(each), 64) for each in (wave, spot, data))

    assert waved.excess == pytest.approx(0.18, abs=0.03)
    assert np.hypot(spotted.x - 300, spotted.y - 200) < 64
    assert spotted.sign * spotted.worst > 0.3
    assert (plain.excess, plain.worst) == (0, 0)
    assert judge_large_scale(waved).word == LOOK


@pytest.mark.parametrize("axis", [0, 1])
def test_banding_is_measured_along_its_axis_only(axis: int) -> None:
    bands = np.random.default_rng(5).normal(0, 1.0, (256, 1))  # 0.2 sigma
    data = sky(5) + (bands if axis == 0 else bands.T)

    found = [line_pattern(residual_of(data), each) for each in (0, 1)]

    assert found[axis].excess == pytest.approx(0.2, rel=0.25)
    assert found[1 - axis].excess == 0
    assert judge_pattern("rows", found[axis]).word == LOOK


def test_a_few_bad_columns_are_no_pattern() -> None:
    data = sky(6)
    data[:, [20, 99, 200]] += 15

    assert line_pattern(residual_of(data), 1).excess == 0


def test_the_rms_map_is_held_against_the_scatter() -> None:
    lines = [judge_rms(residual_of(sky(7), rms=rms)) for rms in (5.0, 4.0, 2.5)]

    assert [line.value for line in lines] == pytest.approx([1, 1.25, 2], rel=0.02)
    assert [line.word for line in lines] == [GOOD, LOOK, DO_NOT_USE]
    assert judge_rms(residual_of(sky(7)), unphysical=3).word == LOOK


def test_little_sky_is_told() -> None:
    data = sky(8)
    words = []
    for rows in (100, 220, 250):
        mask = np.zeros(data.shape, np.uint8)
        mask[:rows] = 1
        words.append(judge_masked(residual_of(data, mask)).word)

    assert words == [GOOD, LOOK, DO_NOT_USE]


# --- filling


def test_the_error_of_filling_is_that_of_a_bending_sky() -> None:
    y, x = np.indices((12, 14)).astype(float)
    measured = np.ones(x.shape, bool)
    wave = np.where(x % 4 == 0, 1.0, np.where(x % 4 == 2, -1.0, 0.0))

    curved = filling_error(x**2 + 2 * y * x, measured, 2, stepped=False)
    bent = filling_error(wave, measured, 2, stepped=False)  # +-1, halfway to 2 the other sign
    steps = filling_error(3 * x + 3 * y, measured, 2, stepped=True)

    assert (curved, steps) == pytest.approx((0, 6), abs=1e-6)
    assert bent == pytest.approx(1, abs=0.05)  # 2 along half of the places of one axis of two
    assert np.isnan(filling_error(x, np.zeros(x.shape, bool), 2, stepped=False))


def test_filling_in_steps_on_a_slope_is_told_and_a_smooth_one_is_good() -> None:
    data = sky(3, (512, 512)) + 0.02 * np.arange(512, dtype=np.float32)
    hole = PixelCircle(256, 256, 150)

    stepped = judged(data, hole, method="sep", passes=0)
    smooth = judged(data, hole, method="sep", passes=0, fill="smooth")

    assert of(stepped, "filling").word == LOOK
    assert of(smooth, "filling").word == GOOD
    assert of(stepped, "filling").value == pytest.approx(0.02 * 64 * 2 / 5 / np.sqrt(2), rel=0.4)


def test_the_filling_of_a_model_is_not_asked_for() -> None:
    data = sky(3, (512, 512))
    found = judged(data, PixelCircle(256, 256, 150), passes=0, model="plane")

    assert np.isnan(of(found, "filling").value)
    assert judge_filling(found.boxes, 0.0, BackgroundParameters()).word == GOOD


# --- the whole


def test_the_word_is_the_worst_of_the_lines_and_the_sentences_come_worst_first() -> None:
    def line(name: str, word: str) -> Finding:
        return Finding(name, word, f"{name}.", 1.0, 0.1, 0.5)

    verdict = Verdict((line("a", GOOD), line("b", LOOK), line("c", DO_NOT_USE)))

    assert verdict.word == DO_NOT_USE
    assert verdict.words() == verdict.words(2) == "Do not use: c. b."
    assert verdict.words(1) == "Do not use: c. And 1 more."
    assert Verdict((line("a", GOOD),)).words().startswith("Good: ")


def test_a_frame_that_is_all_masked_but_a_little_is_judged() -> None:
    data = sky(1)
    found = judged(data, PixelCircle(128, 128, 110), passes=0, box_size=32)

    assert found.word != DO_NOT_USE or found.residual.masked > 0.5
    assert all(line.sentence for line in found.verdict.lines)
