"""What is wrong with a run whose losses are all finite: stuck, zero, or broken in test phases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp, isfinite, log
from statistics import median

from msgspec import Struct

from datascan.logs.formats import names
from datascan.logs.growth import describe_growth, measure_noise
from datascan.logs.runs import Output, Run

SATURATED = 87.3365
"""-ln of the smallest normal float32, 1.17549435e-38, to the six digits that Caffe prints."""

ROUNDING = 6e-4
FEW = 2
"""With this many finite lines or fewer, only enormous growth can be recognised."""

MAX_RAMP = 5
MIN_STUCK = 10
"""Lines of a run that can be called stuck: the first ones of any run are at ln(classes)."""

KNOWABLE_CLASSES = 20
"""Up to this many classes, ln(classes) is recognised without knowing their number."""

MIN_ZEROS = 3
NEARLY_ZERO = 0.01


class Saturation(Struct, frozen=True):
    """A loss that is stuck at 87.3365: its name if there are several, and since when.

    ``before`` is the last iteration in the log with a usual loss, None if it has none. ``grown``:
    whether the loss grew before, None if too few lines show it.
    """

    output: str | None
    before: int | None
    first: int
    grown: bool | None


def find_saturation(run: Run) -> Saturation | None:
    """The output, or else the loss, that is stuck at 87.3365 until the end."""
    several = len(run.outputs) > 1
    for name, iterations, values in all_losses(run):
        stuck = 0
        while stuck < len(values) and is_saturated(values[-1 - stuck]):
            stuck += 1
        if not stuck or stuck < min(2, len(values)):
            continue
        first = len(values) - stuck
        begin = first
        while begin > first - MAX_RAMP and begin > 1 and is_ramp(values, begin - 1):
            begin -= 1
        before = values[:begin]
        grown = describe_growth(before, fresh=run.is_fresh) is not None if before else False
        return Saturation(
            name if several else None,
            iterations[begin - 1] if begin else None,
            iterations[first],
            grown=grown or (False if len(before) > FEW else None),
        )
    return None


def is_saturated(value: float) -> bool:
    """Whether a loss is 87.3365, as printed or as the mean of several."""
    return abs(value - SATURATED) < ROUNDING


def is_ramp(values: Sequence[float], i: int) -> bool:
    """Whether a value stands out of those before: a mean over usual and saturated losses."""
    before = values[max(0, i - 10) : i]
    if len(before) < 3 or not all(map(isfinite, before)):
        return False
    noise = measure_noise(before)
    least = noise.level + max(8 * noise.deviation, 3 * noise.spread, 0.25 * abs(noise.level))
    return values[i] > least


def all_losses(run: Run) -> Iterator[tuple[str | None, Sequence[int], Sequence[float]]]:
    """Every output, then the loss itself: name (None for the loss), iterations and values."""
    for name, output in run.outputs.items():
        yield name, output.iterations, output.values
    yield None, run.iterations, run.losses


def accuracy_of_one(run: Run, since: int) -> bool:
    """Whether an accuracy is exactly 1 from an iteration on.

    Caffe counts a score of the true class that no other exceeds as right; nothing exceeds NaN.
    """
    for outputs in (run.tests, run.outputs):
        for name, output in outputs.items():
            late = [v for i, v in zip(output.iterations, output.values, strict=True) if i >= since]
            if "acc" in name.lower() and late and all(value == 1 for value in late):
                return True
    return False


class BrokenTest(Struct, frozen=True):
    """A loss of test phases that is not finite or 87.3365: in how many of them, since when."""

    name: str
    value: float
    broken: int
    phases: int
    first: int


def find_broken_test(run: Run) -> BrokenTest | None:
    """The first loss of test phases that is NaN or Inf, or 87.3365 at the end."""
    for name, output in run.tests.items():
        if not (output.weight or names.is_loss(name) or name.startswith("score #")):
            continue
        values = output.values
        bad = [i for i, value in enumerate(values) if not isfinite(value)]
        if not bad and is_saturated(values[-1]):
            bad = [i for i, value in enumerate(values) if is_saturated(value)]
        if bad:
            first = bad[0]
            return BrokenTest(name, values[first], len(bad), len(values), output.iterations[first])
    return None


class Stuck(Struct, frozen=True):
    """A loss that stays at ln(classes): the net guesses."""

    output: str | None
    level: float
    classes: int
    lines: int


def find_stuck(run: Run, classes: int | None) -> Stuck | None:
    """The loss that has stayed at ln(classes) all the time.

    ``classes`` is the number of classes of the net, if known.
    """
    for name, output in run.outputs.items():
        if output.weight and (found := judge_stuck(run, output, classes)):
            several = sum(bool(one.weight) for one in run.outputs.values()) > 1
            return Stuck(name if several else None, *found)
    weighted = any(output.weight for output in run.outputs.values())
    found = None
    if not weighted:
        found = judge_stuck(run, Output(1.0, run.iterations, run.losses), classes)
    return Stuck(None, *found) if found else None


def judge_stuck(run: Run, output: Output, classes: int | None) -> tuple[float, int, int] | None:
    """Level, classes and lines of a loss that is stuck; None if it is not."""
    values = output.values
    if len(values) < MIN_STUCK or not all(map(isfinite, values)):
        return None
    late = values[len(values) // 2 :]
    level = median(late)
    if not 0.6 < level < 14 or min(values) < 0.85 * level:
        return None
    quarter = max(1, len(late) // 4)
    falls = median(late[:quarter]) - median(late[-quarter:])
    if falls > 0.01 * level or measure_noise(late[-200:]).deviation > 0.02 * level:
        return None
    number = round(exp(level)) if classes is None else classes
    is_right = is_number_of_classes(run, level, number, known=classes is not None)
    return (level, number, len(values)) if is_right else None


def is_number_of_classes(run: Run, level: float, number: int, *, known: bool) -> bool:
    """Whether a level is ln(classes), as the net, a small number or the test accuracy shows."""
    distance = abs(level - log(number)) if number > 1 else 1.0
    if known:
        return distance < 0.02
    if number <= KNOWABLE_CLASSES:
        return distance < min(0.01, 0.05 / number)
    for name, output in run.tests.items():
        if "acc" in name.lower() and output.values and not output.weight:
            return abs(output.values[-1] * number - 1) < 0.5
    return False


def find_zero(run: Run) -> int | None:
    """The iteration from which on the loss is exactly 0; None if it is not, or got there slowly."""
    zeros = 0
    while zeros < len(run.losses) and run.losses[-1 - zeros] == 0:
        zeros += 1
    if zeros < MIN_ZEROS:
        return None
    before = run.losses[: len(run.losses) - zeros]
    if before and abs(before[-1]) < NEARLY_ZERO:
        return None
    return run.iterations[len(run.losses) - zeros]


def has_broken_gradient(run: Run, since: int) -> bool:
    """Whether the norm of the gradient is NaN or Inf at some iteration from ``since`` on."""
    pairs = zip(run.gradient.iterations, run.gradient.values, strict=True)
    return any(i >= since and not isfinite(value) for i, value in pairs)
