from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ginga_bkgplugin.sky.binning import any_in_block, bin_image, unbin

SHAPES = [(8, 12), (9, 13), (10, 11), (1, 7), (7, 1), (3, 2), (1, 1)]


def _image(shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    return np.random.default_rng(1).normal(100, 5, shape).astype(np.float32)


def _blocks(shape: tuple[int, int], factor: int) -> list[tuple[int, int, tuple[slice, slice]]]:
    ny, nx = (-(-size // factor) for size in shape)
    return [
        (j, i, np.s_[j * factor : (j + 1) * factor, i * factor : (i + 1) * factor])
        for j in range(ny)
        for i in range(nx)
    ]


@pytest.mark.parametrize("factor", [1, 2, 4])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [None, 0.0, 0.2, 0.6])
def test_a_block_is_the_mean_of_its_good_pixels_or_bad_when_most_are(
    shape: tuple[int, int], factor: int, share: float | None
) -> None:
    image = _image(shape)
    bad = None if share is None else np.random.default_rng(2).random(shape) < share

    binned = bin_image(image, bad, factor)

    good = np.ones(shape, bool) if bad is None else ~bad
    assert binned.factor == factor
    for j, i, block in _blocks(shape, factor):
        few = np.count_nonzero(good[block]) < factor**2 / 2
        assert binned.bad[j, i] == few
        expected = 0.0 if few else image[block][good[block]].mean()
        assert binned.image[j, i] == pytest.approx(expected, rel=1e-5)


def test_what_bad_pixels_hold_does_not_matter() -> None:
    image, bad = _image((8, 8)), np.eye(8, dtype=bool)
    other = np.where(bad, np.float32(np.nan), image)

    assert bin_image(other, bad, 2).image.tobytes() == bin_image(image, bad, 2).image.tobytes()


def test_blocks_of_one_pixel_are_the_image() -> None:
    image = _image((5, 6))

    binned = bin_image(image, None, 1)

    assert np.array_equal(binned.image, image)
    assert not np.shares_memory(binned.image, image)


@pytest.mark.parametrize("factor", [1, 2, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_block_is_masked_when_any_of_its_pixels_is(shape: tuple[int, int], factor: int) -> None:
    mask = np.random.default_rng(3).random(shape) < 0.1
    before = mask.copy()

    masked = any_in_block(mask, factor)

    for j, i, block in _blocks(shape, factor):
        assert masked[j, i] == mask[block].any()
    assert np.array_equal(mask, before)


@pytest.mark.parametrize("factor", [1, 2, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_pixel_of_a_block_gets_its_value(shape: tuple[int, int], factor: int) -> None:
    blocks = _blocks(shape, factor)
    values = np.zeros((blocks[-1][0] + 1, blocks[-1][1] + 1), np.uint8)
    values.flat = np.arange(values.size) % 251

    pixels = unbin(values, factor, shape)

    assert pixels.shape == shape
    for j, i, block in blocks:
        assert (pixels[block] == values[j, i]).all()
