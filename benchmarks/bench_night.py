"""A night: images per second and core, ours and others', efficiency, dask, memory.

    python benchmarks/bench_night.py --frames 90 --side 1024
    python benchmarks/bench_night.py --frames 12 --repeats 1   # a try

Every method gets the same frames, read from files, and writes background and rms to files, one
process for each core. The time is that of the whole command, starts and imports included. Peers
are run as in `bench_speed.py`; they give no verdict, so ours are run without it, and one of them
also with it. "Steady" is the rate between the first row and the last.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import memory
import peers

JUDGED = f"{peers.SMOOTH} + verdict"
OURS = {peers.SMOOTH: [], JUDGED: ["--verdict"], peers.SEP: []}
METHODS = (*OURS, peers.EZPHOT, peers.EXTRACTOR, peers.PHOTUTILS, peers.CHISEL)


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--side", type=int, default=1024, help="of a frame, pixels")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--output", type=Path, help="page to write instead of printing")
    options = parser.parse_args()
    with peers.printed_to(options.output), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shape = make_night(folder / "night", options.frames, options.side, options.seed)
        print("# A night of images\n")
        print("\n".join(["```text", *peers.banner(), "```"]))
        print(f"\n{options.frames} frames of {shape[1]} x {shape[0]} px, kind `typical` of"
              " `ginga_bkgplugin.truth_field`, float32. Files in and two maps out, one process for"
              f" each of the {cores()} cores, starts and imports included. Medians of"
              f" {options.repeats} runs in turns, least and most in brackets. Memory is the"
              " proportional set size of all processes, at its highest, divided by the jobs;"
              " a frame is 4 bytes per pixel.\n")  # fmt: skip
        compare(folder, shape, options)
        efficiency(folder, options)
        overhead(folder, options)


def cores() -> int:
    """Cores this process may use."""
    from ginga_bkgplugin.work.memory import cores as count

    return count()


def make_night(folder: Path, frames: int, side: int, seed: int) -> tuple[int, int]:
    """Write the frames: four fields in turn, each shifted and brightened anew."""
    import numpy as np
    from astropy.io import fits

    from ginga_bkgplugin.sky.simulate import SATURATION, truth_field

    folder.mkdir()
    shape = (side, side)
    fields = [truth_field("typical", shape, seed=seed + k).data for k in range(min(4, frames))]
    for k in range(frames):
        data = np.roll(fields[k % len(fields)], 13 * k, axis=1) + np.float32(k)
        fits.writeto(folder / f"n{k:03}.fits", data, fits.Header([("SATURATE", SATURATION)]))
    return shape


def compare(folder: Path, shape: tuple[int, int], options: argparse.Namespace) -> None:
    """All methods with a job for each core."""
    absent = peers.missing()
    methods = [name for name in options.methods if name not in absent]
    jobs, frame = cores(), 4 * shape[0] * shape[1]
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    peaks: dict[str, float] = {}
    for turn in range(options.repeats):
        for name in methods:
            with memory.watched() as seen:
                seconds[name].append(timed(lambda name=name: night(name, folder, jobs)))
            peaks[name] = max(peaks.get(name, 0), max(seen, default=0) / jobs)
            print(f"turn {turn}, {name}: {seconds[name][-1]:.1f} s", file=sys.stderr)
    base = peers.SMOOTH if peers.SMOOTH in methods else methods[0]
    rows = []
    for name in methods:
        rates = [options.frames / each / jobs for each in seconds[name]]
        turns = zip(seconds[name], seconds[base], strict=True)
        rows.append([name, spread(seconds[name]), f"{statistics.median(rates):.3f}",
                     f"{statistics.median(a / b for a, b in turns):.2f}",
                     f"{peaks[name] / 1e6:.0f}", f"{peaks[name] / frame:.1f}"])  # fmt: skip
    head = ["method", "wall s", "images / s / core", f"wall / {base}", "peak MB / job",
            "peak / frame"]  # fmt: skip
    print("## Beside others\n")
    print(peers.table(head, rows))
    for name, why in absent.items():
        print(f"\nNot run: {name}: {why}.")


def efficiency(folder: Path, options: argparse.Namespace) -> None:
    """Ours with one job and more."""
    print("\n## From one core to all\n")
    print("Efficiency is the rate / (jobs x the rate of one job); each job has one thread.\n")
    rows = []
    for method in (peers.SMOOTH, peers.SEP):
        rates: dict[int, list[tuple[float, float]]] = {}
        counts = sorted({1, 2, *(2**k for k in range(2, 8)), cores()})
        for _ in range(options.repeats):
            for jobs in (count for count in counts if count <= cores()):
                rates.setdefault(jobs, []).append(rate_of(folder, method, jobs))
        alone = statistics.median(steady for _, steady in rates[1])
        for jobs, pairs in rates.items():
            steady = statistics.median(pair[1] for pair in pairs)
            rows.append([method, str(jobs), spread([pair[0] for pair in pairs]), f"{steady:.3f}",
                         f"{steady / jobs / alone:.0%}"])  # fmt: skip
    print(peers.table(["method", "jobs", "wall s", "steady images / s", "efficiency"], rows))


def overhead(folder: Path, options: argparse.Namespace) -> None:
    """The same tasks by our processes and by dask's, as many of each."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        print("\nNot run: dask.distributed is not installed.")
        return
    print("\n## Dask beside processes\n")
    print("A cluster of processes on this machine, started before. Overhead is that of the steady"
          " rate, dask's images against ours.\n")  # fmt: skip
    jobs, ours, theirs = cores(), [], []
    with (
        LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        rate_of(folder, peers.SMOOTH, jobs, client)  # imports
        for _ in range(options.repeats):
            ours.append(rate_of(folder, peers.SMOOTH, jobs))
            theirs.append(rate_of(folder, peers.SMOOTH, jobs, client))
    rows = []
    for name, pairs in (("processes", ours), ("dask", theirs)):
        steady = statistics.median(pair[1] for pair in pairs)
        rows.append([name, spread([pair[0] for pair in pairs]), f"{steady:.3f}"])
    print(peers.table(["executor", "wall s", "steady images / s"], rows))
    over = statistics.median(a[1] / b[1] - 1 for a, b in zip(ours, theirs, strict=True))
    print(f"\nOverhead of dask: {over:+.1%} (median of {options.repeats} turns).")


def rate_of(folder: Path, method: str, jobs: int, client: Any = None) -> tuple[float, float]:
    """Wall seconds of a night, and its steady rate: images per second after the first `jobs`."""
    from ginga_bkgplugin import ImageSet, Recipe

    with output(folder) as made:
        begun = time.perf_counter()
        images = ImageSet.search(folder / "night").with_output(made)
        moments: list[float] = []
        images.run(Recipe().with_parameters(method=method), jobs=jobs, dask=client,
                   save=("bkgmap", "bkgrms"), verdict=False,
                   each=lambda _: moments.append(time.perf_counter()))  # fmt: skip
        wall = time.perf_counter() - begun
    first = min(jobs, len(moments) - 1) - 1
    return wall, (len(moments) - 1 - first) / (moments[-1] - moments[first])


class output:  # noqa: N801 - used as a function
    """A folder for products that is gone afterwards."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "made"

    def __enter__(self) -> Path:
        self._folder.mkdir()
        return self._folder

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)


def night(method: str, folder: Path, jobs: int) -> None:
    """All frames by one method."""
    with output(folder) as made:
        if method in OURS:
            command = [sys.executable, "-m", "ginga_bkgplugin.cli", "run", str(folder / "night"),
                       "--method", method.split()[0], "--save", "bkgmap,bkgrms",
                       "--jobs", str(jobs), "--output", str(made), "--no-verdict",
                       *OURS[method]]  # fmt: skip
            subprocess.run(command, check=True, capture_output=True)
            return
        tasks = [(method, str(path), str(made / path.stem)) for path in frames_of(folder)]
        spawn = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=spawn) as pool:
            for _ in pool.map(one, tasks):
                pass


def frames_of(folder: Path) -> Iterator[Path]:
    """The frames."""
    return iter(sorted((folder / "night").glob("*.fits")))


def one(task: tuple[str, str, str]) -> None:
    """One frame by a peer, in a process of its own."""
    method, path, made = task
    Path(made).mkdir()
    if method in (peers.EXTRACTOR, peers.CHISEL):
        make = peers.extractor_command if method == peers.EXTRACTOR else peers.chisel_command
        command = make(Path(path), Path(made))
        command += ["--numthreads=1"] if method == peers.CHISEL else []
        subprocess.run(command, cwd=made, check=True, capture_output=True)
        return
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import numpy as np
    from astropy.io import fits

    data, header = fits.getdata(path, header=True)
    pixels = np.ascontiguousarray(data, dtype=np.float32)
    maps = peers.FUNCTIONS[method](pixels, header["SATURATE"])[method]
    fits.writeto(Path(made, "back.fits"), maps.level)
    fits.writeto(Path(made, "rms.fits"), maps.rms)


def timed(work: Callable[[], object]) -> float:
    """Wall seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def spread(values: list[float]) -> str:
    """Median, least and most."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


if __name__ == "__main__":
    main()
