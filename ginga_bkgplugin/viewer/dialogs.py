"""Asking for a file or folder, without blocking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ginga.gw import Widgets
from ginga.locale.localize import _tr


def ask(fv: Any, title: str, mode: str, folder: Path | None, then: Callable[[str], object]) -> Any:
    """Open a dialog; `then` gets the chosen path. Keep the answer while the dialog is open.

    Parameters
    ----------
    fv : ginga.rv.Control.GingaShell
    title : str
    mode : {"file", "directory"}
        A recipe file, or a folder.
    folder : Path or None
        Where to begin.
    then : callable
        Not called when the user cancels.
    """
    dialog = Widgets.FileDialog(title, parent=fv.w.root)
    dialog.set_mode(mode)
    if mode == "file":
        dialog.add_ext_filter(_tr("Recipes"), "json")
    if folder is not None and folder.is_dir():
        dialog.set_directory(str(folder))
    dialog.add_callback("activated", lambda _, paths: then(str(paths[0])) if paths else None)
    dialog.popup()
    return dialog
