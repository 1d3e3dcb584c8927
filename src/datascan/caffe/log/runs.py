"""What a training log tells of a run: losses, rates, outputs, and how it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

NOT_FINITE = {"#qnan": "nan", "#ind": "nan", "#snan": "nan", "#inf": "inf"}
"""How the older C library of Windows writes numbers: 1.#QNAN, -1.#IND."""

NAN = re.compile(r"([+-]?)nan(\([\w ]*\))?$")
"""C11, 7.21.6.1: nan, -nan, nan(char-sequence)."""


@dataclass(slots=True)
class Output:
    """What the log tells of one output of the net: iterations, values, and its loss weight."""

    weight: float = 1.0
    iterations: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """One run of a log, in the order of its lines.

    ``iterations`` and ``losses`` belong together, as do ``rate_iterations`` and ``rates``;
    ``parameters`` are what the log prints of the solver, if it does (``started``). ``snapshot`` is
    the iteration of the snapshot that was resumed from, if its name tells. ``death`` is the line
    that tells of a crash; ``is_glog``: lines of Caffe's logger were seen.
    """

    iterations: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    rate_iterations: list[int] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    outputs: dict[str, Output] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    devices: int = 1
    started: bool = False
    resumed: bool = False
    snapshot: int | None = None
    death: str | None = None
    is_glog: bool = False

    @property
    def last(self) -> int:
        """The largest iteration that the log tells of."""
        return max((*self.iterations, *self.rate_iterations), default=0)

    @property
    def began(self) -> int:
        """The iteration at which the run began to read its store.

        That of the snapshot; else, of a run whose beginning is in the log, the first one printed.
        """
        if self.snapshot is not None:
            return self.snapshot
        known = self.started or self.resumed
        return self.iterations[0] if known and self.iterations else 0

    @property
    def is_fresh(self) -> bool:
        """Whether the first loss is that of an untrained net."""
        return not self.resumed and self.iterations[:1] == [0]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to judge."""
        return not self.iterations and not self.rate_iterations and self.death is None

    def number(self, name: str) -> int | None:
        """A whole number among the solver's parameters."""
        text = self.parameters.get(name, "")
        return int(text) if text.isdigit() and len(text) < 13 else None


def number(text: str) -> float | None:
    """A number as C prints it; None where it is none, as in a line that was cut."""
    word = text.rstrip(",;").lower()
    word = word if word.count("(") == word.count(")") else word.rstrip(")")
    if NAN.match(word):
        return float("nan")
    for end, meaning in NOT_FINITE.items():
        if word.endswith(end):
            return float(f"{'-' * word.startswith('-')}{meaning}")
    try:
        return float(word)
    except ValueError:
        return None
