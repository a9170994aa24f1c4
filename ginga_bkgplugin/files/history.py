"""What our products say in their HISTORY: entries longer than a card, as JSON."""

from __future__ import annotations

import json
from typing import Any

from astropy.io import fits

_WIDTH = 72  # of a card's text


def add_entry(header: fits.Header, word: str, value: Any) -> None:
    """Add ``ginga-bkg WORD {…}`` to the HISTORY of a header."""
    header["HISTORY"] = entry(word, value)


def entry(word: str, value: Any) -> str:
    """The text of an entry; ASCII."""
    return f"ginga-bkg {word} {json.dumps(value, separators=(',', ':'))}"


def last_entry(header: fits.Header, word: str) -> Any:
    """The value of the last entry with a word; None where there is none that can be read."""
    found = _last(header, word)
    return None if found is None else found[0]


def drop_entry(header: fits.Header, word: str) -> None:
    """Remove the last entry with a word."""
    found = _last(header, word)
    if found is not None:
        lines = list(header["HISTORY"])
        header.remove("HISTORY", remove_all=True)
        for number, line in enumerate(lines):
            if number not in found[1]:
                header["HISTORY"] = line


def _last(header: fits.Header, word: str) -> tuple[Any, range] | None:
    """Value and lines of the last entry with a word."""
    lines = [f"{line:<{_WIDTH}}" for line in header.get("HISTORY", [])]
    begin = f"ginga-bkg {word} "
    for number in reversed(range(len(lines))):
        if lines[number].startswith(begin):
            text = "".join(lines[number:])[len(begin) :]
            try:
                value, length = json.JSONDecoder().raw_decode(text)
            except ValueError:
                continue
            return value, range(number, number + -(-(len(begin) + length) // _WIDTH))
    return None
