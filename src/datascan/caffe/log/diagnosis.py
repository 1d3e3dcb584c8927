"""Why a run's loss broke, judged by the losses and rates before it did.

The page of each rule documents its criterion.
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
"""-ln of the smallest normal float32, 1.17549435e-38, to the six digits that Caffe prints."""

ROUNDING = 6e-4
RECENT = 20
MIN_GROWTH = 2.0
MIN_GROWTH_FROM_START = 5.0
LONG_CLIMB, SHORT_CLIMB = 4, 2
MIN_STEEP_GROWTH = 4.0
MIN_SWING = 2.5
MIN_DIVERGENCE = 1e3
"""A finite loss this many times the first one (or 1, if larger) will not recover."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a run broke, or that it did not.

    ``cause`` is one of the rules about logs, or "none". ``last_finite`` and ``first_nonfinite`` are
    iterations in the log, None if it has none. ``output`` is the output of the net that broke
    first, if there are several.
    """

    cause: Cause
    last_finite: int | None
    first_nonfinite: int | None
    text: str = ""
    output: str | None = None


def diagnose(run: Run, planned: tuple[int, float] | None = None) -> Diagnosis:
    """Find out why a run broke.

    ``planned`` is the first iteration at which the solver's policy gives an unusable rate, and that
    rate. It counts if the log has no rates.
    """
    broken = find_first_broken(run)
    finite = [i for i, loss in zip(run.iterations, run.losses, strict=True) if isfinite(loss)]
    if broken is None:
        return diagnose_finite(run, finite[-1] if finite else None, planned)
    first = run.iterations[broken]
    before = [loss for loss in run.losses[:broken] if isfinite(loss)]
    last = run.iterations[broken - 1] if broken else None
    rate = find_bad_rate(run, planned)
    if rate is not None and rate[0] <= first:
        since = f"from iteration {rate[0]:,} on"
        text = f"the learning rate is {rate[1]:g} {since}, and the loss follows"
        return Diagnosis("lr-not-finite", last, first, text)
    output = find_first_output(run)
    value = run.losses[broken]
    named = f" (output {output} first)" if output else ""
    if not before or last is None:
        text = f"the loss is {value:g} from the first line on, at iteration {first:,}{named}"
        return Diagnosis("nan-from-start", None, first, text, output)
    grown = describe_growth(before, fresh=run.is_fresh)
    if grown is not None:
        text = f"{grown} and is {value:g} at iteration {first:,}{named}"
        return Diagnosis("gradient-blow-up", last, first, text, output)
    text = (
        f"the loss is {before[-1]:g} at iteration {last:,} and {value:g} at {first:,}, "
        f"without growing before{named}"
    )
    return Diagnosis("sudden-nan", last, first, text, output)


def diagnose_finite(run: Run, last: int | None, planned: tuple[int, float] | None) -> Diagnosis:
    """The diagnosis of a run whose losses are all finite."""
    rate = find_bad_rate(run, planned)
    if rate is not None and rate[0] <= run.last:
        text = f"the learning rate is {rate[1]:g} from iteration {rate[0]:,} on"
        return Diagnosis("lr-not-finite", last, None, text)
    if run.crash is not None:
        when = "before the first iteration" if last is None else f"after iteration {last:,}"
        return Diagnosis("died", last, None, f"the run crashed {when}: {run.crash}")
    saturation = find_saturation(run)
    if saturation is not None:
        name, first = saturation
        of_output = f" of output {name}" if name else ""
        text = f"the loss{of_output} is stuck at 87.3365 from iteration {first:,} on"
        return Diagnosis("loss-saturated", last, None, text, name)
    if run.is_fresh and len(run.losses) > 2:
        start, late = run.losses[0], median(run.losses[-3:])
        if late > MIN_DIVERGENCE * max(1.0, abs(start)):
            text = f"the loss grew from {start:g} to {run.losses[-1]:g} and is still finite"
            return Diagnosis("gradient-blow-up", last, None, text, find_first_output(run))
    return Diagnosis("none", last, None)


def find_first_broken(run: Run) -> int | None:
    """The position of the first loss that is NaN or Inf."""
    return next((i for i, loss in enumerate(run.losses) if not isfinite(loss)), None)


def find_bad_rate(run: Run, planned: tuple[int, float] | None) -> tuple[int, float] | None:
    """The first iteration whose learning rate is NaN, Inf or negative, and that rate."""
    if not run.rates:
        return planned
    pairs = zip(run.rate_iterations, run.rates, strict=True)
    return next(((i, rate) for i, rate in pairs if not isfinite(rate) or rate < 0), None)


def find_first_output(run: Run) -> str | None:
    """The output that broke first, if there are several; on a tie, the one that grew most."""
    losses = {name: output for name, output in run.outputs.items() if output.weight}
    if len(losses) < 2:
        return None
    broken = {name: at for name, output in losses.items() if (at := find_break(output)) is not None}
    if not broken:
        return None
    first = min(broken.values())
    tied = [name for name, at in broken.items() if at == first]
    return max(tied, key=lambda name: growth_ratio(losses[name]))


def find_break(output: Output) -> int | None:
    """The first iteration at which an output is NaN or Inf."""
    pairs = zip(output.iterations, output.values, strict=True)
    return next((i for i, value in pairs if not isfinite(value)), None)


def growth_ratio(output: Output) -> float:
    """The ratio of an output's last finite value to its first."""
    finite = [value for value in output.values if isfinite(value)]
    return finite[-1] / finite[0] if finite and finite[0] else 0.0


def describe_growth(losses: Sequence[float], *, fresh: bool) -> str | None:
    """How the finite losses before the break grew, in words; None if they did not.

    The losses grew if one of these holds: a fresh run is far above its first loss; the last loss is
    more than twice the largest of the lines before; it rose for at least four lines, to more than
    twice; it rose for two or three lines, to more than four times and by more than the lines before
    fluctuate; or it repeatedly set new records.
    """
    first, last = losses[0], losses[-1]
    if fresh and len(losses) > 1:
        late = median(losses[-3:] if len(losses) > 3 else losses[-1:])
        if late > MIN_GROWTH_FROM_START * abs(first) > 0:
            return f"the loss grew from {first:g} to {last:g}"
    recent = losses[-RECENT - 2 : -2] or losses[:-1]
    if recent and last > MIN_GROWTH * max(abs(loss) for loss in recent) > 0:
        return f"the loss grew from at most {max(recent):g} to {last:g}"
    foot = find_foot(losses)
    if has_climbed(losses[foot:], losses[max(0, foot - RECENT) : foot + 1]):
        return f"the loss climbed from {losses[foot]:g} to {last:g}"
    if sets_records(losses[-RECENT:]):
        return f"the loss oscillated upwards to {last:g}"
    return None


def find_foot(losses: Sequence[float]) -> int:
    """The position at which the final rise of ``losses`` begins."""
    foot = len(losses) - 1
    while foot and losses[foot - 1] < losses[foot]:
        foot -= 1
    return foot


def has_climbed(rise: Sequence[float], before: Sequence[float]) -> bool:
    """Whether a rise is more than noise, judged by the losses ``before`` it (up to its foot)."""
    steps = len(rise) - 1
    if steps < SHORT_CLIMB or rise[0] <= 0:
        return False
    ratio = rise[-1] / rise[0]
    if steps >= LONG_CLIMB:
        return ratio > MIN_GROWTH
    pairs = [(a, b) for a, b in pairwise(before) if a > 0 and b > 0]
    jump = max((max(a / b, b / a) for a, b in pairs), default=1.0)
    return ratio > max(MIN_STEEP_GROWTH, jump * jump)


def sets_records(losses: Sequence[float]) -> bool:
    """Whether the last loss is one of several new records, far above the first half."""
    half = len(losses) // 2
    if half < SHORT_CLIMB or max(losses[:half]) <= 0:
        return False
    start, records = max(losses[:half]), 0
    highest = start
    for loss in losses[half:]:
        if loss > highest:
            highest, records = loss, records + 1
    return records >= SHORT_CLIMB and losses[-1] == highest and highest > MIN_SWING * start


def find_saturation(run: Run) -> tuple[str | None, int] | None:
    """The output (None: the loss) that is stuck at 87.3365 until the end, and since when."""
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
