"""Ten kinds of field with known sky: what an engine is judged on.

Gaussian noise of Poisson variance except in ``low_counts``, which is truly Poisson. Stars are
Moffat (1969) profiles, the big galaxy a Sersic profile, the halo of a bright star falls as
r^-2.5. Light of undetected sources counts as not sky.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage

KINDS = (
    "sparse",
    "typical",
    "crowded",
    "globular",
    "galaxy",
    "halo",
    "gaps",
    "everything",
    "low_counts",
    "noise",
)
STRUCTURES = ("gradient", "vignetting", "wave", "glow", "amplifiers")
SATURATION = 60_000.0


@dataclasses.dataclass(frozen=True)
class TruthField:
    """An image and the truth behind it, in electrons.

    Attributes
    ----------
    kind : str
        Of `KINDS`.
    data : ndarray of float32, shape (ny, nx)
        The image; NaN where there are gaps.
    sky : ndarray of float32, shape (ny, nx)
        The true background.
    noise : float
        The true noise of the mean sky, per pixel.
    objects : tuple of PixelCircle
        The big objects; a circle an astronomer would draw over each.
    """

    kind: str
    data: FloatImage
    sky: FloatImage
    noise: float
    objects: tuple[PixelCircle, ...]


def truth_field(
    kind: str,
    shape: tuple[int, int] = (2400, 3000),
    *,
    seed: int = 0,
    structure: tuple[str, ...] = ("gradient",),
) -> TruthField:
    """Simulate one field.

    Parameters
    ----------
    kind : str
        Of `KINDS`.
    shape : tuple of int
        (ny, nx).
    seed : int
        The same seed gives the same field.
    structure : tuple of str
        Of `STRUCTURES`: what the sky does besides being there.

    Returns
    -------
    TruthField

    Raises
    ------
    ValueError
        For an unknown kind or structure.
    """
    if kind not in KINDS:
        raise ValueError(f"Unknown kind of field {kind!r}. Known: {', '.join(KINDS)}.")
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    mean = 20.0 if kind == "low_counts" else 1000.0
    sky = sky_shape(shape, structure) * np.float32(mean)
    noise = float(np.sqrt(mean))
    light = np.zeros(shape, np.float32)
    objects: list[PixelCircle] = []
    area = shape[0] * shape[1] / 7.2e6
    both = kind == "everything"
    counts = {"sparse": (400, 0), "crowded": (60_000, 4000), "globular": (2500, 8000),
              "noise": (0, 0)}.get(kind, (2500, 12_000))  # fmt: skip
    dim = noise * (0.3 if kind == "crowded" else 1.0)
    _add_population(light, rng, int(counts[0] * area), faintest=12 * dim, slope=0.9)
    _add_population(light, rng, int(counts[1] * area), faintest=8 * noise, slope=1.6, wide=True)
    if kind == "globular":
        objects.append(_add_globular(light, rng, noise, area))
    if kind == "galaxy" or both:
        objects.append(_add_galaxy(light, noise))
    if kind == "halo" or both:
        objects.append(_add_bright_star(light, noise))
    if kind == "low_counts":
        data = rng.poisson(sky + light).astype(np.float32)
    else:
        deviates = rng.standard_normal(shape, dtype=np.float32)
        data = sky + light + deviates * np.sqrt(sky + light)
    np.minimum(data, np.float32(SATURATION), out=data)
    if kind == "gaps" or both:
        data[gaps(shape)] = np.nan
    return TruthField(kind, data, sky, noise, tuple(objects))


def sky_shape(shape: tuple[int, int], structure: tuple[str, ...]) -> FloatImage:
    """A sky of mean about 1 with the structures named."""
    ny, nx = shape
    y = np.linspace(-1, 1, ny, dtype=np.float32)[:, np.newaxis]
    x = np.linspace(-1, 1, nx, dtype=np.float32)[np.newaxis]
    sky = np.ones(shape, np.float32)
    for name in structure:
        if name == "gradient":
            sky *= 1 + 0.015 * x - 0.01 * y + 0.008 * x * y
        elif name == "vignetting":
            sky *= 1 - 0.08 * (x**2 + y**2) ** 2
        elif name == "wave":
            period = 1000.0
            sky *= 1 + 0.005 * np.sin(np.pi * nx / period * x + 0.7 * np.pi * ny / period * y)
        elif name == "glow":
            from_corner = np.hypot((x + 1) * nx / 2, (y + 1) * ny / 2)
            sky += 0.02 * np.exp(-from_corner / 200)
        elif name == "amplifiers":
            sky[:, nx // 2 :] += 0.01
        else:
            raise ValueError(f"Unknown structure {name!r}. Known: {', '.join(STRUCTURES)}.")
    return sky


def gaps(shape: tuple[int, int]) -> BoolImage:
    """Chip gaps, a dead corner and bad columns."""
    ny, nx = shape
    missing = np.zeros(shape, bool)
    missing[:, nx // 3 : nx // 3 + 40] = missing[:, 2 * nx // 3 : 2 * nx // 3 + 40] = True
    missing[ny // 2 : ny // 2 + 60] = True
    missing[: ny // 10, : nx // 10] = True
    missing[:, nx // 7] = missing[:, nx // 5] = True
    return missing


def _add_population(
    light: FloatImage,
    rng: np.random.Generator,
    count: int,
    *,
    faintest: float,
    slope: float,
    wide: bool = False,
    place: npt.NDArray[np.float64] | None = None,
) -> None:
    """Add point sources (or wider, faint galaxies) with counts N(>F) ~ F^-slope."""
    if count == 0:
        return
    ny, nx = light.shape
    flux = np.minimum(faintest * (1 - rng.random(count)) ** (-1 / slope), 3e6)
    x, y = (
        (rng.uniform(-0.5, nx - 0.5, count), rng.uniform(-0.5, ny - 0.5, count))
        if place is None
        else place
    )
    fwhm = rng.uniform(4.5, 9.0, count) if wide else np.full(count, 4.0)
    add_moffats(light, x, y, flux, fwhm)


def add_moffats(
    light: FloatImage,
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    flux: npt.NDArray[Any],
    fwhm: npt.NDArray[Any],
    *,
    beta: float = 3.0,
) -> None:
    """Add Moffat profiles of total `flux` in place, each out to where it is below 0.02."""
    core = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    peak = flux * (beta - 1) / (np.pi * core**2)
    reach = core * np.sqrt(np.maximum(peak / 0.02, 1.5) ** (1 / beta) - 1)
    half = np.ceil(reach).astype(int)
    small = half <= 24
    for size in np.unique(half[small]):
        chosen = np.flatnonzero(small & (half == size))
        for part in np.array_split(chosen, max(1, chosen.size * (2 * size + 1) ** 2 // 4_000_000)):
            _add_stamps(light, x[part], y[part], peak[part], core[part], int(size), beta)
    for i in np.flatnonzero(~small):
        one = slice(i, i + 1)
        _add_stamps(light, x[one], y[one], peak[one], core[one], int(half[i]), beta)


def _add_stamps(
    light: FloatImage, x: Any, y: Any, peak: Any, core: Any, half: int, beta: float
) -> None:
    ny, nx = light.shape
    offsets = np.arange(-half, half + 1)
    column = np.rint(x).astype(int)[:, np.newaxis] + offsets
    row = np.rint(y).astype(int)[:, np.newaxis] + offsets
    dx2 = (column - x[:, np.newaxis]) ** 2
    dy2 = (row - y[:, np.newaxis]) ** 2
    r2 = dy2[:, :, np.newaxis] + dx2[:, np.newaxis]
    scale = core[:, np.newaxis, np.newaxis] ** 2
    value = peak[:, np.newaxis, np.newaxis] * (1 + r2 / scale) ** -beta
    inside = ((row >= 0) & (row < ny))[:, :, np.newaxis] & ((column >= 0) & (column < nx))[
        :, np.newaxis
    ]
    flat = row[:, :, np.newaxis] * nx + column[:, np.newaxis]
    np.add.at(light.reshape(-1), flat[inside], value[inside].astype(np.float32))


def _add_globular(
    light: FloatImage, rng: np.random.Generator, noise: float, area: float
) -> PixelCircle:
    ny, nx = light.shape
    size = 0.05 * min(ny, nx)
    count = int(25_000 * area)
    radius = size / np.sqrt(np.maximum(rng.random(count) ** (-2 / 3) - 1, 1e-9) ** 1)
    angle = rng.uniform(0, 2 * np.pi, count)
    centre = 0.45 * nx, 0.5 * ny
    place = np.array([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)])
    keep = (np.abs(place[0] - nx / 2) < nx) & (np.abs(place[1] - ny / 2) < ny)
    _add_population(
        light, rng, int(keep.sum()), faintest=10 * noise, slope=1.0, place=place[:, keep]
    )
    return PixelCircle(*centre, 4 * size)


def _add_galaxy(light: FloatImage, noise: float) -> PixelCircle:
    """A de Vaucouleurs galaxy whose 25-mag isophote is about 600 px across at 0.5 arcsec."""
    ny, nx = light.shape
    place = 0.4 * nx, 0.55 * ny
    half_light, b = 0.033 * min(ny, nx), 7.669
    y, x = np.ogrid[:ny, :nx]
    r = np.hypot((x - place[0]), (y - place[1]) / 0.7).astype(np.float32) / np.float32(half_light)
    light += np.float32(25 * noise) * np.exp(np.float32(-b) * (r ** np.float32(0.25) - 1))
    return PixelCircle(*place, 0.16 * min(ny, nx))


def _add_bright_star(light: FloatImage, noise: float) -> PixelCircle:
    """A saturated star with an aureole falling as r^-2.5."""
    ny, nx = light.shape
    place = 0.72 * nx, 0.3 * ny
    add_moffats(light, *(np.array([v]) for v in (*place, 2e8, 4.0)))
    y, x = np.ogrid[:ny, :nx]
    r2 = ((x - place[0]) ** 2 + (y - place[1]) ** 2).astype(np.float32)
    light += np.float32(400 * noise) * (1 + r2 / np.float32(15.0**2)) ** np.float32(-1.25)
    return PixelCircle(*place, 0.14 * min(ny, nx))
