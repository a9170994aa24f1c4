"""Images of known sky: for the demo, the tests, the benchmarks, and to judge a method on.

The noise is Gaussian with the variance of the counts, except in the kind ``low_counts``, which is
truly Poisson, and in `sample_field`, where it is the same everywhere. Light of undetected sources
counts as not sky.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from astropy.io.fits import Header

from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.pixels import BoolImage, FloatImage
from ginga_bkgplugin.sky.profiles import (
    add_aureole,
    add_cluster,
    add_moffats,
    add_population,
    add_sersic,
    moffat_flux,
)

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
NOISES = ("white", "tilted", "curved", "correlated", "whole numbers", "few counts")
STRUCTURES = ("gradient", "vignetting", "wave", "glow", "amplifiers")
SATURATION = 60_000.0

_STARS_AND_GALAXIES = {  # in 3000 x 2400 px, for the kinds that are not as a typical field
    "sparse": (400, 0),
    "crowded": (60_000, 4000),
    "globular": (2500, 8000),
    "noise": (0, 0),
}
_TYPICAL = (2500, 12_000)


@dataclasses.dataclass(frozen=True)
class SimulatedField:
    """An image and the truth behind it.

    Attributes
    ----------
    kind : str
        One of `simulate.KINDS`, or ``"sample"``.
    data : ndarray of float32, shape (ny, nx)
        The image, in the unit of the header's BUNIT; NaN where there is no measurement.
    sky : ndarray of float32, shape (ny, nx)
        The true background.
    noise : float
        The true noise of the mean sky, per pixel.
    objects : tuple of PixelCircle
        The big objects: a circle an astronomer would draw over each. Pixels are 0-based, centres
        at integers.
    header : astropy.io.fits.Header
        With WCS, SATURATE and BUNIT.
    """

    kind: str
    data: FloatImage
    sky: FloatImage
    noise: float
    objects: tuple[PixelCircle, ...]
    header: Header

    @property
    def galaxy(self) -> PixelCircle:
        """The circle of the first big object.

        Raises
        ------
        ValueError
            When the field has none.
        """
        if not self.objects:
            raise ValueError(
                f"A field of kind {self.kind!r} has no big object. Take sample_field(), or the"
                " kind globular, galaxy, halo or everything."
            )
        return self.objects[0]


def sample_field(
    shape: tuple[int, int] = (1024, 1200), *, stars: int = 250, seed: int = 5
) -> SimulatedField:
    """The demo's field: tilted sky, stars, one big galaxy, one saturated star, defects, WCS.

    In ADU, with a border of NaN and a bad column.

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
    noise, fwhm = 12.0, 4.0
    sky = np.float32(1000) + 36 * u - 24 * v - 30 * (u**2 + v**2)
    light = np.zeros(shape, dtype=np.float32)
    peak = np.append(np.minimum(1500.0 * (1 + rng.pareto(1.0, stars)), 4e5) / 25, 250_000.0)
    x0 = np.append(rng.uniform(0, nx, stars), 0.22 * nx)
    y0 = np.append(rng.uniform(0, ny, stars), 0.25 * ny)
    add_moffats(light, x0, y0, moffat_flux(peak, fwhm), np.full(peak.size, fwhm))
    radius = 0.22 * min(shape)
    galaxy = PixelCircle(round(0.62 * nx), round(0.57 * ny), round(radius))
    add_sersic(light, (galaxy.x, galaxy.y), half_light=radius / 2.6, brightness=110.0,
               index=1.5, axis_ratio=0.75)  # fmt: skip
    data = sky + light + rng.normal(0, noise, shape).astype(np.float32)
    np.minimum(data, np.float32(SATURATION), out=data)
    data[:, int(0.83 * nx)] = np.float32(SATURATION)
    edge = max(2, min(shape) // 100)
    for border in (np.s_[:edge], np.s_[-edge:], np.s_[:, :edge], np.s_[:, -edge:]):
        data[border] = np.nan
    return SimulatedField("sample", data, sky, noise, (galaxy,), field_header(shape))


def truth_field(
    kind: str,
    shape: tuple[int, int] = (2400, 3000),
    *,
    seed: int = 0,
    structure: tuple[str, ...] = ("gradient",),
) -> SimulatedField:
    """One of ten kinds of field, to judge a method on.

    In electrons (BUNIT ``count``: FITS knows no electron); the mean sky is 1000, in ``low_counts``
    20.

    Parameters
    ----------
    kind : str
        ``sparse``, ``typical``, ``crowded``, ``globular`` (a cluster), ``galaxy`` (a big one),
        ``halo`` (of a bright star), ``gaps`` (NaN), ``everything`` (galaxy, halo and gaps),
        ``low_counts`` or ``noise`` (no sources).
    shape : tuple of int
        (ny, nx).
    seed : int
        The same seed gives the same field.
    structure : tuple of str
        What the sky does besides being there: ``gradient``, ``vignetting``, ``wave``, ``glow``
        (of a corner), ``amplifiers`` (a step); several are joined.

    Returns
    -------
    SimulatedField

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
    objects = _add_sources(light, kind, rng, noise)
    if kind == "low_counts":
        data = rng.poisson(sky + light).astype(np.float32)
    else:
        deviates = rng.standard_normal(shape, dtype=np.float32)
        data = sky + light + deviates * np.sqrt(sky + light)
    np.minimum(data, np.float32(SATURATION), out=data)
    if kind in ("gaps", "everything"):
        data[gaps(shape)] = np.nan
    header = field_header(shape, unit="count")
    return SimulatedField(kind, data, sky, noise, objects, header)


def pure_noise(kind: str, shape: tuple[int, int], seed: int) -> FloatImage:
    """A sky without any source, on which a verdict must be good.

    Parameters
    ----------
    kind : str
        ``white``; ``tilted`` or ``curved``, its sky a plane of a few sigma or a
        bowl of half a sigma, which boxes of a third of the frame can still follow;
        ``correlated`` over 3 x 3 pixels, as in a drizzled image; ``whole numbers``, of a sigma of
        one count; ``few counts``, Poisson round 20.
    shape : tuple of int
        (ny, nx).
    seed : int
        The same seed gives the same field.
    """
    from scipy.ndimage import uniform_filter  # late: the command line starts sooner

    rng = np.random.default_rng([seed, NOISES.index(kind)])
    if kind == "few counts":
        return rng.poisson(20, shape).astype(np.float32)
    noise = rng.standard_normal(shape)
    y, x = (np.linspace(-1, 1, side) for side in shape)
    skies = {
        "white": 1000 + 10 * noise,
        "tilted": 1000 + 10 * noise + 15 * x - 10 * y[:, np.newaxis],
        "curved": 1000 + 10 * noise - 4 * (x**2 + y[:, np.newaxis] ** 2),
        "correlated": 1000 + 30 * uniform_filter(noise, 3),
        "whole numbers": np.round(1000 + noise),
    }
    field: FloatImage = skies[kind].astype(np.float32)
    return field


def _add_sources(
    light: FloatImage, kind: str, rng: np.random.Generator, noise: float
) -> tuple[PixelCircle, ...]:
    """Add the light of a kind; returns the circles of its big objects."""
    ny, nx = light.shape
    side, area = min(ny, nx), ny * nx / 7.2e6
    stars, galaxies = (int(count * area) for count in _STARS_AND_GALAXIES.get(kind, _TYPICAL))
    faintest = 12 * (noise * (0.3 if kind == "crowded" else 1.0))
    add_population(light, rng, stars, faintest=faintest, slope=0.9)
    add_population(light, rng, galaxies, faintest=8 * noise, slope=1.6, wide=True)
    objects = []
    if kind == "globular":
        place, size = (0.45 * nx, 0.5 * ny), 0.05 * side
        add_cluster(light, rng, int(25_000 * area), place, size, faintest=10 * noise)
        objects.append(PixelCircle(*place, 4 * size))
    if kind in ("galaxy", "everything"):
        place = 0.4 * nx, 0.55 * ny
        add_sersic(light, place, half_light=0.033 * side, brightness=25 * noise, index=4,
                   axis_ratio=0.7)  # fmt: skip
        objects.append(PixelCircle(*place, 0.16 * side))
    if kind in ("halo", "everything"):
        place = 0.72 * nx, 0.3 * ny
        add_moffats(light, *(np.array([value]) for value in (*place, 2e8, 4.0)))
        add_aureole(light, place, brightness=400 * noise)
        objects.append(PixelCircle(*place, 0.14 * side))
    return tuple(objects)


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


def field_header(
    shape: tuple[int, int], *, scale: float = 0.5, angle: float = 20.0, unit: str = "adu"
) -> Header:
    """A header with a rotated tangent-plane WCS; `scale` in arcsec per pixel, `angle` in deg."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    step = scale / 3600
    return Header(
        [
            ("OBJECT", "SIMULATED", "made by ginga_bkgplugin.sky.simulate"),
            ("BUNIT", unit),
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
