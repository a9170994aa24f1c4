"""Asking for a file, a folder or an answer, without blocking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ginga.gw import Widgets
from ginga.locale.localize import _tr


def ask(
    fv: Any,
    title: str,
    mode: str,
    folder: Path | None,
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
    folder : Path or None
        Where to begin.
    then : callable
        Not called when the user cancels.
    kind : (str, str), optional
        Name and ending of the files wanted. Default: recipes.
    """
    dialog = Widgets.FileDialog(title, parent=fv.w.root)
    dialog.set_mode(mode)
    if mode != "directory":
        dialog.add_ext_filter(*(kind or (_tr("Recipes"), "json")))
    if folder is not None and folder.is_dir():
        dialog.set_directory(str(folder))

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
    entry: bool = False,
) -> Any:
    """Ask a question; `then` gets the value of the answer, and what was typed.

    Parameters
    ----------
    fv : ginga.rv.Control.GingaShell
    title, text : str
    answers : sequence of (text, value)
        Buttons, beside one to cancel.
    then : callable
        Not called when the user cancels.
    entry : bool
        Whether to offer a line to type in.
    """
    buttons = [[label, place + 1] for place, (label, _) in enumerate(answers)]
    dialog = Widgets.Dialog(
        title=title, flags=0, buttons=[*buttons, [_tr("Cancel"), 0]], parent=fv.w.root
    )
    content = dialog.get_content_area()
    label = Widgets.Label(text)
    if hasattr(label.get_widget(), "setWordWrap"):  # Qt
        label.get_widget().setWordWrap(True)
    content.add_widget(label)
    line = Widgets.TextEntry("") if entry else None
    if line is not None:
        content.add_widget(line)

    def answered(_: Any, value: int) -> None:
        typed = line.get_text().strip() if line is not None else ""
        fv.ds.remove_dialog(dialog)
        if value > 0:
            then(answers[value - 1][1], typed)

    dialog.add_callback("activated", answered)
    fv.ds.show_dialog(dialog)
    return dialog
