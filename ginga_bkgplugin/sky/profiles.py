"""Light of simulated stars and galaxies, added to an image in place.

Stars are Moffat (1969) profiles, galaxies Sersic (1963) profiles, the aureole of a bright star
falls as r^-2.5. Places are in pixels, 0-based, centres at integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ginga_bkgplugin.sky.pixels import FloatImage

BETA = 3.0  # of the Moffat profiles
_FAINTEST = 0.02  # counts per pixel: a star ends where it falls below
_BRIGHTEST = 3e6  # counts: the total of a star of a population, at most
_SMALL = 24  # px: stamps up to this half width are added many at once

Values = npt.NDArray[Any]


def moffat_core(fwhm: Any, beta: float = BETA) -> Any:
    """The core radius of a Moffat profile of this full width at half maximum, pixels."""
    return fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))


def moffat_flux(peak: Any, fwhm: Any, beta: float = BETA) -> Any:
    """The total of a Moffat profile from its peak."""
    return peak * np.pi * moffat_core(fwhm, beta) ** 2 / (beta - 1)


def add_moffats(
    light: FloatImage, x: Values, y: Values, flux: Values, fwhm: Values, *, beta: float = BETA
) -> None:
    """Add Moffat profiles of total `flux`, each out to where it is below 0.02 per pixel."""
    core = moffat_core(fwhm, beta)
    peak = flux * (beta - 1) / (np.pi * core**2)
    reach = core * np.sqrt(np.maximum(peak / _FAINTEST, 1.5) ** (1 / beta) - 1)
    half = np.ceil(reach).astype(int)
    small = half <= _SMALL
    for size in np.unique(half[small]):
        chosen = np.flatnonzero(small & (half == size))
        for part in np.array_split(chosen, max(1, chosen.size * (2 * size + 1) ** 2 // 4_000_000)):
            _add_stamps(light, x[part], y[part], peak[part], core[part], int(size), beta)
    for i in np.flatnonzero(~small):
        one = slice(i, i + 1)
        _add_stamps(light, x[one], y[one], peak[one], core[one], int(half[i]), beta)


def _add_stamps(
    light: FloatImage, x: Values, y: Values, peak: Values, core: Values, half: int, beta: float
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


def add_population(
    light: FloatImage,
    rng: np.random.Generator,
    count: int,
    *,
    faintest: float,
    slope: float,
    wide: bool = False,
    place: npt.NDArray[np.float64] | None = None,
) -> None:
    """Add sources whose numbers go as N(>flux) ~ flux^-slope.

    Stars of FWHM 4 px; with `wide`, faint galaxies of 4.5 to 9. Anywhere in the frame, or at
    `place` (x and y).
    """
    if count == 0:
        return
    ny, nx = light.shape
    flux = np.minimum(faintest * (1 - rng.random(count)) ** (-1 / slope), _BRIGHTEST)
    x, y = (
        (rng.uniform(-0.5, nx - 0.5, count), rng.uniform(-0.5, ny - 0.5, count))
        if place is None
        else place
    )
    fwhm = rng.uniform(4.5, 9.0, count) if wide else np.full(count, 4.0)
    add_moffats(light, x, y, flux, fwhm)


def add_cluster(
    light: FloatImage,
    rng: np.random.Generator,
    count: int,
    place: tuple[float, float],
    size: float,
    *,
    faintest: float,
) -> None:
    """Add a globular cluster: stars at distances of a Plummer (1911) sphere of radius `size`."""
    ny, nx = light.shape
    radius = size / np.sqrt(np.maximum(rng.random(count) ** (-2 / 3) - 1, 1e-9))
    angle = rng.uniform(0, 2 * np.pi, count)
    stars = np.array([place[0] + radius * np.cos(angle), place[1] + radius * np.sin(angle)])
    stars = stars[:, (np.abs(stars[0] - nx / 2) < nx) & (np.abs(stars[1] - ny / 2) < ny)]
    add_population(light, rng, stars.shape[1], faintest=faintest, slope=1.0, place=stars)


def add_sersic(
    light: FloatImage,
    place: tuple[float, float],
    *,
    half_light: float,
    brightness: float,
    index: float,
    axis_ratio: float,
) -> None:
    """Add a galaxy, its long axis along x; `brightness` is per pixel at the half-light radius."""
    from scipy.special import gammaincinv  # late: the command line starts sooner

    b = round(float(gammaincinv(2 * index, 0.5)), 3)
    y, x = np.ogrid[: light.shape[0], : light.shape[1]]
    r = np.hypot(x - place[0], (y - place[1]) / axis_ratio).astype(np.float32)
    r /= np.float32(half_light)
    light += np.float32(brightness) * np.exp(np.float32(-b) * (r ** np.float32(1 / index) - 1))


def add_aureole(
    light: FloatImage, place: tuple[float, float], *, brightness: float, core: float = 15.0
) -> None:
    """Add the scattered light of a bright star: flat inside `core` pixels, then r^-2.5."""
    y, x = np.ogrid[: light.shape[0], : light.shape[1]]
    r2 = ((x - place[0]) ** 2 + (y - place[1]) ** 2).astype(np.float32)
    light += np.float32(brightness) * (1 + r2 / np.float32(core**2)) ** np.float32(-1.25)
