"""The parts of a page: pictures, plots and words, each drawn into axes of matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ginga_bkgplugin.files.frames import Frame
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.region import Region
from ginga_bkgplugin.sky.binning import masked_rows, over_blocks
from ginga_bkgplugin.sky.maps import Nodes, rows_of
from ginga_bkgplugin.sky.pixels import FloatImage, MaskImage
from ginga_bkgplugin.sky.verdict import DO_NOT_USE
from ginga_bkgplugin.work.judging import Judgement
from ginga_bkgplugin.work.pipeline import Result
from ginga_bkgplugin.work.viewmodel import COLORS, MASK_COLORS, statistics_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_PIXELS = 600  # along the longer side of a picture
_LINE = "#b35806"
_WIDE, _WHOLE, _NARROW = 96, 122, 62  # letters in a line
_LINES = 22.0  # of text in a panel at full size
_MOST_REGIONS = 12


def shrunk(
    read: Callable[[int, int], FloatImage], shape: tuple[int, int], most: int = _MOST_PIXELS
) -> tuple[FloatImage, int]:
    """An image small enough to print, by means of square blocks, and their side.

    Parameters
    ----------
    read : callable
        Takes the first and one past the last row; returns them, NaN where nothing is to be seen.
    shape : tuple of int
        (ny, nx).
    most : int
        Pixels along the longer side, at most.
    """
    factor = max(1, -(-max(shape) // most))
    lines = []
    for start in range(0, shape[0], factor):
        rows = read(start, min(start + factor, shape[0]))
        good = np.isfinite(rows)
        count = over_blocks(np.add, good, factor, np.float32)
        total = over_blocks(np.add, np.where(good, rows, np.float32(0)), factor)
        with np.errstate(invalid="ignore", divide="ignore"):
            lines.append(np.where(count > 0, total / count, np.nan))
    return np.concatenate(lines).astype(np.float32), factor


def draw_pictures(axes: list[Axes], frame: Frame, result: Result, judgement: Judgement) -> None:
    """Image with mask, background, subtracted image, boxes."""
    shape = (frame.data.shape[0], frame.data.shape[1])
    fit = result.fit

    def image(start: int, stop: int) -> FloatImage:
        with np.errstate(over="ignore"):
            return np.asarray(frame.data[start:stop], np.float32)

    pixels, factor = shrunk(image, shape)
    level, _ = shrunk(lambda start, stop: rows_of(fit.level_map, start, stop), shape)
    mask = np.concatenate([
        masked_rows(result.layers, row, row + 1)[:, ::factor] for row in range(0, shape[0], factor)
    ])  # fmt: skip
    sigma = judgement.sigma or 1.0
    sides = (0, level.shape[1] * factor, 0, level.shape[0] * factor)  # blocks may reach beyond
    options: dict[str, Any] = {
        "origin": "lower", "extent": [side - 0.5 for side in sides], "interpolation": "nearest",
    }  # fmt: skip
    low, high = fit.globalback - 3 * sigma, fit.globalback + 10 * sigma
    axes[0].imshow(pixels, cmap="gray", vmin=low, vmax=high, **options)
    axes[0].imshow(_mask_colours(mask), **options)
    _name_colours(axes[0], mask)
    _bar(axes[1], axes[1].imshow(level, cmap="viridis", **options))
    spread = 3 * sigma / min(factor, 4)
    axes[2].imshow(pixels - level, cmap="gray", vmin=-spread, vmax=spread, **options)
    _draw_boxes(axes[3], judgement)
    titles = ("image and mask", "background", f"subtracted, ±{spread / sigma:.2g} sigma",
              "boxes: grey measured, else filled\nfrom so many boxes away")  # fmt: skip
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize=8.5)
        axis.tick_params(labelsize=7)
        axis.set_xlim(-0.5, shape[1] - 0.5)
        axis.set_ylim(-0.5, shape[0] - 0.5)
        axis.set_aspect("equal")
    axes[2].tick_params(labelleft=False)  # room for the numbers of the colour bar


def _bar(axis: Axes, shown: Any) -> None:
    """A colour bar as high as the picture."""
    bar = axis.figure.colorbar(shown, cax=axis.inset_axes((1.02, 0, 0.045, 1)))
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)


def _mask_colours(mask: MaskImage) -> FloatImage:
    """The mask as transparent colours, those of the panel."""
    colours = np.zeros((*mask.shape, 4), np.float32)
    for bit, colour in MASK_COLORS.items():
        colours[(mask & np.uint8(bit)) != 0] = (*_parts(colour), 0.45)
    return colours


def _name_colours(axis: Axes, mask: MaskImage) -> None:
    """Why pixels are masked, beside the colours of the picture, below it."""
    x = 0.0
    for bit, colour in sorted(MASK_COLORS.items()):
        if np.any(mask & np.uint8(bit)):
            name = str(bit.name).lower()
            box = {"boxstyle": "square,pad=0.3", "color": _parts(colour)}
            options: dict[str, Any] = {"xycoords": "axes fraction", "fontsize": 7,
                                       "textcoords": "offset points"}  # fmt: skip
            axis.annotate(name, (0, 0), (x + 3, -25), bbox=box, **options)
            x += 4.2 * len(name) + 14


def _parts(colour: tuple[int, int, int]) -> tuple[float, ...]:
    """A colour as matplotlib wants it."""
    return tuple(part / 255 for part in colour)


def _draw_boxes(axis: Axes, judgement: Judgement) -> None:
    """Filled boxes, the darker the farther from a measured one; rings that are told of."""
    boxes = judgement.boxes
    rows, columns = boxes.grid.rows - 0.5, boxes.grid.columns - 0.5
    thin: dict[str, Any] = {"edgecolors": "0.8", "linewidth": 0.15}
    away = np.ma.masked_equal(boxes.distance, 0)
    shown = axis.pcolormesh(columns, rows, away, cmap="Oranges", vmin=0,
                            vmax=max(3, boxes.farthest), **thin)  # fmt: skip
    axis.pcolormesh(columns, rows, np.ma.masked_not_equal(boxes.distance, 0), cmap="Greys",
                    vmin=-1, vmax=9, **thin)  # fmt: skip
    _bar(axis, shown)
    angle = np.linspace(0, 2 * np.pi, 60)
    told = " ".join(line.sentence for line in judgement.verdict.complaints)
    for ring in judgement.rings:
        if f"Ring round {ring.name}:" in told:
            axis.plot(ring.x + ring.radius * np.cos(angle), ring.y + ring.radius * np.sin(angle),
                      color=COLORS[DO_NOT_USE], linewidth=1.2)  # fmt: skip


def draw_histogram(axis: Axes, judgement: Judgement) -> None:
    """Residual over rms map, beside the Gaussian that map promises."""
    found = judgement.histogram
    middle = (found.edges[1:] + found.edges[:-1]) / 2
    axis.stairs(np.maximum(found.counts, 0.5), found.edges, color="0.25", label="free pixels")
    axis.plot(middle, np.maximum(found.gaussian, 0.5), color=_LINE, label="rms map")
    axis.set_yscale("log")
    axis.set_ylim(0.7, 3 * max(found.counts.max(initial=1), 1))
    axis.set_title("residual / rms: number of free pixels", fontsize=8.5)
    axis.legend(fontsize=7, frameon=False)
    axis.tick_params(labelsize=7)


def draw_profile(axis: Axes, means: Nodes, sigma: float, name: str) -> None:
    """Mean residual of rows or columns, and of 40 groups of them."""
    values = means / (sigma or 1.0)
    axis.plot(np.arange(values.size), values, color="0.55", linewidth=0.4)
    groups = [part for part in np.array_split(np.arange(values.size), 40) if part.size > 1]
    known = [(part.mean(), np.nanmean(values[part])) for part in groups
             if np.isfinite(values[part]).any()]  # fmt: skip
    if known:
        axis.plot(*np.transpose(known), color="0.1", linewidth=1)
    axis.axhline(0, color=_LINE, linewidth=0.8)
    finite = values[np.isfinite(values)]
    if finite.size:
        low, high = np.percentile(finite, (0.5, 99.5))
        low, high = min(low, -0.1), max(high, 0.1)
        axis.set_ylim(low - 0.15 * (high - low), high + 0.15 * (high - low))
    axis.set_xlim(-0.5, values.size - 0.5)
    axis.set_title(f"mean residual of each {name} [sigma]", fontsize=8.5)
    axis.tick_params(labelsize=7)


def draw_verdict(axis: Axes, judgement: Judgement) -> None:
    """The lines of the verdict, advice, and the plain numbers of the residual."""
    told = [advice.sentence for advice in judgement.advice[:5]]
    told.append(f"{statistics_words(judgement)}.")
    lines = [
        (line.word, line.name, textwrap.wrap(line.sentence, _WIDE))
        for line in judgement.verdict.lines
    ]
    after = [part for each in told for part in textwrap.wrap(each, _WHOLE)]
    write = _Writer(axis, sum(len(sentences) for *_, sentences in lines) + len(after) + 0.5)
    for word, name, sentences in lines:
        write(0.0, word, color=COLORS[word], fontweight="bold")
        write(0.105, name)
        for sentence in sentences:
            write(0.22, sentence)
            write.down()
    write.down(0.5)
    for sentence in after:
        write(0.0, sentence)
        write.down()


class _Writer:
    """Writes lines from the top of an axis down, small enough for all of them."""

    def __init__(self, axis: Axes, lines: float) -> None:
        axis.axis("off")
        self._axis, self._scale = axis, min(1.0, _LINES / lines)
        self._y = 1.0
        self.down(0.7)

    def __call__(self, x: float, text: str, **looks: Any) -> None:
        self._axis.text(x, self._y, text, fontsize=8 * self._scale, parse_math=False,
                        transform=self._axis.transAxes, **looks)  # fmt: skip

    def down(self, lines: float = 1.0) -> None:
        """Go to the next line."""
        self._y -= lines * self._scale / _LINES


def draw_recipe(axis: Axes, result: Result) -> None:
    """Method, what is not as usual, and the regions."""
    recipe, usual = result.recipe, Recipe()
    background = recipe.background
    changed = [
        f"{name} = {getattr(group, name)}"
        for group_name, group in recipe.groups()
        for name, *_ in group.rules()
        if getattr(group, name) != getattr(getattr(usual, group_name), name)
    ]
    told = [
        f"method {background.method}, model {background.model}, box {background.box_size} px,"
        f" at most {recipe.source.passes} passes",
        f"saturation level {result.saturation_level or 'not known'}",
        f"masks from files: {len(recipe.masks)}, regions: {len(recipe.regions)}",
        "changed: " + (", ".join(changed) or "nothing"),
        *(f"{index}: {_region_words(region)}"
          for index, region in enumerate(recipe.regions[:_MOST_REGIONS], start=1)),
    ]  # fmt: skip
    if len(recipe.regions) > _MOST_REGIONS:
        told.append(f"and {len(recipe.regions) - _MOST_REGIONS} more")
    lines = [part for each in told for part in textwrap.wrap(each, _NARROW)[:6]]
    write = _Writer(axis, len(lines) + 1.5)
    write(0.0, "recipe", fontweight="bold")
    write.down(1.2)
    for line in lines:
        write(0.0, line)
        write.down()


def _region_words(region: Region) -> str:
    """A region in at most two lines."""
    words = [
        f"{key} {value:.6g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in region.to_dict().items()
    ]
    return textwrap.shorten(", ".join(words), 2 * _NARROW - 4)
