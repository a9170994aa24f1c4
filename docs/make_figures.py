"""Make the figures of method.md, choosing.md and notebook.md in docs/images: make figures.

python docs/make_figures.py [NAME ...]      e.g. detection stiffness; none: all
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import choosing_figures
import matplotlib.pyplot as plt
import numpy as np
import sep
import tables
from colours import BLACK, BLUE, CYAN, GREEN, RED
from matplotlib.ticker import ScalarFormatter
from PIL import Image
from scipy.ndimage import gaussian_filter

from ginga_bkgplugin import Pass, PixelCircle, Recipe, Result, run, truth_field
from ginga_bkgplugin.recipe.parameters import SmoothParameters
from ginga_bkgplugin.sky.binning import Binned, bin_frame
from ginga_bkgplugin.sky.boxes import Grid, box_statistics
from ginga_bkgplugin.sky.deep import disc_radii, find_deep
from ginga_bkgplugin.sky.extraction import extract
from ginga_bkgplugin.sky.nodes import roughness, smooth_surface
from ginga_bkgplugin.sky.profiles import add_sersic
from ginga_bkgplugin.sky.simulate import SATURATION, sky_shape
from ginga_bkgplugin.work.pipeline import finish

IMAGES = Path(__file__).resolve().parent / "images"
SMOOTH = Recipe().with_parameters(method="smooth")
MIN_AREA = SMOOTH.source.min_area
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "figure.constrained_layout.use": True,
}


def detection() -> plt.Figure:
    """What is found of a faint galaxy in pixels and in means of 2 x 2 and 4 x 4."""
    size = 160
    light = np.zeros((size, size), np.float32)
    add_sersic(light, (79.5, 79.5), half_light=26, brightness=0.22, index=1.5, axis_ratio=0.7)
    noise = np.random.default_rng(7).standard_normal(light.shape, dtype=np.float32)
    frames, _ = bin_frame(light + noise, np.zeros(light.shape, np.uint8), (1, 2, 4), None)
    figure, axes = plt.subplots(1, 3, figsize=(7, 2.7))
    for frame, axis in zip(frames, axes, strict=True):
        flat, side = np.zeros(frame.shape, np.float32), frame.factor
        axis.imshow(frame.image * side, cmap=plt.get_cmap("gray_r", 12), vmin=-3, vmax=6,
                    origin="lower", extent=(-0.5, size - 0.5) * 2)  # fmt: skip
        for low, color, style in ((3.0, CYAN, "--"), (2.0, RED, "-")):
            pair = SmoothParameters(growth=0.0, low_sigma=low, high_sigma=3.0)
            found = find_deep(frame, flat, flat + 1 / side, pair, MIN_AREA, None).mask != 0
            whole = np.kron(found, np.ones((side, side), bool))
            axis.contour(whole, [0.5], colors=color, linestyles=style, linewidths=1.4)
        axis.contour(light, [0.1], colors=GREEN, linestyles=":", linewidths=1.4)
        name = f"{side} x {side} means" if side > 1 else "pixels"
        axis.set_title(f"{name}: {light[whole].sum() / light.sum():.0%}")
        axis.set(xlabel="x (px)", xticks=(0, 50, 100, 150), yticks=(0, 50, 100, 150))
    axes[0].set_ylabel("y (px)")
    return figure


def both_signs() -> plt.Figure:
    """Free blocks of pure noise, with sources of one sign or of both masked."""
    noise = np.random.default_rng(3).standard_normal((3000, 3000), dtype=np.float32)
    frame = bin_frame(noise, np.zeros(noise.shape, np.uint8), (2,), None)[0][0]
    signal, lows = frame.image * 2, (1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
    edges = np.arange(-4.1, 4.2, 0.2)
    middle, every = (edges[1:] + edges[:-1]) / 2, np.histogram(signal, edges)[0]
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
    means: dict[str, list[float]] = {"positive masked": [], "both signs masked": []}
    for low in lows:
        masks = [_one_sign(sign * signal, frame, low) for sign in (1, -1)]
        for name, mask, color, style in (
            ("positive masked", masks[0], RED, "--"),
            ("both signs masked", masks[0] | masks[1], BLUE, "-"),
        ):
            means[name].append(1000 * signal[~mask].mean(dtype=np.float64) / 2)
            if low == SmoothParameters().low_sigma:
                free = 100 * np.histogram(signal[~mask], edges)[0] / every
                left.step(middle, free, where="mid", color=color, ls=style, label=name)
    right.plot(lows, means["positive masked"], color=RED, ls="--", marker="s", ms=4)
    right.plot(lows, means["both signs masked"], color=BLUE, marker="o", ms=4)
    right.axhline(0, color=BLACK, lw=0.8)
    left.set(xlabel="2 x 2 mean (its noise)", ylabel="blocks left free (%)", ylim=(70, 102))
    right.set(xlabel="low threshold (high: 1 more)", ylabel="mean of the free pixels (σ / 1000)")
    left.legend(loc="lower center")
    return figure


def _one_sign(signal: np.ndarray, frame: Binned, low: float) -> np.ndarray:
    """The discs of the positive sources alone."""
    objects, segments = extract(signal, low * 0.375, MIN_AREA, frame.bad)
    kept = objects["cpeak"] >= (low + 1) * 0.375
    mask: np.ndarray = np.concatenate([[False], kept])[segments]
    objects, one = objects[kept], np.ones(kept.sum())
    radius = disc_radii(objects["npix"], np.zeros(kept.sum(), bool), frame, SmoothParameters())
    sep.mask_ellipse(mask, objects["x"], objects["y"], one, one, 0 * one, radius)
    return mask


def growth() -> plt.Figure:
    """Light outside the mask, and the share masked, against the growth of the discs."""
    factors = (1.0, 1.3, 1.6, 2.0, 2.5, 3.0, 3.5, 4.0)
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
    for kind, color, mark in (
        ("typical", GREEN, "s"), ("galaxy", BLUE, "o"), ("halo", RED, "^")
    ):  # fmt: skip
        field = truth_field(kind, (1200, 1500), seed=1)
        light, masked = [], []
        for factor in factors:
            recipe = SMOOTH.with_parameters(growth=factor, most_coverage=1.0)
            free = finish(run(field.data, recipe, saturation_level=SATURATION)).mask == 0
            light.append((field.data - field.sky)[free].mean(dtype=np.float64) / field.noise)
            masked.append(100 * (1 - free.mean()))
        left.plot(factors, light, color=color, marker=mark, ms=4, label=kind)
        right.plot(factors, masked, color=color, marker=mark, ms=4, label=kind)
    for axis in (left, right):
        axis.axvline(SmoothParameters().growth, color=BLACK, ls=":", lw=1)
        axis.set_xlabel("growth (radius of disc / source)")
    left.set(ylabel="light outside the mask (σ)", ylim=(0, None))
    right.set(ylabel="masked (% of the frame)", ylim=(0, 100))
    left.legend()
    right.text(2.55, 92, "default")
    return figure


def counts() -> plt.Figure:
    """Bias of a clipped mean and of SEP's mode on Poisson skies."""
    rng, shape = np.random.default_rng(5), (2048, 2048)
    levels = (5, 7, 10, 14, 20, 30, 50, 100, 200, 500, 1000)
    rows = []
    for level in levels:
        image = rng.poisson(level, shape).astype(np.float32)
        truth = image.mean(dtype=np.float64)  # free of the noise that all estimates share
        grid = Grid.over(shape, 64)
        clipped = box_statistics(
            image - np.float32(level), np.zeros(shape, bool), grid,
            np.full(grid.shape, np.sqrt(level)),
        ).mean.mean() + level  # fmt: skip
        mode = sep.Background(image, bw=64, bh=64, fw=3, fh=3).back().mean(dtype=np.float64)
        smooth = finish(run(image, SMOOTH)).fit.level.mean(dtype=np.float64)
        rows.append([1e6 * (value / truth - 1) for value in (mode, clipped, smooth)])
    figure, axis = plt.subplots(figsize=(7, 3.0))
    for values, color, mark, style, label in zip(
        np.transpose(rows), (RED, BLUE, GREEN), "so^", ("--", "-", ":"),
        ("SEP: mode of the box", "clipped mean of the box", "the whole method smooth"),
        strict=True,
    ):  # fmt: skip
        axis.plot(levels, values, color=color, marker=mark, ms=4, ls=style, label=label)
    axis.axhline(0, color=BLACK, lw=0.8)
    axis.set_xscale("log")
    axis.set_yscale("symlog", linthresh=100)
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.set(ylim=(-2e4, 3e4), xlabel="sky (electrons per pixel)", ylabel="bias (ppm of the sky)")
    axis.legend()
    return figure


def stiffness() -> plt.Figure:
    """The score of cross-validation and the true error, over the stiffness."""
    box, noise = 64, np.sqrt(1000.0)
    truth = 1000.0 * sky_shape((38 * box, 47 * box), ("gradient", "wave", "glow"))
    truth = truth[box // 2 :: box, box // 2 :: box].astype(np.float64)
    measured = truth + np.random.default_rng(2).normal(0, noise / box, truth.shape)
    weights = np.ones(truth.shape)
    eigen = roughness(truth.shape)
    values = 10.0 ** np.arange(-3, 5.01, 0.125)
    score, error = [], []
    for value in values:
        surface = smooth_surface(measured, weights, robust=0, stiffness=value)[0]
        left = 1 - np.mean(1 / (1 + value * eigen))
        score.append(np.mean((measured - surface) ** 2) / left**2)
        error.append(np.sqrt(np.mean((surface - truth) ** 2)) / noise)
    chosen = smooth_surface(measured, weights, robust=0)[1]
    figure, (top, low) = plt.subplots(2, 1, figsize=(7, 3.8), sharex=True)
    top.loglog(values, score, color=BLUE)
    low.loglog(values, error, color=RED)
    low.axhline(1 / box, color=BLACK, ls="--", lw=1)
    low.text(values[0], 1.04 / box, "unsmoothed boxes", va="bottom")
    for axis in (top, low):
        axis.axvline(chosen, color=BLACK, ls=":", lw=1.2)
    top.text(chosen * 1.15, max(score) * 0.6, f"chosen: {chosen:.2g}")
    top.set_ylabel("score (electrons²)")
    low.set(ylabel="rms error (σ)", xlabel="stiffness s")
    return figure


def hole() -> plt.Figure:
    """The sky under a large region: SEP's boxes and the smooth surface."""
    circle = PixelCircle(560, 430, 380)
    row, x = round(circle.y), np.arange(1200)
    figure, axes = plt.subplots(2, 2, figsize=(7, 4.2), sharex=True, sharey="row")
    for (top, low), structure in zip(
        np.transpose(axes), (("gradient",), ("gradient", "vignetting")), strict=True
    ):
        field = truth_field("noise", (900, x.size), seed=4, structure=structure)
        top.plot(x, field.sky[row], color=BLACK, lw=1, label="true sky")
        for name, recipe, color, style in (
            ("sep", Recipe().with_parameters(method="sep"), RED, "--"),
            ("smooth", SMOOTH, BLUE, "-"),
            ("smooth, degree 4", SMOOTH.with_parameters(degree=4), GREEN, "-."),
        ):
            recipe = recipe.with_regions(circle)
            level = finish(run(field.data, recipe)).fit.level[row]
            top.plot(x, level, color=color, ls=style, label=name)
            low.plot(x, (level - field.sky[row]) / field.noise, color=color, ls=style)
        for axis in (top, low):
            axis.axvspan(circle.x - circle.radius, circle.x + circle.radius, color="0.9", lw=0)
        top.set_title(" and ".join(structure))
        top.text(circle.x, 0.03, "region", ha="center", transform=top.get_xaxis_transform())
        low.axhline(0, color=BLACK, lw=0.8)
        low.set(xlabel=f"x (px), at y = {row}", xlim=(0, x[-1]))
    axes[0, 0].set_ylabel("sky (electrons)")
    axes[1, 0].set_ylabel("map - truth (σ)")
    axes[0, 0].legend(loc="lower right", bbox_to_anchor=(1, 0.1))
    return figure


def rms() -> plt.Figure:
    """The noise of correlated pixels: from pixels, and from 2 x 2 means times 2."""
    widths, rows = (0, 0.3, 0.4, 0.5, 0.7, 1.0, 1.4), []
    slope = np.linspace(1, 2, 1200, dtype=np.float32)
    white = np.random.default_rng(6).standard_normal((1000, 1200), dtype=np.float32)
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
    for width in widths:
        noise = gaussian_filter(white, width) if width else white
        noise = slope * noise / noise.std()
        binned = final = None
        for step in run(noise + np.float32(100), SMOOTH):
            if isinstance(step, Pass) and step.row:
                binned = step.fit.rms
            elif isinstance(step, Result):
                final = step.fit.rms
        rows.append([np.mean(values / slope) for values in (final, binned)])
        if width == 0.7:
            right.plot(slope, color="0.7", lw=5, label="truth")
            right.plot(binned[500], color=RED, ls="--")
            right.plot(final[500], color=BLUE)
    for values, color, mark, style, label in zip(
        np.transpose(rows), (BLUE, RED), "os", ("-", "--"),
        ("rows of pixels", "2 x 2 means, times 2"), strict=True,
    ):  # fmt: skip
        left.plot(widths, values, color=color, marker=mark, ms=4, ls=style, label=label)
    left.axhline(1, color=BLACK, lw=0.8)
    left.set(
        xlabel="kernel of the correlation (px)", ylabel="rms map / true noise", ylim=(0.9, None)
    )
    right.set(xlabel="x (px), at y = 500", ylabel="rms (counts)", ylim=(0, None))
    right.set_title("correlated over 0.7 px")
    left.legend()
    right.legend()
    return figure


def sky() -> plt.Figure:
    """The figure that the notebook draws."""
    exec("\n".join(text for kind, text in tables.notebook_cells() if kind == "code"), {})
    return plt.gcf()


METHOD: dict[str, Callable[[], plt.Figure]] = {
    "detection": detection,
    "both-signs": both_signs,
    "growth": growth,
    "counts": counts,
    "stiffness": stiffness,
    "hole": hole,
    "rms": rms,
}
CHOOSING: dict[str, Callable[[], plt.Figure]] = {
    "box": choosing_figures.box,
    "filter": choosing_figures.filter_,
    "sep-or-smooth": choosing_figures.method,
    "model": choosing_figures.model,
    "circle": choosing_figures.circle,
}
NOTEBOOK: dict[str, Callable[[], plt.Figure]] = {
    "sky": sky,
}


def main() -> None:
    """Draw the figures named, or all."""
    pages = {"method": METHOD, "choosing": CHOOSING, "notebook": NOTEBOOK}
    drawn = {name: (page, draw) for page, all_ in pages.items() for name, draw in all_.items()}
    for name in sys.argv[1:] or drawn:
        page, draw = drawn[name]
        with mpl.rc_context(STYLE):
            figure = draw()
            file = IMAGES / f"{page}-{name}.png"
            figure.savefig(file, dpi=150)
            plt.close(figure)
        with Image.open(file) as picture:
            picture.convert("RGB").quantize(64).save(file, optimize=True)
        print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
