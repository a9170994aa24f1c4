from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ginga_bkgplugin.recipe.errors import ImageError
from ginga_bkgplugin.sky.pixels import (
    MaskBit,
    as_sky_array,
    check_image,
    has,
    reasons,
    without_non_finite,
)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.zeros((4, 4, 3)), "shape is 4 x 4 x 3"),
        (np.zeros((3, 4, 4), np.uint8), "RGB images have no single sky"),
        (np.zeros(4), "shape is 4"),
        (3.0, "shape is scalar"),
        (np.zeros((4, 4), bool), "type bool"),
        (np.zeros((4, 4), complex), "type complex128"),
        (np.zeros((4, 4), "U3"), "type <U3"),
        (np.zeros((4, 4), [("ra", "f8")]), "Choose a science HDU"),
        (np.zeros((0, 4)), "empty"),
    ],
)
def test_what_is_no_image_is_refused_in_words(data: Any, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        check_image(data)


def test_a_fitting_array_is_not_copied() -> None:
    data = np.ones((3, 4), np.float32)

    assert as_sky_array(data) is data


@pytest.mark.parametrize("kind", [">f4", ">i2", "<u2", ">f8", "<i8", "<f2"])
def test_sep_gets_native_contiguous_float32_of_the_same_values(kind: str) -> None:
    data = np.arange(12).reshape(3, 4).astype(kind)[:, ::2]

    pixels = as_sky_array(data)

    assert pixels.dtype == np.float32
    assert pixels.dtype.isnative
    assert pixels.flags.c_contiguous
    assert pixels.tolist() == [[0, 2], [4, 6], [8, 10]]


def test_a_value_too_large_for_float32_becomes_infinite() -> None:
    assert np.isinf(as_sky_array(np.array([[1e300, 1.0]]))).tolist() == [[True, False]]


def test_non_finite_pixels_become_zero_in_a_copy() -> None:
    data = np.array([[np.nan, np.inf, -np.inf, 3]], np.float32)

    cleaned = without_non_finite(data)

    assert cleaned.tolist() == [[0, 0, 0, 3]]
    assert np.isnan(data[0, 0])


@pytest.mark.parametrize("bit", list(MaskBit))
def test_each_reason_is_told_by_its_own_bit(bit: MaskBit) -> None:
    mask = np.array([[0, int(bit), 255, 255 - int(bit)]], np.uint8)

    assert has(mask, bit).tolist() == [[False, True, True, False]]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "free"), (1, "region"), (6, "source + saturated"), (24, "invalid + imported")],
)
def test_a_mask_pixel_is_explained_in_words(value: int, words: str) -> None:
    assert reasons(value) == words
