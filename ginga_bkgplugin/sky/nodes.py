"""Box statistics, a smooth surface through them, and the map from it.

Clipped box means, a robust polynomial, and penalised least squares on the mesh whose stiffness
is chosen by generalised cross-validation: D. Garcia 2010, Comput. Stat. Data Anal. 54, 1167
(weights, missing values and robust rounds as there), after P. Craven & G. Wahba 1979.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from numpy.polynomial.legendre import legvander
from scipy.fft import dctn, idctn
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar

from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage

Nodes = npt.NDArray[np.float64]

CLIPPED_SIGMA = 0.98658  # of a Gaussian cut at 3 sigma, relative to its own
_LEAST_CONDITION = 1e-3  # below, a polynomial through the nodes runs away between them


@dataclasses.dataclass(frozen=True)
class Grid:
    """Boxes that divide a frame evenly.

    Attributes
    ----------
    rows, columns : ndarray of int
        Edges of the boxes, pixels.
    """

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]

    @classmethod
    def over(cls, shape: tuple[int, int], box: float) -> Grid:
        """The grid whose boxes come closest to `box` pixels."""

        def edges(size: int) -> npt.NDArray[np.intp]:
            count = max(1, round(size / box))
            return np.round(np.linspace(0, size, count + 1)).astype(np.intp)

        return cls(edges(shape[0]), edges(shape[1]))

    @property
    def shape(self) -> tuple[int, int]:
        """Boxes along y and x."""
        return self.rows.size - 1, self.columns.size - 1

    def centres(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Pixel coordinates of the boxes' centres along y and x."""
        return (
            (self.rows[1:] + self.rows[:-1] - 1) / 2,
            (self.columns[1:] + self.columns[:-1] - 1) / 2,
        )


@dataclasses.dataclass(frozen=True)
class BoxStatistics:
    """Mean, rms and number of the pixels used in each box; NaN where there are none."""

    mean: Nodes
    rms: Nodes
    count: Nodes


def box_statistics(
    residual: FloatImage,
    masked: BoolImage,
    grid: Grid,
    rms: Nodes,
    *,
    clip: float = 3.0,
    passes: int = 4,
) -> BoxStatistics:
    """Clipped mean and rms of the free pixels of each box.

    Parameters
    ----------
    residual : ndarray of float32, shape (ny, nx)
        Image minus the last background, so that a gradient inside a box does no harm.
    masked : ndarray of bool, shape (ny, nx)
        Pixels left out.
    grid : Grid
        The boxes.
    rms : ndarray
        A guess for each box, to clip with in the first pass.
    clip : float
        Pixels farther than this times the rms from the mean are left out.
    passes : int
        Rounds of clipping, at most.
    """
    ny, nx = grid.shape
    mean, spread, number = (np.full((ny, nx), np.nan) for _ in range(3))
    widths = np.diff(grid.columns)
    for j in range(ny):
        rows = slice(grid.rows[j], grid.rows[j + 1])
        values, free = residual[rows], ~masked[rows]
        centre = np.zeros(nx)
        width = rms[j]
        for _ in range(passes):
            low = np.repeat((centre - clip * width).astype(np.float32), widths)
            high = np.repeat((centre + clip * width).astype(np.float32), widths)
            used = (values >= low) & (values <= high) & free
            kept = np.where(used, values, np.float32(0))
            count = np.add.reduceat(used.sum(axis=0, dtype=np.float64), grid.columns[:-1])
            total = np.add.reduceat(kept.sum(axis=0, dtype=np.float64), grid.columns[:-1])
            square = np.add.reduceat(
                np.einsum("ij,ij->j", kept, kept, dtype=np.float64), grid.columns[:-1]
            )
            with np.errstate(invalid="ignore", divide="ignore"):
                new = total / count
                width_new = np.sqrt(np.maximum(square / count - new**2, 0)) / CLIPPED_SIGMA
            settled = np.nanmax(np.abs(new - centre) / np.maximum(width, 1e-300), initial=0) < 1e-3
            centre, width = np.where(count > 0, new, 0), np.where(count > 0, width_new, width)
            if settled:
                break
        empty = count == 0
        mean[j], spread[j] = np.where(empty, np.nan, centre), np.where(empty, np.nan, width)
        number[j] = count
    return BoxStatistics(mean, spread, number)


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
    while degree > 0 and not _determined(terms[weight > 0]):
        degree -= 1
        terms = _terms(values.shape, degree)
    used = weight.copy()
    fit = np.zeros_like(target)
    for _ in range(robust + 1):
        root = np.sqrt(used)
        fit = terms @ np.linalg.lstsq(terms * root[:, np.newaxis], target * root, rcond=None)[0]
        used = weight * _bisquare(target - fit, weight)
        if np.count_nonzero(used) < 2 * terms.shape[1]:
            break  # too few to call any of them an outlier
    return fit.reshape(values.shape)


def _terms(shape: tuple[int, ...], degree: int) -> npt.NDArray[np.float64]:
    """Products of Legendre polynomials up to a total degree, one column each."""
    ny, nx = shape
    along_y = legvander(np.linspace(-1, 1, ny), min(degree, ny - 1))
    along_x = legvander(np.linspace(-1, 1, nx), min(degree, nx - 1))
    columns = [
        np.outer(along_y[:, j], along_x[:, i]).ravel()
        for i in range(along_x.shape[1])
        for j in range(along_y.shape[1])
        if i + j <= degree
    ]
    return np.stack(columns, axis=1)


def _determined(terms: npt.NDArray[np.float64]) -> bool:
    """Whether these rows fix every coefficient, and not by a hair."""
    if terms.shape[0] < terms.shape[1]:
        return False
    singular = np.linalg.svd(terms, compute_uv=False)
    return bool(singular[-1] > _LEAST_CONDITION * singular[0])


def _bisquare(residual: Nodes, weight: Nodes) -> Nodes:
    """Tukey's bisquare weights; residuals are scaled by their own weights' noise."""
    scaled = residual * np.sqrt(weight)
    spread = 1.4826 * np.median(np.abs(scaled[weight > 0])) if (weight > 0).any() else 0.0
    if spread == 0:
        return np.ones_like(residual)
    inside: Nodes = np.maximum(1 - (scaled / (4.685 * spread)) ** 2, 0) ** 2
    return inside


def _penalised(
    values: Nodes, weights: Nodes, robust: int, stiffness: float | None
) -> tuple[Nodes, float]:
    ny, nx = values.shape
    eigen = (2 - 2 * np.cos(np.pi * np.arange(ny) / ny))[:, np.newaxis] + (
        2 - 2 * np.cos(np.pi * np.arange(nx) / nx)
    )
    eigen = eigen**2
    surface = np.zeros_like(values)
    known = weights > 0
    used = weights.copy()
    chosen = stiffness
    for turn in range(robust + 1):
        for step in range(100):
            before = surface
            target = dctn(used * (values - surface) + surface, norm="ortho")
            if stiffness is None and (step & (step - 1)) == 0:  # at 0, 1, 2, 4, 8, ...
                chosen = _cross_validated(target, values, used, eigen, known)
            relaxed = idctn(target / (1 + (chosen or 0.0) * eigen), norm="ortho")
            surface = before + 1.75 * (relaxed - before)
            change = float(np.linalg.norm(surface - before))
            if change <= 1e-3 * max(float(np.linalg.norm(surface)), 1e-300):
                break
        surface = relaxed
        if turn < robust:
            used = weights * _bisquare(values - surface, weights)
    return surface, float(chosen or 0.0)


def _cross_validated(
    target: Nodes, values: Nodes, weights: Nodes, eigen: Nodes, known: BoolImage
) -> float:
    """The stiffness with the least generalised cross-validation score."""
    count = int(known.sum())

    def score(log10: float) -> float:
        damping = 1 / (1 + 10**log10 * eigen)
        smooth = idctn(damping * target, norm="ortho")
        misfit = float((weights * (values - smooth) ** 2)[known].sum())
        trace = float(damping.sum()) * count / values.size
        return misfit / max(1 - trace / count, 1e-9) ** 2

    best = minimize_scalar(score, bounds=(-3, 8), method="bounded", options={"xatol": 0.05})
    return float(10**best.x)


def spline_factors(
    centres: npt.NDArray[np.float64], positions: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Matrix that takes node values to values at positions: a natural cubic spline.

    Outside the outermost centres it goes on in a straight line.
    """
    if centres.size == 1:
        return np.ones((positions.size, 1), np.float32)
    spline = CubicSpline(centres, np.eye(centres.size), bc_type="natural")
    inside = np.clip(positions, centres[0], centres[-1])
    factors = spline(inside) + spline(inside, 1) * (positions - inside)[:, np.newaxis]
    matrix: npt.NDArray[np.float32] = factors.astype(np.float32)
    return matrix


def full_map(
    nodes: Nodes, grid: Grid, shape: tuple[int, int], *, scale: int = 1, offset: float = 0.0
) -> FloatImage:
    """The map of nodes on a frame whose pixels are `scale` times smaller than the grid's."""
    rows, columns = grid.centres()
    y = (np.arange(shape[0]) - (scale - 1) / 2) / scale
    x = (np.arange(shape[1]) - (scale - 1) / 2) / scale
    middle = float(nodes.mean())  # float32 keeps its digits for the structure
    across = (nodes - middle) @ spline_factors(columns, x).T.astype(np.float64)
    out = np.empty(shape, np.float32)
    if rows.size == 1:
        out[:] = across
    else:
        _spline_down(rows, across, y, out)
    out += np.float32(middle + offset)
    return out


def _spline_down(
    rows: npt.NDArray[np.float64],
    values: Nodes,
    positions: npt.NDArray[np.float64],
    out: FloatImage,
) -> None:
    """The natural spline through rows of values, a node interval at a time.

    Six passes over a strip that stays in the cache, whatever the number of nodes: a product with
    the whole matrix of the spline costs more, and more again where BLAS threads wait for cores.
    """
    spline = CubicSpline(rows, values, axis=0, bc_type="natural")
    coefficients = spline.c.astype(np.float32)
    interval = np.clip(np.searchsorted(rows, positions, side="right") - 1, 0, rows.size - 2)
    edges = np.searchsorted(interval, np.arange(rows.size))
    for k in range(rows.size - 1):
        strip = slice(edges[k], edges[k + 1])
        t = (positions[strip] - rows[k]).astype(np.float32)[:, np.newaxis]
        block = out[strip]
        np.multiply(coefficients[0, k], t, out=block)
        for term in (1, 2):
            block += coefficients[term, k]
            block *= t
        block += coefficients[3, k]
    slope = spline(rows[[0, -1]], 1)
    for beyond, edge in ((positions < rows[0], 0), (positions > rows[-1], -1)):
        away = (positions[beyond] - rows[edge])[:, np.newaxis]
        out[beyond] = values[edge] + slope[edge] * away
