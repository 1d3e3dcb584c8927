"""Named values by step, as most frameworks log them, made into runs.

Of several losses, the run's own is the training loss with the plainest name; if that one stays
finite and another training loss breaks, it is the other. A step that goes back begins a run.
"""

from __future__ import annotations

from math import isfinite

from msgspec import Struct

from datascan.logs.formats import names
from datascan.logs.runs import MAX_RUNS, Output, Run


class Series(Struct):
    """The values of a log: losses, rates and norms of the gradient, by name, split into runs."""

    unit: str = "step"
    done: list[dict[str, Output]] = []
    current: dict[str, Output] = {}

    def add(self, step: int, name: str, value: float) -> None:
        """Add a value; other names than those of losses, rates and gradients are dropped."""
        known = self.current.get(name)
        if known is None:
            if not is_wanted(name):
                return
            known = self.current[name] = Output()
        elif step < known.iterations[-1] and self.may_split and names.is_loss(name):
            self.done.append(self.current)
            known = Output()
            self.current = {name: known}
        known.add(step, value)

    @property
    def may_split(self) -> bool:
        """Whether another run may begin."""
        return len(self.done) < MAX_RUNS - 1

    def runs(self) -> tuple[Run, ...]:
        """A run for each stretch without a step back that has a loss."""
        stretches = [*self.done, self.current]
        return tuple(run for one in stretches if (run := build_run(one, self.unit)) is not None)


class Gaps(Struct):
    """Steps whose loss is an empty cell or null.

    Some tools write NaN like that. A log that just has gaps has them earlier, too.
    """

    missing: list[int] = []
    longest: int = 0

    def close(self) -> None:
        """A step has a loss."""
        self.longest, self.missing = max(self.longest, len(self.missing)), []

    @property
    def is_at_end(self) -> bool:
        """Whether losses are missing at the end, and more of them than anywhere before."""
        return len(self.missing) > self.longest


def is_wanted(name: str) -> bool:
    """Whether a diagnosis uses the values of this name."""
    return names.is_loss(name) or names.is_rate(name) or names.is_gradient(name)


def build_run(values: dict[str, Output], unit: str) -> Run | None:
    """The run of some values; None if none of them is a loss."""
    losses = {name: output for name, output in values.items() if names.is_loss(name)}
    tests = {name: output for name, output in losses.items() if names.is_test(name)}
    training = {name: output for name, output in losses.items() if name not in tests} or tests
    if not training:
        return None
    name = choose_loss(training)
    run = Run(training[name].iterations, training[name].values, unit=unit, name=name)
    if len(training) > 1:
        run.outputs = training
    if training is not tests:
        run.tests = tests
    for other, output in values.items():
        if names.is_loss(other):
            continue
        if names.is_gradient(other):
            run.gradient = output
        elif not run.rates:
            run.rate_iterations, run.rates = output.iterations, output.values
    run.drop_missing_rates()
    return run


def choose_loss(losses: dict[str, Output]) -> str:
    """The name of the loss that the run is judged by."""
    plain = min(losses, key=names.plainness)
    if all(map(isfinite, losses[plain].values)):
        broken = (n for n, one in losses.items() if not all(map(isfinite, one.values)))
        return next(broken, plain)
    return plain
