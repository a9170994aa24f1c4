"""Long work away from the GUI thread: runs in the worker process, files in Ginga's pool."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from ginga_bkgplugin.files.products import Product
from ginga_bkgplugin.recipe.errors import BackgroundPluginError
from ginga_bkgplugin.sky.maps import value_at
from ginga_bkgplugin.sky.steps import Pass
from ginga_bkgplugin.work.judged import take_judgement
from ginga_bkgplugin.work.judging import judge
from ginga_bkgplugin.work.loading import load_and_look
from ginga_bkgplugin.work.look import begin_look, take_look
from ginga_bkgplugin.work.pipeline import Result, Step, Work
from ginga_bkgplugin.work.report import report
from ginga_bkgplugin.work.saving import make_product, save_products
from ginga_bkgplugin.work.session import Session
from ginga_bkgplugin.work.subtractfiles import restore_file
from ginga_bkgplugin.work.worker import Worker


class Jobs:
    """Runs things for a plugin. Answers come back on the GUI thread, errors into the session.

    Parameters
    ----------
    fv : ginga.rv.Control.GingaShell
    logger : logging.Logger
    on_step, on_end : callables
        Called on the GUI thread after a session took a step, and after it took the end.
    """

    def __init__(
        self,
        fv: Any,
        logger: Any,
        *,
        on_step: Callable[[], None],
        on_end: Callable[[Session], None],
    ) -> None:
        self.fv, self.logger = fv, logger
        self.worker = Worker()
        self._on_step, self._on_end = on_step, on_end
        self._running: Session | None = None

    @property
    def busy(self) -> bool:
        """Whether a run is under way for any image."""
        return self._running is not None and self._running.busy

    def warm_up(self) -> None:
        """Start the worker process, so that the first run need not wait for it."""
        try:
            self.worker.start()
        except OSError as error:
            self.logger.error(f"the worker process cannot be started: {error}")

    def run(self, session: Session, work: Work) -> None:
        """Run a recipe in the worker process."""
        self._running = session
        frame = session.frame
        steps = self.worker.run(  # here, so that a cancel before the pool begins counts
            frame.data,
            work.recipe,
            wcs=frame.wcs,
            dq=frame.dq if work.recipe.invalid.use_dq else None,
            saturation_level=frame.saturation_level,
            start=work.start,
            imported=work.imported,
        )
        self.fv.nongui_do(self._drive, session, work, steps)

    def _drive(self, session: Session, work: Work, steps: Iterator[Step]) -> None:
        outcome: Result | BaseException | None = None
        try:
            for step in steps:
                if isinstance(step, Pass | Result):
                    _prepare(step)
                if isinstance(step, Result):
                    outcome = step
                    continue
                self.fv.gui_do(self._step, session, work.serial, step)
        except Exception as error:
            if not isinstance(error, BackgroundPluginError):
                self.logger.error(f"run: {error!r}", exc_info=True)
            outcome = error
        self.fv.gui_do(self._end, session, work.serial, outcome)

    def _step(self, session: Session, serial: int, step: Any) -> None:
        if session.advance(serial, step):
            self._on_step()

    def _end(self, session: Session, serial: int, outcome: Any) -> None:
        if session.finish(serial, outcome):
            self._running = None
            self._on_end(session)

    def look(self, session: Session) -> None:
        """Show what moved regions do, with the sources of the last run."""
        recipe, frame, imported = begin_look(session), session.frame, session.imported()

        def work() -> Pass | None:
            step = self.worker.look(frame.data, recipe, wcs=frame.wcs, imported=imported)
            if step is not None:
                _prepare(step)
            return step

        self.do(session, work, functools.partial(take_look, session, recipe))

    def judge(self, session: Session, result: Result) -> None:
        """Judge the result: in the pool, in strips that leave Python's lock to others."""
        take = functools.partial(take_judgement, session, result)
        self.do(session, functools.partial(judge, session.frame, result), take)

    def cancel(self) -> None:
        """Stop the run at once; the result before stays."""
        if self._running is not None:
            session, self._running = self._running, None
            session.cancel()
            self.worker.cancel()

    def close(self) -> None:
        """End the worker process."""
        self._running = None
        self.worker.close()

    # --- files and results

    def save(
        self, session: Session, kinds: list[str], folder: str | None, overwrite: bool
    ) -> None:
        """Write products."""
        frame, result = session.frame, session.result
        if result is None or not kinds:
            session.say("Tick what to save, after a run.")
            return
        session.say("Saving …")
        write = functools.partial(save_products, frame, result, kinds, folder=folder,
                                  overwrite=overwrite)  # fmt: skip

        def done(paths: Any) -> None:
            names = ", ".join(path.name for path in paths)
            session.note_saved(paths)
            session.say(f"Saved in {paths[0].parent}: {names}.")

        self.do(session, write, done)

    def report(self, session: Session, folder: str | None, overwrite: bool) -> None:
        """Write the quick-look page."""
        frame, result = session.frame, session.result
        if result is None:
            session.say("Run first: there is nothing to report.")
            return
        judgement = session.judgement if session.judged is result else None
        session.say("Drawing the page …")
        write = functools.partial(report, frame, result, judgement, folder=folder,
                                  overwrite=overwrite)  # fmt: skip

        def done(paths: Any) -> None:
            names = ", ".join(path.name for path in paths)
            session.say(f"Saved in {paths[0].parent}: {names}.")

        self.do(session, write, done)

    def load(self, session: Session, then: Callable[[], None] = lambda: None) -> None:
        """Load saved products, and `then` go on."""
        session.say("Loading …")

        def done(answer: Any) -> None:
            result, stale = answer
            session.show_result(result)
            session.say(f"Loaded the saved products. {stale}".strip())
            then()

        self.do(session, functools.partial(load_and_look, session.frame, *session.folders), done)

    def subtract(self, session: Session, show: Callable[[Product], str]) -> None:
        """Make the subtracted image and hand it to `show`, which answers where it went."""
        frame, result = session.frame, session.result
        if result is None:
            session.say("Run first: there is no background to subtract.")
            return
        session.say("Subtracting …")
        make = functools.partial(make_product, frame, result, "subbkg")
        self.do(session, make, lambda product: session.say(show(product)))

    def restore(self, session: Session, show: Callable[[str], object]) -> None:
        """Restore the file on display, and hand the path of the image to `show`."""
        if session.frame.path is None:
            session.fail(f"{session.frame.name}: it has no file. Save it, then restore that.")
            return
        session.say("Restoring …")

        def done(answer: Any) -> None:
            path, words = answer
            session.say(f"Restored: {path.name}, {words}.")
            show(str(path))

        self.do(session, functools.partial(restore_file, session.frame.path), done)

    def do(self, session: Session, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Do work in the pool and `done` with its answer on the GUI thread."""

        def finish(answer: Any, error: BaseException | None) -> None:
            try:
                if error is not None:
                    raise error
                done(answer)
            except BackgroundPluginError as problem:
                session.fail(problem)
            except Exception as problem:
                self.logger.error(f"{problem!r}", exc_info=True)
                session.fail(f"Unexpected error: {problem!r}. The log has the details.")
            self._on_step()

        def drive() -> None:
            try:
                answer, error = work(), None
            except Exception as problem:  # noqa: BLE001 - raised again on the GUI thread
                answer, error = None, problem
            self.fv.gui_do(finish, answer, error)

        self.fv.nongui_do(drive)


def _prepare(step: Pass | Result) -> None:
    """Make here what looking at any one pixel needs, not on the GUI thread."""
    _ = step.mask
    for sky_map in (step.fit.level_map, step.fit.rms_map):
        value_at(sky_map, 0, 0)
