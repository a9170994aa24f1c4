"""Asking for a file, a folder or an answer, without blocking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ginga.gw import Widgets
from ginga.locale.localize import _tr

from ginga_bkgplugin.viewer import widgets
from ginga_bkgplugin.work.session import Session


def ask(
    fv: Any,
    title: str,
    mode: str,
    session: Session | None,
    then: Callable[[Any], object],
    *,
    kind: tuple[str, str] | None = None,
) -> Any:
    """Open a dialog; `then` gets the chosen path or paths. Keep the answer while it is open.

    Parameters
    ----------
    fv : ginga.rv.Control.GingaShell
    title : str
    mode : {"file", "files", "save", "directory"}
        A file or files to read, one to write, or a folder.
    session : Session or None
        It begins in the folder of its image.
    then : callable
        Not called when the user cancels.
    kind : (str, str), optional
        Name and ending of the files wanted. Default: recipes.
    """
    dialog = Widgets.FileDialog(title, parent=fv.w.root)
    dialog.set_mode(mode)
    if mode != "directory":
        dialog.add_ext_filter(*(kind or (_tr("Recipes"), "json")))
    path = session.frame.path if session else None
    if path is not None and path.parent.is_dir():
        dialog.set_directory(str(path.parent))

    def chosen(_: Any, paths: Sequence[Any]) -> None:
        if paths:
            found = [str(path) for path in paths]
            then(found if mode == "files" else found[0])

    dialog.add_callback("activated", chosen)
    dialog.popup()
    return dialog


def choose(
    fv: Any,
    title: str,
    text: str,
    answers: Sequence[tuple[str, str]],
    then: Callable[[str, str], object],
    *,
    ticks: Sequence[tuple[str, str]] | None = None,
) -> Any:
    """Ask a question; `then` gets the value of the answer, and what was ticked and typed.

    Parameters
    ----------
    fv : ginga.rv.Control.GingaShell
    title, text : str
    answers : sequence of (text, value)
        Buttons, beside one to cancel.
    then : callable
        Not called when the user cancels.
    ticks : sequence of (text, value), optional
        What can be ticked, beside a line to type others in; values are given with spaces between.
    """
    buttons = [[label, place + 1] for place, (label, _) in enumerate(answers)]
    dialog = Widgets.Dialog(
        title=title, flags=0, buttons=[*buttons, [_tr("Cancel"), 0]], parent=fv.w.root
    )
    content = dialog.get_content_area()
    content.set_border_width(8)
    content.set_spacing(6)
    widgets.text_line(content, text)
    checks = [] if ticks is None else _checks(content, ticks)
    line = None if ticks is None else Widgets.TextEntry("")
    if line is not None:
        widgets.text_line(content, _tr("Others, by name or number:"))
        content.add_widget(line)

    def answered(_: Any, value: int) -> None:
        typed = [line.get_text().strip()] if line is not None else []
        chosen = [tick for check, tick in checks if check.get_state()]
        fv.ds.remove_dialog(dialog)
        if value > 0:
            then(answers[value - 1][1], " ".join([*chosen, *typed]).strip())

    dialog.add_callback("activated", answered)
    fv.ds.show_dialog(dialog)
    return dialog


def _checks(content: Any, ticks: Sequence[tuple[str, str]]) -> list[tuple[Any, str]]:
    """Check boxes in two columns, each with its value."""
    grid = Widgets.GridBox(rows=max(1, -(-len(ticks) // 2)), columns=2)
    checks = []
    for place, (text, value) in enumerate(ticks):
        check = Widgets.CheckBox(text)
        grid.add_widget(check, place // 2, place % 2)
        checks.append((check, value))
    content.add_widget(grid)
    return checks
