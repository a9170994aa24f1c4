from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ginga_bkgplugin import subtract_background
from ginga_bkgplugin.sky.leftover import MOST_EXACT, Leftover, add_back, leftover_of
from ginga_bkgplugin.sky.maps import SplineMap

SHAPE = (6, 5)
MAPS = hnp.arrays(np.float32, SHAPE, elements=st.floats(width=32, allow_subnormal=False))
INTEGERS = ["u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i2", ">u4"]


def _there_and_back(data: Any, level: Any) -> tuple[npt.NDArray[Any], Leftover]:
    with np.errstate(all="ignore"):
        difference = subtract_background(data, level)
    left = leftover_of(data, level, difference)
    return add_back(difference, level, data.dtype, left), left


def _assert_within_one_ulp(found: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> None:
    assert found.dtype == wanted.dtype.newbyteorder("=")
    assert np.array_equal(np.isnan(found), np.isnan(wanted))
    there = np.isfinite(wanted)
    assert np.array_equal(found[~there], wanted[~there], equal_nan=True)
    off = np.abs(found[there].astype(np.longdouble) - wanted[there].astype(np.longdouble))
    assert np.isfinite(off).all()
    with np.errstate(over="ignore"):  # above the greatest number
        assert (off <= np.spacing(np.abs(wanted[there]))).all()


@given(hnp.arrays(np.float32, SHAPE, elements=st.floats(width=32)), MAPS)
def test_any_image_comes_back_within_one_ulp_whatever_was_subtracted(
    data: npt.NDArray[Any], level: npt.NDArray[Any]
) -> None:
    found, _ = _there_and_back(data, level)

    _assert_within_one_ulp(found, data)


@given(hnp.arrays(np.float64, SHAPE, elements=st.floats()), MAPS)
def test_so_does_one_of_double_precision(data: npt.NDArray[Any], level: npt.NDArray[Any]) -> None:
    found, _ = _there_and_back(data, level)

    _assert_within_one_ulp(found, data)


@given(st.data(), st.sampled_from(INTEGERS), MAPS)
def test_whole_numbers_come_back_as_they_were(
    draw: st.DataObject, kind: str, level: npt.NDArray[Any]
) -> None:
    data = draw.draw(hnp.arrays(kind, SHAPE))

    found, _ = _there_and_back(data, level)

    assert found.dtype == data.dtype.newbyteorder("=")
    assert np.array_equal(found, data)


def _sky(mean: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    rng = np.random.default_rng(5)
    level = np.float32(mean) + np.linspace(-2, 3, 90_000, dtype=np.float32).reshape(300, 300)
    stars = 5e4 * rng.random((300, 300)) ** 60
    return (level + rng.normal(0, 10, level.shape) + stars).astype(np.float32), level


def test_a_usual_sky_comes_back_to_the_bit_with_little_kept() -> None:
    data, level = _sky(1000)

    found, left = _there_and_back(data, level)

    assert left.exact
    assert left.places.size < data.size / 200
    assert found.tobytes() == data.tobytes()


def test_nan_inf_and_zeros_come_back_to_the_bit() -> None:
    data, level = _sky(1000)
    data[:20], data[20:30], data[30, :50] = np.nan, 0, -np.inf

    found, left = _there_and_back(data, level)

    assert left.exact
    assert found.tobytes() == data.tobytes()


def test_a_sky_near_zero_keeps_only_what_is_off_by_more_than_an_ulp() -> None:
    data, level = _sky(0.5)

    found, left = _there_and_back(data, level)

    assert not left.exact
    assert 0 < left.places.size < data.size / 5
    assert (found != data).mean() > 1 / MOST_EXACT
    _assert_within_one_ulp(found, data)


def test_pixels_where_the_map_is_blank_come_back_too() -> None:
    data, level = _sky(1000)
    level[:40, :3] = np.nan

    found, left = _there_and_back(data, level)

    assert found.tobytes() == data.tobytes()
    assert {(0, 0), (39, 2)} <= set(zip(*np.divmod(left.places, 300), strict=True))


def test_a_spline_map_is_added_back_in_strips() -> None:
    data = np.full((2100, 300), 40_000, np.uint16)
    y, x = np.linspace(0, 2099, 5), np.linspace(0, 299, 4)
    level = SplineMap(1000 + np.arange(20.0).reshape(5, 4), y, x, (2100, 300))

    found, left = _there_and_back(data, level)

    assert left.places.size == 0
    assert np.array_equal(found, data)


@pytest.mark.parametrize("kind", ["f4", "u2"])
def test_nothing_is_changed(kind: str) -> None:
    data, level = _sky(1000)
    data = data.astype(kind)
    before = data.tobytes(), level.tobytes()

    _there_and_back(data, level)

    assert (data.tobytes(), level.tobytes()) == before
