"""The recipe: regions and parameters, everything that decides the result."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any, ClassVar

from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.recipe.parameters import (
    BackgroundParameters,
    InvalidParameters,
    SmoothParameters,
    SourceMaskParameters,
)
from ginga_bkgplugin.recipe.rules import Parameters
from ginga_bkgplugin.recipe.shapes import Region, region_from_dict

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
    regions : tuple of PixelCircle or SkyCircle
        What the user drew; masked in the fit, seen by detection.
    invalid, source, background, smooth
        The parameter groups.
    """

    regions: tuple[Region, ...] = ()
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
            raise ParameterError(f"Unknown parameter {next(iter(values))!r}.")
        return dataclasses.replace(self, **changed)  # type: ignore[arg-type]

    def with_regions(self, *regions: Region) -> Recipe:
        """A copy with these regions instead of its own."""
        return dataclasses.replace(self, regions=tuple(regions))

    def cards(self) -> list[tuple[str, Any, str]]:
        """FITS cards of every parameter, and the number of regions."""
        cards = [card for _, group in self.groups() for card in group.cards()]
        return [*cards, ("MASKNREG", len(self.regions), "regions drawn by hand")]

    def to_json(self) -> str:
        """The text of a ``.bkg.json`` file."""
        content = {
            "format": self.FORMAT,
            "regions": [region.to_dict() for region in self.regions],
            **{name: group.to_dict() for name, group in self.groups()},
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"

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
        regions = content.pop("regions", [])
        if not isinstance(regions, list):
            raise ParameterError('"regions" must be a list.')
        groups = {
            name: group.from_dict(content.pop(name))
            for name, group in GROUPS.items()
            if name in content
        }
        if content:
            raise ParameterError(f"Unknown entry {next(iter(content))!r} in the recipe.")
        return cls(
            regions=tuple(region_from_dict(region) for region in regions),
            **groups,  # type: ignore[arg-type]
        )
