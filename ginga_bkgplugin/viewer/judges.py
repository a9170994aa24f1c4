"""What the user asks for to judge a result: its verdict, its advice, one box of its mesh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ginga_bkgplugin.sky.boxsample import box_sample
from ginga_bkgplugin.sky.inspection import Box
from ginga_bkgplugin.viewer.guard import guarded
from ginga_bkgplugin.viewer.jobs import Jobs
from ginga_bkgplugin.work.judged import apply_advice
from ginga_bkgplugin.work.session import Session

_MOST_PIXELS = 4_000_000  # of a box whose histogram is made while the cursor moves


class JudgeActions:
    """The plugin's part for judging; the judging itself is done in the pool."""

    panel: Any
    session: Session | None
    jobs: Jobs
    render: Callable[[], None]
    _ready: Callable[[], Session]

    def prepare_judging(self) -> None:
        """Begin without a box."""
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
        if not self.pinned and self.panel is not None and self.panel.running.box_is_open():
            self._show_box(x, y)

    def forget_box(self) -> None:
        """Another image or another result."""
        if self._box[1] is not None:
            self._box, self.pinned = (None, None), False
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
        small = (box.top - box.bottom) * (box.right - box.left) <= _MOST_PIXELS
        sample = box_sample(session.frame.data, session.judged.layers, box) if small else None
        self.panel.running.box.show(box, sample)
