"""One run of a training log: losses, rates, outputs, and how it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

NOT_FINITE = {"#qnan": "nan", "#ind": "nan", "#snan": "nan", "#inf": "inf"}
"""How older C libraries on Windows print numbers that are not finite: 1.#QNAN, -1.#IND."""

NAN = re.compile(r"([+-]?)nan(\([\w ]*\))?$")
"""C11, 7.21.6.1: nan, -nan, nan(char-sequence)."""


@dataclass(slots=True)
class Output:
    """One output of the net: the iterations and values in the log, and the loss weight."""

    weight: float = 1.0
    iterations: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """One run of a log, in the order of its lines.

    ``losses[i]`` belongs to ``iterations[i]``, ``rates[i]`` to ``rate_iterations[i]``.
    ``parameters`` are the solver parameters in the log, which only a log with the beginning of the
    run has (``started``). ``snapshot`` is the iteration of the snapshot that the run resumed from,
    if its file name contains it. ``crash`` is the line that reports a crash. ``is_glog`` is true if
    the log has lines of Caffe's logger.
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
    crash: str | None = None
    is_glog: bool = False

    @property
    def last(self) -> int:
        """The largest iteration in the log."""
        return max((*self.iterations, *self.rate_iterations), default=0)

    @property
    def began(self) -> int:
        """The iteration at which the run began to read its store.

        This is the iteration of the snapshot, or else the first one in the log if the log contains
        the beginning of the run.
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
        """Whether the log has no iterations and no crash of this run."""
        return not self.iterations and not self.rate_iterations and self.crash is None

    def number(self, name: str) -> int | None:
        """A solver parameter that is a whole number; None if it is missing or not one."""
        text = self.parameters.get(name, "")
        return int(text) if text.isdigit() and len(text) < 13 else None


def parse_number(text: str) -> float | None:
    """Parse a number as C prints it; None if it is not a number, as in a truncated line."""
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
