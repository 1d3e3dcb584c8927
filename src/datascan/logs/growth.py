"""Whether a loss grew before it broke, judged by the log's own noise.

The page of ``gradient-blow-up`` documents the criteria.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import exp, log
from statistics import median

from msgspec import Struct

RECENT = 20
"""Lines before a rise that show the noise."""

MIN_QUIET = 6
"""Fewer lines than this do not show the noise."""

MAX_RISE = 10
MIN_GROWTH = log(1.1)
MIN_JUMP = log(2)
SPREADS, DEVIATIONS = 3.0, 8.0
"""A rise of several lines ends this many spreads and standard deviations above the lines before."""

JUMP_SPREADS, JUMP_DEVIATIONS = 4.0, 12.0
"""The same for a rise of one line."""

TO_SIGMA = 1.4826
"""The standard deviation of a normal distribution over its median absolute deviation."""

MIN_FACTOR = 2.0
MIN_FACTOR_FROM_START = 5.0
LONG_CLIMB, SHORT_CLIMB = 4, 2
MIN_STEEP_FACTOR = 4.0
MIN_SWING = 2.5


def describe_growth(losses: Sequence[float], *, fresh: bool) -> str | None:
    """How the finite losses before the break grew, in words; None if they did not.

    If enough lines precede the rise, it must stand out of their noise; otherwise fixed factors
    decide.
    """
    first, last = losses[0], losses[-1]
    if fresh and len(losses) > 1 and is_far_above_start(losses):
        return f"the loss grew from {first:g} to {last:g}"
    if found := find_rise(losses):
        lines = "line" if found.lines == 1 else f"{found.lines} lines"
        noise = f"differ by {found.noise:.2g}" if found.noise > 0 else "are level"
        return (
            f"the loss grew from {found.level:g} to {last:g} on its last {lines} "
            f"(the lines before {noise})"
        )
    return describe_factors(losses)


def is_far_above_start(losses: Sequence[float]) -> bool:
    """Whether the last losses are far above the first one, and not just by noise."""
    first, late = abs(losses[0]), median(losses[-3:] if len(losses) > 3 else losses[-1:])
    if not late > MIN_FACTOR_FROM_START * first > 0:
        return False
    early = max(losses[: max(1, len(losses) // 4)])
    return late > early or min(losses[2:]) > MIN_FACTOR * first


class Rise(Struct, frozen=True):
    """A rise at the end: its lines, and the level and the noise of the lines before it."""

    lines: int
    level: float
    noise: float


def find_rise(losses: Sequence[float]) -> Rise | None:
    """The longest rise at the end that stands out of the noise of up to twenty lines before it."""
    for lines in range(min(MAX_RISE, len(losses) - MIN_QUIET), 0, -1):
        before = losses[max(0, len(losses) - lines - RECENT) : len(losses) - lines]
        rise = losses[-lines:]
        if rise[-1] == max(rise) and (found := stands_out(rise, before)):
            return found
    return None


def stands_out(rise: Sequence[float], before: Sequence[float]) -> Rise | None:
    """The rise, if every line of it is above the lines before and the last one is far above.

    Positive losses are compared by their logarithms. A falling trend of the lines before is taken
    out of their noise, but not continued.
    """
    if min(*rise, *before) > 0:
        quiet, ends, least = [log(x) for x in before], [log(x) for x in rise], MIN_GROWTH
    else:
        quiet, ends = [*before], [*rise]
        least = 0.1 * abs(median(before))
    noise = measure_noise(quiet)
    far, deviations, least_far = SPREADS, DEVIATIONS, least
    if len(rise) == 1:
        far, deviations, least_far = JUMP_SPREADS, JUMP_DEVIATIONS, least * MIN_JUMP / MIN_GROWTH
    above = min(ends) - noise.level
    height = ends[-1] - noise.level
    if above <= max(1.5 * noise.spread, 0.5 * deviations * noise.deviation):
        return None
    if height <= max(far * noise.spread, deviations * noise.deviation, least_far):
        return None
    if quiet[-1] > noise.level + max(noise.spread, noise.deviation):
        return None
    level = exp(noise.level) if least == MIN_GROWTH else noise.level
    steps = [abs(b - a) for a, b in pairwise(before)]
    return Rise(len(rise), level, median(steps))


class Noise(Struct, frozen=True):
    """The level at the end of some values, their largest and their typical deviation from it."""

    level: float
    spread: float
    deviation: float


def measure_noise(values: Sequence[float]) -> Noise:
    """The noise of values around a straight line that falls or is level."""
    count = len(values)
    slopes = [
        (b - a) / (j - i) for i, a in enumerate(values) for j, b in enumerate(values) if j > i
    ]
    slope = min(0.0, median(slopes))
    rest = [value - slope * i for i, value in enumerate(values)]
    middle = median(rest)
    deviations = [abs(value - middle) for value in rest]
    steps = [abs(b - a) for a, b in pairwise(rest)]
    typical = max(TO_SIGMA * median(deviations), TO_SIGMA * median(steps) / 2**0.5)
    return Noise(middle + slope * (count - 1), max(deviations), typical)


def describe_factors(losses: Sequence[float]) -> str | None:
    """How losses grew by fixed factors, in words; None if they did not.

    The losses grew if one of these holds: the last is more than twice the largest of the lines
    before; it rose for at least four lines, to more than twice; it rose for two or three lines, to
    more than four times and by more than the lines before fluctuate; or it repeatedly set new
    records.
    """
    last = losses[-1]
    recent = losses[-RECENT - 2 : -2] or losses[:-1]
    is_noisy = len(recent) >= MIN_QUIET and largest_jump(losses[-RECENT - 2 : -1]) > MIN_FACTOR
    if recent and not is_noisy and last > MIN_FACTOR * max(abs(loss) for loss in recent) > 0:
        return f"the loss grew from at most {max(recent):g} to {last:g}"
    foot = find_foot(losses)
    if has_climbed(losses[foot:], losses[max(0, foot - RECENT) : foot + 1]):
        return f"the loss climbed from {losses[foot]:g} to {last:g}"
    if sets_records(losses[-RECENT:]):
        return f"the loss oscillated upwards to {last:g}"
    return None


def largest_jump(losses: Sequence[float]) -> float:
    """The largest factor by which positive losses rise from one line to the next."""
    return max((b / a for a, b in pairwise(losses) if a > 0 and b > 0), default=1.0)


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
    pairs = [(a, b) for a, b in pairwise(before) if a > 0 and b > 0]
    jump = max((max(a / b, b / a) for a, b in pairs), default=1.0)
    if steps >= LONG_CLIMB:
        return ratio > (max(MIN_FACTOR, jump * jump) if len(before) > MIN_QUIET else MIN_FACTOR)
    return ratio > max(MIN_STEEP_FACTOR, jump * jump)


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
