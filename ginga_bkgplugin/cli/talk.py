"""Results go to stdout, talk and progress to stderr."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """A line of the result."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def talk(text: str) -> None:
    """A line for the one who waits."""
    sys.stderr.write(text + "\n")
