"""The page to keep: what it shows, what it is written as, what is refused."""

from __future__ import annotations

import re
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ginga_bkgplugin import (
    Frame,
    Judgement,
    ParameterError,
    PixelCircle,
    ProductError,
    ProductExistsError,
    Recipe,
    judge,
    read_frame,
    report,
    run,
)
from ginga_bkgplugin.sky.simulate import sample_field
from ginga_bkgplugin.work.pipeline import Result, finish
from ginga_bkgplugin.work.report import draw_page
from ginga_bkgplugin.work.reportplots import shrunk

pytest.importorskip("matplotlib")

REGION = PixelCircle(150, 140, 60, name="the 은하 $x^{$")
Judged = tuple[Frame, Result, Judgement]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    field = sample_field((300, 320), stars=20)
    path = tmp_path_factory.mktemp("night") / "n1.fits"
    fits.writeto(path, field.data, field.header)
    frame = read_frame(str(path))
    recipe = Recipe(regions=(REGION,)).with_parameters(box_size=48)
    result = finish(run(frame.data, recipe, saturation_level=6e4))
    return frame, result, judge(frame, result)


@pytest.fixture(scope="module")
def pages(judged: Judged, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return report(*judged, folder=tmp_path_factory.mktemp("pages"))


def _texts(frame: Frame, result: Result, judgement: Judgement) -> list[str]:
    figure = draw_page(frame, result, judgement)
    parts = [figure, *figure.axes, *(inner for axis in figure.axes for inner in axis.child_axes)]
    return [text.get_text() for part in parts for text in part.texts] + [
        axis.get_title() for axis in figure.axes
    ]


def test_the_page_says_word_lines_numbers_and_recipe(judged: Judged) -> None:
    frame, result, judgement = judged
    texts = _texts(frame, result, judgement)
    words = " ".join(texts)

    assert f"n1.fits: {judgement.word}" in texts
    for line in judgement.verdict.lines:
        assert {line.word, line.name} <= set(texts)
        assert " ".join(line.sentence.split()) in words
    assert f"of {judgement.statistics.count} free pixels" in words
    assert "changed: box_size = 48" in texts
    assert f"name {REGION.name}" in words
    for part in ("region", "source", "image and mask", "background", "residual / rms"):
        assert any(part in text for text in texts), part


def test_the_pictures_show_the_frame_the_map_and_what_is_left(judged: Judged) -> None:
    frame, result, judgement = judged
    axes = draw_page(frame, result, judgement).axes
    image, level, rest = (axes[k].images[0].get_array().filled(np.nan) for k in range(3))
    mask = axes[0].images[1].get_array()

    assert np.array_equal(image, frame.data, equal_nan=True)
    assert level == pytest.approx(result.fit.level)
    assert rest == pytest.approx(frame.data - result.fit.level, abs=1e-3, nan_ok=True)
    assert np.array_equal(mask[..., 3] > 0, result.mask != 0)
    counts = axes[4].patches[0].get_data().values
    assert counts == pytest.approx(np.maximum(judgement.histogram.counts, 0.5))


def test_both_files_are_written_whole_and_the_same_each_time(
    judged: Judged, pages: list[Path], tmp_path: Path
) -> None:
    again = report(*judged, folder=tmp_path / "again")

    assert [path.name for path in pages] == ["n1.bkgreport.png", "n1.bkgreport.pdf"]
    png, pdf = (path.read_bytes() for path in pages)
    assert png.startswith(b"\x89PNG\r\n")
    assert png.endswith(b"IEND\xaeB`\x82")
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert [path.read_bytes() for path in again] == [png, pdf]
    assert len(list((tmp_path / "again").iterdir())) == 2


def test_the_pdf_holds_words_not_a_picture_of_them(pages: list[Path]) -> None:
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pages[1].read_bytes(), re.DOTALL)
    drawn = b"".join(zlib.decompressobj().decompress(part) for part in streams if part[:1] == b"x")
    assert drawn.count(b" Tj") + drawn.count(b" TJ") > 30


def test_an_existing_page_is_kept_unless_asked(judged: Judged, tmp_path: Path) -> None:
    there = tmp_path / "n1.bkgreport.pdf"
    there.write_text("mine")

    with pytest.raises(ProductExistsError, match="already there"):
        report(*judged, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [there.name]
    assert there.read_text() == "mine"

    report(*judged, folder=tmp_path, formats=("pdf",), overwrite=True)
    assert there.read_bytes().startswith(b"%PDF")


def test_what_is_wrong_is_told(
    judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame, result, judgement = judged

    with pytest.raises(ParameterError, match="Unknown format 'gif' of a page"):
        report(frame, result, judgement, folder=tmp_path, formats=("gif",))
    with pytest.raises(ProductError, match="has no file: name a folder"):
        report(Frame(frame.data), result, judgement)
    (tmp_path / "file").touch()
    with pytest.raises(ProductError, match="cannot be made"):
        report(frame, result, judgement, folder=tmp_path / "file" / "folder")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ProductError, match="matplotlib, which is not installed"):
        report(frame, result, judgement, folder=tmp_path)


def test_the_style_of_the_user_changes_nothing(
    judged: Judged, pages: list[Path], tmp_path: Path
) -> None:
    import matplotlib

    with matplotlib.rc_context({"text.usetex": True, "figure.facecolor": "red"}):
        (styled,) = report(*judged, folder=tmp_path / "styled", formats=("png",))

    assert pages[0].read_bytes() == styled.read_bytes()


def test_a_large_frame_is_shrunk_by_means_that_know_missing_pixels() -> None:
    data = np.arange(70 * 90, dtype=np.float32).reshape(70, 90)
    data[0, 0] = np.nan
    data[40:48, 80:] = np.nan

    small, factor = shrunk(lambda start, stop: data[start:stop], (70, 90), most=30)

    assert factor == 3
    assert small.shape == (24, 30)
    assert small[0, 0] == pytest.approx(np.nanmean(data[:3, :3]))
    assert small[-1, -1] == pytest.approx(data[69:, 87:].mean())
    assert np.isnan(small[14, 28])


@pytest.mark.parametrize("shape", [(64, 900), (900, 64)])
def test_long_frames_empty_rows_and_many_regions_fit_on_the_page(shape: tuple[int, int]) -> None:
    data = np.random.default_rng(1).normal(100, 5, shape).astype(np.float32)
    data[:20, :20] = np.nan
    data[30] = np.nan
    regions = tuple(PixelCircle(4 + 2 * k, 8, 3.123456789) for k in range(20))
    result = finish(run(data, Recipe(regions=regions).with_parameters(box_size=32)))
    frame = Frame(data, label="a name of many letters " * 8)
    figure = draw_page(frame, result, judge(frame, result))

    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    for text in (text for part in (figure, *figure.axes) for text in part.texts):
        box = text.get_window_extent()
        assert -1 <= box.x0 <= box.x1 <= width + 1, text.get_text()
        assert -1 <= box.y0 <= box.y1 <= height + 1, text.get_text()
