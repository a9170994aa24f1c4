from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import sep
from hypothesis import given
from hypothesis import strategies as st

from ginga_bkgplugin.sky.mesh import good_fractions, measured_boxes

BRIGHT = 1000.0


def _by_hand(mask: npt.NDArray[np.uint8], box: int) -> list[list[float]]:
    """Free share of each box, one slice at a time."""
    ny, nx = mask.shape
    return [
        [float((mask[y : y + box, x : x + box] == 0).mean()) for x in range(0, nx, box)]
        for y in range(0, ny, box)
    ]


def _sep_measures(shape: tuple[int, int], box: int, place: tuple[int, int], masked: int) -> bool:
    """Whether SEP uses a bright box with so many masked pixels, or fills it from the dark ones."""
    rng = np.random.default_rng(masked)
    image = rng.normal(0, 1, shape).astype(np.float32)
    mask = np.zeros(shape, bool)
    there = np.s_[place[0] * box : (place[0] + 1) * box, place[1] * box : (place[1] + 1) * box]
    image[there] += BRIGHT
    hidden = np.zeros(mask[there].size, bool)
    hidden[rng.permutation(hidden.size)[:masked]] = True
    mask[there] = hidden.reshape(mask[there].shape)
    level = sep.Background(image, mask=mask, bw=box, bh=box, fw=1, fh=1).back()
    return bool(level[there].max() > BRIGHT / 5)


def _we_measure(shape: tuple[int, int], box: int, place: tuple[int, int], masked: int) -> bool:
    mask = np.zeros(shape, np.uint8)
    there = mask[place[0] * box : (place[0] + 1) * box, place[1] * box : (place[1] + 1) * box]
    flat = np.zeros(there.size, np.uint8)
    flat[:masked] = 1
    there[:] = flat.reshape(there.shape)
    return bool(measured_boxes(good_fractions(mask, box))[place])


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    box=st.integers(4, 20),
    seed=st.integers(0, 1000),
)
def test_free_shares_are_those_counted_box_by_box(
    shape: tuple[int, int], box: int, seed: int
) -> None:
    mask = np.random.default_rng(seed).integers(0, 3, shape).astype(np.uint8)

    np.testing.assert_allclose(good_fractions(mask, box), _by_hand(mask, box), rtol=1e-14)


@pytest.mark.parametrize(
    ("masked", "measured"), [(0, True), (31, True), (32, True), (33, False), (64, False)]
)
def test_a_box_half_masked_is_measured_and_one_pixel_more_fills_it(
    masked: int, measured: bool
) -> None:
    shape, box, place = (32, 32), 8, (1, 2)

    assert _we_measure(shape, box, place, masked) is measured
    assert _sep_measures(shape, box, place, masked) is measured


@pytest.mark.parametrize("masked", [1200, 1249, 1250, 1251, 1300])
def test_the_rule_holds_in_a_box_of_many_pixels(masked: int) -> None:
    shape, box, place = (200, 200), 50, (2, 1)

    assert _we_measure(shape, box, place, masked) == _sep_measures(shape, box, place, masked)


@given(
    box=st.integers(5, 12),
    rest=st.tuples(st.integers(0, 11), st.integers(0, 11)),
    place=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    more=st.integers(-2, 3),
)
def test_sep_measures_exactly_the_boxes_we_call_measured(
    box: int, rest: tuple[int, int], place: tuple[int, int], more: int
) -> None:
    shape = (3 * box + rest[0] % box, 3 * box + rest[1] % box)
    place = (min(place[0], -(-shape[0] // box) - 1), min(place[1], -(-shape[1] // box) - 1))
    height = min(box, shape[0] - place[0] * box)
    width = min(box, shape[1] - place[1] * box)
    masked = min(max(0, height * width // 2 + more), height * width)

    assert _we_measure(shape, box, place, masked) == _sep_measures(shape, box, place, masked)
