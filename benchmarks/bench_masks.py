"""Time and memory of masks made by hand on a large frame: shapes, edits, history, files.

    python benchmarks/bench_masks.py [--size NY NX]

Each figure is the least of five; peak memory is what Python and numpy allocate (tracemalloc), in
a run of its own, beyond the mask itself.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ginga_bkgplugin import (
    PixelAnnulus,
    PixelBox,
    PixelCircle,
    PixelEllipse,
    PixelPolygon,
    PixelRegion,
    PixelStroke,
    Recipe,
    Result,
    compose,
    draw,
    fit_background,
    read_regions,
    write_regions,
)
from ginga_bkgplugin.files.versions import package_version
from ginga_bkgplugin.sky.blobs import adopt_blob, grow_from
from ginga_bkgplugin.sky.pixels import has
from ginga_bkgplugin.sky.raster import add, update
from ginga_bkgplugin.work.history import History, Moment, Outcome


def mixed(count: int, ny: int, nx: int, size: float) -> list[PixelRegion]:
    """Shapes of all six kinds, up to `size` pixels in radius, all over an image."""
    rng = np.random.default_rng(7)
    shapes: list[PixelRegion] = []
    for i in range(count):
        x, y, r = rng.uniform(0, nx), rng.uniform(0, ny), rng.uniform(size / 20, size)
        turns = np.sort(rng.uniform(0, 2 * np.pi, 40))
        rim = tuple((x + r * np.cos(a), y + r * np.sin(a)) for a in turns)
        kinds: tuple[PixelRegion, ...] = (
            PixelCircle(x, y, r),
            PixelEllipse(x, y, r, r / 3, i),
            PixelBox(x, y, r, 2 * r, i, erase=True),
            PixelAnnulus(x, y, r / 2, r),
            PixelPolygon(rim),
            PixelStroke(rim[:9], r / 10),
        )
        shapes.append(kinds[i % 6])
    return shapes


def main() -> None:
    """Time everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, nargs=2, default=(6388, 9576), metavar=("NY", "NX"))
    ny, nx = parser.parse_args().size
    print(f"machine: {platform.platform()}, {os.cpu_count()} cores, Python "
          f"{platform.python_version()}, numpy {np.__version__}, regions "
          f"{package_version('regions')}, frame {nx} x {ny}")  # fmt: skip
    print(f"{'what':52} {'ms':>8}")
    _shapes(ny, nx)
    _files(ny, nx)
    _history(ny, nx)
    print("load average at the end:", " ".join(f"{load:.2f}" for load in os.getloadavg()))


def _time(name: str, action: Callable[[], Any], repeats: int = 5) -> Any:
    least, answer = np.inf, None
    for _ in range(repeats):
        start = time.perf_counter()
        answer = action()
        least = min(least, time.perf_counter() - start)
    print(f"{name:52} {1e3 * least:8.1f}")
    return answer


def _shapes(ny: int, nx: int) -> None:
    shapes = mixed(200, ny, nx, 300)
    drawn = _time("200 mixed shapes up to 300 px", lambda: draw((ny, nx), shapes))
    tracemalloc.start()
    planes = draw((ny, nx), shapes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    own = sum(plane.nbytes for plane in (planes.masked, planes.erased) if plane is not None)
    print(f"{'  peak memory beyond the planes':52} {(peak - own) / 1e6:8.1f} MB")
    large = mixed(200, ny, nx, 1500)
    _time("200 mixed shapes up to 1500 px", lambda: draw((ny, nx), large))
    many = mixed(5000, ny, nx, 30)
    _time("5000 mixed shapes up to 30 px", lambda: draw((ny, nx), many))
    for size in (50, 300):
        dab = PixelStroke(((4000.2, 3000.1), (4012.7, 3007.9)), size)
        _time(f"a brush event, brush of {size} px", lambda dab=dab: add(drawn, dab))
    moved = [*shapes[:100], shapes[100].moved(15, 4), *shapes[101:]]
    drawn = draw((ny, nx), shapes)

    def move() -> None:
        update(drawn, shapes, moved)
        update(drawn, moved, shapes)

    _time("one of 200 shapes moved there and back", move)
    freehand = tuple(
        (nx / 2 + nx / 3 * np.cos(a) * (1 + 0.1 * np.sin(40 * a)), ny / 2 + ny / 3 * np.sin(a))
        for a in np.linspace(0, 2 * np.pi, 5000)
    )
    _time("a freehand outline of 5000 points, 2/3 of the frame",
          lambda: draw((ny, nx), [PixelPolygon(freehand)]))  # fmt: skip
    automatic = np.zeros((ny, nx), np.uint8)
    automatic[::50, ::40] = 2
    _time("all layers to one mask", lambda: compose(drawn, automatic))


def _files(ny: int, nx: int) -> None:
    plain = [shape for shape in mixed(1200, ny, nx, 30) if not isinstance(shape, PixelStroke)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.reg")
        _time(f"write {len(plain)} regions for DS9",
              lambda: write_regions(path, plain, overwrite=True), 2)  # fmt: skip
        _time(f"read {len(plain)} regions of DS9", lambda: read_regions(path), 2)


def _history(ny: int, nx: int) -> None:
    rng = np.random.default_rng(3)
    stars = [
        PixelCircle(x, y, r)
        for x, y, r in zip(
            rng.uniform(0, nx, 20_000), rng.uniform(0, ny, 20_000),
            3 + rng.pareto(2.0, 20_000) * 3, strict=True,
        )
    ]  # fmt: skip
    sources = draw((ny, nx), stars).masked.view(np.uint8) * np.uint8(2)
    print(f"{'  a mask of 20 000 discs covers':52} {(sources != 0).mean():8.1%}")
    fit = fit_background(rng.normal(0, 1, (256, 256)).astype(np.float32))
    history, start = History(Moment(Recipe())), time.perf_counter()
    for number in range(50):
        result = Result(Recipe(), np.roll(sources, 7 * number, axis=1), fit, (), None)
        outcome = Outcome(result)
        assert outcome.packed is not None
        outcome.packed.unpack()
        history.record("Run", Moment(Recipe(), (), outcome))
    took = time.perf_counter() - start
    kept = sum(moment.outcome is not None and moment.outcome.packed is not None
               for _, moment in history._steps)  # fmt: skip
    print(f"{'50 runs in the history: bytes kept':52} {history.nbytes / 1e6:8.1f} MB")
    print(f"{'  masks kept of 50':52} {kept:8d}")
    print(f"{'  to pack and unpack one':52} {1e3 * took / 50:8.1f}")
    last = history.now.outcome
    assert last is not None
    _time("undo to another run: its mask unpacked", lambda: last.packed and last.packed.unpack())
    spot = stars[int(np.argmax([star.radius for star in stars]))]
    _time("adopt the blob under a click",
          lambda: adopt_blob(has(sources, 2), spot.x, spot.y))  # fmt: skip
    y, x = np.indices((1024, 1024))
    galaxy = rng.normal(0, 5, (1024, 1024)) + 900 * np.exp(-np.hypot(x - 500, y - 520) / 40)
    _time("grow from the centre of a galaxy", lambda: grow_from(galaxy, 500, 520))


if __name__ == "__main__":
    main()
