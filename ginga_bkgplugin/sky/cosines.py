"""The discrete cosine transform of a mesh: by matrices, of a large one by `scipy.fft`.

The import of `scipy.fft` takes as long as 1000 transforms of a usual mesh. To a matrix product a
prime size is like any other, where an FFT takes six times as long along an axis of 101 as of 100.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

Coefficients = npt.NDArray[np.float64]

_LARGE = 300  # nodes along an axis, beyond which the FFT is faster


def to_cosines(values: Coefficients) -> Coefficients:
    """Orthonormal DCT-II along both axes of an array of shape (ny, nx); float64."""
    if max(values.shape) > _LARGE:
        from scipy.fft import dctn  # late

        return np.asarray(dctn(values, norm="ortho"))
    return _forward(_forward(values).T).T


def from_cosines(coefficients: Coefficients) -> Coefficients:
    """The inverse of `to_cosines`."""
    if max(coefficients.shape) > _LARGE:
        from scipy.fft import idctn

        return np.asarray(idctn(coefficients, norm="ortho"))
    return _backward(_backward(coefficients).T).T


@functools.lru_cache(maxsize=8)
def _waves(n: int) -> tuple[Coefficients, Coefficients]:
    """The even and the odd cosines, as rows, on the first half of n nodes.

    The even ones are the same on the other half, the odd ones change their sign.
    """
    turns = np.outer(np.arange(n), 2 * np.arange(-(-n // 2)) + 1) % (4 * n)
    waves = np.sqrt(2 / n) * np.cos(np.pi / (2 * n) * turns)
    waves[0] /= np.sqrt(2)
    return waves[::2].copy(), waves[1::2, : n // 2].copy()


def _forward(values: Coefficients) -> Coefficients:
    """Along the first axis."""
    n, half = len(values), len(values) // 2
    even, odd = _waves(n)
    folded = values[: n - half].copy()  # with the node in the middle, if there is one
    folded[:half] += values[: -half - 1 : -1]
    found = np.empty(values.shape)
    found[::2] = even @ folded
    found[1::2] = odd @ (values[:half] - values[: -half - 1 : -1])
    return found


def _backward(coefficients: Coefficients) -> Coefficients:
    n, half = len(coefficients), len(coefficients) // 2
    even, odd = _waves(n)
    folded, change = even.T @ coefficients[::2], odd.T @ coefficients[1::2]
    found = np.empty(coefficients.shape)
    found[: n - half] = folded
    found[:half] += change
    found[: -half - 1 : -1] = folded[:half] - change
    return found
