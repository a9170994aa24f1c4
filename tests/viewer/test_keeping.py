"""Compressed masks, stale products, images subtracted before: what the viewer makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin.files.frames import read_frame
from ginga_bkgplugin.files.names import USUAL, find_products
from ginga_bkgplugin.sky.simulate import SimulatedField
from ginga_bkgplugin.work.loading import stale_products
from ginga_bkgplugin.work.pipeline import Result
from tests.viewer.conftest import Desk

pytestmark = pytest.mark.viewer


def _save_all(desk: Desk) -> None:
    desk.press(desk.panel.saving.save)
    desk.wait_for_words("Saved in")


def test_ginga_opens_a_compressed_mask_as_it_is(
    desk: Desk, small_result: Result, image: Path
) -> None:
    desk.take(small_result)
    _save_all(desk)

    desk.viewer.open([image.with_name("field.srcmask.fits")])
    desk.viewer.pump(0.2)

    shown = desk.channel.get_current_image()
    assert np.array_equal(shown.get_data(), small_result.mask)
    assert shown.get_header()["MASKPOL"] == "1=MASKED"


@pytest.mark.parametrize("kind", ["f4", "u2", "i4"])
def test_what_is_saved_in_the_viewer_belongs_to_the_file(
    empty: Desk, small: SimulatedField, small_result: Result, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "field.fits"
    fits.writeto(path, np.nan_to_num(small.data).astype(kind), small.header)
    empty.viewer.open([path])
    empty.start()
    empty.take(small_result)

    _save_all(empty)

    frame = read_frame(path)
    found = find_products(frame)
    assert set(found) == {*USUAL, "recipe"}
    assert stale_products(frame, found) == {}


def test_loading_stale_products_says_so(desk: Desk, small_result: Result, image: Path) -> None:
    desk.take(small_result)
    _save_all(desk)
    with fits.open(image.with_name("field.bkgmap.fits"), mode="update") as hdus:
        hdus[0].header["TGTSUM"] = "0" * 16

    desk.press(desk.panel.saving.load)
    desk.wait_for_words("Loaded")

    assert "Stale: bkgmap: made from other pixels than the image has now." in desk.words


def test_products_saved_elsewhere_come_back_as_well_as_those_beside(
    desk: Desk, small_result: Result, tmp_path: Path
) -> None:
    desk.take(small_result)
    _save_all(desk)
    (tmp_path / "last").mkdir()
    for kind, check in desk.panel.saving.kinds.items():
        check.set_state(kind == "bkgmap")
    desk.panel.saving.folder.set_text(str(tmp_path / "last"))
    _save_all(desk)

    desk.press(desk.panel.saving.load)  # there is only a map in the folder saved to last
    desk.wait_for_words("Loaded")

    assert np.array_equal(desk.result.mask, small_result.mask)


def test_an_image_subtracted_by_others_is_warned_of(
    empty: Desk, small: SimulatedField, tmp_path: Path
) -> None:
    header = small.header.copy()
    header["BG-EXTR"] = "GraXpert"
    fits.writeto(tmp_path / "g.fits", small.data, header)

    empty.start()
    empty.open(tmp_path / "g.fits")

    assert "probably subtracted already, by GraXpert (BG-EXTR)" in empty.words
