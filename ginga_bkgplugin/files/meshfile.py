"""A background as the nodes it comes from: 0.3 MB where the map has 245.

A file of kind ``bkgmesh`` holds the nodes of the background (first HDU) and of its noise (RMS),
and the pixels they stand at (LEVEL_Y, LEVEL_X, RMS_Y, RMS_X). ``MESHINT`` says how to go between:
SPLINE, the natural cubic spline along x, then y, straight outside the outermost nodes; CUBICS,
along x, then y, through each four nodes a cubic, from the first of them to the last.

The second is for maps that exist as pixels. SEP's are cubics from node to node, but no spline:
their slopes jump at the nodes (its back substitution divides by six once too often).
"""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ginga_bkgplugin.files.frames import open_fits
from ginga_bkgplugin.recipe.errors import ProductError
from ginga_bkgplugin.sky.maps import Map, Nodes, SplineMap, rows_of, sampled_rows, whole
from ginga_bkgplugin.sky.pixels import FloatImage
from ginga_bkgplugin.sky.strips import one_blas_thread

SPLINE, CUBICS = "SPLINE", "CUBICS"
_CHECKED = 64  # rows of a map that are held against the mesh


@dataclasses.dataclass(frozen=True, eq=False)
class Mesh:
    """The nodes of one map.

    Attributes
    ----------
    nodes : ndarray of float64, shape (my, mx)
        Values at the crossings of `y` and `x`.
    y, x : ndarray of float64
        Pixels the nodes stand at, 0-based, ascending.
    shape : tuple of int
        (ny, nx) of the map.
    how : {"SPLINE", "CUBICS"}
        The spline between the nodes.
    least : float
        Smaller values are raised to it.
    """

    nodes: Nodes
    y: Nodes
    x: Nodes
    shape: tuple[int, int]
    how: str = SPLINE
    least: float = -np.inf

    def expand(self) -> FloatImage:
        """The map at full resolution, float32, shape (ny, nx)."""
        return whole(self.map())

    def map(self) -> Map:
        """The map: to be made row by row with SPLINE, else an array."""
        if self.how == SPLINE:
            return SplineMap(self.nodes, self.y, self.x, self.shape, self.least)
        return self._between(np.arange(self.shape[0]))

    def _between(self, rows: Any) -> FloatImage:
        across = np.empty((self.shape[1], self.y.size))
        image = np.empty((len(rows), self.shape[1]), np.float32)
        with one_blas_thread():
            _along(self.x, self.nodes.T, np.arange(self.shape[1]), across)
            _along(self.y, np.ascontiguousarray(across.T), rows, image)
        return np.maximum(image, np.float32(self.least), out=image)

    def error(self, sky_map: Map) -> float:
        """The largest difference from a map, over some of its rows."""
        rows = np.unique(np.linspace(0, self.shape[0] - 1, _CHECKED).astype(np.intp))
        spline = self.how == SPLINE
        mine = sampled_rows(self.map(), rows) if spline else self._between(rows)
        return float(np.nanmax(np.abs(mine - sampled_rows(sky_map, rows)), initial=0.0))


def mesh_of(sky_map: Map, y: Nodes, x: Nodes) -> Mesh:
    """The nodes that rebuild a map.

    Parameters
    ----------
    sky_map : ndarray of float32 or SplineMap, shape (ny, nx)
        A spline gives its own nodes, and is rebuilt to the bit.
    y, x : ndarray of float64
        Where an array's mesh had its nodes, pixels; taken with the edges of the frame.

    Raises
    ------
    ProductError
        When the map is blank at a node.
    """
    if isinstance(sky_map, SplineMap):
        return Mesh(sky_map.nodes, sky_map.y, sky_map.x, sky_map.shape, least=sky_map.least)
    shape = (sky_map.shape[0], sky_map.shape[1])
    (rows, y, down), (columns, x, across) = (
        _places(side, size) for side, size in zip((y, x), shape, strict=True)
    )
    values = rows_of(sky_map, 0, shape[0])[np.ix_(rows, columns)].astype(np.float64)
    nodes = down @ values @ across.T
    if not np.isfinite(nodes).all():
        raise ProductError(
            "The background is blank at a node of its mesh (blank_invalid): save the bkgmap."
        )
    return Mesh(nodes, y, x, shape, CUBICS)


def _places(centres: Nodes, size: int) -> tuple[Any, Nodes, Nodes]:
    """Four nodes for each piece from a centre, or edge, to the next.

    Returns
    -------
    pixels : ndarray of int
        To take values from.
    places : ndarray of float64
        Of the nodes: these pixels, and places between in a piece of less than four.
    weights : ndarray of float64, shape (places, pixels)
        Of the pixels in the nodes.
    """
    from scipy.linalg import block_diag  # late: opening a file need not wait for it

    inner = [start for start in np.floor(centres).astype(int) + 1 if 0 < start < size]
    pixels, places, weights = [], [], []
    for start, end in itertools.pairwise([0, *inner, size]):
        taken: Nodes = np.unique(np.round(np.linspace(start, end - 1, 4)))
        nodes: Any = (
            taken if taken.size == 4 else start + np.linspace(0, max(end - 1 - start, 0.75), 4)
        )
        pixels.append(taken)
        places.append(nodes)
        weights.append(_lagrange(taken, nodes))
    return np.concatenate(pixels).astype(np.intp), np.concatenate(places), block_diag(*weights)


def _along(places: Nodes, values: Nodes, positions: Any, out: Any) -> None:
    """The cubics through each four nodes along the first axis, at ascending positions."""
    firsts = np.arange(0, places.size, 4)
    edges = np.searchsorted(positions, [*places[firsts], np.inf])
    for first, start, stop in zip(firsts, edges[:-1], edges[1:], strict=True):
        part = slice(first, first + 4)
        out[start:stop] = _lagrange(places[part], positions[start:stop]) @ values[part]


def _lagrange(places: Nodes, positions: Any) -> Nodes:
    """Weights of the nodes in the polynomial through them, shape (positions, places)."""
    weights = np.ones((positions.size, places.size))
    for i, mine in enumerate(places):
        for other in np.delete(places, i):
            weights[:, i] *= (positions - other) / (mine - other)
    return weights


def mesh_hdus(level: Mesh, rms: Mesh) -> list[Any]:
    """The HDUs that follow the nodes of the background in a file."""
    places = [("LEVEL_Y", level.y), ("LEVEL_X", level.x), ("RMS_Y", rms.y), ("RMS_X", rms.x)]
    noise = fits.ImageHDU(rms.nodes, fits.Header(mesh_cards(rms)), name="RMS")
    return [noise, *(fits.ImageHDU(values, name=name) for name, values in places)]


def mesh_cards(mesh: Mesh) -> list[tuple[str, Any, str]]:
    """The cards that say how a map is rebuilt."""
    least = [("MESHMIN", mesh.least, "smaller values are raised to it")]
    return [
        ("MESHINT", mesh.how, "spline between the nodes"),
        ("MESHNX", mesh.shape[1], "columns of the map"),
        ("MESHNY", mesh.shape[0], "rows of the map"),
        *(least if np.isfinite(mesh.least) else []),
    ]


def read_mesh(path: str | Path) -> tuple[Mesh, Mesh, fits.Header]:
    """Read a file of kind ``bkgmesh``.

    Returns
    -------
    level, rms : Mesh
        Of the background and of its noise; `Mesh.expand` makes the maps.
    header : astropy.io.fits.Header

    Raises
    ------
    ProductError
        When it cannot be read, or is no such file.
    """
    try:
        with open_fits(path, memmap=False) as hdus:
            level, rms = (
                _mesh(hdus[number], *(hdus[f"{name}_{axis}"].data for axis in "YX"))
                for number, name in ((0, "LEVEL"), ("RMS", "RMS"))
            )
            return level, rms, hdus[0].header.copy()
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ProductError(f"{path}: cannot be read as a mesh ({error}).") from error


def _mesh(hdu: Any, y: Any, x: Any) -> Mesh:
    header = hdu.header
    nodes, y, x = (np.asarray(values, np.float64) for values in (hdu.data, y, x))
    shape = (int(header["MESHNY"]), int(header["MESHNX"]))
    if nodes.shape != (y.size, x.size) or header["MESHINT"] not in (SPLINE, CUBICS):
        raise ValueError("its nodes and their places do not fit")
    return Mesh(nodes, y, x, shape, header["MESHINT"], float(header.get("MESHMIN", -np.inf)))
