"""What the user asks for to judge a result: its verdict, its advice, one box of its mesh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ginga_bkgplugin.sky.boxsample import box_sample
from ginga_bkgplugin.sky.inspection import Box
from ginga_bkgplugin.viewer.guard import guarded
from ginga_bkgplugin.viewer.jobs import Jobs
from ginga_bkgplugin.work.judged import apply_advice
from ginga_bkgplugin.work.judging import Judgement
from ginga_bkgplugin.work.session import Session

_MOST_PIXELS = 4_000_000  # of a box whose histogram is made while the cursor moves
MARK_COLOR = "magenta"


class BoxMark:
    """The outline of one box over the image.

    Parameters
    ----------
    classes : ginga.canvas draw classes
    """

    def __init__(self, classes: Any) -> None:
        self._classes = classes
        self.canvas = classes.DrawingCanvas()
        self.canvas.enable_draw(False)
        self.canvas.enable_edit(False)

    def show(self, box: Box | None) -> None:
        """Show the outline of this box, or of none."""
        if box is None and not self.canvas.objects:
            return
        self.canvas.delete_all_objects(redraw=False)
        if box is not None:
            edges = (each - 0.5 for each in (box.left, box.bottom, box.right, box.top))
            self.canvas.add(
                self._classes.Rectangle(*edges, color=MARK_COLOR, linewidth=2), redraw=False
            )
        self.canvas.update_canvas(whence=3)


class JudgeActions:
    """The plugin's part for judging; the judging itself is done in the pool."""

    panel: Any
    session: Session | None
    jobs: Jobs
    render: Callable[[], None]
    _ready: Callable[[], Session]

    def prepare_judging(self, classes: Any) -> None:
        """Begin without a box."""
        self.mark = BoxMark(classes)
        self._box: tuple[Any, Box | None] = (None, None)
        self.pinned = False

    @guarded
    def apply_advice(self, place: int) -> None:
        """Change the recipe as advised; the user runs it."""
        apply_advice(self._ready(), place)

    def pin_box(self, x: float, y: float) -> None:
        """Keep the box under the cursor in the panel, or follow the cursor again."""
        self.pinned = not self.pinned
        self._show_box(x, y)
        if self.pinned and self.panel is not None:
            self.panel.running.open_box()

    def point_at_box(self, x: float, y: float) -> None:
        """Show the box under the cursor, where its tab is open and none is kept."""
        if self.pinned or self.panel is None:
            return
        if self.panel.running.box_is_open():
            self._show_box(x, y)
        else:
            self.forget_box()

    def forget_box(self, judgement: Judgement | None = None) -> None:
        """Let go of a box that is not of this judgement: of another image or result."""
        if self._box[1] is not None and (judgement is None or self._box[0] is not judgement):
            self._box, self.pinned = (None, None), False
            self.mark.show(None)
            if self.panel is not None:
                self.panel.running.box.show(None, None)

    def _show_box(self, x: float, y: float) -> None:
        session = self.session
        judgement = session.judgement if session is not None else None
        if session is None or judgement is None or session.judged is None:
            self.forget_box()
            return
        box = judgement.boxes.at(x, y)
        if box is None or (judgement, box) == self._box:
            return
        self._box = judgement, box
        self.mark.show(box)
        small = (box.top - box.bottom) * (box.right - box.left) <= _MOST_PIXELS
        sample = box_sample(session.frame.data, session.judged.layers, box) if small else None
        self.panel.running.box.show(box, sample)
