"""The peers of the benchmarks, each as a function from an image to its sky, or as a command.

A peer that is not there is skipped by name, see `missing`. Heavy imports are inside the
functions: what a parent process imports would count as memory of the children it starts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

BOX, FILTER = 64, 3
SMOOTH, SEP, ONCE = "smooth", "sep", "sep once"
PHOTUTILS, EXTRACTOR, CHISEL = "photutils", "SExtractor", "NoiseChisel"
EZPHOT, EZPHOT_OFFSET = "ezphot's", "ezphot's + offset"

NOTES = {
    SMOOTH: 'this project, method="smooth" (the default), all other parameters at their defaults',
    SEP: 'this project, method="sep", all other parameters at their defaults',
    ONCE: "sep.Background 64/3 once, only invalid pixels masked",
    PHOTUTILS: "detect_threshold 2 sigma clipped at 3 sigma, detect_sources 10 px, footprint of "
    "radius 10, Background2D 64/3, exclude_percentile 50, one pass",
    EXTRACTOR: "BACK_SIZE 64, BACK_FILTERSIZE 3, no source mask, detection off (threshold 1e6)",
    CHISEL: "defaults",
    EZPHOT: "its algorithm rebuilt after the source of 0.4.15: detect_threshold of "
    "sigma/sqrt(npixels) with sigma 5 and npixels 7, detect_sources, SourceCatalog.to_table, "
    "discs of 3 sqrt(area/pi), twice that above 50000, three passes OR-ed, sep.Background 64/3",
    EZPHOT_OFFSET: "the same, plus the mean of the unmasked residual (correct_global_offset, on "
    "by default in 0.4.15)",
}


@dataclasses.dataclass(frozen=True)
class Sky:
    """Maps of a peer, and its mask where it says one."""

    level: Any
    rms: Any
    mask: Any = None


class PeerError(Exception):
    """A peer that is a program ended with an error."""


def missing() -> dict[str, str]:
    """The peers that are not on this machine, and why."""
    absent = {}
    if importlib.util.find_spec("photutils") is None:
        for name in (PHOTUTILS, EZPHOT, EZPHOT_OFFSET):
            absent[name] = "photutils is not installed"
    for name, program in ((EXTRACTOR, "source-extractor"), (CHISEL, "astnoisechisel")):
        if shutil.which(program) is None:
            absent[name] = f"no program {program}"
    return absent


def ours(method: str) -> Callable[..., dict[str, Sky]]:
    """The pipeline of this project with one of its methods."""

    def peer(data: Any, saturation: float | None) -> dict[str, Sky]:
        from ginga_bkgplugin.recipe.recipe import Recipe
        from ginga_bkgplugin.work.pipeline import finish, run

        recipe = Recipe().with_parameters(method=method)
        result = finish(run(data, recipe, saturation_level=saturation))
        return {method: Sky(result.fit.level, result.fit.rms, result.mask != 0)}

    return peer


def sep_once(data: Any, saturation: float | None) -> dict[str, Sky]:
    """`sep.Background` on the image as it is."""
    import numpy as np

    return {ONCE: _sep(data, ~np.isfinite(data))}


def _sep(data: Any, mask: Any) -> Sky:
    import sep

    sky = sep.Background(data, mask=mask, bw=BOX, bh=BOX, fw=FILTER, fh=FILTER)
    return Sky(sky.back(), sky.rms(), mask)


def photutils_once(data: Any, saturation: float | None) -> dict[str, Sky]:
    """Background2D on the segmentation mask of photutils' guide."""
    import numpy as np
    from astropy.stats import SigmaClip
    from photutils.background import Background2D
    from photutils.segmentation import detect_sources, detect_threshold
    from photutils.utils import circular_footprint

    bad = ~np.isfinite(data)
    clip = SigmaClip(sigma=3.0, maxiters=10)
    threshold = detect_threshold(data, 2.0, mask=bad, sigma_clip=clip)
    segments = detect_sources(data, threshold, 10, mask=bad)
    mask = np.zeros(data.shape, bool)
    if segments is not None:
        mask = segments.make_source_mask(footprint=circular_footprint(radius=10))
    sky = Background2D(
        data, BOX, mask=mask, coverage_mask=bad, filter_size=FILTER, sigma_clip=clip,
        exclude_percentile=50,
    )  # fmt: skip
    level = np.asarray(sky.background, np.float32)
    return {PHOTUTILS: Sky(level, np.asarray(sky.background_rms, np.float32), mask | bad)}


def ezphot(data: Any, saturation: float | None) -> dict[str, Sky]:
    """Mask and background as ezphot makes them, without and with its global offset."""
    import numpy as np
    import sep
    from astropy.stats import SigmaClip
    from photutils.segmentation import SourceCatalog, detect_sources, detect_threshold

    npixels, sigma, factor, saturated = 7, 5.0, 3.0, 50_000.0
    mask = ~np.isfinite(data)
    for _ in range(3):
        threshold = detect_threshold(
            data, sigma / np.sqrt(npixels), mask=mask, sigma_clip=SigmaClip(sigma=sigma)
        )
        segments = detect_sources(data, threshold, npixels, mask=mask)
        if segments is None:
            break
        table = SourceCatalog(data, segments).to_table()
        radius = factor * np.sqrt(table["area"].value / np.pi)
        radius *= np.where(table["max_value"] > saturated, 2.0, 1.0)
        seen = np.isfinite(table["x_centroid"]) & np.isfinite(table["y_centroid"])
        x, y = (np.asarray(table[name][seen], float) for name in ("x_centroid", "y_centroid"))
        one = np.ones_like(x)
        sep.mask_ellipse(mask, x, y, a=one, b=one, theta=0 * one, r=radius[seen])
    sky = _sep(data, mask)
    offset = np.mean(np.asarray(data - sky.level, np.float64)[~mask])
    moved = dataclasses.replace(sky, level=sky.level + np.float32(offset))
    return {EZPHOT: sky, EZPHOT_OFFSET: moved}


def extractor_command(image: Path, folder: Path, weight: Path | None = None) -> list[str]:
    """The command line of source-extractor; writes back.fits and rms.fits into `folder`."""
    (folder / "empty.sex").touch()
    (folder / "number.param").write_text("NUMBER\n", encoding="ascii")
    weights = ["-WEIGHT_TYPE", "MAP_WEIGHT", "-WEIGHT_IMAGE", str(weight)] if weight else []
    maps = f"{folder / 'back.fits'},{folder / 'rms.fits'}"
    return [
        "source-extractor", str(image), "-c", str(folder / "empty.sex"),
        "-CATALOG_TYPE", "NONE", "-PARAMETERS_NAME", str(folder / "number.param"),
        "-FILTER", "N", "-DETECT_THRESH", "1e6", "-VERBOSE_TYPE", "QUIET",
        "-BACK_SIZE", str(BOX), "-BACK_FILTERSIZE", str(FILTER),
        "-CHECKIMAGE_TYPE", "BACKGROUND,BACKGROUND_RMS", "-CHECKIMAGE_NAME", maps, *weights,
    ]  # fmt: skip


def chisel_command(image: Path, folder: Path) -> list[str]:
    """The command line of astnoisechisel; writes chisel.fits into `folder`."""
    out = str(folder / "chisel.fits")
    return ["astnoisechisel", str(image), "-h0", "-q", "-o", out]


def extractor(data: Any, saturation: float | None) -> dict[str, Sky]:
    """SExtractor's check images; invalid pixels get weight 0."""
    import numpy as np
    from astropy.io import fits

    bad = ~np.isfinite(data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image, weight = folder / "image.fits", None
        fits.writeto(image, np.where(bad, np.float32(0), data))
        if bad.any():
            weight = folder / "weight.fits"
            fits.writeto(weight, (~bad).astype(np.float32))
        _call(extractor_command(image, folder, weight), folder)
        level, rms = (_read(folder / file, 0) for file in ("back.fits", "rms.fits"))
    return {EXTRACTOR: Sky(level, rms, bad)}


def chisel(data: Any, saturation: float | None) -> dict[str, Sky]:
    """NoiseChisel's sky, its standard deviation and its detections."""
    import numpy as np
    from astropy.io import fits

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fits.writeto(folder / "image.fits", data)
        _call(chisel_command(folder / "image.fits", folder), folder)
        out = folder / "chisel.fits"
        level, rms, found = (_read(out, hdu) for hdu in ("SKY", "SKY_STD", "DETECTIONS"))
    return {CHISEL: Sky(level, rms, (found != 0) | ~np.isfinite(data))}


def _call(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=600, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PeerError("took more than 600 s") from error
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines() or [""]
        raise PeerError(f"exit code {done.returncode}: {lines[0][:120]}")


def _read(path: Path, hdu: int | str) -> Any:
    import numpy as np
    from astropy.io import fits

    data = fits.getdata(path, hdu)
    return np.asarray(data, dtype=data.dtype.newbyteorder("="))


FUNCTIONS: dict[str, Callable[[Any, float | None], dict[str, Sky]]] = {
    ONCE: sep_once,
    SEP: ours("sep"),
    SMOOTH: ours("smooth"),
    PHOTUTILS: photutils_once,
    EXTRACTOR: extractor,
    CHISEL: chisel,
    EZPHOT: ezphot,
}


@contextlib.contextmanager
def printed_to(page: Path | None) -> Iterator[None]:
    """What is printed inside goes to a page; the old page stays if it ends with an error."""
    if page is None:
        yield
        return
    page.parent.mkdir(parents=True, exist_ok=True)
    new = page.with_name(page.name + ".part")
    with new.open("w", encoding="utf-8") as file, contextlib.redirect_stdout(file):
        yield
    new.replace(page)


def banner() -> list[str]:
    """Machine, versions, command and what each peer does, for the head of a benchmark."""
    packages = ("numpy", "scipy", "sep", "astropy", "photutils", "distributed")
    said = [f"{name} {_version(name)}" for name in packages]
    for name, argument in (("source-extractor", "--version"), ("astnoisechisel", "--version")):
        if shutil.which(name):
            out = subprocess.run([name, argument], capture_output=True, text=True, check=False)
            said.append((out.stdout.splitlines() or [name])[0])
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    lines = [
        f"command: python {' '.join(sys.argv)}",
        f"machine: {platform.platform()}, {_processor()}, {os.cpu_count()} cores",
        f"load average at the start (1, 5, 15 min): {load}",
        f"engine: {_fingerprint()}",
        f"versions: Python {platform.python_version()}, {', '.join(said)}",
    ]
    lines += [f"{name}: {note}" for name, note in NOTES.items()]
    return lines + [f"skipped: {name}, {reason}" for name, reason in missing().items()]


def _fingerprint() -> str:
    """Which sources of this project were measured."""
    spec = importlib.util.find_spec("ginga_bkgplugin")
    assert spec is not None
    root = Path(str(spec.origin)).parent
    digest = hashlib.sha256()
    for part in ("recipe", "sky", "work", "files"):
        for file in sorted((root / part).glob("*.py")):
            digest.update(file.read_bytes())
    return f"ginga_bkgplugin, recipe + sky + work + files sha256 {digest.hexdigest()[:12]}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, the first column to the left and the others to the right."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
