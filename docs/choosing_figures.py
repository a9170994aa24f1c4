"""The figures of docs/choosing.md; each prints the numbers that the page tells.

Errors are (map - true sky) / noise of a pixel. Called by make_figures.py.
"""

from __future__ import annotations

from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
from colours import BLACK, BLUE, CYAN, GREEN, RED
from matplotlib.ticker import NullLocator, ScalarFormatter

from ginga_bkgplugin import PixelCircle, Recipe, run, truth_field
from ginga_bkgplugin.sky.profiles import add_sersic
from ginga_bkgplugin.sky.simulate import SimulatedField
from ginga_bkgplugin.work.pipeline import finish

SHAPE, SEED = (1000, 1200), 1
PLACE = (560, 500)  # x, y of the galaxy
METHODS = {"sep": (RED, "s", "--"), "smooth": (BLUE, "o", "-")}
WAVY = ("gradient", "wave")


def _galaxy(half_light: float, brightness: float, structure: tuple[str, ...]) -> SimulatedField:
    """A typical field with a diffuse galaxy (an exponential disc) in it."""
    field = truth_field("typical", SHAPE, seed=SEED, structure=structure)
    light = np.zeros(SHAPE, np.float32)
    add_sersic(light, PLACE, half_light=half_light, brightness=brightness * field.noise,
               index=1.0, axis_ratio=0.7)  # fmt: skip
    light += np.random.default_rng(SEED).standard_normal(SHAPE) * np.sqrt(light)
    np.add(field.data, light, out=field.data)
    return field


def _error(field: SimulatedField, recipe: Recipe) -> np.ndarray:
    level = finish(run(field.data, recipe)).fit.level
    return (level - field.sky) / field.noise


def _under(radius: float) -> np.ndarray:
    y, x = np.indices(SHAPE)
    return np.hypot(x - PLACE[0], y - PLACE[1]) < radius


def _rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def _tell(name: str, values: Iterable[float]) -> None:
    print(f"  {name:34}", *(f"{value:+.3f}" for value in values))


def _log_ticks(axis: plt.Axes, ticks: tuple[int, ...]) -> None:
    axis.set_xscale("log")
    axis.set_xticks(ticks)
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_locator(NullLocator())


def box() -> plt.Figure:
    """Boxes small and large over a galaxy and over a sky with a wave."""
    sizes = (16, 32, 64, 128, 256)
    galaxy = _galaxy(80, 2, ("gradient",))
    wavy = truth_field("typical", SHAPE, seed=SEED, structure=WAVY)
    x, row, under = np.arange(SHAPE[1]), PLACE[1], _under(160)
    figure, axes = plt.subplots(2, 2, figsize=(7, 4.8))
    shown = dict(zip((16, 64, 256), ((RED, "-"), (BLUE, "--"), (GREEN, "-.")), strict=True))
    for method, (color, mark, style) in METHODS.items():
        told = []
        for size in sizes:
            recipe = Recipe().with_parameters(method=method, box_size=size)
            errors = [_error(field, recipe) for field in (galaxy, wavy)]
            told.append((errors[0][under].mean(), _rms(errors[1])))
            if method == "sep" and size in shown:
                tint, dash = shown[size]
                for axis, error in zip(axes[0], errors, strict=True):
                    axis.plot(x, error[row], color=tint, ls=dash, label=f"{size} px")
        for axis, values, name in zip(
            axes[1], np.transpose(told), ("under galaxy", "rms, wave"), strict=True
        ):
            axis.plot(sizes, values, color=color, marker=mark, ms=4, ls=style, label=method)
            _tell(f"{method}, {name}, box {sizes}", values)
    for axis, title in zip(axes[0], ("a diffuse galaxy", "a sky with a wave"), strict=True):
        axis.axhline(0, color=BLACK, lw=0.8)
        axis.set(title=f"{title}: cut, sep", xlabel=f"x (px), at y = {row}", xlim=(0, x[-1]))
    axes[0, 0].axvspan(PLACE[0] - 160, PLACE[0] + 160, color="0.9", lw=0)
    axes[0, 0].set_ylabel("map - truth (σ)")
    axes[0, 1].legend(loc="upper center", ncols=3)
    axes[0, 1].set_ylim(-0.5, 0.7)
    for axis, label in zip(axes[1], ("mean error under galaxy (σ)", "rms error (σ)"), strict=True):
        _log_ticks(axis, sizes)
        axis.set(xlabel="box size (px)", ylabel=label, ylim=(0, None))
    axes[1, 0].legend()
    return figure


def filter_() -> plt.Figure:
    """SEP's median filter on a plain sky, and on one with a wave and a glow."""
    filters, sizes = (1, 3, 5, 7, 9), (32, 64, 128)
    skies = {"plain gradient": ("gradient",), "wave and glow": ("gradient", "wave", "glow")}
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.7), sharey=True)
    for axis, (name, structure) in zip(axes, skies.items(), strict=True):
        field = truth_field("typical", SHAPE, seed=SEED, structure=structure)
        for size, color, mark, style in zip(
            sizes, (RED, BLUE, GREEN), "so^", ("--", "-", "-."), strict=True
        ):
            recipe = Recipe().with_parameters(method="sep", box_size=size)
            values = [
                _error(field, recipe.with_parameters(filter_size=each)).std() for each in filters
            ]
            axis.plot(filters, values, color=color, marker=mark, ms=4, ls=style,
                      label=f"box {size} px")  # fmt: skip
            _tell(f"{name}, box {size}, filter {filters}", values)
        axis.set(title=name, xlabel="filter size (boxes)", xticks=filters)
    axes[0].set(ylabel="scatter of map - truth (σ)", ylim=(0, 0.1))
    axes[0].legend()
    return figure


def method() -> plt.Figure:
    """The error of both methods over a frame with a galaxy, as pictures."""
    field = truth_field("galaxy", SHAPE, seed=SEED)
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.9), sharey=True)
    for axis, name in zip(axes, METHODS, strict=True):
        error = _error(field, Recipe(regions=field.objects).with_parameters(method=name))
        image = axis.imshow(error, cmap=plt.get_cmap("PuOr_r", 15), vmin=-0.3, vmax=0.3,
                            origin="lower", interpolation="nearest")  # fmt: skip
        circle = field.galaxy
        axis.add_patch(plt.Circle((circle.x, circle.y), circle.radius, fill=False, color=BLACK))
        axis.set(title=f"{name}: rms {_rms(error):.3f} σ", xlabel="x (px)")
        _tell(f"{name}: mean, rms, worst", (error.mean(), _rms(error), np.abs(error).max()))
    axes[0].set_ylabel("y (px)")
    figure.colorbar(image, ax=axes, label="map - truth (σ)", ticks=(-0.3, 0, 0.3))
    return figure


def model() -> plt.Figure:
    """Each model on skies of more and more structure, and a cut under a large circle."""
    models = ("constant", "plane", "poly2", "poly4", "mesh")
    skies = {
        "flat": ((), BLACK, "v", ":"),
        "gradient": (("gradient",), BLUE, "o", "-"),
        "vignetting": (("gradient", "vignetting"), RED, "s", "--"),
        "wave": (WAVY, GREEN, "^", "-."),
    }
    circle = PixelCircle(620, 480, 330)
    x, row = np.arange(SHAPE[1]), round(circle.y)
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2), width_ratios=(1, 1.2))
    for name, (structure, color, mark, style) in skies.items():
        field = truth_field("typical", SHAPE, seed=SEED, structure=structure)
        recipe = Recipe(regions=(circle,))
        errors = [_error(field, recipe.with_parameters(model=each)) for each in models]
        values = [_rms(error) for error in errors]
        left.plot(models, values, color=color, marker=mark, ms=4, ls=style, label=name)
        _tell(f"{name}: {', '.join(models)}", values)
        if name == "wave":
            for error, label, tint, dash in zip(
                errors, models, (BLACK, BLUE, RED, CYAN, GREEN), ("-", "-.", "--", ":", "-"),
                strict=True,
            ):  # fmt: skip
                right.plot(x, error[row], color=tint, ls=dash, label=label)
    left.set_yscale("log")
    left.set(ylabel="rms error (σ)", ylim=(0.008, 20))
    left.tick_params(axis="x", rotation=30)
    left.legend(title="sky", ncols=2, loc="upper right")
    right.axvspan(circle.x - circle.radius, circle.x + circle.radius, color="0.9", lw=0)
    right.set(title="wave: cut through the circle", xlabel=f"x (px), at y = {row}",
              ylabel="map - truth (σ)", xlim=(0, x[-1]), ylim=(-0.5, 0.8))  # fmt: skip
    right.legend(ncols=3, loc="upper center")
    _tell_of_a_filled_frame(("mesh", "plane", "poly2", "poly4"))
    return figure


def _tell_of_a_filled_frame(models: tuple[str, ...]) -> None:
    """The rms over a frame in which no pixel is free of the galaxy's light."""
    recipe = Recipe(regions=(PixelCircle(*PLACE, 400),))
    for brightness in (0.3, 4):
        for structure in (("gradient",), ("gradient", "vignetting")):
            field = _galaxy(200, brightness, structure)
            errors = [_error(field, recipe.with_parameters(model=each)) for each in models]
            _tell(
                f"filled, {brightness} σ, {structure[-1]}, {', '.join(models)}", map(_rms, errors)
            )


def circle() -> plt.Figure:
    """The error under a diffuse galaxy against the radius of the circle drawn over it."""
    radii = (0, 50, 100, 150, 200, 250, 300, 350, 400)
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.8))
    for axis, half_light, brightness in zip(axes, (80, 200), (2, 0.3), strict=True):
        field, under = _galaxy(half_light, brightness, ("gradient",)), _under(2 * half_light)
        for method, (color, mark, style) in METHODS.items():
            errors = [
                _error(
                    field,
                    Recipe(
                        regions=(PixelCircle(*PLACE, radius),) if radius else ()
                    ).with_parameters(method=method),
                )
                for radius in radii
            ]
            values = [error[under].mean() for error in errors]
            axis.plot(radii, values, color=color, marker=mark, ms=4, ls=style, label=method)
            _tell(f"{method}, half-light {half_light}, mean under", values)
            _tell("  rms of the frame", map(_rms, errors))
        axis.axvline(2 * half_light, color=BLACK, ls=":", lw=1.2)
        axis.text(2 * half_light - 8, 0.97, "twice that", ha="right", va="top",
                  transform=axis.get_xaxis_transform())  # fmt: skip
        axis.set(title=f"half of the light within {half_light} px", xlabel="radius drawn (px)",
                 xlim=(-10, 410), ylim=(0, None))  # fmt: skip
    axes[0].set_ylabel("mean error under galaxy (σ)")
    axes[0].legend(loc="center right")
    return figure
