"""The tables of the docs that are made from the program, so that they cannot be out of date.

A page asks for one with a line ``<!-- table: NAME -->``; `fill` puts it there when the docs are
built (conf.py) and when they are tested (tests/test_documentation.py).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from unittest import mock

from ginga_bkgplugin import MaskBit, PixelCircle, Recipe, sample_field
from ginga_bkgplugin.cli import main
from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.names import KINDS, RECIPE, STYLES, product_path
from ginga_bkgplugin.files.subtracted import SIGNS
from ginga_bkgplugin.recipe.recipe import GROUPS
from ginga_bkgplugin.sky import findings
from ginga_bkgplugin.work.pipeline import finish, run
from ginga_bkgplugin.work.saving import make_product

COMMANDS = ("demo", "view", "run", "status", "subtract", "restore", "report")
NOTEBOOK = Path(__file__).parent / "notebooks" / "sky.ipynb"
_REQUEST = re.compile(r"^<!-- table: ([\w-]+) -->$", re.MULTILINE)


def fill(text: str) -> str:
    """The text with its requests for tables answered."""
    return _REQUEST.sub(lambda found: make(found[1]), text)


@functools.cache
def make(name: str) -> str:
    """A table by its name, in Markdown."""
    kind, _, which = name.partition("-")
    if kind == "parameters":
        return parameters(which)
    if kind == "help":
        return f"```text\n{command_help(which)}```"
    makers = (names, cards, bits, recipe, signs, verdict, notebook)
    return {maker.__name__: maker for maker in makers}[kind]()


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def parameters(group: str) -> str:
    """The parameters of one group."""
    rows = []
    for name, kind, default, rule in GROUPS[group].rules():
        word = "" if default is None else f"`{default}`"
        allowed = {bool: "true or false"}.get(kind, rule.range_text() or "any number")
        rows.append(
            [f"`{name}`", rule.label, f"`--{name.replace('_', '-')}`", word or "none",
             allowed + (f" [{rule.unit}]" if rule.unit else ""), f"`{rule.card}`", rule.help]
        )  # fmt: skip
    head = ["name", "in the panel", "option", "default", "allowed", "card", "meaning"]
    return _table(head, rows)


def command_help(command: str) -> str:
    """What ``ginga-bkg COMMAND --help`` prints."""
    told = io.StringIO()
    plain = {**os.environ, "COLUMNS": "88", "NO_COLOR": "1"}
    with (
        mock.patch.dict(os.environ, plain),
        contextlib.redirect_stdout(told),
        contextlib.suppress(SystemExit),
    ):
        main([command, "--help"])
    return told.getvalue()


def names() -> str:
    """The names of the products of image.fits, in both styles."""
    first = Frame(sample_field((64, 64), stars=3).data, path=Path("image.fits"), hdu=("SCI", 1))
    second = dataclasses.replace(first, hdu=("SCI", 2), first=False)
    rows = [
        [kind, *(f"`{product_path(frame, kind, style=style)}`"
                 for frame in (first, second) for style in STYLES)]
        for kind in (*KINDS, RECIPE)
    ]  # fmt: skip
    head = ["product", "`default`", "`ezphot`", "`default`, `[SCI,2]`", "`ezphot`, `[SCI,2]`"]
    return _table(head, rows)


def cards() -> str:
    """Every card that a product's header has besides those of the image."""
    field = sample_field((128, 128), stars=5)
    frame = Frame(
        field.data, header=field.header, path=Path("image.fits"), hdu=("SCI", 2), first=False
    )
    drawn = Recipe(regions=(PixelCircle(60, 60, 10),)).with_parameters(passes=0)
    result = finish(run(field.data, drawn, saturation_level=frame.saturation_level))
    comments: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for kind in KINDS:
        for card in make_product(frame, result, kind).header.cards:
            if card.keyword not in frame.header and card.keyword != "HISTORY":
                comments[card.keyword] = card.comment
                found.setdefault(card.keyword, []).append(kind)
    rows = [
        [f"`{card}`", comment, "all" if found[card] == list(KINDS) else ", ".join(found[card])]
        for card, comment in comments.items()
    ]
    return _table(["card", "comment", "in"], rows)


def bits() -> str:
    """The bits of the mask."""
    meaning = {
        MaskBit.REGION: "inside a region drawn by hand",
        MaskBit.SOURCE: "light of a source that SEP detected, with its disc",
        MaskBit.SATURATED: "of a source that reaches the saturation level; `SOURCE` is set too",
        MaskBit.INVALID: "no measurement: NaN, inf, a large area of zeros, DQ if asked for",
        MaskBit.IMPORTED: "masked by a mask from a file",
    }
    rows = [[str(bit.value), f"`{bit.name}`", meaning[bit]] for bit in MaskBit]
    return _table(["value", "name", "the pixel is"], rows)


def signs() -> str:
    """What other programs leave in images they subtracted a background from."""
    rows = [[sign.program, sign.cards, sign.source] for sign in SIGNS]
    return _table(["program", "what the header has", "source"], rows)


def verdict() -> str:
    """The lines of a verdict and their limits."""
    told = {
        "masked": ("share of the frame", findings.MASKED_SHARE, "mask less, raise thresholds"),
        "boxes": ("share of boxes not measured", findings.FILLED_SHARE,
                  "mask less, larger boxes, a plane"),
        "filling": ("error of filled boxes, sigma", findings.FILLING,
                    "`fill` smooth, larger boxes, a plane"),
        "bias": ("mean residual, sigma", findings.BIAS, "mask more sources; smaller boxes"),
        "faint light": ("light of unmasked faint sources, sigma", findings.FAINT,
                        "lower `sigma` or `low_sigma`, grow masks"),
        "bright pixels": ("share beyond 3 sigma", findings.BRIGHT_SHARE,
                          "lower `sigma`, more passes; mask hot pixels"),
        "large scale": ("scatter of cells, sigma", findings.LARGE_SCALE,
                        "smaller boxes, a higher degree; mask light"),
        "rows": ("scatter of rows, sigma", findings.PATTERN, "correct the read-out before"),
        "columns": ("scatter of columns, sigma", findings.PATTERN, "the same"),
        "rings": ("light outside a mask, sigma", findings.RING, "grow that mask, or mask more"),
        "under masks": ("rise of the map, sigma", findings.BUMP,
                        "grow the mask, larger boxes, a plane"),
        "hills": ("hill of the map, sigma", findings.HILL,
                  "mask the object, larger boxes, a plane"),
        "rms": ("noise / rms map, off 1 by", findings.RMS_OFF, "thresholds are off by as much"),
    }  # fmt: skip
    rows = [[name, what, f"{low:g}", f"{high:g}", cure]
            for name, (what, (low, high), cure) in told.items()]  # fmt: skip
    return _table(["line", "number", "look here", "do not use", "what to do"], rows)


def recipe() -> str:
    """A recipe file."""
    return f"```json\n{Recipe(regions=(PixelCircle(744, 584, 225, name='galaxy'),)).to_json()}```"


def notebook_cells() -> list[tuple[str, str]]:
    """The kind (markdown, code) and text of each cell of the notebook."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


def notebook() -> str:
    """The cells of the notebook below its title, as a page."""
    (_, title), *cells = notebook_cells()
    return "\n\n".join(
        [title.partition("\n\n")[2]]
        + [f"```python\n{text}\n```" if kind == "code" else text for kind, text in cells]
    )
