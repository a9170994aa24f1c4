from __future__ import annotations

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from ginga_bkgplugin.files.history import add_entry, drop_entry, last_entry

VALUES = st.dictionaries(
    st.text(max_size=30),
    st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False), st.text()),
)


@given(VALUES, VALUES)
def test_the_last_entry_is_read_back_and_dropped_whole(
    first: dict[str, object], second: dict[str, object]
) -> None:
    header = fits.Header([("HISTORY", "made at night")])
    add_entry(header, "replaced", first)
    add_entry(header, "recipe", {"other": 1})
    add_entry(header, "replaced", second)
    header["HISTORY"] = "by day"
    header = fits.Header.fromstring(header.tostring())

    assert last_entry(header, "replaced") == second
    drop_entry(header, "replaced")
    assert last_entry(header, "replaced") == first
    drop_entry(header, "replaced")

    assert last_entry(header, "replaced") is None
    assert last_entry(header, "recipe") == {"other": 1}
    assert header["HISTORY"][0] == "made at night"
    assert header["HISTORY"][-1] == "by day"


@pytest.mark.parametrize("text", ["", "ginga-bkg recipe {", "ginga-bkg recipe nothing"])
def test_what_is_no_entry_is_none(text: str) -> None:
    header = fits.Header([("HISTORY", text)])

    assert last_entry(header, "recipe") is None
    drop_entry(header, "recipe")

    assert list(header["HISTORY"]) == [text]
