"""What the options of a command line give: a recipe, and files beside it."""

from __future__ import annotations

import argparse
import dataclasses

from ginga_bkgplugin.cli.talk import talk
from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.recipe import Recipe, parameter_names
from ginga_bkgplugin.recipe.shapes import PixelCircle, SkyCircle
from ginga_bkgplugin.work.gathering import Named
from ginga_bkgplugin.work.loading import read_recipe


def named_masks(options: argparse.Namespace) -> Named:
    """The files the options name."""
    words = [word.strip() for word in options.mask_bits.split(",") if word.strip()]
    return Named(
        regions=options.regions, masks=options.mask, kind=options.mask_kind,
        polarity=options.mask_polarity, drawn_on=options.drawn_on,
        bits=[int(word) if word.isdigit() else word for word in words],
    )  # fmt: skip


def effective_recipe(options: argparse.Namespace) -> Recipe:
    """The recipe file, if any, with the options put over it.

    Raises
    ------
    ParameterError
        When file, option or circle is wrong.
    """
    recipe = read_recipe(options.recipe) if options.recipe else Recipe()
    names = parameter_names()
    asked = {name: value for name, value in vars(options).items() if name in names}
    recipe = recipe.with_parameters(**asked)
    for name in recipe.without_effect():
        if name in asked:
            talk(f"{name} does nothing with the method {recipe.background.method}.")
    if getattr(options, "no_automatic", False):  # the demo has no such option
        recipe = dataclasses.replace(recipe, automatic=False)
    drawn = [PixelCircle(*_three("--circle", text)) for text in options.circle]
    placed = [SkyCircle(*_three("--sky-circle", text)) for text in options.sky_circle]
    return recipe.with_regions(*recipe.regions, *drawn, *placed)


def _three(option: str, text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3:
        raise ParameterError(f"{option} needs three numbers with commas, not {text!r}.")
    return numbers
