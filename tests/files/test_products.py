from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from ginga_bkgplugin.files.frames import Frame, read_frame
from ginga_bkgplugin.files.names import STYLES
from ginga_bkgplugin.files.products import Background, Mask, Product
from ginga_bkgplugin.recipe.errors import ProductError, ProductExistsError
from ginga_bkgplugin.sky.pixels import MaskBit

LEVEL = np.arange(20 * 30, dtype=np.float32).reshape(20, 30)


@pytest.fixture
def frame(tmp_path: Path) -> Frame:
    fits.writeto(tmp_path / "n1.fits", (LEVEL + 100).astype("u2"))
    return read_frame(tmp_path / "n1.fits")


@pytest.fixture
def sky(frame: Frame) -> Background:
    header = fits.Header([("BKGVALU", 7.5), ("BKGSIG", 2.5), ("BKGIS2D", True)])
    return Background(LEVEL.copy(), kind="bkgmap", header=header, frame=frame)


def _saved_mask(path: Path, data: npt.NDArray[Any], frame: Frame) -> Mask:
    fits.writeto(path, data)
    return Mask.read(path, frame)


def test_a_new_product_is_not_saved(sky: Background) -> None:
    assert not sky.is_saved
    assert sky.path is None
    assert "not saved" in repr(sky)


def test_a_product_is_written_beside_its_image(sky: Background, frame: Frame) -> None:
    path = sky.write()

    assert frame.path is not None
    assert path == frame.path.with_name("n1.bkgmap.fits")
    assert sky.is_saved
    assert np.array_equal(fits.getdata(path), LEVEL)


@pytest.mark.parametrize("style", STYLES)
def test_a_written_product_reads_back_the_same(
    sky: Background, frame: Frame, tmp_path: Path, style: str
) -> None:
    path = sky.write(folder=tmp_path, style=style)

    again = Background.read(path, frame)

    assert np.array_equal(again.data, LEVEL)
    assert again.data.dtype == np.float32
    assert (again.kind, again.value, again.sigma, again.is_2d) == ("bkgmap", 7.5, 2.5, True)


def test_a_product_goes_where_it_is_told(sky: Background, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    assert sky.write(folder=tmp_path / "out") == tmp_path / "out" / "n1.bkgmap.fits"
    assert sky.write(tmp_path / "other.fits") == tmp_path / "other.fits"


def test_an_existing_product_is_not_overwritten_unasked(sky: Background) -> None:
    path = sky.write()
    path.write_bytes(b"precious")

    with pytest.raises(ProductExistsError):
        sky.write()

    assert path.read_bytes() == b"precious"


def test_an_existing_product_is_overwritten_when_asked_for(sky: Background) -> None:
    path = sky.write()
    path.write_bytes(b"worthless")

    sky.write(overwrite=True)

    assert np.array_equal(fits.getdata(path), LEVEL)


@pytest.mark.parametrize("way", ["name", "relative", "symlink"])
def test_the_science_file_is_never_the_product(
    sky: Background, frame: Frame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    assert frame.path is not None
    before = frame.path.read_bytes()
    (tmp_path / "link.fits").symlink_to(frame.path)
    monkeypatch.chdir(tmp_path)
    where = {"name": frame.path, "relative": "n1.fits", "symlink": "link.fits"}[way]

    with pytest.raises(ProductError, match="that is the science file"):
        sky.write(where, overwrite=True)

    assert frame.path.read_bytes() == before


def test_remove_deletes_its_own_file_only(sky: Background, tmp_path: Path) -> None:
    path = sky.write()
    (tmp_path / "n1.bkgrms.fits").touch()

    removed = sky.remove()

    assert removed == path
    assert sorted(each.name for each in tmp_path.iterdir()) == ["n1.bkgrms.fits", "n1.fits"]
    assert not sky.is_saved
    assert np.array_equal(sky.data, LEVEL)


def test_remove_leaves_a_file_it_did_not_write(sky: Background, tmp_path: Path) -> None:
    (tmp_path / "n1.bkgmap.fits").write_bytes(b"of another run")

    assert sky.remove() is None
    assert (tmp_path / "n1.bkgmap.fits").read_bytes() == b"of another run"


def test_removing_twice_removes_once(sky: Background) -> None:
    sky.write()
    sky.remove()

    assert sky.remove() is None


def test_remove_after_clear_keeps_the_array(sky: Background) -> None:
    sky.write()
    sky.clear()

    sky.remove()

    assert np.array_equal(sky.data, LEVEL)


def test_clear_reads_the_array_from_the_file_again(sky: Background) -> None:
    path = sky.write()
    sky.clear()
    fits.writeto(path, LEVEL + 1, overwrite=True)

    assert np.array_equal(sky.data, LEVEL + 1)


def test_an_unsaved_product_is_not_cleared(sky: Background) -> None:
    with pytest.raises(ProductError, match="bkgmap is not saved"):
        sky.clear()

    assert np.array_equal(sky.data, LEVEL)


def test_a_cleared_product_whose_file_is_gone_says_so(sky: Background) -> None:
    path = sky.write()
    sky.clear()
    path.unlink()

    assert not sky.is_saved
    with pytest.raises(ProductError, match=r"n1\.bkgmap\.fits"):
        _ = sky.data


def test_the_array_of_a_product_cannot_be_changed(sky: Background) -> None:
    with pytest.raises(ValueError, match="read-only"):
        sky.data[0, 0] = 1


def test_making_a_product_does_not_lock_the_callers_array(frame: Frame) -> None:
    mine = LEVEL.copy()

    Product(mine, kind="bkgmap", header=fits.Header(), frame=frame)

    assert mine.flags.writeable


def test_a_product_of_another_size_is_refused(frame: Frame, tmp_path: Path) -> None:
    fits.writeto(tmp_path / "small.fits", LEVEL[:5])

    with pytest.raises(ProductError, match=r"\(5, 30\) is not that of n1\.fits, \(20, 30\)"):
        Background.read(tmp_path / "small.fits", frame)


@pytest.mark.parametrize("content", [b"", b"hello", b"SIMPLE  =                    T"])
def test_a_broken_product_is_refused_with_its_name(
    frame: Frame, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "broken.fits").write_bytes(content)

    with pytest.raises(ProductError, match=r"broken\.fits: cannot be read as a product"):
        Background.read(tmp_path / "broken.fits", frame)


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "u2", "i8"])
def test_the_bits_of_a_mask_survive_any_integer_type(
    frame: Frame, tmp_path: Path, kind: str
) -> None:
    bits = np.zeros((20, 30), kind)
    bits[3, 4], bits[5, 6] = 31, 8

    mask = _saved_mask(tmp_path / "n1.srcmask.fits", bits, frame)

    assert mask.data.dtype == np.uint8
    assert np.array_equal(mask.data, bits)
    assert np.argwhere(mask.has(MaskBit.SOURCE)).tolist() == [[3, 4]]


@pytest.mark.parametrize(
    ("value", "kind"),
    [(256, "i4"), (512, "i2"), (-1, "i2"), (1.0, "f4"), (0.5, "f8"), (65536, "i8")],
)
def test_a_mask_of_labels_or_floats_masks_where_it_is_not_zero(
    frame: Frame, tmp_path: Path, value: float, kind: str
) -> None:
    labels = np.zeros((20, 30), kind)
    labels[3, 4] = value

    mask = _saved_mask(tmp_path / "n1.srcmask.fits", labels, frame)

    assert mask.data.dtype == np.uint8
    assert np.argwhere(mask.data).tolist() == [[3, 4]]


def test_the_fraction_of_a_mask_is_its_masked_share(frame: Frame) -> None:
    bits = np.zeros((20, 30), np.uint8)
    bits[:5] = MaskBit.INVALID

    assert Mask(bits, kind="srcmask", header=fits.Header(), frame=frame).fraction == 0.25


def test_a_product_read_is_saved_and_names_its_image(sky: Background, frame: Frame) -> None:
    again = Background.read(sky.write(), frame)

    assert again.is_saved
    assert again.target == frame.path
