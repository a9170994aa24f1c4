"""Whether an image's background was subtracted before: by us, or by others, as far as they say.

Only what we subtracted is refused. Of the others there is a warning: their cards are less sure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from astropy.io import fits

from ginga_bkgplugin.files.frames import Frame

Cards = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Sign:
    """What one program leaves in the header of an image it subtracted a background from.

    Attributes
    ----------
    program : str
        Who.
    cards : str
        What it leaves, for people.
    holds : callable
        Whether a header (the image's over the primary one's) has it.
    source : str
        Where that is written.
    """

    program: str
    cards: str
    holds: Callable[[Cards], bool]
    source: str


def _true(value: Any) -> bool:
    return value is True or str(value).strip().upper() in ("T", "Y", "YES", "TRUE", "COMPLETE")


def _nonzero(value: Any) -> bool:
    return isinstance(value, (int, float)) and value != 0


def _is_jwst(cards: Cards) -> bool:
    return _true(cards.get("S_BKDSUB")) or (
        _true(cards.get("BKGSUB")) and ("BKGMETH" in cards or "BKGLEVEL" in cards)
    )


def _is_ezphot(cards: Cards) -> bool:
    return "BKGTYPE" in cards and "BKGPROD" not in cards and cards.get("BKGVALU") == 0


def _is_swarp(cards: Cards) -> bool:
    told = str(cards.get("HISTORY", "")).replace(" ", "")
    flags = [cards.get("BACKSUBF"), cards.get("SUBF0001")]
    return any(map(_true, flags)) or "SWarpParameter:SUBTRACT_BACK:Y" in told


def _is_drizzled(cards: Cards) -> bool:
    return _nonzero(cards.get("MDRIZSKY")) and "NDRIZIM" in cards


def _is_sdss(cards: Cards) -> bool:
    unit = str(cards.get("BUNIT", "")).strip().lower()
    return str(cards.get("ORIGIN", "")).strip() == "SDSS" and unit.startswith("nanomagg")


SIGNS = (
    Sign("ezphot", "BKGTYPE with BKGVALU = 0", _is_ezphot,
         "ezphot/methods/backgroundgenerator.py, subtract_background"),
    Sign("GraXpert", "BG-EXTR", lambda cards: "BG-EXTR" in cards,
         "graxpert/astroimage.py"),
    Sign("the JWST pipeline", "S_BKDSUB = COMPLETE, or BKGSUB with BKGLEVEL", _is_jwst,
         "stdatamodels/jwst/datamodels/schemas/core.schema.yaml"),
    Sign("AstroDrizzle", "MDRIZSKY of a drizzled image (NDRIZIM)", _is_drizzled,
         "drizzlepac/sky.py; an flt keeps its sky: ablot.py adds the value back"),
    Sign("SWarp", "BACKSUBF or SUBF0001 = T, or HISTORY SUBTRACT_BACK Y", _is_swarp,
         "swarp/src/header.c"),
    Sign("the SDSS pipeline", "ORIGIN SDSS with BUNIT nanomaggy", _is_sdss,
         "data model of frame-*.fits.bz2: sky-subtracted, the sky is in HDU 2"),
    Sign("the LSST pipeline", "BGMEAN and BGVAR", lambda cards: {"BGMEAN", "BGVAR"} <= set(cards),
         "meas_algorithms/subtractBackground.py"),
    Sign("Gnuastro", "EXTNAME INPUT-NO-SKY",
         lambda cards: str(cards.get("EXTNAME", "")).strip() == "INPUT-NO-SKY",
         "gnuastro manual, NoiseChisel output"),
)  # fmt: skip


def is_ours(header: fits.Header) -> bool:
    """Whether an image says that its background is subtracted, in our word (BKGSUB).

    JWST uses the same word for something less sure: its other cards tell.
    """
    return header.get("BKGSUB") is True and ("BKGID" in header or not _is_jwst(header))


def subtracted_by(frame: Frame) -> Sign | None:
    """Who, other than us, seems to have subtracted the background; None where none says so."""
    cards = {**_cards(frame.primary), **_cards(frame.header)}
    return next((sign for sign in SIGNS if sign.holds(cards)), None)


def subtracted_words(frame: Frame) -> str:
    """Whether the background was subtracted, after an *is*; empty where nothing says so."""
    if is_ours(frame.header):
        model = frame.header.get("BKGID")
        return "subtracted" + (f" (background {model})" if model else "")
    sign = subtracted_by(frame)
    if sign is None:
        return ""
    return f"probably subtracted already, by {sign.program} ({sign.cards})"


def _cards(header: fits.Header) -> dict[str, Any]:
    plain = {card.keyword: card.value for card in header.cards if card.keyword}
    return {**plain, "HISTORY": " ".join(map(str, header.get("HISTORY", [])))}
