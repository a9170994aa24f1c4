"""Child processes and the messages between them and their parent.

A fresh interpreter that imports one module of this package: it needs no ``if __name__ ==
"__main__"`` in a user's script, works from a thread of Ginga's and from a notebook, and is alike
on every system.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from typing import Any, BinaryIO


def launch(
    module: str, *arguments: str, pass_fds: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start a child that calls ``main(*arguments)`` of a module, with pipes to and from it."""
    program = (
        "import sys, json; sys.path[:] = json.loads(sys.argv[1]);"
        f"from {module} import main; main(*sys.argv[2:])"
    )
    path = json.dumps([folder for folder in sys.path if folder])  # not the caller's folder
    return subprocess.Popen(
        [sys.executable, "-P", "-c", program, path, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=pass_fds,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # its idle threads take the cores
    )


def own_stdout() -> BinaryIO:
    """In the child: the pipe to the parent; what libraries print goes to stderr from now on."""
    outbox = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return outbox


def send(pipe: Any, message: Any) -> None:
    """Write one message."""
    pickle.dump(message, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def receive(pipe: Any) -> Any:
    """Wait for one message; EOFError when the other side is gone."""
    return pickle.load(pipe)
