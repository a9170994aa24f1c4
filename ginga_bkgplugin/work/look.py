"""A second look in a session: what moved regions do, shown before the next run."""

from __future__ import annotations

from ginga_bkgplugin.recipe.recipe import Recipe
from ginga_bkgplugin.sky.steps import Pass
from ginga_bkgplugin.work.pipeline import only_regions_differ
from ginga_bkgplugin.work.session import Session


def wants_look(session: Session) -> bool:
    """Whether a second look could show what moved regions do to the last result."""
    if session.busy or session.result is None or not session.stale:
        return False
    smooth = session.recipe.background.method == "smooth"
    same = only_regions_differ(session.recipe, session.result.recipe)
    return smooth and same and session.looked != session.recipe.essence


def begin_look(session: Session) -> Recipe:
    """The recipe to look at; its answer goes to `take_look`."""
    session.looked = session.recipe.essence
    return session.recipe


def take_look(session: Session, recipe: Recipe, step: Pass | None) -> None:
    """Show a second look, unless the recipe has changed since, or a run began."""
    if step is not None and not session.busy and recipe.essence == session.recipe.essence:
        session.preview = step
        session.say("Preview with the sources of the last run: press Run.")
