"""Why a run's loss broke: told apart by how losses and rates went before.

Every criterion stands on the page of its rule, in the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from statistics import median

from datascan.caffe.log.runs import Output, Run
from datascan.report.figures import Cause

SATURATED = 87.3365
"""-ln of the smallest normal float32, 1.17549435e-38, in the six digits that Caffe prints."""

ROUNDING = 6e-4
RECENT = 20
GROWN = 2.0
FROM_START = 5.0
CLIMB, SHORT_CLIMB = 4, 2
STEEP = 4.0
SWUNG = 2.5
DIVERGED = 1e3
"""A finite loss so many times the first, and the first itself, will not come back."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What became of a run.

    ``cause`` is one of the rules about logs, or "none". ``last_finite`` and ``first_nonfinite`` are
    iterations that the log shows, None where it shows none. ``output`` is the net's output that
    went first, where there are several.
    """

    cause: Cause
    last_finite: int | None
    first_nonfinite: int | None
    text: str = ""
    output: str | None = None


def diagnose(run: Run, planned: tuple[int, float] | None = None) -> Diagnosis:
    """Tell the cause of a run's end.

    ``planned``: the first iteration at which the solver's policy yields no usable rate, and that
    rate. It counts where the log tells of no rates.
    """
    broken = first_broken(run)
    finite = [i for i, loss in zip(run.iterations, run.losses, strict=True) if isfinite(loss)]
    if broken is None:
        return diagnose_finite(run, finite[-1] if finite else None, planned)
    first = run.iterations[broken]
    before = [loss for loss in run.losses[:broken] if isfinite(loss)]
    last = run.iterations[broken - 1] if broken else None
    rate = bad_rate(run, planned)
    if rate is not None and rate[0] <= first:
        told = f"the rate is {rate[1]:g} from iteration {rate[0]:,} on, and the loss follows"
        return Diagnosis("lr-not-finite", last, first, told)
    output = first_output(run)
    value = run.losses[broken]
    named = f" (output {output} first)" if output else ""
    if not before or last is None:
        told = f"the loss is {value:g} from the first line on, at iteration {first:,}{named}"
        return Diagnosis("nan-from-start", None, first, told, output)
    grown = growth(before, fresh=run.is_fresh)
    if grown is not None:
        told = f"{grown}, and is {value:g} at iteration {first:,}{named}"
        return Diagnosis("gradient-blow-up", last, first, told, output)
    told = (
        f"the loss is {before[-1]:g} at iteration {last:,} and {value:g} at {first:,}, "
        f"without growing before{named}"
    )
    return Diagnosis("sudden-nan", last, first, told, output)


def diagnose_finite(run: Run, last: int | None, planned: tuple[int, float] | None) -> Diagnosis:
    """The verdict on a run whose losses are finite throughout."""
    rate = bad_rate(run, planned)
    if rate is not None and rate[0] <= run.last:
        told = f"the rate is {rate[1]:g} from iteration {rate[0]:,} on"
        return Diagnosis("lr-not-finite", last, None, told)
    if run.death is not None:
        where = "before the first iteration" if last is None else f"after iteration {last:,}"
        return Diagnosis("died", last, None, f"the run died {where}: {run.death}")
    stuck = is_saturated(run)
    if stuck is not None:
        name, first = stuck
        whose = f" of output {name}" if name else ""
        told = f"the loss{whose} stands at 87.3365 from iteration {first:,} on"
        return Diagnosis("loss-saturated", last, None, told, name)
    if run.is_fresh and len(run.losses) > 2:
        start, late = run.losses[0], median(run.losses[-3:])
        if late > DIVERGED * max(1.0, abs(start)):
            told = f"the loss grew from {start:g} to {run.losses[-1]:g}, and is still finite"
            return Diagnosis("gradient-blow-up", last, None, told, first_output(run))
    return Diagnosis("none", last, None)


def first_broken(run: Run) -> int | None:
    """The place of the first loss that is NaN or Inf."""
    return next((i for i, loss in enumerate(run.losses) if not isfinite(loss)), None)


def bad_rate(run: Run, planned: tuple[int, float] | None) -> tuple[int, float] | None:
    """The first iteration whose rate is NaN, Inf or negative, and that rate."""
    if not run.rates:
        return planned
    pairs = zip(run.rate_iterations, run.rates, strict=True)
    return next(((i, rate) for i, rate in pairs if not isfinite(rate) or rate < 0), None)


def first_output(run: Run) -> str | None:
    """Of several outputs the one that broke first; of those the one that grew most."""
    losses = {name: output for name, output in run.outputs.items() if output.weight}
    if len(losses) < 2:
        return None
    broken = {name: at for name, output in losses.items() if (at := broken_at(output)) is not None}
    if not broken:
        return None
    first = min(broken.values())
    tied = [name for name, at in broken.items() if at == first]
    return max(tied, key=lambda name: rise(losses[name]))


def broken_at(output: Output) -> int | None:
    """The iteration at which an output is NaN or Inf."""
    pairs = zip(output.iterations, output.values, strict=True)
    return next((i for i, value in pairs if not isfinite(value)), None)


def rise(output: Output) -> float:
    """How many times its first value an output's last finite one is."""
    finite = [value for value in output.values if isfinite(value)]
    return finite[-1] / finite[0] if finite and finite[0] else 0.0


def growth(losses: Sequence[float], *, fresh: bool) -> str | None:
    """How the finite losses before a break grew, in words; None where they did not.

    They grew in one of five ways: far beyond the first loss of a fresh run; beyond twice the
    largest of the lines before; rising for four lines or more, to over twice; rising for two or
    three, to over four times and more than the lines before jumped; or to ever new heights.
    """
    first, last = losses[0], losses[-1]
    if fresh and len(losses) > 1:
        late = median(losses[-3:] if len(losses) > 3 else losses[-1:])
        if late > FROM_START * abs(first) > 0:
            return f"the loss grew from {first:g} to {last:g}"
    recent = losses[-RECENT - 2 : -2] or losses[:-1]
    if recent and last > GROWN * max(abs(loss) for loss in recent) > 0:
        return f"the loss grew from at most {max(recent):g} to {last:g}"
    foot = foot_of(losses)
    if has_climbed(losses[foot:], losses[max(0, foot - RECENT) : foot + 1]):
        return f"the loss climbed from {losses[foot]:g} to {last:g}"
    if ever_higher(losses[-RECENT:]):
        return f"the loss swung up, to {last:g}"
    return None


def foot_of(losses: Sequence[float]) -> int:
    """Where the rise at the end of ``losses`` begins."""
    foot = len(losses) - 1
    while foot and losses[foot - 1] < losses[foot]:
        foot -= 1
    return foot


def has_climbed(rise: Sequence[float], before: Sequence[float]) -> bool:
    """Whether rising losses are more than the noise of those before (which end at the foot)."""
    steps = len(rise) - 1
    if steps < SHORT_CLIMB or rise[0] <= 0:
        return False
    ratio = rise[-1] / rise[0]
    if steps >= CLIMB:
        return ratio > GROWN
    pairs = [(a, b) for a, b in pairwise(before) if a > 0 and b > 0]
    jump = max((max(a / b, b / a) for a, b in pairs), default=1.0)
    return ratio > max(STEEP, jump * jump)


def ever_higher(losses: Sequence[float]) -> bool:
    """Whether the last loss is the newest of several records, far above the first half."""
    half = len(losses) // 2
    if half < SHORT_CLIMB or max(losses[:half]) <= 0:
        return False
    highest, records = max(losses[:half]), 0
    bar = highest
    for loss in losses[half:]:
        if loss > bar:
            bar, records = loss, records + 1
    return records >= SHORT_CLIMB and losses[-1] == bar and bar > SWUNG * highest


def is_saturated(run: Run) -> tuple[str | None, int] | None:
    """The output that stands at 87.3365 to the end (None: the loss itself), and since when."""
    series: list[tuple[str | None, Sequence[int], Sequence[float]]] = [
        (name, output.iterations, output.values) for name, output in run.outputs.items()
    ]
    several = len(series) > 1
    for name, iterations, values in [*series, (None, run.iterations, run.losses)]:
        stuck = 0
        while stuck < len(values) and abs(values[-1 - stuck] - SATURATED) < ROUNDING:
            stuck += 1
        if stuck >= min(2, len(values)) and stuck:
            return (name if several else None), iterations[-stuck]
    return None
