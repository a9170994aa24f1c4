"""Fuzzing of what reads files from strangers: only our own errors may come out.

pip install atheris
python tests/fuzz.py {recipe,regions,image,mask} [-max_total_time=300] [corpus folder]
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ginga_bkgplugin"]):
    from ginga_bkgplugin.files.frames import read_frame
    from ginga_bkgplugin.files.maskfile import read_mask
    from ginga_bkgplugin.files.masklook import look_at_mask
    from ginga_bkgplugin.files.regionfile import read_regions
    from ginga_bkgplugin.recipe.errors import BackgroundPluginError
    from ginga_bkgplugin.recipe.imported import ImportedMask
    from ginga_bkgplugin.recipe.recipe import Recipe

FOLDER = Path(tempfile.mkdtemp(prefix="fuzz"))


def recipe(data: bytes) -> None:
    """A recipe that is read is written and read again the same."""
    read = Recipe.from_json(data.decode("utf-8", "surrogatepass"))
    assert Recipe.from_json(read.to_json()) == read


def regions(data: bytes) -> None:
    """A region file."""
    path = FOLDER / "any.reg"
    path.write_bytes(data)
    read_regions(path)


def image(data: bytes) -> None:
    """An image."""
    path = FOLDER / "any.fits"
    path.write_bytes(data)
    frame = read_frame(path)
    assert frame.data.ndim == 2


def mask(data: bytes) -> None:
    """A mask, looked at and read as each kind."""
    path = FOLDER / "any.fits"
    path.write_bytes(data)
    look_at_mask(path, (16, 16))
    for kind in ("mask", "bits", "weight", "labels"):
        read_mask(ImportedMask(path=str(path), kind=kind), (16, 16))


def main() -> None:
    """Choose the reader and go on until something breaks."""
    reader = {one.__name__: one for one in (recipe, regions, image, mask)}[sys.argv.pop(1)]
    warnings.simplefilter("ignore")

    def tried(data: bytes) -> None:
        with contextlib.suppress(BackgroundPluginError, UnicodeError):
            reader(data)

    atheris.Setup(sys.argv, tried)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
