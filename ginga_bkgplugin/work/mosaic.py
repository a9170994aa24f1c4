"""All chips of a mosaic file in one go: products as one file for each kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from astropy.io import fits

from ginga_bkgplugin.files.chips import place_chips
from ginga_bkgplugin.files.frames import Frame, open_fits, read_frame
from ginga_bkgplugin.files.mosaic import write_mosaic
from ginga_bkgplugin.files.names import RECIPE
from ginga_bkgplugin.files.writing import product_header, write_text
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ProductError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.mosaic import common_levels, measure_chip, with_level
from ginga_bkgplugin.sky.pixels import BoolImage
from ginga_bkgplugin.work.fingerprint import CARD, fingerprint, joined
from ginga_bkgplugin.work.gathering import gather
from ginga_bkgplugin.work.judging import Judgement, judge
from ginga_bkgplugin.work.pipeline import Result
from ginga_bkgplugin.work.saving import make_folder, make_product
from ginga_bkgplugin.work.subtracting import check_not_subtracted
from ginga_bkgplugin.work.task import (
    Row,
    Task,
    Tell,
    check_space,
    computed,
    done_row,
    failed,
    keep_or_replace,
    kept_row,
    word_cards,
)


@dataclasses.dataclass
class _Chip:
    """A chip on its way: its image, the recipe for it, and what came out."""

    frame: Frame
    recipe: Recipe
    imported: BoolImage | None
    notes: list[str]
    result: Result | None = None
    judgement: Judgement | None = None
    problem: str = ""


def run_mosaic(task: Task, tell: Tell | None) -> tuple[Row, ...]:
    """Run a recipe on every chip of a file and write the products of all.

    A chip that fails is a row with its reason; the products have no extension for it.
    """
    if "bkgmesh" in task.kinds:
        raise ProductError(
            f"{task.entry.path.name}: a bkgmesh is written for one image, not for all chips of a"
            " file. Leave it out, or run each chip on its own (--hdu)."
        )
    chips = [_read(task, k) for k in range(len(task.entry.hdus))]
    own = [fingerprint(chip.frame, chip.recipe, chip.imported) for chip in chips]
    more = f"{task.common} {task.offsets}"
    tags = [chip.frame.tag for chip in chips]
    prints = {
        tag: joined(own, more) if task.common else print_
        for tag, print_ in zip(tags, own, strict=True)
    }
    whole = dataclasses.replace(chips[0].frame, hdu=None, first=True)
    paths = task.paths(whole)
    replace = keep_or_replace(task, paths, prints, chips[0].recipe)
    if replace is None:
        return tuple(kept_row(task, chip.frame, paths, chip.notes) for chip in chips)
    if "subbkg" in task.kinds:
        check_not_subtracted(whole)
    check_space(paths, sum(chip.frame.data.size for chip in chips))
    for chip in chips:
        try:
            chip.result = computed(chip.frame, chip.recipe, chip.imported, tell)
        except BackgroundPluginError as error:
            chip.problem = str(error)
    good = [chip for chip in chips if chip.result is not None]
    if good and task.common:
        _share(task, good)
    for chip in good if task.verdict else ():
        chip.judgement = judge(chip.frame, chip.result) if chip.result else None
    if good:
        _write(task, whole, good, prints, replace)
    names = [paths[kind] for kind in task.kinds]
    return tuple(
        done_row(task, chip.frame, chip.result, chip.judgement, names, chip.notes)
        if chip.result is not None
        else dataclasses.replace(failed(task, chip.problem), hdu=chip.frame.tag)
        for chip in chips
    )


def _read(task: Task, number: int) -> _Chip:
    frame = read_frame(task.entry.path, task.entry.hdus[number], task.entry.plane)
    notes: list[str] = []
    recipe, imported = gather(Recipe.from_json(task.recipe), frame, task.named, notes.append)
    return _Chip(frame, recipe, imported, notes)


def _share(task: Task, chips: Sequence[_Chip]) -> None:
    """Give all chips the surface they have in common."""
    boxes = []
    for chip in chips:
        assert chip.result is not None
        size = chip.recipe.background.box_size
        result = chip.result
        boxes.append(measure_chip(chip.frame.data, result.mask, result.fit, size))
    levels = common_levels(
        boxes, place_chips([chip.frame for chip in chips]), task.common, offsets=task.offsets
    )
    for chip, level in zip(chips, levels, strict=True):
        assert chip.result is not None
        chip.result = dataclasses.replace(chip.result, fit=with_level(chip.result.fit, level))


def _write(
    task: Task, whole: Frame, chips: Sequence[_Chip], prints: dict[str, str], replace: bool
) -> None:
    if task.folder is not None:
        make_folder(task.folder)
    for kind, path in task.paths(whole).items():
        if kind == RECIPE:
            write_text(path, chips[0].recipe.to_json(), overwrite=replace)
            continue
        products = []
        for chip in chips:
            assert chip.result is not None
            product = make_product(chip.frame, chip.result, kind)
            product.header[CARD] = (prints[chip.frame.tag], "of image, recipe and versions")
            for name, *card in word_cards(chip.judgement):
                product.header[name] = tuple(card)
            if task.common:
                words = task.common + (" with offsets" if task.offsets else "")
                product.header["BKGCOMM"] = (words, "surface common to all chips")
            products.append(product)
        primary = Frame(whole.data, header=_primary(task.entry.path), path=whole.path)
        write_mosaic(
            path, products, product_header(primary, kind, []),
            overwrite=replace, compress=task.compress,
        )  # fmt: skip


def _primary(path: Path) -> fits.Header:
    with open_fits(path) as hdus:
        return hdus[0].header.copy()
