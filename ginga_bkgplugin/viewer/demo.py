"""The demo: the main job in a window, offscreen in the real viewer, or without a toolkit."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ginga_bkgplugin.files.frames import Frame, read_frame
from ginga_bkgplugin.files.names import RECIPE, USUAL, find_products
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.errors import BackgroundPluginError, ProductError
from ginga_bkgplugin.recipe.parameters import BackgroundParameters
from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.recipe.region import PixelRegion
from ginga_bkgplugin.recipe.shapes import PixelCircle
from ginga_bkgplugin.sky.background import fit_background
from ginga_bkgplugin.sky.simulate import SimulatedField, sample_field
from ginga_bkgplugin.viewer.launch import Viewer, ViewerError, has_display, window_problem
from ginga_bkgplugin.viewer.pictures import PictureCanvas
from ginga_bkgplugin.work.pipeline import Result, finish, run_frame
from ginga_bkgplugin.work.saving import save_products
from ginga_bkgplugin.work.viewmodel import summary_words

Say = Callable[[str], None]

QT_LIBRARIES = "libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libxcb-cursor0"


def view(files: Sequence[str]) -> None:
    """Open Ginga with the plugin on files; returns when the user quits.

    Raises
    ------
    BackgroundPluginError
        When a file cannot be read, or there is no display or no Qt.
    """
    for file in files:
        read_frame(file)  # say what is wrong before a window opens
    problem = qt_problem() or (window_problem() if has_display() else "no display here")
    if problem:
        raise ViewerError(
            f"Ginga cannot open a window: {problem}. Use ginga-bkg run, or demo --offscreen."
        )
    viewer = Viewer()
    viewer.open(files)
    viewer.start_plugin()
    viewer.run()


def qt_problem() -> str:
    """Why Qt cannot be used here, and what to do; empty when it can."""
    try:
        import qtpy.QtTest
        import qtpy.QtWidgets  # noqa: F401
    except ImportError as error:  # qtpy's own errors are ImportErrors too
        return (
            f"Qt cannot be loaded ({error}). Install it with pip install 'ginga-bkgplugin[qt]';"
            f" on Debian or Ubuntu its system libraries with: apt-get install {QT_LIBRARIES}"
        )
    return ""


def demo(
    file: str | None, recipe: Recipe, output: Path, *, offscreen: bool = False, say: Say = print
) -> None:
    """Do the main job: draw a circle, run, look, save.

    Parameters
    ----------
    file : str or None
        A FITS image; None takes the simulated field.
    recipe : Recipe
        Parameters to use; its regions are added to the demo's circle.
    output : Path
        Folder for products and screenshot; made if absent.
    offscreen : bool
        Without a window even where there is a display.
    say : callable
        Takes each line of the report.

    Raises
    ------
    BackgroundPluginError
        When the file, the recipe or the folder does not do.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProductError(f"{output}: cannot be made ({error.strerror}).") from error
    field = None
    if file is None:
        field = sample_field()
        file = str(output / "field.fits")
        write_fits(Path(file), field.data, field.header, overwrite=True)
        say(f"Simulated field: {file}")
    frame = read_frame(file)
    circle = field.galaxy if field else _central_circle(frame)
    problem = qt_problem()
    if problem:
        say(f"{problem}\nDoing the job with Ginga's own renderer, without a window.")
        result, picture = _without_toolkit(frame, recipe, circle, output)
    elif offscreen or not has_display() or (problem := window_problem()):
        why = problem or ("as asked" if offscreen else "no display")
        say(f"Without a window ({why}): doing the job offscreen, in the real viewer.")
        result, picture = _offscreen(file, recipe, circle, output)
    else:
        say("Opening Ginga: press Run in the panel.")
        _in_window(file, recipe, circle)
        return
    say(summary_words(result))
    for line in truth_words(field, result) if field else ():
        say(line)
    say(f"Products: {output}")
    for path in find_products(frame, output).values():
        say(f"  {path}")
    say(f"Screenshot: {picture}")


def truth_words(field: SimulatedField, result: Result) -> list[str]:
    """How far our sky and that of plain SEP are from the truth, in units of the noise."""
    plain = fit_background(field.data, BackgroundParameters())
    good = np.isfinite(field.data)
    ny, nx = field.data.shape
    y, x = np.ogrid[:ny, :nx]
    under = np.hypot(x - field.galaxy.x, y - field.galaxy.y) < field.galaxy.radius / 2
    lines = ["Error of the sky in units of its noise:   whole frame   under the galaxy"]
    for name, level in (("this recipe", result.fit.level), ("plain SEP, no mask", plain.level)):
        error = (level - field.sky) / field.noise
        lines.append(f"  {name:38}  {error[good].mean():+.3f}        {error[under].mean():+.3f}")
    return lines


def _central_circle(frame: Frame) -> PixelCircle:
    ny, nx = frame.data.shape
    return PixelCircle((nx - 1) / 2, (ny - 1) / 2, max(2.0, 0.1 * min(ny, nx)))


def _in_window(file: str, recipe: Recipe, circle: PixelCircle) -> None:
    viewer = Viewer()
    viewer.open([file])
    plugin = viewer.start_plugin()
    plugin.session.use_recipe(recipe.with_regions(*recipe.regions, circle))
    plugin.session.say("Press Run.")
    plugin.render()
    viewer.run()


def _offscreen(
    file: str, recipe: Recipe, circle: PixelCircle, output: Path
) -> tuple[Result, Path]:
    """The session with the mouse in a real Ginga that has no screen."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ.setdefault(
        "QT_LOGGING_RULES", "*.warning=false"
    )  # it lacks size hints, and says so
    viewer = Viewer((1400, 1250))
    try:
        viewer.open([file])
        plugin = viewer.start_plugin()
        session, panel = plugin.session, plugin.panel
        if session is None:
            raise ViewerError("Ginga shows no image that can be worked on.")
        session.use_recipe(recipe)
        plugin.render()
        count = len(session.recipe.regions)
        viewer.drag("Image", (circle.x, circle.y), (circle.x + circle.radius, circle.y))
        viewer.wait(lambda: len(session.recipe.regions) > count, "the circle", 10)
        viewer.press(panel.running.run)
        viewer.wait(lambda: not session.busy, "the run", 600)
        if session.result is None:
            raise ViewerError(session.view().words)
        panel.saving.folder.set_text(str(output))
        panel.saving.overwrite.set_state(True)
        viewer.press(panel.saving.save)
        viewer.wait(lambda: not session.view().words.startswith("Saving"), "saving", 600)
        if session.view().is_error:
            raise ViewerError(session.view().words)
        return session.result, viewer.grab(output / "screenshot.png")
    finally:
        viewer.close()


def _without_toolkit(
    frame: Frame, recipe: Recipe, circle: PixelCircle, output: Path
) -> tuple[Result, Path]:
    """The same job through Ginga's canvas and its Pillow renderer."""
    drawn: list[PixelRegion] = []
    picture = output / "screenshot.png"
    canvas = PictureCanvas(frame.data, on_drawn=drawn.append)
    canvas.drag((circle.x, circle.y), (circle.x + circle.radius, circle.y))
    if not drawn:
        raise BackgroundPluginError("Ginga's canvas drew no circle.")
    whole = recipe.with_regions(*recipe.regions, *drawn)
    result = finish(run_frame(frame, whole))
    save_products(frame, result, (*USUAL, RECIPE), folder=output, overwrite=True)
    canvas.show(drawn, result.mask)
    canvas.save(picture)
    return result, picture
