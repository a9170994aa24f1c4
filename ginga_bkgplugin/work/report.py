"""A page to keep: image, mask, background, residual, verdict and recipe on one sheet."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.files.names import FORMATS, stem
from ginga_bkgplugin.files.versions import package_version
from ginga_bkgplugin.files.writing import check_absent, write_bytes
from ginga_bkgplugin.recipe.errors import ParameterError, ProductError
from ginga_bkgplugin.work.judging import Judgement, judge
from ginga_bkgplugin.work.pipeline import Result
from ginga_bkgplugin.work.saving import make_folder
from ginga_bkgplugin.work.viewmodel import COLORS, summary_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIZE, _DPI = (13.0, 9.6), 110


def report(
    frame: Frame,
    result: Result,
    judgement: Judgement | None = None,
    *,
    folder: str | Path | None = None,
    formats: Iterable[str] = FORMATS,
    overwrite: bool = False,
) -> list[Path]:
    """Write one quick-look page of a result, whole or not at all. Needs matplotlib.

    Parameters
    ----------
    frame, result
        The image and what a recipe made of it.
    judgement : Judgement, optional
        Of `judge`; made when not given.
    folder : path, optional
        Made if absent. Default: beside the image.
    formats : iterable of str
        Of ``png`` and ``pdf``.
    overwrite : bool
        Replace existing pages.

    Returns
    -------
    list of Path
        ``<stem>.bkgreport.png`` and ``.pdf``; the same result gives the same bytes.

    Raises
    ------
    ProductExistsError
        When a page exists and `overwrite` is off; nothing is written.
    ProductError
        Without matplotlib, for an image without a file and no folder, or when the folder refuses.
    ParameterError
        For an unknown format.
    """
    paths = check_report(frame, folder, formats, overwrite=overwrite)
    for folder in {path.parent for path in paths.values()}:
        make_folder(folder)
    figure = draw_page(frame, result, judgement or judge(frame, result))
    pages = [_page(figure, kind, frame.name) for kind in paths]
    for path, page in zip(paths.values(), pages, strict=True):
        write_bytes(path, page, overwrite=overwrite)
    return list(paths.values())


def check_report(
    frame: Frame,
    folder: str | Path | None = None,
    formats: Iterable[str] = FORMATS,
    *,
    overwrite: bool = False,
) -> dict[str, Path]:
    """Refuse what `report` would refuse, before anything is computed.

    Returns
    -------
    dict
        The path of each format.
    """
    formats = tuple(formats)
    for kind in formats:
        if kind not in FORMATS:
            raise ParameterError(
                f"Unknown format {kind!r} of a page. Known: {', '.join(FORMATS)}."
            )
    if folder is None:
        if frame.path is None:
            raise ProductError("The image has no file: name a folder for its products.")
        folder = frame.path.parent
    paths = {kind: Path(folder, f"{stem(frame)}.bkgreport.{kind}") for kind in formats}
    if not overwrite:
        check_absent(paths.values())
    _matplotlib()
    return paths


def draw_page(frame: Frame, result: Result, judgement: Judgement) -> Figure:
    """The page as a figure of matplotlib, in its default style whatever the user's is.

    Raises
    ------
    ProductError
        Without matplotlib.
    """
    _matplotlib()
    from matplotlib import style
    from matplotlib.figure import Figure

    from ginga_bkgplugin.work import reportplots as plots

    with style.context("default"):
        figure = Figure(figsize=_SIZE, dpi=_DPI)
        above = figure.add_gridspec(1, 4, left=0.035, right=0.955, top=0.915, bottom=0.645,
                                    wspace=0.28)  # fmt: skip
        middle = figure.add_gridspec(1, 3, left=0.035, right=0.985, top=0.57, bottom=0.425,
                                     wspace=0.12)  # fmt: skip
        below = figure.add_gridspec(1, 2, left=0.015, right=0.985, top=0.385, bottom=0.015,
                                    wspace=0.03, width_ratios=(2.1, 1))  # fmt: skip
        plots.draw_pictures([figure.add_subplot(above[k]) for k in range(4)], frame, result,
                            judgement)  # fmt: skip
        axes = [figure.add_subplot(middle[k]) for k in range(3)]
        plots.draw_histogram(axes[0], judgement)
        plots.draw_profile(axes[1], judgement.rows, judgement.sigma, "row")
        plots.draw_profile(axes[2], judgement.columns, judgement.sigma, "column")
        plots.draw_verdict(figure.add_subplot(below[0]), judgement)
        plots.draw_recipe(figure.add_subplot(below[1]), result)
        title = f"{frame.name}: {judgement.word}"
        figure.text(0.015, 0.985, title, fontsize=min(15, 900 / len(title)), va="top",
                    fontweight="bold", color=COLORS[judgement.word],
                    parse_math=False)  # fmt: skip
        made = f"{summary_words(result)}. ginga-bkgplugin {package_version()}"
        figure.text(0.985, 0.985, made, ha="right", va="top", fontsize=8)
    return figure


def _page(figure: Figure, kind: str, title: str) -> bytes:
    """The bytes of a file; no date in it, so that the same page is the same bytes."""
    from matplotlib import style

    page = io.BytesIO()
    metadata = {"Title": title} | ({"CreationDate": None} if kind == "pdf" else {})
    with style.context("default"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # names in any script
        figure.savefig(page, format=kind, dpi=_DPI, metadata=metadata)
    return page.getvalue()


def _matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ProductError(
            "A page needs matplotlib, which is not installed:"
            ' pip install "ginga-bkgplugin[plots]".'
        ) from None
