"""Skies with known truth, for the demo, the tests and the benchmarks."""

from __future__ import annotations

import dataclasses

import numpy as np
from astropy.io.fits import Header
from scipy.special import gammaincinv

from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.pixels import FloatImage

SATURATION = 60_000.0


@dataclasses.dataclass(frozen=True)
class SimulatedField:
    """An image and the truth behind it.

    Attributes
    ----------
    data : ndarray of float32, shape (ny, nx)
        The image in ADU, with NaN border, a bad column and a saturated star.
    sky : ndarray of float32, shape (ny, nx)
        The true background.
    noise : float
        The true noise of the sky, ADU per pixel.
    header : astropy.io.fits.Header
        With WCS, SATURATE and BUNIT.
    galaxy : PixelCircle
        A circle an astronomer would draw over the big galaxy.
    """

    data: FloatImage
    sky: FloatImage
    noise: float
    header: Header
    galaxy: PixelCircle


def sample_field(
    shape: tuple[int, int] = (1024, 1200), *, stars: int = 250, seed: int = 5
) -> SimulatedField:
    """The demo's field: tilted sky, stars, one big galaxy, one saturated star, defects, WCS.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) in pixels of 0.5 arcsec.
    stars : int
        Number of stars.
    seed : int
        Of `numpy.random.default_rng`; the same seed gives the same field.

    Returns
    -------
    SimulatedField
    """
    rng = np.random.default_rng(seed)
    ny, nx = shape
    y, x = np.mgrid[:ny, :nx].astype(np.float32)
    u, v = x / nx - 0.5, y / ny - 0.5
    noise = 12.0
    sky = np.float32(1000) + 36 * u - 24 * v - 30 * (u**2 + v**2)
    light = np.zeros(shape, dtype=np.float32)
    flux = 1500.0 * (1 + rng.pareto(1.0, stars))
    for amplitude, x0, y0 in zip(
        np.minimum(flux, 4e5), rng.uniform(0, nx, stars), rng.uniform(0, ny, stars), strict=True
    ):
        _add_star(light, x0, y0, amplitude / 25)
    _add_star(light, 0.22 * nx, 0.25 * ny, 250_000.0)
    radius = 0.22 * min(shape)
    galaxy = PixelCircle(round(0.62 * nx), round(0.57 * ny), round(radius))
    light += _sersic(x, y, galaxy, half_light=radius / 2.6, brightness=110.0)
    data = sky + light + rng.normal(0, noise, shape).astype(np.float32)
    np.minimum(data, np.float32(SATURATION), out=data)
    data[:, int(0.83 * nx)] = np.float32(SATURATION)
    edge = max(2, min(shape) // 100)
    for border in (np.s_[:edge], np.s_[-edge:], np.s_[:, :edge], np.s_[:, -edge:]):
        data[border] = np.nan
    header = field_header(shape)
    return SimulatedField(data.astype(np.float32), sky, noise, header, galaxy)


def field_header(shape: tuple[int, int], *, scale: float = 0.5, angle: float = 20.0) -> Header:
    """A header with a rotated tangent-plane WCS; `scale` in arcsec per pixel, `angle` in deg."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    step = scale / 3600
    return Header(
        [
            ("OBJECT", "SIMULATED", "made by ginga_bkgplugin.sky.simulate"),
            ("BUNIT", "adu"),
            ("SATURATE", SATURATION, "saturation level"),
            ("EXPTIME", 100.0),
            ("FILTER", "r"),
            ("CTYPE1", "RA---TAN"),
            ("CTYPE2", "DEC--TAN"),
            ("CRVAL1", 150.0),
            ("CRVAL2", 2.2),
            ("CRPIX1", shape[1] / 2),
            ("CRPIX2", shape[0] / 2),
            ("CUNIT1", "deg"),
            ("CUNIT2", "deg"),
            ("CD1_1", -step * cos),
            ("CD1_2", step * sin),
            ("CD2_1", step * sin),
            ("CD2_2", step * cos),
            ("RADESYS", "ICRS"),
        ]
    )


def _add_star(
    light: FloatImage, x0: float, y0: float, peak: float, *, fwhm: float = 4.0, beta: float = 3.0
) -> None:
    """Add a Moffat star (Moffat 1969) out to where it falls below 0.02 ADU."""
    core = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    reach = core * np.sqrt((max(peak, 0.04) / 0.02) ** (1 / beta) - 1)
    ny, nx = light.shape
    rows = slice(max(0, int(y0 - reach)), min(ny, int(y0 + reach) + 2))
    cols = slice(max(0, int(x0 - reach)), min(nx, int(x0 + reach) + 2))
    y, x = np.mgrid[rows, cols]
    light[rows, cols] += peak * (1 + ((x - x0) ** 2 + (y - y0) ** 2) / core**2) ** -beta


def _sersic(
    x: FloatImage, y: FloatImage, place: PixelCircle, *, half_light: float, brightness: float,
    index: float = 1.5, axis_ratio: float = 0.75,
) -> FloatImage:  # fmt: skip
    """A Sersic (1963) galaxy; `brightness` in ADU per pixel at the half-light radius."""
    b = float(gammaincinv(2 * index, 0.5))
    across, up = x - np.float32(place.x), (y - np.float32(place.y)) / np.float32(axis_ratio)
    r = np.hypot(across, up) / np.float32(half_light)
    profile: FloatImage = np.float32(brightness) * np.exp(
        np.float32(-b) * (r ** np.float32(1 / index) - 1)
    )
    return profile
