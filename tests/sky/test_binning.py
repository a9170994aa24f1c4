from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ginga_bkgplugin.sky.binning import any_in_block, bin_frame, bin_image, unbin
from ginga_bkgplugin.sky.pixels import MaskBit

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


@pytest.mark.parametrize("factors", [(1,), (4,), (1, 2), (2, 4)])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.2, 0.6])
@pytest.mark.parametrize("drawn", [False, True])
def test_a_block_is_the_mean_of_its_good_pixels_or_bad_when_most_are(
    factors: tuple[int, ...], shape: tuple[int, int], share: float, drawn: bool
) -> None:
    image = _image(shape)
    rng = np.random.default_rng(2)
    bad, infinite, region = (rng.random(shape) < s for s in (share, share / 10, drawn * 0.1))
    image[infinite] = np.nan
    mask = bad * np.uint8(MaskBit.INVALID) | region * np.uint8(MaskBit.REGION)
    good = ~(bad | infinite)
    level = 103.0

    frames, unmarked = bin_frame(image, mask, factors, level)

    assert unmarked == np.any(infinite & ~bad)
    for frame, factor in zip(frames, factors, strict=True):
        assert frame.factor == factor
        for j, i, block in _blocks(shape, factor):
            few = np.count_nonzero(good[block]) < factor**2 / 2
            assert frame.bad[j, i] == few
            expected = 0.0 if few else image[block][good[block]].mean(dtype=float)
            assert frame.image[j, i] == pytest.approx(expected, rel=1e-5)
            assert frame.taken[j, i] == (few or region[block].any())
            assert frame.hidden[j, i] == factor**2 - np.count_nonzero((good & ~region)[block])
            burnt = frame.glare is not None and frame.glare[j, i]
            assert burnt == np.any(good[block] & (image[block] >= level))
        chosen = rng.random(frame.shape) < 0.5
        free = [np.count_nonzero((good & ~region)[block]) for *_, block in _blocks(shape, factor)]
        assert frame.free_in(chosen.__getitem__) == sum(np.array(free)[chosen.ravel()])


def test_what_bad_pixels_hold_does_not_matter() -> None:
    image, mask = _image((8, 8)), np.eye(8, dtype=np.uint8) * np.uint8(MaskBit.INVALID)
    other = np.where(mask != 0, np.float32(np.nan), image)

    (one,), _ = bin_frame(image, mask, (2,), None)
    (two,), _ = bin_frame(other, mask, (2,), None)

    assert one.image.tobytes() == two.image.tobytes()


def test_blocks_of_one_pixel_are_the_image() -> None:
    image = _image((5, 6))

    binned = bin_image(image, 1)

    assert np.array_equal(binned, image)
    assert not np.shares_memory(binned, image)


@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_at_the_far_edges_may_be_partial(shape: tuple[int, int]) -> None:
    image = _image(shape)

    binned = bin_image(image, 4)

    for j, i, block in _blocks(shape, 4):
        expected = 0.0 if image[block].size < 8 else image[block].mean(dtype=float)
        assert binned[j, i] == pytest.approx(expected, rel=1e-5)


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
