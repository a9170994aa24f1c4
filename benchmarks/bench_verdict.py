"""How often a verdict is wrong on skies of pure noise, and what it says of real frames.

    python benchmarks/bench_verdict.py [--fields 100] [--shape NY NX] [--draw]
    python benchmarks/bench_verdict.py --frames FILE ...

The first judges so many fields of each kind of noise with each method: every word but *good* is a
false alarm. The second runs the default recipe on frames and prints word, numbers and complaints.
"""

from __future__ import annotations

import argparse
import collections

import numpy as np

from ginga_bkgplugin import (
    BackgroundPluginError,
    Judgement,
    PixelCircle,
    Recipe,
    Result,
    judge,
    read_frame,
    run,
)
from ginga_bkgplugin.sky.simulate import NOISES, pure_noise
from ginga_bkgplugin.sky.verdict import GOOD


def judged(data: np.ndarray, recipe: Recipe) -> Judgement:
    """The judgement of a run."""
    *_, result = run(data, recipe)
    assert isinstance(result, Result)
    return judge(data, result)


def false_alarms(
    fields: int, shape: tuple[int, int], methods: list[str], box: int, *, draw: bool
) -> None:
    """A row for each kind and method: fields, alarms, and the lines that gave them."""
    ny, nx = shape
    regions = (PixelCircle(nx / 2, ny / 2, min(shape) / 6),) if draw else ()
    print(f"{fields} fields of {ny} x {nx} px for each row, boxes of {box} px.\n")
    print("| noise | method | good | of | alarms |\n| --- | --- | ---: | ---: | --- |")
    total = good = 0
    for kind in NOISES:
        for method in methods:
            recipe = Recipe(regions=regions).with_parameters(
                method=method, box_size=box, fill="smooth" if regions else "nearest"
            )  # SEP's steps over a slope are a fault, and told
            lines: collections.Counter[str] = collections.Counter()
            fine = 0
            for seed in range(fields):
                found = judged(pure_noise(kind, shape, 1000 + seed), recipe)
                fine += found.word == GOOD
                lines.update(line.name for line in found.verdict.complaints)
            told = ", ".join(f"{name} {count}" for name, count in lines.items())
            print(f"| {kind} | {method} | {fine} | {fields} | {told} |", flush=True)
            total, good = total + fields, good + fine
    print(f"\nGood: {good} of {total}, {good / total:.2%}.")


def real_frames(files: list[str]) -> None:
    """A row for each frame: word, what is masked, filled and left, and the complaints."""
    print("| frame | word | masked | filled | bias | large scale | complaints | advice |")
    print("| --- | --- | ---: | ---: | ---: | ---: | --- | --- |")
    for file in files:
        try:
            frame = read_frame(file)
            *_, result = run(
                frame.data, Recipe(), dq=frame.dq, saturation_level=frame.saturation_level
            )
        except BackgroundPluginError as error:
            print(f"| {file} | failed | | | | | {error} | |")
            continue
        assert isinstance(result, Result)
        found = judge(frame, result)
        values = {line.name: line.value for line in found.verdict.lines}
        told = ", ".join(f"{line.name} ({line.word})" for line in found.verdict.complaints)
        advice = "; ".join(advice.words for advice in found.advice)
        print(
            f"| {frame.name} | {found.word} | {values['masked']:.0%} | {values['boxes']:.0%}"
            f" | {values['bias']:+.3f} | {values['large scale']:.3f} | {told} | {advice} |",
            flush=True,
        )


def main() -> None:
    """Read the options, do one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=int, default=100)
    parser.add_argument("--shape", type=int, nargs=2, default=(192, 224), metavar=("NY", "NX"))
    parser.add_argument("--box", type=int, default=48)
    parser.add_argument("--draw", action="store_true", help="with a circle drawn")
    parser.add_argument("--methods", nargs="+", default=["smooth", "sep"])
    parser.add_argument("--frames", nargs="+", metavar="FILE")
    options = parser.parse_args()
    if options.frames:
        real_frames(options.frames)
    else:
        false_alarms(
            options.fields, tuple(options.shape), options.methods, options.box, draw=options.draw
        )


if __name__ == "__main__":
    main()
