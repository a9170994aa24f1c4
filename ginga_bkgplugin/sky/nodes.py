"""A smooth surface through nodes.

A robust polynomial, and penalised least squares on the mesh whose stiffness is chosen by
generalised cross-validation: D. Garcia 2010, Comput. Stat. Data Anal. 54, 1167 (weights, missing
values and robust rounds as there), after P. Craven & G. Wahba 1979.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from numpy.polynomial.legendre import legvander

from ginga_bkgplugin.sky.cosines import from_cosines, to_cosines
from ginga_bkgplugin.sky.maps import Nodes
from ginga_bkgplugin.sky.pixels import BoolImage
from ginga_bkgplugin.sky.strips import one_blas_thread

_DECADES = range(-3, 9)  # of the stiffness, tried first
_SEARCH_TOLERANCE = 0.15  # in decades
_MOST_ROUNDS = 6  # of choosing the stiffness and solving with it
_MOST_STEPS, _SOLVED = 400, 1e-5  # of the solver; relative error to stop at
# boxes over which the surface comes back to the polynomial where nothing is measured: a bump at
# the rim of a hole, such as light of the galaxy masked there, is not carried across it
_REACH = 3
_LEAST_CONDITION = 1e-3  # below, a polynomial through the nodes runs away between them


def smooth_surface(
    values: Nodes,
    weights: Nodes,
    *,
    degree: int = 2,
    robust: int = 2,
    stiffness: float | None = None,
) -> tuple[Nodes, float]:
    """The smooth surface through weighted, partly missing nodes.

    Parameters
    ----------
    values : ndarray
        NaN or weight 0 where missing; filled by the same penalty.
    weights : ndarray
        Not negative; relative.
    degree : int
        Of the polynomial taken out first; two more where those halve what it leaves.
    robust : int
        Rounds of down-weighting outliers (bisquare).
    stiffness : float, optional
        Of the penalty; None chooses it by generalised cross-validation.

    Returns
    -------
    surface : ndarray
        Of the same shape, complete.
    stiffness : float
        What was used.
    """
    known = np.isfinite(values) & (weights > 0)
    weights = np.where(known, weights, 0.0)
    weights = weights / weights.max()
    filled = np.where(known, values, 0.0)
    with one_blas_thread():
        trend = _trend(filled, weights, degree, robust)
        rest = np.where(known, filled - trend, 0.0)
        if min(rest.shape) < 3 and rest.size < 9:
            return trend, np.inf
        surface, chosen = _penalised(rest, weights, robust, stiffness)
    return trend + surface, chosen


def _trend(values: Nodes, weights: Nodes, degree: int, robust: int) -> Nodes:
    """The polynomial, two degrees higher where that leaves less than half the variance.

    Cosines are flat at the edges: a steep rise there, such as vignetting, is not for them. Not
    where a third of the nodes is missing: a high degree swings there.
    """
    if 3 * np.count_nonzero(weights) < 2 * weights.size:
        return polynomial_surface(values, weights, degree, robust=robust)
    trends, variances = [], []
    for each in (degree, degree + 2):
        trends.append(polynomial_surface(values, weights, each, robust=robust))
        free = np.count_nonzero(weights) - (each + 1) * (each + 2) // 2
        misfit = float((weights * (values - trends[-1]) ** 2).sum())
        variances.append(misfit / free if free > 0 else np.inf)
    return trends[int(variances[1] < 0.5 * variances[0])]


def polynomial_surface(values: Nodes, weights: Nodes, degree: int, *, robust: int = 2) -> Nodes:
    """A robust weighted polynomial of total degree `degree` on the nodes' own grid.

    Of a lower degree where the nodes with weight do not tell all its terms apart.
    """
    weight, target = weights.ravel(), values.ravel()
    terms = _terms(values.shape, degree)
    while degree > 0 and not determined(terms[weight > 0]):
        degree -= 1
        terms = _terms(values.shape, degree)
    fit: Nodes = terms @ robust_coefficients(terms, target, weight, robust=robust)
    return fit.reshape(values.shape)


def robust_coefficients(
    terms: npt.NDArray[np.float64], target: Nodes, weight: Nodes, *, robust: int = 2
) -> npt.NDArray[np.float64]:
    """Coefficients of terms (columns) by weighted least squares, outliers down-weighted.

    By the normal equations, in half the time; `determined` terms leave them 10 digits.
    """
    used = weight.copy()
    found: Nodes = np.zeros(terms.shape[1])
    for _ in range(robust + 1):
        weighted = (terms * used[:, np.newaxis]).T
        found[:] = np.linalg.lstsq(weighted @ terms, weighted @ target, rcond=None)[0]
        used = weight * _bisquare(target - terms @ found, weight)
        if np.count_nonzero(used) < 2 * terms.shape[1]:
            break  # too few to call any of them an outlier
    return found


def term_orders(degree: int, size_y: int, size_x: int) -> list[tuple[int, int]]:
    """Orders along y and x of the terms up to a total degree that a frame can tell apart."""
    return [
        (j, i)
        for i in range(min(degree, size_x - 1) + 1)
        for j in range(min(degree, size_y - 1) + 1)
        if i + j <= degree
    ]


def _terms(shape: tuple[int, ...], degree: int) -> npt.NDArray[np.float64]:
    """Products of Legendre polynomials up to a total degree, one column each."""
    ny, nx = shape
    along_y = legvander(np.linspace(-1, 1, ny), min(degree, ny - 1))
    along_x = legvander(np.linspace(-1, 1, nx), min(degree, nx - 1))
    orders = term_orders(degree, ny, nx)
    return np.stack([np.outer(along_y[:, j], along_x[:, i]).ravel() for j, i in orders], axis=1)


def determined(terms: npt.NDArray[np.float64]) -> bool:
    """Whether these rows fix every coefficient, and not by a hair."""
    if terms.shape[0] < terms.shape[1]:
        return False
    squares = np.linalg.eigvalsh(terms.T @ terms)  # of the singular values, ascending
    return bool(squares[0] > _LEAST_CONDITION**2 * squares[-1])


def _bisquare(residual: Nodes, weight: Nodes) -> Nodes:
    """Tukey's bisquare weights; residuals are scaled by their own weights' noise."""
    scaled = residual * np.sqrt(weight)
    spread = 1.4826 * np.median(np.abs(scaled[weight > 0])) if (weight > 0).any() else 0.0
    if spread == 0:
        return np.ones_like(residual)
    inside: Nodes = np.maximum(1 - (scaled / (4.685 * spread)) ** 2, 0) ** 2
    return inside


def roughness(shape: tuple[int, ...]) -> Nodes:
    """What the penalty weighs each cosine of a mesh with, times the stiffness."""
    waves = [2 - 2 * np.cos(np.pi * np.arange(size) / size) for size in shape]
    weights: Nodes = np.add.outer(*waves) ** 2 + _REACH**-4.0
    return weights


def _penalised(
    values: Nodes, weights: Nodes, robust: int, stiffness: float | None
) -> tuple[Nodes, float]:
    eigen = roughness(values.shape)
    surface = np.zeros_like(values)
    known = weights > 0
    used = weights.copy()
    chosen = stiffness
    for turn in range(robust + 1):
        for _ in range(_MOST_ROUNDS):
            before = chosen
            if stiffness is None:
                target = to_cosines(used * (values - surface) + surface)
                chosen = _cross_validated(target, values, used, eigen, known, chosen)
            surface = _solved(values, used, (chosen or 0.0) * eigen, surface)
            if stiffness is not None:
                break
            if before and chosen and abs(np.log10(chosen / before)) < _SEARCH_TOLERANCE:
                break
        if turn < robust:
            used = weights * _bisquare(values - surface, weights)
    return surface, float(chosen or 0.0)


def _solved(values: Nodes, weights: Nodes, penalty: Nodes, start: Nodes) -> Nodes:
    """The z of (W + P) z = W y, by conjugate gradients preconditioned in cosines.

    Garcia's own iteration is this system's simplest one; it takes thousands of rounds to carry
    a surface into a hole of many boxes. M. Hestenes & E. Stiefel 1952, J. Res. NBS 49, 409.
    """

    def applied(z: Nodes) -> Nodes:
        product: Nodes = weights * z + from_cosines(penalty * to_cosines(z))
        return product

    inverse = 1 / (weights.mean() + penalty)
    surface, rest = start.copy(), weights * values - applied(start)
    nearer = from_cosines(inverse * to_cosines(rest))
    direction, size = nearer.copy(), float((rest * nearer).sum())
    goal = _SOLVED**2 * float((weights * values**2).sum())
    for _ in range(_MOST_STEPS):
        if size <= goal:
            break
        turned = applied(direction)
        bend = float((direction * turned).sum())
        if not bend > 0:  # steps too small for a float
            break
        step = size / bend
        surface += step * direction
        rest -= step * turned
        nearer = from_cosines(inverse * to_cosines(rest))
        before, size = size, float((rest * nearer).sum())
        direction = nearer + size / before * direction
    return surface


def _cross_validated(
    target: Nodes,
    values: Nodes,
    weights: Nodes,
    eigen: Nodes,
    known: BoolImage,
    last: float | None,
) -> float:
    """The stiffness with the least generalised cross-validation score; near `last`, if given."""
    count = int(known.sum())

    def score(log10: float) -> float:
        damping = 1 / (1 + 10**log10 * eigen)
        smooth = from_cosines(damping * target)
        rest = values - smooth
        misfit = float(np.vdot(weights * rest, rest))
        trace = float(damping.sum()) * count / values.size
        return misfit / max(1 - trace / count, 1e-9) ** 2

    if last is None:
        middle = float(min(_DECADES, key=score))
    else:
        middle = float(np.clip(np.log10(last), _DECADES[0], _DECADES[-1]))
    return float(10 ** _least(score, middle - 1, middle + 1))


def _least(score: Callable[[float], float], low: float, high: float) -> float:
    """Where a score is least, by golden sections."""
    golden = (5**0.5 - 1) / 2
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = score(left), score(right)
    while high - low > _SEARCH_TOLERANCE:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = score(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = score(right)
    return (low + high) / 2
