"""A session's result is judged once, beside the user's work."""

from __future__ import annotations

from ginga_bkgplugin.recipe.errors import ParameterError
from ginga_bkgplugin.work.judging import Judgement
from ginga_bkgplugin.work.pipeline import Result
from ginga_bkgplugin.work.session import Session


def wants_judging(session: Session) -> bool:
    """Whether the result was not looked at yet."""
    return session.result is not None and not session.busy and session.judged is not session.result


def begin_judging(session: Session) -> Result:
    """The result to judge; its judgement goes to `take_judgement`."""
    assert session.result is not None
    session.judged, session.judgement = session.result, None
    return session.result


def take_judgement(session: Session, result: Result, judgement: Judgement) -> None:
    """Keep a judgement, unless there is another result by now."""
    if session.judged is result:
        session.judgement = judgement


def apply_advice(session: Session, place: int) -> None:
    """Change the recipe as advised, as one step that can be undone.

    Raises
    ------
    ParameterError
        When there is no such advice, or it is on another recipe than that of the result.
    """
    judgement = session.judgement
    if judgement is None or not place < len(judgement.advice) or session.stale:
        raise ParameterError("There is no advice on this recipe. Press Run for new advice.")
    advice = judgement.advice[place]
    session.change_parameters(advice.words, advice.changes)
