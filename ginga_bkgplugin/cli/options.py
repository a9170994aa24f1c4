"""The options that make a recipe, from the rules beside its fields."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path

from ginga_bkgplugin.recipe.imported import KINDS as MASK_KINDS
from ginga_bkgplugin.recipe.imported import POLARITIES
from ginga_bkgplugin.recipe.parameters import METHOD_OF
from ginga_bkgplugin.recipe.recipe import GROUPS, parameter_names


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """A recipe file, and every parameter as an option."""
    group = parser.add_argument_group("recipe", "a file, and options that override it")
    group.add_argument("--recipe", type=Path, metavar="FILE.bkg.json")
    group.add_argument("--circle", action="append", default=[], metavar="X,Y,R",
                       help="mask a circle, 0-based pixels; may be repeated")  # fmt: skip
    group.add_argument("--sky-circle", action="append", default=[], metavar="RA,DEC,R",
                       help="mask a circle, degrees and arcsec; may be repeated")  # fmt: skip
    for parameters in GROUPS.values():
        for name, kind, default, rule in parameters.rules():
            flag = "--" + name.replace("_", "-")
            unit = f" [{rule.unit}]" if rule.unit else ""
            only = f"Method {METHOD_OF[name]} only. " if name in METHOD_OF else ""
            text = f"{only}{rule.help} Default: {default}{unit}.".replace("%", "%%")
            if kind is bool:
                group.add_argument(flag, action=argparse.BooleanOptionalAction,
                                   default=argparse.SUPPRESS, help=text)  # fmt: skip
            elif kind is str:
                group.add_argument(flag, choices=rule.choices, default=argparse.SUPPRESS,
                                   help=text)  # fmt: skip
            else:
                number = int if kind is int else float
                group.add_argument(flag, type=number, default=argparse.SUPPRESS,
                                   metavar=number.__name__.upper(), help=text)  # fmt: skip


def add_mask_options(parser: argparse.ArgumentParser) -> None:
    """Region and mask files beside the recipe."""
    add = parser.add_argument_group("masks", "files beside the recipe").add_argument
    text = "DS9 regions, after those of the recipe; -circle(…) erases"
    add("--regions", action="append", default=[], metavar="FILE.reg", help=text)
    text = "the image regions in pixels were drawn on: they are carried to each FILE by WCS"
    add("--drawn-on", metavar="IMAGE", help=text)
    text = (
        "a FITS mask; self[EXT] is in the image's own file; a mask the recipe wants is read only"
        " if named here"
    )
    add("--mask", action="append", default=[], metavar="FILE[EXT]", help=text)
    text = "what the values of --mask are (default: as the file tells)"
    add("--mask-kind", choices=MASK_KINDS, help=text)
    text = "bad: what is set is masked (1 = bad); good: what is not (1 = good)"
    add("--mask-polarity", choices=POLARITIES, help=text)
    text = "flags by value or name with commas, e.g. SATURATED,16; or numbers of objects"
    add("--mask-bits", default="", metavar="BITS", help=text)
    text = "look for no sources: mask by regions and masks only"
    add("--no-automatic", action="store_true", help=text)


def near_words(unknown: list[str], options: argparse.Namespace) -> str:
    """What options that are not known may have meant."""
    known = ["--" + name.replace("_", "-") for name in parameter_names() | vars(options).keys()]
    near = [
        match
        for word in unknown
        if word.startswith("--")
        for match in difflib.get_close_matches(word.split("=")[0], known, 1)
    ]
    return f". Did you mean {', '.join(near)}?" if near else ""
