"""Many images: found, listed, run, and their products."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ginga_bkgplugin.files.entries import ALL, ImageEntry, read_entries
from ginga_bkgplugin.files.frames import HDU
from ginga_bkgplugin.files.names import BATCH
from ginga_bkgplugin.files.products import Background, Mask
from ginga_bkgplugin.files.searching import Where, conditions
from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.work.batch import Plan, plan_batch
from ginga_bkgplugin.work.batchtable import check_table, column, run_rows, table_of
from ginga_bkgplugin.work.finding import (
    listed_files,
    named_images,
    search_images,
    taken_once,
)
from ginga_bkgplugin.work.gathering import NOTHING, Named
from ginga_bkgplugin.work.image import ScienceImage
from ginga_bkgplugin.work.linked import Linked
from ginga_bkgplugin.work.task import Row, Tell

if TYPE_CHECKING:
    from astropy.table import Table


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """Images to run a recipe on.

    Attributes
    ----------
    entries : tuple of ImageEntry
        The images, by what their headers say.
    notes : tuple of str
        What was left out of the search, and why.
    output : Path or None
        Folder of their products; None is beside each image.

    Examples
    --------
    >>> night = ImageSet.search("night1", where={"FILTER": "m600"})  # doctest: +SKIP
    >>> table = night.run(Recipe(), jobs=4)  # doctest: +SKIP
    """

    entries: tuple[ImageEntry, ...]
    notes: tuple[str, ...] = ()
    output: Path | None = None

    @classmethod
    def search(
        cls,
        folder: str | Path,
        pattern: str | None = None,
        where: Where | None = None,
        *,
        hdu: HDU | str | None = None,
        plane: int | None = None,
    ) -> Self:
        """Find images below a folder; products are never among them.

        Parameters
        ----------
        folder : path
        pattern : str, optional
            As of a shell, ``**`` for any depth. Default: every FITS file at any depth.
        where : mapping or iterable of str, optional
            Conditions on the header, e.g. ``{"FILTER": "m600", "EXPTIME": ">=60"}``.
        hdu : int, str or (str, int), optional
            As `read_frame`; ``"all"``: every science HDU of each file, as one mosaic.
        plane : int, optional
            Plane of cubes.

        Raises
        ------
        ImageError
            When the folder cannot be read, or nothing fits: it says what was searched.
        """
        return cls(*search_images(folder, pattern, where, hdu, plane))

    @classmethod
    def of(
        cls,
        files: Iterable[str | Path],
        *,
        hdu: HDU | str | None = None,
        plane: int | None = None,
        where: Where | None = None,
        pattern: str | None = None,
    ) -> Self:
        """The images you name; of several, products are left out.

        Parameters
        ----------
        files : iterable of path
            Also as ``file.fits[SCI,2]``, or ``file.fits[all]``; folders are searched.
        hdu, plane, where, pattern
            As `search`.
        """
        return cls(*named_images(files, where, hdu, plane, pattern))

    @classmethod
    def from_list(cls, path: str | Path, **options: Any) -> Self:
        """The images a text file names, one a line; ``#`` begins a comment.

        Paths are relative to the list's folder; `options` as `of`.

        Raises
        ------
        ParameterError
            When the list cannot be read or names nothing.
        """
        return cls.of(listed_files(Path(path)), **options)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[ImageEntry]:
        return iter(self.entries)

    def __add__(self, other: ImageSet) -> Self:
        notes = [*self.notes, *other.notes]
        entries = taken_once([*self.entries, *other.entries], notes)
        return dataclasses.replace(self, entries=entries, notes=tuple(notes))

    @property
    def table(self) -> Table:
        """What was found: file, HDU, size, cards; an `astropy.table.Table`.

        Where a file cannot be read there is a column ``problem``, and its size is masked.
        """
        from astropy.table import Table

        cards = list(dict.fromkeys(card for entry in self.entries for card in entry.cards))
        sizes = [(None, None) if entry.problem else entry.shape for entry in self.entries]
        columns: dict[str, list[Any]] = {
            "file": [str(entry.path) for entry in self.entries],
            "hdu": [ALL if entry.mosaic else entry.bare.tag for entry in self.entries],
            "nx": column([nx for _, nx in sizes]),
            "ny": column([ny for ny, _ in sizes]),
        }
        for card in cards:
            columns[card] = column([entry.cards.get(card) for entry in self.entries])
        if any(entry.problem for entry in self.entries):
            columns["problem"] = column([entry.problem or None for entry in self.entries])
        return Table(columns)

    def images(self) -> Iterator[ScienceImage]:
        """The images, read one after another."""
        for entry in self.entries:
            for hdu in entry.hdus:
                yield ScienceImage.read(entry.path, hdu, entry.plane)

    def sorted_by(self, card: str, *, reverse: bool = False) -> Self:
        """Sorted by a card of the table, or by ``file``; images without it come last."""

        def key(entry: ImageEntry) -> tuple[bool, bool, Any]:
            value = str(entry.path) if card == "file" else self._card(entry, card)
            text = not isinstance(value, (int, float))
            return (value is None) != reverse, text, str(value) if text else value

        return self._only(sorted(self.entries, key=key, reverse=reverse))

    def select(self, where: Where) -> Self:
        """Those whose header meets all conditions; the files' headers are read again."""
        wanted = conditions(where)
        return self._only([e for e in self.entries if self._meets(e, wanted)])

    def exclude(self, *patterns: str, where: Where | None = None) -> Self:
        """Without files of these names or paths (``*``, ``?``), and those that meet `where`."""
        wanted = conditions(where)
        return self._only(
            [
                entry
                for entry in self.entries
                if not any(
                    fnmatch.fnmatchcase(text, pattern)
                    for pattern in patterns
                    for text in (entry.path.name, entry.path.as_posix())
                )
                and not (wanted and self._meets(entry, wanted))
            ]
        )

    def part(self, number: int, count: int) -> Self:
        """The `number`-th of `count` parts, from 1: every `count`-th image.

        Raises
        ------
        ParameterError
            When there is no such part.
        """
        if not 1 <= number <= count:
            raise ParameterError(f"There is no part {number}/{count}: parts count from 1.")
        return self._only(self.entries[number - 1 :: count])

    def with_output(self, folder: str | Path | None) -> Self:
        """With products in another folder."""
        return dataclasses.replace(self, output=None if folder is None else Path(folder))

    @property
    def sourcemasks(self) -> Linked[Mask]:
        """The saved source masks, read when one is asked for."""
        return Linked(self.entries, self.output, "srcmask", Mask)

    @property
    def invalidmasks(self) -> Linked[Mask]:
        """The saved invalid masks."""
        return Linked(self.entries, self.output, "invalidmask", Mask)

    @property
    def bkgmaps(self) -> Linked[Background]:
        """The saved backgrounds."""
        return Linked(self.entries, self.output, "bkgmap", Background)

    @property
    def bkgrms(self) -> Linked[Background]:
        """The saved background rms maps."""
        return Linked(self.entries, self.output, "bkgrms", Background)

    def plan(self, recipe: Recipe, **options: Any) -> Plan:
        """What `run` would do, and how many jobs fit into memory; options as there."""
        options.setdefault("folder", self.output)
        return plan_batch(self.entries, recipe, **options)

    def run(
        self,
        recipe: Recipe,
        *,
        jobs: int | None = None,
        dask: Any = None,
        save: Sequence[str] = BATCH,
        names: str = "default",
        overwrite: bool = False,
        redo: bool = False,
        compress: bool = True,
        verdict: bool = True,
        named: Named = NOTHING,
        common: str | None = None,
        offsets: bool = False,
        table: str | Path | None = None,
        each: Callable[[Row], object] | None = None,
        say: Callable[[str], object] | None = None,
        tell: Tell | None = None,
    ) -> Table:
        """Run a recipe on every image and write the products.

        Images whose products are there, of the same pixels, header and recipe, are skipped. An
        image that fails is a row with its reason.

        Parameters
        ----------
        recipe : Recipe
            Regions on the sky are found on every image by its WCS.
        jobs : int, optional
            Images at a time. Default: the cores, as far as the memory goes.
        dask : str or distributed.Client, optional
            Run on a cluster: the scheduler's address, or a client.
        save : sequence of str
            Products to write.
        names : {"default", "ezphot"}
            Their names.
        overwrite : bool
            Replace products of another recipe or image.
        redo : bool
            Compute all anew.
        compress : bool
            Write masks as compressed tiles.
        verdict : bool
            Judge each result: the columns ``verdict`` and ``why``, the card ``BKGWORD``.
        named : Named
            Region files, masks, the image that was drawn on.
        common : {"constant", "plane", "poly2"}, optional
            One surface for all chips of a mosaic.
        offsets : bool
            With `common`: each chip keeps a constant of its own.
        table : path, optional
            Where to write the table, ECSV; also when the batch is ended before its end.
        each : callable, optional
            Given every row as it comes.
        say : callable, optional
            Told how many jobs there will be and what memory they take.
        tell : callable, optional
            Given the steps of the run where the set has one image, which is then run in this
            process.

        Returns
        -------
        astropy.table.Table
            A row for each image, or chip, in the order of the set; see `Row`.
        """
        if table is not None:
            check_table(Path(table))
        plan = self.plan(
            recipe, jobs=jobs, kinds=tuple(save), style=names, overwrite=overwrite, redo=redo,
            compress=compress, verdict=verdict, named=named, common=common or "", offsets=offsets,
        )  # fmt: skip
        if say is not None:
            say(plan.words)
        path = None if table is None else Path(table)
        return table_of(
            run_rows(plan, recipe, table=path, each=each, dask=dask, tell=tell), recipe
        )

    def _only(self, entries: Iterable[ImageEntry]) -> Self:
        return dataclasses.replace(self, entries=tuple(entries))

    def _card(self, entry: ImageEntry, card: str) -> Any:
        if card in entry.cards:
            return entry.cards[card]
        again = read_entries(entry.path, _hdu(entry), entry.plane, cards=(card,))
        return next(again).cards.get(card)

    def _meets(self, entry: ImageEntry, wanted: Sequence[Any]) -> bool:
        return any(True for _ in read_entries(entry.path, _hdu(entry), entry.plane, wanted))


def _hdu(entry: ImageEntry) -> HDU | str | None:
    return ALL if entry.mosaic else entry.hdus[0] if entry.hdus else None
