from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sep
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ginga_bkgplugin.sky import strips
from ginga_bkgplugin.sky.segments import Segments, find_segments
from ginga_bkgplugin.sky.simulate import truth_field

EIGHT = np.ones((3, 3))


def _mask(found: Segments) -> npt.NDArray[np.bool_]:
    mask = np.zeros(found.shape, bool)
    found.add_to(mask, np.ones(len(found.objects), bool))
    return mask


def _by_place(objects: Any) -> Any:
    return objects[np.lexsort((objects["xcpeak"], objects["ycpeak"]))]


# --- an independent reference: SEP


@pytest.fixture(scope="module")
def signal() -> npt.NDArray[np.float32]:
    field = truth_field("crowded", (700, 900), seed=3)
    return ((field.data - np.median(field.data)) / 30).astype(np.float32)


@pytest.mark.parametrize("sign", [1, -1])
def test_sources_and_their_shapes_are_those_of_sep(
    signal: npt.NDArray[np.float32], sign: int
) -> None:
    low, high, least = 0.7, 1.4, 5
    expected, segments = sep.extract(
        np.float32(sign) * signal, low, minarea=least, filter_type="conv", deblend_nthresh=1,
        deblend_cont=1.0, clean=False, segmentation_map=True,
    )  # fmt: skip
    kept = expected["cpeak"] >= high

    found = find_segments(signal, low, high, least)[0 if sign > 0 else 1]

    assert np.array_equal(_mask(found), np.concatenate([[False], kept])[segments])
    assert len(found.objects) == kept.sum() > 50
    ours, seps = _by_place(found.objects), _by_place(expected[kept])
    for name in ("npix", "xcpeak", "ycpeak"):
        assert np.array_equal(ours[name], seps[name])
    for name in ("cpeak", "x", "y", "a", "b"):
        np.testing.assert_allclose(ours[name], seps[name], rtol=2e-5)
    long = seps["a"] > 1.05 * seps["b"]  # a circle has no direction
    turn = (ours["theta"] - seps["theta"] + np.pi / 2) % np.pi - np.pi / 2
    assert np.abs(turn[long]).max() < 1e-3


@pytest.mark.parametrize("line", [np.s_[40, 20:60], np.s_[20:60, 40]])
def test_a_line_one_pixel_thin_has_a_width(line: Any) -> None:
    signal = np.zeros((80, 80), np.float32)
    signal[line] = 100
    [seps] = sep.extract(signal, 20.0, filter_type="conv", deblend_nthresh=1, clean=False)

    [ours] = find_segments(signal, 20.0, 20.0, 1)[0].objects

    assert (ours["a"], ours["b"]) == pytest.approx((seps["a"], seps["b"]), rel=1e-4)


# --- connected is what an independent labelling calls so


@given(seed=st.integers(0, 10**6), share=st.floats(0.02, 0.6), size=st.integers(3, 60))
@settings(max_examples=80, deadline=None)
def test_pixels_that_touch_by_sides_or_corners_are_one_source(
    seed: int, share: float, size: int
) -> None:
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((size, 2 * size), dtype=np.float32)
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / np.float32(16)
    smooth = ndimage.convolve(signal, kernel, mode="constant")
    low = float(np.quantile(smooth, 1 - share))
    if np.abs(smooth - low).min() < 1e-6 or low <= 0:  # rounding may decide
        return
    labels, count = ndimage.label(smooth > low, EIGHT)

    found, _ = find_segments(signal, low, low, 1)

    assert len(found.objects) == count
    at = labels.reshape(-1)[found.pixels]
    assert np.array_equal(np.sort(found.pixels), np.flatnonzero(labels))
    assert len({*zip(at.tolist(), found.owner.tolist(), strict=True)}) == count


def test_a_spiral_is_one_source_and_the_edges_of_the_image_part_what_they_part() -> None:
    signal = np.zeros((101, 101), np.float32)
    for k in range(0, 48, 8):
        signal[k : 101 - k, k] = signal[k, k + 8 : 101 - k] = signal[k:-1, 100 - k] = 100
        signal[100 - k, k : 101 - k] = 100
    rows = np.zeros((9, 40), np.float32)
    rows[2, -3:] = rows[3, :3] = 100  # at the two ends of neighbouring rows

    spiral, apart = find_segments(signal, 20.0, 20.0, 1)[0], find_segments(rows, 20.0, 20.0, 1)[0]

    _, count = ndimage.label(_mask(spiral), EIGHT)
    assert len(spiral.objects) == count
    assert len(apart.objects) == 2


# --- what is kept


def test_sources_that_are_small_or_faint_are_not_kept() -> None:
    signal = np.zeros((60, 60), np.float32)
    signal[10:14, 10:14] = 10
    signal[40:44, 40:44] = 3

    def number(high: float, least: int) -> int:
        return len(find_segments(signal, 1.0, high, least)[0].objects)

    assert (number(1.0, 1), number(5.0, 1), number(11.0, 1), number(1.0, 17)) == (2, 1, 0, 1)


def test_chosen_sources_and_those_that_touch_a_mask() -> None:
    signal = np.zeros((60, 60), np.float32)
    signal[10:14, 10:14], signal[40:44, 40:44] = 10, -10
    bright, dark = find_segments(signal, 1.0, 1.0, 1)
    touching = np.zeros(signal.shape, bool)
    touching[11, 11] = True

    assert (len(bright.objects), len(dark.objects)) == (1, 1)
    assert (bright.touched(touching).all(), dark.touched(touching).any()) == (True, False)
    nothing = np.zeros(signal.shape, bool)
    bright.add_to(nothing, np.array([False]))
    assert not nothing.any()


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_an_image_of_nothing_or_of_one_source_alone(value: float) -> None:
    bright, dark = find_segments(np.full((30, 40), value, np.float32), 1.0, 1.0, 5)

    assert len(bright.objects) == (value > 0)
    assert len(dark.objects) == 0
    assert bright.pixels.size == (1200 if value else 0)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_same_bytes_for_any_number_of_threads(
    signal: npt.NDArray[np.float32], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "_PIXELS", 20_000)
    monkeypatch.setattr(strips, "_threads", threads)
    one = find_segments(signal, 0.7, 1.4, 5)
    monkeypatch.setattr(strips, "_PIXELS", 10**9)
    two = find_segments(signal, 0.7, 1.4, 5)

    for some, other in zip(one, two, strict=True):
        assert some.objects.tobytes() == other.objects.tobytes()
        assert np.array_equal(some.pixels, other.pixels)
        assert np.array_equal(some.owner, other.owner)
