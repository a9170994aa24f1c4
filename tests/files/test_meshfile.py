from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from ginga_bkgplugin import (
    Mesh,
    ProductError,
    Recipe,
    ScienceImage,
    SimulatedField,
    load_result,
    read_mesh,
    sample_field,
)
from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.meshfile import CUBICS, SPLINE, mesh_of
from ginga_bkgplugin.sky.maps import SplineMap
from ginga_bkgplugin.work.pipeline import finish, run
from ginga_bkgplugin.work.saving import make_product


@pytest.fixture(scope="module")
def small() -> SimulatedField:
    return sample_field((500, 530), stars=40)


def _saved(field: SimulatedField, folder: Path, **parameters: object) -> tuple[Path, object]:
    recipe = Recipe(regions=(field.galaxy,)).with_parameters(**parameters)
    result = finish(run(field.data, recipe))
    frame = Frame(field.data, field.header, path=folder / "a.fits")
    return make_product(frame, result, "bkgmesh").write(), result


@pytest.mark.parametrize("box", [32, 64, 75])
@pytest.mark.parametrize("model", ["mesh", "constant", "plane", "poly4"])
@pytest.mark.parametrize(
    ("method", "fill"), [("sep", "nearest"), ("sep", "smooth"), ("smooth", "nearest")]
)
def test_the_maps_come_back_within_a_thousandth_of_sigma(
    small: SimulatedField, tmp_path: Path, method: str, model: str, fill: str, box: int
) -> None:
    path, result = _saved(small, tmp_path, method=method, model=model, fill=fill, box_size=box)

    level, rms, header = read_mesh(path)

    fit = result.fit
    for mesh, expected in ((level, fit.level), (rms, fit.rms)):
        again = mesh.expand()
        assert again.dtype == np.float32
        assert np.abs(again - expected).max() < 1e-3 * fit.globalrms
    assert header["MESHERR"] < 1e-3


def test_the_default_method_comes_back_to_the_bit(small: SimulatedField, tmp_path: Path) -> None:
    path, result = _saved(small, tmp_path)

    level, rms, _ = read_mesh(path)

    assert level.how == rms.how == SPLINE
    assert np.array_equal(level.expand(), result.fit.level)
    assert np.array_equal(rms.expand(), result.fit.rms)


@pytest.mark.parametrize("box", [32, 64, 75])
@pytest.mark.parametrize("method", ["sep", "smooth"])
def test_the_mesh_of_maps_that_were_loaded_is_as_good(
    small: SimulatedField, tmp_path: Path, method: str, box: int
) -> None:
    fits.writeto(tmp_path / "a.fits", small.data, small.header)
    image = ScienceImage.read(tmp_path / "a.fits")
    image.save(image.run(Recipe().with_parameters(method=method, box_size=box)))
    loaded = load_result(image.frame)

    level, rms, header = read_mesh(make_product(image.frame, loaded, "bkgmesh").write())

    assert np.abs(level.expand() - loaded.fit.level).max() < 1e-3 * loaded.fit.globalrms
    assert np.abs(rms.expand() - loaded.fit.rms).max() < 1e-3 * loaded.fit.globalrms
    assert header["MESHERR"] < 1e-3


def test_the_file_is_small_and_sound(field: SimulatedField, tmp_path: Path) -> None:
    path, _ = _saved(field, tmp_path)

    with fits.open(path) as hdus:
        hdus.verify("exception")
        assert "CRVAL1" not in hdus[0].header  # its pixels are nodes
        assert hdus[0].header["OBJECT"] == "SIMULATED"
    assert path.stat().st_size < field.data.size * 4 / 60


@given(size=st.integers(1, 90), box=st.integers(4, 40))
def test_any_cubic_between_boxes_of_any_size_comes_back(size: int, box: int) -> None:
    centres = (np.arange(-(-size // box)) + 0.5) * box
    x = np.arange(size)
    kinks = sum(np.clip(x - centre, 0, None) for centre in centres)
    line = (100 + kinks + 1e-3 * x**2 - 1e-5 * x**3).astype(np.float32)
    image = np.add.outer(line, line)

    mesh = mesh_of(image, centres, centres)

    assert mesh.how == CUBICS
    assert np.abs(mesh.expand() - image).max() < 1e-5 * np.abs(image).max()


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (3, 3), (9, 1)])
def test_a_tiny_map_comes_back(shape: tuple[int, int]) -> None:
    image = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)

    mesh = mesh_of(image, np.array([0.5]), np.array([0.5]))

    assert np.allclose(mesh.expand(), image, atol=1e-4)


def test_the_error_is_that_of_the_rebuilt_map() -> None:
    nodes = np.arange(20.0).reshape(4, 5)
    spline = SplineMap(nodes, np.arange(4.0) * 8, np.arange(5.0) * 8, (25, 33))
    mesh = mesh_of(spline, spline.y, spline.x)

    assert mesh.error(spline) == 0
    assert dataclasses.replace(mesh, nodes=nodes + 0.25).error(spline) == 0.25


def test_a_map_that_is_blank_at_a_node_is_refused() -> None:
    image = np.full((64, 64), np.nan, np.float32)

    with pytest.raises(ProductError, match="blank at a node"):
        mesh_of(image, np.array([31.5]), np.array([31.5]))


@pytest.mark.parametrize("damage", ["text", "other", "places"])
def test_another_file_is_refused_with_its_name(
    small: SimulatedField, tmp_path: Path, damage: str
) -> None:
    path, _ = _saved(small, tmp_path)
    if damage == "text":
        path.write_text("hello")
    elif damage == "other":
        fits.writeto(path, np.zeros((5, 5)), overwrite=True)
    else:
        with fits.open(path, mode="update") as hdus:
            hdus["LEVEL_Y"].data = np.arange(3.0)

    with pytest.raises(ProductError, match=r"a\.bkgmesh\.fits: cannot be read as a mesh"):
        read_mesh(path)


def test_smaller_values_are_raised_to_the_least() -> None:
    mesh = Mesh(np.array([[1.0, 9.0]]), np.array([0.0]), np.array([0.0, 3.0]), (2, 4), CUBICS, 5.0)

    assert mesh.expand().min() == 5.0
    assert mesh.expand().max() == 9.0
