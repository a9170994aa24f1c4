"""Small nights of simulated frames, and products as they are compared."""

from __future__ import annotations

from pathlib import Path

from astropy.io import fits

from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.sky.simulate import SimulatedField, sample_field

SHAPE = (160, 180)


def frame_of(number: int, shape: tuple[int, int] = SHAPE) -> SimulatedField:
    """Frame `number` of the night; its filter and exposure go with the number."""
    field = sample_field(shape, stars=12, seed=number)
    field.header["FILTER"] = ("m600", "m650")[number % 2]
    field.header["EXPTIME"] = 30.0 * (1 + number % 3)
    field.header["DATE-OBS"] = f"2026-11-{20 + number:02d}T01:02:03"
    return field


def write_night(folder: Path, count: int, shape: tuple[int, int] = SHAPE) -> list[Path]:
    """Frames n0.fits, n1.fits, ... in a folder that is made."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"n{number}.fits" for number in range(count)]
    for number, path in enumerate(paths):
        field = frame_of(number, shape)
        write_fits(path, field.data, field.header)
    return paths


def contents(folder: Path) -> dict[str, bytes]:
    """Every product below a folder: header without what tells the time, and pixels."""
    found = {}
    for path in sorted(folder.rglob("*.fits")):
        with fits.open(path) as hdus:
            for number, hdu in enumerate(hdus):
                header = hdu.header.copy()
                for card in ("HISTORY", "BKGDATE"):
                    header.remove(card, ignore_missing=True, remove_all=True)
                pixels = b"" if hdu.data is None else hdu.data.tobytes()
                found[f"{path.name}[{number}]"] = header.tostring().encode() + pixels
    for path in sorted(folder.rglob("*.bkg.json")):
        found[path.name] = path.read_bytes()
    return found
