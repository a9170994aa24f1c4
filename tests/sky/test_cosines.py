"""The cosine transform against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft

from ginga_bkgplugin.sky.cosines import from_cosines, to_cosines


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 7), (2, 3), (3, 2), (4, 5), (9, 8), (64, 65), (150, 101), (7, 400)]
)
def test_the_transform_is_scipys_orthonormal_one(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(1).normal(size=shape)

    coefficients = to_cosines(values)

    assert np.allclose(coefficients, scipy.fft.dctn(values, norm="ortho"), atol=1e-12)
    assert np.allclose(from_cosines(coefficients), values, atol=1e-12)
