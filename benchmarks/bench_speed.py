"""Wall time, CPU time and peak memory of whole processes: this project and its peers.

    python benchmarks/bench_speed.py [--megapixels 16 61] [--repeats 3] [--all]
        [--output docs/benchmark-speed.md]

Each process reads one FITS file, estimates its sky and writes two maps (background and rms);
this project's is `ginga-bkg run --save bkgmap,bkgrms --no-verdict`.
The methods take turns, so that the load of the machine falls on all alike, each turn in another
order: what ran before leaves a virtual machine's memory warm or cold. Peers known to be slow are
left out above 16 Mpix unless --all is given. Then, in processes of their own, the engine alone
and each step of the viewer's worker at the largest size. 61 is a frame of 9576 x 6388. The
longest stall of the GUI is in `bench_gui.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import memory
import peers

METHODS = (peers.SMOOTH, peers.SEP, peers.ONCE, peers.EXTRACTOR, peers.PHOTUTILS, peers.CHISEL,
           peers.EZPHOT)  # fmt: skip
SLOW = (peers.PHOTUTILS, peers.CHISEL, peers.EZPHOT)
PARTS = ("processes", "engine", "worker")
SLOW_ABOVE = 16.5  # Mpix
OURS = (peers.SMOOTH, peers.SEP)
FULL_FRAME = (6388, 9576)  # of a sensor of 61 Mpix
Run = tuple[float, float, float]  # wall s, CPU s, peak MB


def main() -> None:
    """Time everything and print the tables; or, as a child, do one thing."""
    if sys.argv[1:2] == ["--child"]:
        task, *arguments = sys.argv[2:]
        return CHILDREN[task](*arguments)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[16, 61])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--all", action="store_true", help="slow peers at every size")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--output", type=Path, help="page to write instead of printing")
    options = parser.parse_args()
    with peers.printed_to(options.output):
        report(options)
    return None


def report(options: argparse.Namespace) -> None:
    """Time and print everything."""
    print("# Speed of whole processes\n")
    print("\n".join(["```text", *peers.banner(), "```"]))
    print(
        "\nThe field is the kind `typical` of `ginga_bkgplugin.truth_field`, float32, no NaN."
        " Python starts and imports are inside the times of all but SExtractor and NoiseChisel."
        " Peak is the largest resident set of the process (getrusage), a frame 4 bytes per pixel."
        " SExtractor and sep once"
        f" mask no sources: they do less work. Medians of {options.repeats} runs in turns, each"
        " turn in another order, least and most in brackets. The file was just written and is in"
        " the page cache."
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = sorted(options.megapixels)
        for megapixels in sizes if "processes" in options.parts else sizes[-1:]:
            image = folder / f"{megapixels:g}.fits"
            shape = child("make", image, megapixels, options.seed)["shape"]
            if "processes" in options.parts:
                time_processes(image, shape, megapixels, options)
        if "engine" in options.parts:
            time_engine(image, shape, options.repeats)
        if "worker" in options.parts:
            time_worker(image, shape, options.repeats)
    print(f"\nLoad average at the end (1, 5, 15 min): {load()}")


def load() -> str:
    """The load averages in words."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def time_processes(
    image: Path, shape: list[int], megapixels: float, options: argparse.Namespace
) -> None:
    """Print the table of one size."""
    absent = peers.missing()
    methods = [
        name for name in METHODS
        if name not in absent
        and (options.all or megapixels <= SLOW_ABOVE or name not in SLOW)
    ]  # fmt: skip
    print(f"\n## {shape[1]} x {shape[0]} px ({shape[0] * shape[1] / 1e6:.1f} Mpix)\n")
    print(f"Load average before: {load()}.", end=" ")
    left = [name for name in SLOW if name not in methods and name not in absent]
    print(f"Left out as slow: {', '.join(left)}.\n" if left else "\n", flush=True)
    runs: dict[str, list[Run]] = {name: [] for name in methods}
    failed: dict[str, str] = {}
    order = random.Random(options.seed)
    for _ in range(options.repeats):
        for name in order.sample(methods, len(methods)):
            if name in failed:
                continue
            try:
                runs[name].append(measure(name, image))
                print(f"{image.name} {name}: {runs[name][-1][0]:.1f} s", file=sys.stderr)
            except RuntimeError as error:
                failed[name] = str(error)
    frame = 4e-6 * shape[0] * shape[1]
    head = ["process", "wall s", "CPU s", "peak MB", "peak / frame", "wall / smooth",
            "wall / sep", "CPU / smooth", "peak / smooth"]  # fmt: skip
    rows = []
    for name in methods:
        if name in failed:
            rows.append([name, "failed", *["-"] * 7])
            continue
        wall, cpu, _ = (spread([run[i] for run in runs[name]]) for i in range(3))
        peak = statistics.median(run[2] for run in runs[name])
        pairs = [(peers.SMOOTH, 0), (peers.SEP, 0), (peers.SMOOTH, 1), (peers.SMOOTH, 2)]
        ratios = [ratio(runs, name, *pair) for pair in pairs]
        rows.append([name, wall, cpu, f"{peak:.0f}", f"{peak / frame:.2f}", *ratios])
    print(peers.table(head, rows))
    print(
        "\nRatios are medians of the ratios turn by turn; above 1 the row is slower or larger.\n"
    )
    rows = [[f"{name} / this project, wall", *(ratio(runs, name, ours, 0) for ours in OURS)]
            for name in (peers.EZPHOT, peers.EXTRACTOR) if name in methods and name not in failed
            ]  # fmt: skip
    peaks = [statistics.median(run[2] for run in runs[ours]) if runs[ours] else float("nan")
             for ours in OURS]  # fmt: skip
    rows.append(["peak memory / float32 frame", *(f"{peak / frame:.2f}" for peak in peaks)])
    print(peers.table(["figure", *OURS], rows))
    for name, why in failed.items():
        print(f"\nFailed: {name}: {why}")
    sys.stdout.flush()


def spread(values: list[float]) -> str:
    """Median, least and most."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def ratio(runs: dict[str, list[Run]], name: str, base: str, figure: int) -> str:
    """Median over the turns of a method / the base."""
    if not runs.get(base) or len(runs[base]) != len(runs[name]):
        return "-"
    pairs = zip(runs[name], runs[base], strict=True)
    return f"{statistics.median(a[figure] / b[figure] for a, b in pairs):.2f}"


def measure(name: str, image: Path) -> Run:
    """One whole process: wall, CPU, peak.

    Raises
    ------
    RuntimeError
        When it ends with an error.
    """
    # modules stay compiled, as those of an installed package are
    compiled = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if name == peers.EXTRACTOR:
            command = peers.extractor_command(image, folder)
        elif name == peers.CHISEL:
            command = peers.chisel_command(image, folder)
        elif name in OURS:
            command = [sys.executable, "-m", "ginga_bkgplugin.cli", "run", str(image),
                       "--method", name, "--output", made, "--save", "bkgmap,bkgrms",
                       "--no-verdict"]  # fmt: skip
        else:
            command = [sys.executable, __file__, "--child", "sky", name, str(image), str(folder)]
        with (folder / "said").open("w+b") as said:
            start = time.perf_counter()
            process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, env=compiled)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            words = said.read().decode(errors="replace").strip().splitlines()
        if process.returncode:
            last = words[-1][:160] if words else ""
            raise RuntimeError(f"exit code {process.returncode}: {last}")
        size = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)  # bytes there, else KiB
        return wall, usage.ru_utime + usage.ru_stime, size / 1e6


def child(task: str, *arguments: Any) -> dict[str, Any]:
    """Do something in a process of its own; its last line is JSON."""
    command = [sys.executable, __file__, "--child", task, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.decode().splitlines()[-1])
    return answer


def time_engine(image: Path, shape: list[int], repeats: int) -> None:
    """Print the time of the engine alone, in process."""
    print(f"\n## The engine alone, {shape[1]} x {shape[0]} px\n")
    print("`ginga_bkgplugin.work.pipeline.run` on an array in memory, no files, second run on.\n")
    rows = []
    for method in OURS:
        times = child("engine", method, image, repeats)
        rows.append([method, spread(times["first"]), spread(times["result"]), times["passes"]])
    head = ["method", "first background s", "result s", "passes"]
    print(peers.table(head, rows), flush=True)


def time_worker(image: Path, shape: list[int], repeats: int) -> None:
    """Print when each step of the worker arrives, cold and warm, and its memory."""
    answers = {method: child("worker", method, image, repeats) for method in OURS}
    print(f"\n## The viewer's worker, {shape[1]} x {shape[0]} px\n")
    print("Seconds from `Worker.run()` in a warm worker: the same image once more. A step counts"
          " when its maps are copied out. Memory is the proportional set size (PSS) of the worker"
          " and all of the shared memory, looked at every 10 ms in a run that is not timed. The"
          " longest stall of the GUI is in [benchmarks](benchmarks.md).\n")  # fmt: skip
    events = {"first maps": "maps", "first mask, after pass 1": "pass", "result": "result"}
    rows = [[text, *(spread([first(run, kind) for run in answers[method]["warm"]])
                     for method in OURS)] for text, kind in events.items()]  # fmt: skip
    peaks = [answers[method]["peak"] for method in OURS]
    frame = 4 * shape[0] * shape[1]
    rows.append(["peak memory / float32 frame",
                 *(f"{peak / frame:.2f}" if peak else "-" for peak in peaks)])  # fmt: skip
    print(peers.table(["figure", *OURS], rows))
    for method in OURS:
        cold, warm = answers[method]["cold"], answers[method]["warm"]
        print(f"\n### Method {method}, step by step\n")
        print("Cold: process not started, image not loaded (one run).\n")
        rows = [[text, f"{cold[i][2]:.2f}", spread([run[i][2] for run in warm])]
                for i, (_, text, _) in enumerate(cold)]  # fmt: skip
        print(peers.table(["step", "cold s", "warm s"], rows), flush=True)


def first(run: list[Any], kind: str) -> float:
    """When the first step of a kind arrived; the maps of a pass count as maps."""
    kinds = ("maps", "pass") if kind == "maps" else (kind,)
    return float(next(seconds for step, _, seconds in run if step in kinds))


def make(image: str, megapixels: str, seed: str) -> None:
    """Child: write the field."""
    from astropy.io import fits

    from ginga_bkgplugin.sky.simulate import SATURATION, truth_field

    ny = round((float(megapixels) * 1e6 / 1.5) ** 0.5)
    shape = FULL_FRAME if round(float(megapixels)) == 61 else (ny, round(1.5 * ny))
    field = truth_field("typical", shape, seed=int(seed))
    fits.writeto(image, field.data, fits.Header([("SATURATE", SATURATION)]))
    print(json.dumps({"shape": field.data.shape}))


def sky(method: str, image: str, folder: str) -> None:
    """Child: read, estimate, write two maps as a peer does."""
    import numpy as np
    from astropy.io import fits

    data = np.ascontiguousarray(fits.getdata(image), dtype=np.float32)
    maps = peers.FUNCTIONS[method](data, None)[method]
    fits.writeto(Path(folder, "back.fits"), maps.level)
    fits.writeto(Path(folder, "rms.fits"), maps.rms)


def load_image(image: str) -> tuple[Any, float]:
    """The array, native, and its saturation level."""
    import numpy as np
    from astropy.io import fits

    data, header = fits.getdata(image, header=True)
    return np.ascontiguousarray(data, dtype=np.float32), header["SATURATE"]


def engine(method: str, image: str, repeats: str) -> None:
    """Child: time of the pipeline in process."""
    from ginga_bkgplugin.recipe.recipe import Recipe
    from ginga_bkgplugin.sky.steps import Pass
    from ginga_bkgplugin.work.pipeline import Result, run

    data, level = load_image(image)
    recipe = Recipe().with_parameters(method=method)
    first, result, passes = [], [], ""
    for turn in range(int(repeats) + 1):
        start, begun = time.perf_counter(), 0.0
        for step in run(data, recipe, saturation_level=level):
            if isinstance(step, Pass) and not begun:
                begun = time.perf_counter() - start
            if isinstance(step, Result):
                passes = str(len(step.rows))
        if turn:
            first.append(begun)
            result.append(time.perf_counter() - start)
    print(json.dumps({"first": first, "result": result, "passes": passes}))


def worker(method: str, image: str, repeats: str) -> None:
    """Child: when each step of a worker arrives, and the peak of its memory."""
    from ginga_bkgplugin.recipe.recipe import Recipe
    from ginga_bkgplugin.work.worker import Worker

    data, level = load_image(image)
    recipe = Recipe().with_parameters(method=method)
    one, runs = Worker(), []
    try:
        for _ in range(int(repeats) + 1):
            start, steps = time.perf_counter(), []
            for step in one.run(data, recipe, saturation_level=level):
                steps.append((*told(step), time.perf_counter() - start))
            runs.append(steps)
        with memory.watched() as seen:
            for _ in one.run(data, recipe, saturation_level=level):
                pass
    finally:
        one.close()
    print(json.dumps({"cold": runs[0], "warm": runs[1:], "peak": max(seen, default=0)}))


def told(step: Any) -> tuple[str, str]:
    """The kind of a step, and a word on it."""
    from ginga_bkgplugin.sky.steps import Pass
    from ginga_bkgplugin.work.pipeline import Result

    if isinstance(step, Pass):
        row = step.row
        return ("pass", f"**maps after pass {row.index}**") if row else ("maps", "**maps**")
    return ("result", "**result**") if isinstance(step, Result) else ("stage", step.text)


CHILDREN = {"make": make, "sky": sky, "engine": engine, "worker": worker}


if __name__ == "__main__":
    main()
