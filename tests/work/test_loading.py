from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin import ScienceImage, load_result, read_recipe
from ginga_bkgplugin.recipe.errors import ParameterError, ProductError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.work.viewmodel import summary_words


@pytest.fixture
def image(tmp_path: Path) -> ScienceImage:
    small = sample_field((300, 320), stars=20)
    fits.writeto(tmp_path / "n1.fits", small.data, small.header)
    return ScienceImage.read(tmp_path / "n1.fits")


@pytest.mark.parametrize("style", ["default", "ezphot"])
@pytest.mark.parametrize("method", ["sep", "smooth"])
def test_a_saved_result_comes_back_whole(image: ScienceImage, style: str, method: str) -> None:
    recipe = Recipe().with_parameters(method=method)
    result = image.run(recipe.with_regions(PixelCircle(180, 170, 60)))
    image.save(result, style=style)

    again = load_result(image.frame)

    assert again.recipe == result.recipe
    assert np.array_equal(again.mask, result.mask)
    assert np.array_equal(again.fit.level, result.fit.level)
    assert np.array_equal(again.fit.rms, result.fit.rms)
    assert again.fit.fractions.shape == result.fit.fractions.shape
    assert again.fit.filled == result.fit.filled
    if method == "sep":  # smooth clips pixels as well as masking them
        assert np.array_equal(again.fit.fractions, result.fit.fractions)
    assert (again.fit.globalback, again.fit.globalrms) == (
        result.fit.globalback,
        result.fit.globalrms,
    )
    assert again.saturation_level == result.saturation_level == 60_000


def test_missing_products_are_named(image: ScienceImage) -> None:
    image.save(image.run(Recipe()), ["srcmask"])

    with pytest.raises(ProductError, match=r"n1\.fits: no saved bkgmap, bkgrms"):
        load_result(image.frame)


def test_a_recipe_file_reads_back(tmp_path: Path) -> None:
    recipe = Recipe().with_parameters(sigma=2.5)
    (tmp_path / "r.bkg.json").write_text(recipe.to_json())

    assert read_recipe(tmp_path / "r.bkg.json") == recipe


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"sigma = 3", "not valid JSON"),
        (b'{"format": 9}', "has format 9"),
    ],
)
def test_a_broken_recipe_file_is_refused_with_its_name(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "r.bkg.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ParameterError) as refused:
        read_recipe(path)

    assert str(refused.value).startswith(f"{path}: ")
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "values",
    [
        {"model": "plane"},
        {"model": "poly3", "method": "smooth"},
        {"model": "constant"},
        {"fill": "smooth"},
    ],
    ids=str,
)
def test_a_result_of_any_model_comes_back_with_its_words(
    image: ScienceImage, values: dict[str, str]
) -> None:
    recipe = Recipe().with_regions(PixelCircle(180, 170, 60)).with_parameters(**values)
    result = image.run(recipe)
    image.save(result)

    again = load_result(image.frame)

    assert np.array_equal(again.fit.level, result.fit.level)
    assert (again.fit.filled, again.fit.boxes) == (result.fit.filled, result.fit.boxes)
    assert summary_words(again) == summary_words(result)
