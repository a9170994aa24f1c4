"""The table of a batch: a row for each image, kept as ECSV."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ginga_bkgplugin.files.versions import package_version
from ginga_bkgplugin.files.writing import write_text
from ginga_bkgplugin.recipe.errors import ProductError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.work.batch import Plan, run_batch, stopped
from ginga_bkgplugin.work.task import Row

if TYPE_CHECKING:
    from astropy.table import Table

_UNITS = {"seconds": "s", "masked": "percent"}
_TEXT = ("file", "hdu", "state", "verdict", "why", "note", "products")
_FORMATS = {"seconds": ".2f", "masked": ".2f", "globalback": ".6g", "globalrms": ".4g"}


def run_rows(
    plan: Plan,
    recipe: Recipe,
    *,
    table: Path | None = None,
    each: Callable[[Row], object] | None = None,
    **how: Any,
) -> list[tuple[Row, ...]]:
    """Do a plan to its end.

    Parameters
    ----------
    plan : Plan
    recipe : Recipe
        What was planned.
    table : Path, optional
        Where to write the rows; also when the batch is ended before its end.
    each : callable, optional
        Given every row as it comes.
    **how
        As `run_batch`.

    Returns
    -------
    list of tuple of Row
        In the order of the images.
    """
    found: dict[int, tuple[Row, ...]] = {}
    try:
        for index, rows in run_batch(plan, **how):
            found[index] = rows
            for row in rows:
                if each is not None:
                    each(row)
    except BaseException:  # Ctrl-C: leave fast, unless a table was asked for
        if table is not None:
            write_table(table_of(_in_order(found | dict(stopped(plan, found))), recipe), table)
        raise
    if table is not None:
        write_table(table_of(_in_order(found), recipe), table)
    return _in_order(found)


def _in_order(found: dict[int, tuple[Row, ...]]) -> list[tuple[Row, ...]]:
    return [found[index] for index in sorted(found)]


def table_of(groups: Iterable[Sequence[Row]], recipe: Recipe) -> Table:
    """Rows as an `astropy.table.Table`; columns as the attributes of `Row`."""
    from astropy.table import Column, Table

    rows = [row for group in groups for row in group]
    program = f"ginga-bkgplugin {package_version()}"
    table = Table(meta={"program": program, "recipe": recipe.to_json()})
    for field in dataclasses.fields(Row):
        values = [getattr(row, field.name) for row in rows]
        if field.name == "products":
            values = [" ".join(value) for value in values]
        elif field.name == "note":
            values = [" ".join(value.split()) for value in values]
        kind = str if field.name in _TEXT else type(field.default)
        table[field.name] = Column(
            values, dtype=kind, unit=_UNITS.get(field.name), format=_FORMATS.get(field.name)
        )
    return table


def column(values: Sequence[Any]) -> Any:
    """Cards as a column: numbers where all are, else text; what is missing is masked."""
    from astropy.table import MaskedColumn

    missing = [value is None for value in values]
    known = [value for value in values if value is not None]
    numbers = known and all(type(value) in (int, float) for value in known)
    filled = [(0 if numbers else "") if value is None else value if numbers else str(value)
              for value in values]  # fmt: skip
    return MaskedColumn(filled, mask=missing) if any(missing) else np.array(filled)


def check_table(path: Path) -> None:
    """Refuse, before anything is computed, to write a table there.

    Raises
    ------
    ProductError
        When another kind of file would be replaced, or there is no such folder.
    """
    if not path.absolute().parent.is_dir():
        raise ProductError(f"{path.parent}: no such folder. Make it, or choose another.")
    if path.exists():
        with path.open("rb") as file:
            if not file.read(6) == b"# %ECS":
                raise ProductError(f"{path}: not a table of ours, and not replaced.")


def write_table(table: Table, path: Path) -> None:
    """Write it as ECSV, whole or not at all; an older table is replaced."""
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    write_text(path, text.getvalue(), overwrite=True)
