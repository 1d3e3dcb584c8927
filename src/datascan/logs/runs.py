"""A training log: its runs, with losses, rates, outputs, and how each of them ended."""

from __future__ import annotations

import re
from math import isnan
from pathlib import Path

from msgspec import Struct, field

MAX_RUNS = 1000
"""After this many runs, a step back does not begin another."""

MAX_OUTPUTS = 1000
"""Outputs of a net by name; further ones are dropped."""

NOT_FINITE = {"#qnan": "nan", "#ind": "nan", "#snan": "nan", "#inf": "inf"}
"""How older C libraries on Windows print numbers that are not finite: 1.#QNAN, -1.#IND."""

NAN = re.compile(r"([+-]?)nan(\([\w ]*\))?$")
"""C11, 7.21.6.1: nan, -nan, nan(char-sequence)."""

TENSOR = re.compile(r"(?:tensor|array|np\.float\d+|float\d+)\(\[?([^\],()]+)")
"""How Python prints a number of PyTorch or NumPy: tensor(2.3, device='cuda:0')."""


class Output(Struct):
    """One output of the net: the iterations and values in the log, and the loss weight."""

    weight: float = 1.0
    iterations: list[int] = []
    values: list[float] = []

    def add(self, iteration: int, value: float) -> None:
        """Add a value."""
        self.iterations.append(iteration)
        self.values.append(value)


class Run(Struct):
    """One run of a log, in the order of its lines.

    ``losses[i]`` belongs to ``iterations[i]``, ``rates[i]`` to ``rate_iterations[i]``. ``outputs``
    are those of the training net, ``tests`` those of test phases; in logs of other frameworks than
    Caffe, these are all losses by name. ``gradient`` is the norm of the gradient. ``parameters``
    are the solver parameters in the log, and ``header`` are their lines, which only a log with the
    beginning of the run has (``started``). ``classes`` is the number of outputs of the last layer
    that has any. ``snapshot`` is the iteration of the snapshot that the run resumed from, if its
    file name contains it. ``crash`` is the line that reports a crash, and ``last_words`` are the
    lines after it that tell where; ``ended`` says which request ended the run. ``is_glog`` is true
    if the log has lines of Caffe's logger. ``unit`` is what ``iterations`` count.
    """

    iterations: list[int] = []
    losses: list[float] = []
    rate_iterations: list[int] = []
    rates: list[float] = []
    outputs: dict[str, Output] = {}
    tests: dict[str, Output] = {}
    gradient: Output = field(default_factory=Output)
    parameters: dict[str, str] = {}
    header: list[str] = []
    classes: int | None = None
    devices: int = 1
    started: bool = False
    resumed: bool = False
    snapshot: int | None = None
    crash: str | None = None
    last_words: list[str] = []
    ended: str | None = None
    is_glog: bool = False
    unit: str = "iteration"
    name: str = ""
    """The name of the loss; empty for that of Caffe."""
    place: str = ""
    """The folder of the run, if the log has several."""

    @property
    def last(self) -> int:
        """The largest iteration in the log."""
        seen = (self.iterations, self.rate_iterations, *(o.iterations for o in self.tests.values()))
        return max((max(numbers) for numbers in seen if numbers), default=0)

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
    def begins_late(self) -> bool:
        """Whether the log lacks the beginning of the run.

        It has it if it has the header, or if its first iteration is at most one step from 0.
        """
        if self.started or self.resumed or not self.iterations:
            return False
        first, *others = self.iterations[:2]
        return first > (others[0] - first if others else 1)

    @property
    def is_empty(self) -> bool:
        """Whether the log has no iterations and no crash of this run."""
        return not (self.iterations or self.rate_iterations or self.tests or self.crash)

    def number(self, name: str) -> int | None:
        """A solver parameter that is a whole number; None if it is missing or not one."""
        text = self.parameters.get(name, "")
        return int(text) if text.isdigit() and len(text) < 13 else None

    def drop_missing_rates(self) -> None:
        """Drop rates of NaN that a finite loss proves to be missing values.

        A rate of NaN would have made every weight NaN before the next loss. If that leaves only the
        last rate, of a table without any rate and a run whose loss never breaks, it is missing too.
        """
        finite = (i for i, x in zip(self.iterations, self.losses, strict=True) if not isnan(x))
        alive = max(finite, default=-1)
        kept = [
            (i, rate)
            for i, rate in zip(self.rate_iterations, self.rates, strict=True)
            if not (isnan(rate) and i < alive)
        ]
        only_missing = len(kept) < len(self.rates) and all(isnan(rate) for _, rate in kept)
        if only_missing and not any(map(isnan, self.losses)):
            kept = []
        self.rate_iterations = [i for i, _ in kept]
        self.rates = [rate for _, rate in kept]


class Log(Struct, frozen=True):
    """All runs of a log.

    ``layout`` is "caffe-log", "csv", "trainer-state", "tensorboard" or "text". ``notes`` say what
    was assumed or could not be read, ``damage`` where the file is damaged.
    """

    path: Path
    layout: str
    runs: tuple[Run, ...]
    notes: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()


def parse_number(text: str) -> float | None:
    """Parse a number as C or Python prints it; None if it is not one, as in a truncated line."""
    word = text.rstrip(",;").lower()
    if found := TENSOR.match(word):
        word = found[1]
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
