"""The recipe: regions and parameters, everything that decides the result."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.imported import ImportedMask
from ginga_bkgplugin.recipe.parameters import (
    METHOD_OF,
    BackgroundParameters,
    InvalidParameters,
    SmoothParameters,
    SourceMaskParameters,
)
from ginga_bkgplugin.recipe.region import Region
from ginga_bkgplugin.recipe.rules import Parameters
from ginga_bkgplugin.recipe.shapes import region_from_dict

GROUPS: dict[str, type[Parameters]] = {
    "invalid": InvalidParameters,
    "source": SourceMaskParameters,
    "background": BackgroundParameters,
    "smooth": SmoothParameters,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Regions + parameters. The panel edits it, the command line runs it, files store it.

    Parameters
    ----------
    regions : tuple of Region
        What the user drew, in order; masked in the fit, seen by detection.
    masks : tuple of ImportedMask
        Masks from files, by reference.
    automatic : bool
        Whether sources are looked for. Off: the mask is regions, masks and invalid pixels only.
    invalid, source, background, smooth
        The parameter groups.
    """

    regions: tuple[Region, ...] = ()
    masks: tuple[ImportedMask, ...] = ()
    automatic: bool = True
    invalid: InvalidParameters = InvalidParameters()
    source: SourceMaskParameters = SourceMaskParameters()
    background: BackgroundParameters = BackgroundParameters()
    smooth: SmoothParameters = SmoothParameters()

    FORMAT: ClassVar[int] = 1

    def groups(self) -> Iterator[tuple[str, Parameters]]:
        """Yield (name, group) in the order of the work."""
        for name in GROUPS:
            yield name, getattr(self, name)

    def with_parameters(self, **values: Any) -> Recipe:
        """A copy with parameters changed by their own name, whatever their group.

        Raises
        ------
        ParameterError
            For an unknown name or a value outside its rule.

        Examples
        --------
        >>> Recipe().with_parameters(box_size=128).background.box_size
        128
        """
        changed: dict[str, Parameters] = {}
        for name, group in self.groups():
            own = {key: values.pop(key) for key in group.to_dict() if key in values}
            changed[name] = group.replace(**own)
        if values:
            raise ParameterError(
                f"Unknown parameter {next(iter(values))!r}."
                f" Known here: {', '.join(sorted(parameter_names()))}."
            )
        return dataclasses.replace(self, **changed)  # type: ignore[arg-type]

    def without_effect(self) -> tuple[str, ...]:
        """Names of the parameters its method does not look at."""
        method = self.background.method
        return tuple(name for name, only in METHOD_OF.items() if only != method)

    def with_regions(self, *regions: Region) -> Recipe:
        """A copy with these regions instead of its own."""
        return dataclasses.replace(self, regions=tuple(regions))

    @property
    def essence(self) -> Recipe:
        """What decides the result: without names, colours, locks, and what is off."""
        return dataclasses.replace(
            self,
            regions=tuple(region.bare() for region in self.regions if region.on),
            masks=tuple(mask.replace(name="") for mask in self.masks if mask.on),
        )

    def cards(self) -> list[tuple[str, Any, str]]:
        """FITS cards of every parameter, and the number of regions."""
        cards = [card for _, group in self.groups() for card in group.cards()]
        return [
            *cards,
            ("MASKNREG", len(self.regions), "regions drawn by hand"),
            ("MASKNIMP", len(self.masks), "masks from files"),
            ("MASKAUTO", self.automatic, "sources were looked for"),
        ]

    def to_json(self) -> str:
        """The text of a ``.bkg.json`` file, a line for each region."""
        entries = {"format": str(self.FORMAT), "regions": _lines(self.regions)}
        if self.masks:
            entries["masks"] = _lines(self.masks)
        if not self.automatic:
            entries["automatic"] = "false"
        for name, group in self.groups():
            text = json.dumps(group.to_dict(), indent=2, allow_nan=False)
            entries[name] = text.replace("\n", "\n  ")
        return (
            "{\n" + ",\n".join(f'  "{name}": {text}' for name, text in entries.items()) + "\n}\n"
        )

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read the text of a ``.bkg.json`` file.

        Raises
        ------
        ParameterError
            When it is not JSON, has an unknown key or a wrong value, or was written by a
            newer version of this package.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ParameterError(f"The recipe is not valid JSON: {error}.") from None
        if not isinstance(content, dict) or "format" not in content:
            raise ParameterError('This is not a recipe: it has no "format" entry.')
        version = content.pop("format")
        if version != cls.FORMAT or isinstance(version, bool):
            raise ParameterError(
                f"The recipe has format {version!r}; this version reads format {cls.FORMAT}."
                " Update ginga-bkgplugin."
            )
        regions, masks = content.pop("regions", []), content.pop("masks", [])
        for name, entry in (("regions", regions), ("masks", masks)):
            if not isinstance(entry, list):
                raise ParameterError(f'"{name}" must be a list.')
        automatic = content.pop("automatic", True)
        if not isinstance(automatic, bool):
            raise ParameterError(f"automatic must be true or false, not {automatic!r}.")
        groups = {
            name: group.from_dict(content.pop(name))
            for name, group in GROUPS.items()
            if name in content
        }
        if content:
            raise ParameterError(f"Unknown entry {next(iter(content))!r} in the recipe.")
        return cls(
            regions=tuple(region_from_dict(region) for region in regions),
            masks=tuple(ImportedMask.from_dict(mask) for mask in masks),
            automatic=automatic,
            **groups,  # type: ignore[arg-type]
        )


def parameter_names() -> set[str]:
    """The names of all parameters, which no two groups share."""
    return {name for group in GROUPS.values() for name, *_ in group.rules()}


def _lines(entries: Iterable[Region | ImportedMask]) -> str:
    lines = [f"    {json.dumps(entry.to_dict(), allow_nan=False)}" for entry in entries]
    return "[\n" + ",\n".join(lines) + "\n  ]" if lines else "[]"
