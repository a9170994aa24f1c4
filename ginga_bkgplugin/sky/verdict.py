"""The verdict on a background: a word, and the findings it rests on."""

from __future__ import annotations

import dataclasses

import numpy as np

GOOD, LOOK, DO_NOT_USE = "good", "look here", "do not use"
WORDS = (GOOD, LOOK, DO_NOT_USE)


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of a verdict: what was looked at, and what was found.

    Attributes
    ----------
    name : str
        What was looked at.
    word : str
        ``good``, ``look here`` or ``do not use``.
    sentence : str
        What was found, and where it is not good the cure.
    value, error : float
        The number; NaN where it could not be measured.
    limit : float
        From which size on it matters.
    unit : str
        ``sigma`` (the noise of a pixel), ``share`` or ``ratio``.
    """

    name: str
    word: str
    sentence: str
    value: float
    error: float
    limit: float
    unit: str = "sigma"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A word, and the lines it rests on.

    Attributes
    ----------
    lines : tuple of Finding
        In a fixed order, one for everything looked at.
    """

    lines: tuple[Finding, ...]

    @property
    def word(self) -> str:
        """The worst word of the lines: ``good``, ``look here`` or ``do not use``."""
        return max((line.word for line in self.lines), key=WORDS.index, default=GOOD)

    @property
    def complaints(self) -> tuple[Finding, ...]:
        """The lines that are not good, worst first."""
        worse = [line for line in self.lines if line.word != GOOD]
        return tuple(sorted(worse, key=lambda line: -WORDS.index(line.word)))

    def words(self, most: int | None = None) -> str:
        """The verdict in a few sentences: of the worst lines, or of all that are not good.

        Parameters
        ----------
        most : int, optional
            So many lines at most; how many more there are is said.
        """
        if not self.complaints:
            return "Good: nothing in the residual speaks against this background."
        told = " ".join(line.sentence for line in self.complaints[:most])
        left = len(self.complaints[most:]) if most is not None else 0
        more = f" And {left} more." if left else ""
        return f"{self.word[0].upper()}{self.word[1:]}: {told}{more}"


def graded(value: float, limits: tuple[float, float]) -> str:
    """The word for a size; NaN is good: nothing was seen."""
    if not np.isfinite(value) or value < limits[0]:
        return GOOD
    return LOOK if value < limits[1] else DO_NOT_USE
