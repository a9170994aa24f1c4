from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
import xxhash
from astropy.io import fits

from ginga_bkgplugin.files.frames import read_frame
from ginga_bkgplugin.files.identity import checksum
from ginga_bkgplugin.recipe.errors import ImageError
from ginga_bkgplugin.sky import strips

IMAGE = np.arange(30 * 40, dtype=np.float32).reshape(30, 40)


def test_the_checksum_of_an_image_is_always_this_one() -> None:
    rows = xxhash.xxh3_64_digest(IMAGE.astype(">f4").tobytes())

    assert checksum(IMAGE) == xxhash.xxh3_64_hexdigest(b"30 40 f4" + rows) == "47db1ee97e1bddf8"


def test_byte_order_and_layout_of_memory_do_not_count() -> None:
    swapped = IMAGE.astype(">f4")

    assert checksum(swapped) == checksum(np.asfortranarray(IMAGE)) == checksum(IMAGE)


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_threads_does_not_count(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    large = np.arange(3000 * 700, dtype=np.uint16).reshape(3000, 700)
    expected = checksum(large)
    monkeypatch.setattr(strips, "_threads", count)

    assert checksum(large) == expected


@pytest.mark.parametrize(
    "other",
    [IMAGE[::-1], IMAGE.T, IMAGE.reshape(40, 30), IMAGE.astype("f8"), IMAGE.astype("i4"),
     IMAGE[:, ::-1], IMAGE[1:], np.where(IMAGE == 7, 8, IMAGE)],
    ids=["flip", "turn", "shape", "double", "integer", "mirror", "cut", "one pixel"],
)  # fmt: skip
def test_any_other_image_has_another_checksum(other: np.ndarray) -> None:
    assert checksum(other) != checksum(IMAGE)


def test_a_packed_copy_of_a_file_is_the_same_image(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "a.fits", IMAGE.astype("u2"))
    with (tmp_path / "a.fits").open("rb") as plain, gzip.open(tmp_path / "a.fits.gz", "wb") as out:
        shutil.copyfileobj(plain, out)
    fits.CompImageHDU(IMAGE.astype("u2"), compression_type="RICE_1").writeto(
        tmp_path / "a.fits.fz"
    )

    sums = {read_frame(tmp_path / f"a.fits{end}").checksum for end in ("", ".gz", ".fz")}

    assert sums == {checksum(IMAGE.astype("u2"))}


def test_a_header_may_change(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "a.fits", IMAGE)
    before = read_frame(tmp_path / "a.fits").checksum
    fits.setval(tmp_path / "a.fits", "OBJECT", value="M 61")

    assert read_frame(tmp_path / "a.fits").checksum == before


def test_a_damaged_gzipped_file_is_refused_though_it_unpacks(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "a.fits", IMAGE)
    stored = gzip.compress((tmp_path / "a.fits").read_bytes(), compresslevel=0)  # as it is
    where = stored.index(IMAGE[20].astype(">f4").tobytes())
    damaged = stored[:where] + b"\x00" + stored[where + 1 :]
    (tmp_path / "b.fits.gz").write_bytes(damaged)

    with pytest.raises(ImageError, match=r"b\.fits\.gz: cannot be read .*CRC"):
        read_frame(tmp_path / "b.fits.gz")
