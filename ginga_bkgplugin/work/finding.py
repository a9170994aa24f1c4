"""Which images, or products, a user means: a folder, a list, files by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ginga_bkgplugin.files.entries import CARDS, ImageEntry, kind_of_product, read_entries
from ginga_bkgplugin.files.frames import HDU, split_spec
from ginga_bkgplugin.files.names import KINDS
from ginga_bkgplugin.files.searching import Condition, Where, conditions, walk
from ginga_bkgplugin.recipe.errors import ImageError, ParameterError

if TYPE_CHECKING:
    from astropy.table import Table

Found = tuple[tuple[ImageEntry, ...], tuple[str, ...]]  # images, and what was left out


def search_images(
    folder: str | Path, pattern: str | None, where: Where | None, hdu: Any, plane: int | None
) -> Found:
    """The images below a folder; see `ImageSet.search`."""
    wanted, notes = conditions(where), list[str]()
    files = walk(folder, pattern, notes)
    images = _without_products(files, notes)
    entries = _entries([(path, None) for path in images], hdu, plane, wanted)
    if not entries:
        raise ImageError(
            f"No image found: searched {folder} for {pattern or 'FITS files'}; {len(files)} files,"
            f" {len(files) - len(images)} of them products{_unmet(images, wanted)}. Look at the"
            " pattern and the cards."
        )
    notes += _passed_over(entries)
    return taken_once(entries, notes), tuple(notes)


def named_images(
    files: Iterable[str | Path],
    where: Where | None,
    hdu: Any,
    plane: int | None,
    pattern: str | None = None,
) -> Found:
    """The images of files and folders named; see `ImageSet.of`."""
    given = list(files)
    folders = [file for file in given if Path(file).is_dir()]
    rest = [file for file in given if file not in folders]
    found = [search_images(folder, pattern, where, hdu, plane) for folder in folders]
    found += [_of_files(rest, where, hdu, plane)] if rest or not folders else []
    notes = [note for _, left in found for note in left]
    return taken_once([entry for one, _ in found for entry in one], notes), tuple(notes)


def _of_files(files: Sequence[str | Path], where: Where | None, hdu: Any, plane: Any) -> Found:
    wanted, notes = conditions(where), list[str]()
    named = [split_spec(str(file)) for file in files]
    if len(named) > 1:  # a single one is meant
        images = _without_products([path for path, _ in named], notes)
        kept = set(images)
        named = [each for each in named if each[0] in kept]
    entries = _entries(named, hdu, plane, wanted)
    if not entries:
        raise ImageError(
            f"No image left of the files named{_unmet([path for path, _ in named], wanted)}."
            f" {' '.join(notes)}".rstrip()
        )
    return tuple(entries), (*notes, *_passed_over(entries))


def listed_files(path: Path) -> list[Path]:
    """The files a text file names, relative to its folder; see `ImageSet.from_list`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ParameterError(f"{path}: cannot be read as a list of images ({reason}).") from None
    files = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not files:
        raise ParameterError(f"{path}: the list names no image.")
    return [path.parent / file for file in files]


def search_products(
    folder: str | Path,
    pattern: str | None = None,
    where: Where | None = None,
    *,
    kinds: Sequence[str] = KINDS,
) -> Table:
    """Find products below a folder, in either style of names.

    Parameters
    ----------
    folder : path
    pattern : str, optional
        As of a shell, ``**`` for any depth. Default: ``**/*``.
    where : mapping or iterable of str, optional
        Conditions on their headers, which have the cards of their image and of the recipe, e.g.
        ``{"FILTER": "m600", "BKGSIG": "<20"}``.
    kinds : sequence of str
        Of `ginga_bkgplugin.files.names.KINDS`.

    Returns
    -------
    astropy.table.Table
        ``file``, ``kind``, and ``image``, the name of the file it belongs to.

    Raises
    ------
    ImageError
        When the folder cannot be searched.
    """
    from astropy.table import Table

    wanted, rows = conditions(where), []
    for path in walk(folder, pattern or "**/*"):
        kind = kind_of_product(path) if _may_be_product(path) else ""
        if kind not in kinds:
            continue
        cards = ("TGTPATH", *(each.card for each in wanted))
        for entry in read_entries(path, None, None, wanted, cards):
            if not entry.problem:
                rows.append((str(path), kind, str(entry.cards["TGTPATH"] or "")))
    names = ("file", "kind", "image")
    return Table(rows=rows, names=names) if rows else Table(names=names, dtype=[str] * 3)


def _entries(
    files: Iterable[tuple[Path, str | None]],
    hdu: HDU | str | None,
    plane: int | None,
    wanted: Sequence[Condition],
) -> list[ImageEntry]:
    cards = tuple(dict.fromkeys([*CARDS, *(each.card for each in wanted)]))
    return [
        entry
        for path, own in files
        for entry in read_entries(path, own or hdu, plane, wanted, cards)
    ]


def _without_products(files: Iterable[Path], notes: list[str]) -> list[Path]:
    images: list[Path] = []
    left: list[Path] = []
    for path in files:
        (left if kind_of_product(path) else images).append(path)
    if left:
        notes.append(f"{_and_more(str(left[0]), left)}: products, left out.")
    return images


def _passed_over(entries: Sequence[ImageEntry]) -> list[str]:
    """What the files hold that nobody asked for: told once for all of which it is the same."""
    files: dict[str, list[Path]] = {}
    for entry in entries:
        if entry.passed_over:
            files.setdefault(entry.passed_over, []).append(entry.path)
    return [f"{_and_more(some[0].name, some)}: {words}." for words, some in files.items()]


def _and_more(first: str, files: Sequence[Path]) -> str:
    return first if len(files) == 1 else f"{first} and {len(files) - 1} more"


def taken_once(entries: Sequence[ImageEntry], notes: list[str]) -> tuple[ImageEntry, ...]:
    """Each image once, whatever links lead to it; the others are told in `notes`."""
    known: dict[Any, ImageEntry] = {}
    ordered = sorted(entries, key=lambda entry: entry.path.is_symlink())  # the file before links
    for entry in ordered:
        key = (entry.path.resolve(), entry.hdus, entry.plane)
        first = known.setdefault(key, entry)
        if first is not entry:
            notes.append(f"{entry.path}: the same image as {first.path}: taken once.")
    kept = {id(entry) for entry in known.values()}
    return tuple(entry for entry in entries if id(entry) in kept)


def _unmet(images: Sequence[Path], wanted: Sequence[Condition]) -> str:
    if not (images and wanted):
        return ""
    return f"; {len(images)} images do not have {', '.join(map(str, wanted))}"


def _may_be_product(path: Path) -> bool:
    return any(kind in path.name for kind in KINDS)
