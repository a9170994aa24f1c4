from __future__ import annotations

import os
from pathlib import Path

import pytest
from astropy.io.fits import Header
from hypothesis import given
from hypothesis import strategies as st

from ginga_bkgplugin.files.searching import Condition, conditions, product_kind, walk
from ginga_bkgplugin.recipe.errors import ImageError, ParameterError

HEADER = Header(
    [
        ("OBJECT", "T00528  "),
        ("FILTER", "m600"),
        ("EXPTIME", 60.0),
        ("NCOMB", 3),
        ("GUIDED", True),
        ("DATE-OBS", "2026-11-21T03:04:05"),
        ("GAIN", "1.5"),
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "OBJECT=T00528", "object = T00528", "OBJECT=T005*", "FILTER=m650|m600", "FILTER!=m650",
        "EXPTIME>=60", "EXPTIME=60", "EXPTIME==60.0", "EXPTIME<60.5", "NCOMB>2", "GUIDED=T",
        "GUIDED=true", "DATE-OBS>=2026-11-21", "DATE-OBS<2026-11-22", "GAIN>1", "ABSENT!=x",
    ],
)  # fmt: skip
def test_a_condition_that_holds(text: str) -> None:
    assert Condition.parse(text).holds(HEADER)


@pytest.mark.parametrize(
    "text",
    [
        "OBJECT=t00528", "OBJECT!=T00528", "FILTER=m65*", "EXPTIME>60", "EXPTIME<=59.9",
        "GUIDED=F", "GUIDED=1", "DATE-OBS>2026-11-22", "ABSENT=x", "ABSENT>=0", "FILTER>=n",
    ],
)  # fmt: skip
def test_a_condition_that_does_not_hold(text: str) -> None:
    assert not Condition.parse(text).holds(HEADER)


def test_a_card_is_looked_for_in_one_header_after_the_other() -> None:
    primary = Header([("FILTER", "z"), ("NIGHT", 7)])

    assert Condition.parse("FILTER=m600").holds(HEADER, primary)
    assert Condition.parse("NIGHT=7").holds(HEADER, primary)


@pytest.mark.parametrize("text", ["", "FILTER", "=m600", ">=60", "FILTER~x"])
def test_what_is_no_condition_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ParameterError, match="EXPTIME>=60"):
        Condition.parse(text)


def test_conditions_of_a_mapping_take_numbers_signs_and_alternatives() -> None:
    found = conditions({"FILTER": ["m600", "m650"], "EXPTIME": ">=60", "NCOMB": 3, "GUIDED": True})

    assert [str(each) for each in found] == [
        "FILTER=m600|m650", "EXPTIME>=60", "NCOMB=3", "GUIDED=True",
    ]  # fmt: skip
    assert all(each.holds(HEADER) for each in found)
    assert conditions(["NCOMB>2"]) == conditions("NCOMB>2") == (Condition("NCOMB", ">", "2"),)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(-1e6, 1e6))
def test_numbers_are_compared_as_numbers(found: float, limit: float) -> None:
    header = {"X": found}
    holds = {sign: Condition("X", sign, repr(limit)).holds(header)
             for sign in ("=", "!=", "<", "<=", ">", ">=")}  # fmt: skip

    assert holds == {
        "=": found == limit, "!=": found != limit, "<": found < limit, "<=": found <= limit,
        ">": found > limit, ">=": found >= limit,
    }  # fmt: skip


# --- files


def _make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def _found(folder: Path, pattern: str | None = None) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in walk(folder, pattern)]


def test_fits_files_at_any_depth_are_found_in_order(tmp_path: Path) -> None:
    _make(tmp_path, "b.fits", "a.FIT", "n/c.fts", "n/m/d.fits.fz", "e.fits.gz", "x.txt",
          ".hidden.fits", ".cache/f.fits", "g.fits.bkgmap")  # fmt: skip

    assert _found(tmp_path) == ["a.FIT", "b.fits", "e.fits.gz", "n/c.fts", "n/m/d.fits.fz"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.fits", ["a100.fits"]),
        ("**/*100.fits", ["a100.fits", "n/b100.fits", "n/m/c100.fits"]),
        ("n/*.fits", ["n/b100.fits", "n/b200.fits"]),
        ("n/**", ["n/b100.fits", "n/b200.fits", "n/m/c100.fits"]),
        ("?100.f[ai]ts", ["a100.fits"]),
        ("**/m/*", ["n/m/c100.fits"]),
    ],
)
def test_a_pattern_is_as_in_a_shell(tmp_path: Path, pattern: str, names: list[str]) -> None:
    _make(tmp_path, "a100.fits", "n/b100.fits", "n/b200.fits", "n/m/c100.fits")

    assert _found(tmp_path, pattern) == names


def test_loops_of_links_end_and_linked_folders_are_entered(tmp_path: Path) -> None:
    _make(tmp_path, "night/a.fits", "archive/b.fits")
    (tmp_path / "night" / "again").symlink_to(tmp_path / "night")
    (tmp_path / "night" / "older").symlink_to(tmp_path / "archive")
    (tmp_path / "night" / "self").symlink_to("self")
    (tmp_path / "night" / "gone.fits").symlink_to("nowhere.fits")

    assert _found(tmp_path / "night") == ["a.fits", "older/b.fits"]


def test_a_missing_folder_and_a_file_are_refused_with_the_reason(tmp_path: Path) -> None:
    _make(tmp_path, "a.fits")

    with pytest.raises(ImageError, match=r"nowhere: the folder cannot be searched \(No such"):
        walk(tmp_path / "nowhere")
    with pytest.raises(ImageError, match=r"a\.fits: the folder cannot be searched \(Not a dir"):
        walk(tmp_path / "a.fits")


def test_a_folder_that_may_not_be_read_is_refused_or_told(tmp_path: Path) -> None:
    _make(tmp_path, "open/a.fits", "open/closed/b.fits")
    closed = tmp_path / "open" / "closed"
    problems: list[str] = []
    for folder in (tmp_path, *tmp_path.parents):
        if "pytest-of" in str(folder):
            folder.chmod(0o755)  # pytest keeps others out
    closed.chmod(0)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        found = walk(tmp_path / "open", problems=problems)
        with pytest.raises(ImageError, match=r"cannot be searched \(Permission denied\)"):
            walk(closed)
    finally:
        if root:
            os.seteuid(0)
        closed.chmod(0o755)

    assert [path.name for path in found] == ["a.fits"]
    assert problems == [f"{closed}: the folder cannot be read (Permission denied): left out."]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.bkgmap.fits", "bkgmap"), ("a.SCI2.srcmask.fits", "srcmask"),
        ("a.srcmask.fits.gz", "srcmask"), ("a.fits.bkgrms", "bkgrms"), ("subbkg_a.fits", "subbkg"),
        ("a.fits", ""), ("bkgmap.fits", ""), ("mybkgmap.fits", ""), ("a.mask.fits", ""),
    ],
)  # fmt: skip
def test_products_are_known_by_their_names(name: str, kind: str) -> None:
    assert product_kind(Path(name)) == kind


def test_products_are_known_by_their_headers_whatever_they_are_called() -> None:
    assert (
        product_kind(Path("renamed.fits"), Header(), Header([("BKGPROD", "bkgmap")])) == "bkgmap"
    )
