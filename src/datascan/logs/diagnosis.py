"""Why a run's loss broke, judged by the losses and rates before it did.

The page of each rule documents its criterion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from statistics import median

from msgspec import Struct

from datascan.logs.formats.last_words import describe_crash
from datascan.logs.growth import describe_growth
from datascan.logs.runs import Output, Run
from datascan.logs.silent import (
    FEW,
    accuracy_of_one,
    find_broken_test,
    find_saturation,
    find_stuck,
    find_zero,
    has_broken_gradient,
    is_saturated,
)
from datascan.report.figures import Cause
from datascan.text import pluralize

MIN_DIVERGENCE = 1e3
"""A finite loss this many times the first one (or 1, if larger) will not recover."""


class Diagnosis(Struct, frozen=True, kw_only=True):
    """Why a run broke, or that it did not.

    ``cause`` is one of the rules about logs, or "none". ``last_finite`` and ``first_nonfinite`` are
    iterations in the log, None if it has none. ``broke`` is the first broken iteration if its loss
    is finite. ``output`` is the output of the net that broke first, if there are several.
    ``clear`` is false if the log does not show whether the loss grew.
    """

    cause: Cause
    last_finite: int | None
    first_nonfinite: int | None = None
    text: str = ""
    output: str | None = None
    broke: int | None = None
    clear: bool = True
    grave: bool = False
    """Whether a finding that is usually a warning is an error."""


def diagnose(
    run: Run, planned: tuple[int, float] | None = None, classes: int | None = None
) -> Diagnosis:
    """Find out why a run broke.

    ``planned`` is the first iteration at which the solver's policy gives an unusable rate, and that
    rate. It counts if the log has no rates. ``classes`` is the number of classes, if known.
    """
    broken = find_first_broken(run)
    if broken is None:
        return diagnose_finite(run, planned, run.classes if classes is None else classes)
    rate = find_bad_rate(run, planned)
    if rate is not None and rate[0] <= run.iterations[broken]:
        last, first = (run.iterations[broken - 1] if broken else None), run.iterations[broken]
        text = f"{describe_rate(run, rate)}, and the loss follows"
        return Diagnosis(cause="lr-not-finite", last_finite=last, first_nonfinite=first, text=text)
    return diagnose_broken(run, broken)


def diagnose_broken(run: Run, broken: int) -> Diagnosis:
    """The diagnosis of a run whose loss is NaN or Inf at position ``broken``, with sound rates."""
    first, value = run.iterations[broken], run.losses[broken]
    before = [loss for loss in run.losses[:broken] if isfinite(loss)]
    output = find_first_output(run)
    named = f" (output {output} first)" if output else ""
    if not before:
        return diagnose_without_start(run, value, named, output)
    last = run.iterations[broken - 1]
    grown = describe_growth(before, fresh=run.is_fresh) or describe_output_growth(run, first)
    if grown is not None:
        cause: Cause = "gradient-blow-up"
        text = f"{grown.replace('the loss', loss_of(run), 1)} and is {value:g} at {run.unit} "
        text += f"{first:,}{named}"
    else:
        cause = "sudden-nan"
        text = f"{loss_of(run)} is {before[-1]:g} at {run.unit} {last:,} and {value:g} at {first:,}"
        shown = pluralize(len(before), "finite line")
        text += (
            ", without growing before"
            if len(before) > FEW
            else f"; {shown} before it " + ("cannot show whether it grew")
        )
        text += named
    return Diagnosis(
        cause=cause,
        last_finite=last,
        first_nonfinite=first,
        text=text,
        output=output,
        clear=grown is not None or len(before) > FEW,
    )


def diagnose_without_start(run: Run, value: float, named: str, output: str | None) -> Diagnosis:
    """The diagnosis of a run without a finite loss before the first that is not."""
    first = run.iterations[0]
    if run.begins_late:
        cause: Cause = "break-before-log"
        text = f"{loss_of(run)} is already {value:g} at {run.unit} {first:,}, where the log begins"
    else:
        cause = "nan-from-start"
        text = f"{loss_of(run)} is {value:g} from the first line on, at {run.unit} {first:,}"
    return Diagnosis(
        cause=cause, last_finite=None, first_nonfinite=first, text=text + named, output=output
    )


def diagnose_finite(run: Run, planned: tuple[int, float] | None, classes: int | None) -> Diagnosis:
    """The diagnosis of a run whose losses are all finite."""
    last = run.iterations[-1] if run.iterations else None
    rate = find_bad_rate(run, planned)
    if rate is not None and rate[0] <= run.last:
        return Diagnosis(cause="lr-not-finite", last_finite=last, text=describe_rate(run, rate))
    if run.crash is not None:
        when = "before the first iteration" if last is None else f"after {run.unit} {last:,}"
        text = f"the run crashed {when}: {describe_crash(run)}"
        return Diagnosis(cause="died", last_finite=last, text=text)
    judges: tuple[Callable[[], Diagnosis | None], ...] = (
        lambda: diagnose_saturation(run),
        lambda: diagnose_divergence(run, last),
        lambda: diagnose_test(run, last),
        lambda: diagnose_zero(run, last),
        lambda: diagnose_stuck(run, last, classes),
    )
    found = (judge() for judge in judges)
    healthy = Diagnosis(cause="none", last_finite=last)
    return next((verdict for verdict in found if verdict is not None), healthy)


def diagnose_saturation(run: Run) -> Diagnosis | None:
    """The diagnosis of a loss that is stuck at 87.3365."""
    found = find_saturation(run)
    if found is None:
        return None
    of_output = f" of output {found.output}" if found.output else ""
    text = f"the loss{of_output} is stuck at 87.3365 from {run.unit} {found.first:,} on"
    if accuracy_of_one(run, found.first):
        text += ", with an accuracy of exactly 1: every score is NaN"
    elif not found.grown and run.parameters.get("solver_mode") != "CPU":
        text += ", without growing before" if found.grown is False else ""
        text += ": on a GPU, Caffe prints a NaN like that"
    return Diagnosis(
        cause="loss-saturated",
        last_finite=found.before,
        text=text,
        output=found.output,
        broke=found.first,
        clear=bool(found.grown),
    )


def diagnose_divergence(run: Run, last: int | None) -> Diagnosis | None:
    """The diagnosis of a loss that is finite, but will not recover."""
    if not run.is_fresh or len(run.losses) < 3:
        return None
    start, late = run.losses[0], median(run.losses[-3:])
    if late <= MIN_DIVERGENCE * max(1.0, abs(start)):
        return None
    text = f"the loss grew from {start:g} to {run.losses[-1]:g} and is still finite"
    output = find_first_output(run)
    return Diagnosis(cause="gradient-blow-up", last_finite=last, text=text, output=output)


def diagnose_test(run: Run, last: int | None) -> Diagnosis | None:
    """The diagnosis of a run with a broken loss in test phases."""
    found = find_broken_test(run)
    if found is None:
        return None
    phases = f"in {found.broken:,} of {found.phases:,} test phases, first at"
    text = (
        f"the test loss ({found.name}) is {found.value:g} {phases} {run.unit} "
        f"{found.first:,}, while the training loss is finite"
    )
    if is_saturated(found.value) and accuracy_of_one(run, found.first):
        text += "; accuracy 1 at the same time means that every score is NaN"
    return Diagnosis(cause="loss-broken-in-test", last_finite=last, text=text, output=found.name)


def diagnose_zero(run: Run, last: int | None) -> Diagnosis | None:
    """The diagnosis of a loss that is exactly 0."""
    first = find_zero(run)
    if first is None:
        return None
    text = f"{loss_of(run)} is exactly 0 from {run.unit} {first:,} on"
    grave = has_broken_gradient(run, first)
    if grave:
        text += ", and the norm of the gradient is not finite: mixed precision has overflowed"
    return Diagnosis(cause="loss-zero", last_finite=last, text=text, broke=first, grave=grave)


def diagnose_stuck(run: Run, last: int | None, classes: int | None) -> Diagnosis | None:
    """The diagnosis of a loss that stays at ln(classes)."""
    found = find_stuck(run, classes)
    if found is None:
        return None
    of_output = f" of output {found.output}" if found.output else ""
    text = (
        f"{loss_of(run)}{of_output} has stayed at {found.level:.4g} for {found.lines:,} lines, "
        f"which is ln({found.classes:,}): the net guesses between {found.classes:,} classes"
    )
    return Diagnosis(cause="loss-stuck", last_finite=last, text=text, output=found.output)


def loss_of(run: Run) -> str:
    """The loss in words."""
    return f"the loss {run.name}" if run.name not in ("", "loss") else "the loss"


def describe_rate(run: Run, rate: tuple[int, float]) -> str:
    """A rate that cannot be used, in words."""
    return f"the learning rate is {rate[1]:g} from {run.unit} {rate[0]:,} on"


def find_first_broken(run: Run) -> int | None:
    """The position of the first loss that is NaN or Inf."""
    return next((i for i, loss in enumerate(run.losses) if not isfinite(loss)), None)


def find_bad_rate(run: Run, planned: tuple[int, float] | None) -> tuple[int, float] | None:
    """The first iteration whose learning rate is NaN, Inf or negative, and that rate."""
    if not run.rates:
        return planned
    pairs = zip(run.rate_iterations, run.rates, strict=True)
    return next(((i, rate) for i, rate in pairs if not isfinite(rate) or rate < 0), None)


def weighted_outputs(run: Run) -> dict[str, Output]:
    """The outputs that are losses, if there are several; else empty."""
    losses = {name: output for name, output in run.outputs.items() if output.weight}
    return losses if len(losses) > 1 else {}


def describe_output_growth(run: Run, first: int) -> str | None:
    """How one of several outputs grew before iteration ``first``, in words; None if none did."""
    for name, output in weighted_outputs(run).items():
        pairs = zip(output.iterations, output.values, strict=True)
        values = [value for i, value in pairs if i < first and isfinite(value)]
        if len(values) > FEW and (text := describe_growth(values, fresh=run.is_fresh)):
            return text.replace("the loss", f"output {name}", 1)
    return None


def find_first_output(run: Run) -> str | None:
    """The output that broke first, if there are several; on a tie, the one that grew most."""
    losses = weighted_outputs(run)
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
    finite: Sequence[float] = [value for value in output.values if isfinite(value)]
    return finite[-1] / finite[0] if finite and finite[0] else 0.0
