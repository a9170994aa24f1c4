"""The fields of the panel change the recipe, and refuse in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.simulate import SimulatedField
from tests.viewer.conftest import Desk, same_bytes

pytestmark = pytest.mark.viewer


@pytest.fixture(autouse=True)
def _with_seps_fields(request: pytest.FixtureRequest) -> None:
    """The method sep, whose fields are off with the other."""
    if "desk" in request.fixturenames:
        desk: Desk = request.getfixturevalue("desk")
        desk.plugin.set_parameter("method", "sep")
        desk.viewer.pump()


def _values(desk: Desk) -> dict[str, Any]:
    recipe: Recipe = desk.session.recipe
    return {name: value for _, group in recipe.groups() for name, value in group.to_dict().items()}


def _field(desk: Desk, name: str) -> Any:
    return desk.panel.fields.widgets[name]


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("sigma", "3.5", 3.5),
        ("mask_radius_factor", "2.25", 2.25),
        ("saturation_radius_factor", "1.5", 1.5),
        ("min_area", "12", 12),
        ("passes", "7", 7),
        ("box_size", "128", 128),
        ("filter_size", "5", 5),
        ("filter_size", "25", 25),  # its first digit alone would be refused
        ("threshold_invalid_connection", "2500", 2500),
        ("saturation_level", "45000", 45_000.0),
    ],
)
def test_a_typed_value_changes_the_recipe(desk: Desk, name: str, typed: str, value: Any) -> None:
    desk.type(_field(desk, name), typed)

    assert _values(desk)[name] == value
    assert not desk.error


def test_a_value_typed_without_return_counts_when_run_is_pressed(desk: Desk) -> None:
    desk.type(_field(desk, "box_size"), "50", enter=False)
    desk.type(_field(desk, "saturation_level"), "45000", enter=False)

    result = desk.run()

    assert result.recipe.background.box_size == 50
    assert result.recipe.source.saturation_level == 45_000
    assert result.saturation_level == 45_000


@pytest.mark.parametrize("name", ["is_2d", "blank_invalid"])
def test_a_check_box_changes_the_recipe(desk: Desk, name: str) -> None:
    before = _values(desk)[name]

    desk.tick(_field(desk, name))

    assert _values(desk)[name] is not before


def test_the_arrows_of_a_spin_box_change_the_recipe(desk: Desk) -> None:
    desk.key("Up", _field(desk, "filter_size"))

    assert _values(desk)["filter_size"] == 5


def test_a_model_chosen_from_the_list_is_run(desk: Desk) -> None:
    fill, model = (_field(desk, name).get_widget() for name in ("fill", "model"))
    assert fill.isEnabled()

    desk.key("Down", _field(desk, "model"))
    desk.key("Down", _field(desk, "model"))

    assert _values(desk)["model"] == "plane"
    assert not fill.isEnabled()
    result = desk.run()
    assert same_bytes(result, desk.in_process())
    assert "a plane from" in desk.panel.running.summary.get_text()
    desk.tick(_field(desk, "is_2d"))
    assert not model.isEnabled()


def test_an_even_filter_size_is_told_and_the_old_one_kept(desk: Desk) -> None:
    desk.type(_field(desk, "filter_size"), "4")

    assert "filter_size must be" in desk.error
    assert "odd" in desk.error
    assert _values(desk)["filter_size"] == 3
    assert _field(desk, "filter_size").get_value() == 3


def test_text_as_saturation_level_is_told_and_the_old_one_kept(desk: Desk) -> None:
    desk.type(_field(desk, "saturation_level"), "45000")

    desk.type(_field(desk, "saturation_level"), "bright")

    assert "saturation_level must be" in desk.error
    assert "'bright'" in desk.error
    assert _values(desk)["saturation_level"] == 45_000
    assert _field(desk, "saturation_level").get_text() == "45000"


def test_text_as_saturation_level_keeps_run_from_starting(desk: Desk) -> None:
    desk.type(_field(desk, "saturation_level"), "bright", enter=False)

    desk.press(desk.panel.running.run)

    assert not desk.session.busy
    assert "saturation_level must be" in desk.error


def test_an_emptied_saturation_level_is_the_headers_again(desk: Desk) -> None:
    desk.type(_field(desk, "saturation_level"), "45000")
    field = _field(desk, "saturation_level")
    field.get_widget().clear()
    desk.key("Return", field)

    assert _values(desk)["saturation_level"] is None
    assert desk.run().saturation_level == 60_000


def test_the_saturation_level_of_the_header_is_offered(desk: Desk) -> None:
    label = desk.panel.fields._units["saturation_level"]

    assert label.get_text() == "header: 60000"


def test_a_long_saturation_level_is_shown_and_run_as_it_is(desk: Desk, tmp_path: Path) -> None:
    recipe = Recipe().with_parameters(saturation_level=51234.5678, sigma=4.567)
    (tmp_path / "r.bkg.json").write_text(recipe.to_json())
    desk.plugin.use_recipe_file(str(tmp_path / "r.bkg.json"))

    result = desk.run()

    assert result.recipe == recipe
    assert same_bytes(result, desk.in_process(recipe))


def test_a_broken_recipe_file_is_told_and_the_recipe_kept(desk: Desk, tmp_path: Path) -> None:
    desk.plugin.set_parameter("sigma", 4.0)
    (tmp_path / "r.bkg.json").write_text('{"format": 1, "source": {"sigmo": 3}}')

    desk.plugin.use_recipe_file(str(tmp_path / "r.bkg.json"))

    assert "r.bkg.json" in desk.error
    assert "sigmo" in desk.error
    assert _values(desk)["sigma"] == 4.0


def test_data_quality_can_be_used_only_where_there_is_one(
    desk: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    import numpy as np
    from astropy.io import fits

    assert not _field(desk, "use_dq").get_widget().isEnabled()
    flags = np.zeros(small.data.shape, np.int16)
    flags[100:110, 100:110] = 4
    science = fits.ImageHDU(small.data, small.header, name="SCI")
    path = tmp_path / "dq.fits"
    fits.HDUList([fits.PrimaryHDU(), science, fits.ImageHDU(flags, name="DQ")]).writeto(path)

    desk.open(path)
    desk.tick(_field(desk, "use_dq"))
    result = desk.run()

    assert result.mask[105, 105] & 8
    assert same_bytes(result, desk.in_process())


def test_a_new_image_takes_over_the_parameters_but_not_the_circles(
    desk: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    desk.plugin.set_parameter("sigma", 4.0)
    desk.draw(200, 150, 40)
    write_fits(tmp_path / "next.fits", small.data + 5, small.header)

    desk.open(tmp_path / "next.fits")

    assert _values(desk)["sigma"] == 4.0
    assert desk.regions == ()
