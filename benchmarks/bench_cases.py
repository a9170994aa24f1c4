"""Skies that `bench_accuracy.py` lacks: a circle drawn by hand, few electrons, drizzled noise.

    python benchmarks/bench_cases.py [--seeds 11 12 13] [--shape 2400 3000]
        [--output docs/benchmark-cases.md]

This project's default recipe alone. Errors are of map - truth, in units of the true noise of a
pixel unless said otherwise.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import peers
from scipy import ndimage

from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.simulate import SATURATION, truth_field
from ginga_bkgplugin.work.pipeline import Result, finish, run

ELECTRONS = 20
DRIZZLES = ("pixfrac 1, scale 0.7", "bilinear shift by half a pixel", "Gaussian of sigma 1 px")


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--shape", type=int, nargs=2, default=(2400, 3000), metavar=("NY", "NX"))
    parser.add_argument("--output", type=Path, help="page to write instead of printing")
    options = parser.parse_args()
    with peers.printed_to(options.output):
        print("# Accuracy in single cases\n")
        print("\n".join(["```text", *peers.banner(), "```"]))
        ny, nx = options.shape
        seeds = " ".join(map(str, options.seeds))
        print(
            f"\nFields of {nx} x {ny} px, seeds {seeds}: medians over the seeds, least and most.\n"
        )
        rows = [[f"bias under the galaxy, {name} (sigma)",
                 spread([under_galaxy(options.shape, seed, drawn) for seed in options.seeds])]
                for name, drawn in (("automatic", False), ("one circle drawn by hand", True))
                ]  # fmt: skip
        few = [poisson(options.shape, seed) for seed in options.seeds]
        rows.append([f"bias on a Poisson sky of {ELECTRONS} e-, no sources (ppm of the sky)",
                     spread([ppm for ppm, _ in few], "+.0f")])  # fmt: skip
        rows.append(
            ["the same: masked for nothing (%)", spread([share for _, share in few], ".2f")]
        )
        for case in DRIZZLES:
            found = [drizzled(options.shape, seed, case) for seed in options.seeds]
            for what, index, form in (("masked for nothing (%)", 0, ".2f"),
                                      ("rms map / true noise", 1, ".4f")):  # fmt: skip
                rows.append([f"noise alone, {case}: {what}",
                             spread([each[index] for each in found], form)])  # fmt: skip
        print(peers.table(["figure", "smooth"], rows))


def spread(values: list[float], form: str = "+.4f") -> str:
    """Median, least and most."""
    least, most = min(values), max(values)
    return f"{statistics.median(values):{form}} ({least:{form}} to {most:{form}})"


def fitted(image: Any, *circles: Any) -> Result:
    """The result of the default recipe."""
    return finish(run(image, Recipe(regions=circles), saturation_level=SATURATION))


def under_galaxy(shape: tuple[int, int], seed: int, drawn: bool) -> float:
    """Mean error within half the radius of the circle an astronomer would draw."""
    field = truth_field("galaxy", tuple(shape), seed=seed)
    circle = field.galaxy
    result = fitted(field.data, *([circle] if drawn else []))
    y, x = np.ogrid[: shape[0], : shape[1]]
    inside = np.hypot(x - circle.x, y - circle.y) < circle.radius / 2
    return float(((result.fit.level - field.sky) / field.noise)[inside].mean())


def poisson(shape: tuple[int, int], seed: int) -> tuple[float, float]:
    """Bias in millionths of the sky, and percent masked, on a flat sky of few electrons."""
    image = np.random.default_rng(seed).poisson(ELECTRONS, shape).astype(np.float32)
    result = fitted(image)
    error = float(result.fit.level.astype(np.float64).mean()) - ELECTRONS
    return 1e6 * error / ELECTRONS, 100 * float(np.mean(result.mask != 0))


def drizzled(shape: tuple[int, int], seed: int, case: str) -> tuple[float, float]:
    """Percent masked, and the rms map against the noise, of noise correlated by resampling."""
    rng = np.random.default_rng(seed)
    if case == DRIZZLES[0]:  # drops as large as the pixels, on pixels of 0.7 of their size
        fine = [round(n * 0.7) + 2 for n in shape]
        noise = rng.standard_normal(fine)
        for axis in (0, 1):
            edges = 0.7 * np.arange(shape[axis] + 1)
            low = np.floor(edges).astype(int)
            sums = np.insert(np.cumsum(noise, axis=axis), 0, 0.0, axis=axis)
            share = (edges - low).reshape(-1, 1) if axis == 0 else edges - low
            at = (1 - share) * np.take(sums, low, axis) + share * np.take(sums, low + 1, axis)
            noise = np.diff(at, axis=axis)
    elif case == DRIZZLES[1]:
        noise = ndimage.shift(rng.standard_normal(shape), (0.5, 0.5), order=1, mode="wrap")
    else:
        noise = ndimage.gaussian_filter(rng.standard_normal(shape), 1.0, mode="wrap")
    noise /= noise.std()
    result = fitted((1000 + 30 * noise).astype(np.float32))
    return 100 * float(np.mean(result.mask != 0)), float(np.median(result.fit.rms)) / 30


if __name__ == "__main__":
    main()
