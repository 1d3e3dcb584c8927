"""Runs of rows: most records of a finding are close together in the store."""

from __future__ import annotations

from math import log

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.report.examples import MIN_RECORDS
from datascan.report.patterns.candidate import Candidate
from datascan.report.patterns.chance import (
    MAX_CHANCE,
    MIN_SHARE,
    bound_chance,
    holds,
)
from datascan.report.patterns.survey import Concerned

MAX_RUNS = 3

SCALES = (0.25, 1, 4, 16, 64)
"""Gaps that end a run, in multiples of the mean distance of the records in the whole dataset."""

NOTABLE = 0.05
"""A further run is named if it has this share of the records."""


class Runs(Struct, frozen=True):
    """Runs of records, (first, last) each, that have ``inside`` records of a finding."""

    bounds: tuple[tuple[int, int], ...]
    inside: int

    @property
    def width(self) -> int:
        """The number of all records in them."""
        return sum(last - first + 1 for first, last in self.bounds)


def find_runs(positions: NDArray[np.int64], records: int) -> Runs | None:
    """At most 3 runs that have at least 90% of ``positions``, int64 (n,), ascending.

    None if the positions may be spread over the ``records`` by chance.
    """
    if not MIN_RECORDS <= len(positions) < records:
        return None
    found = []
    for scale in SCALES:
        runs = cluster(positions, max(1, int(scale * records / len(positions))))
        if runs is not None and is_said(runs, len(positions), records):
            found.append(runs)
    if not found:
        return None
    narrowest = min(runs.width for runs in found)
    narrow = [runs for runs in found if runs.width <= 2 * narrowest]
    return min(narrow, key=lambda runs: (len(runs.bounds), -runs.inside, runs.width))


def cluster(positions: NDArray[np.int64], gap: int) -> Runs | None:
    """The largest runs without a larger gap; None if 3 of them do not have 90%."""
    edges = np.flatnonzero(np.diff(positions) > gap) + 1
    starts, stops = np.append(0, edges), np.append(edges, len(positions))
    sizes = stops - starts
    largest = np.argsort(-sizes, kind="stable")[:MAX_RUNS]
    covered = np.cumsum(sizes[largest])
    enough = int(np.searchsorted(covered, MIN_SHARE * len(positions)))
    if enough == len(largest):
        return None
    count = enough + 1
    while count < len(largest) and sizes[largest[count]] >= NOTABLE * len(positions):
        count += 1
    chosen = sorted(largest[:count].tolist())
    bounds = tuple((int(positions[starts[i]]), int(positions[stops[i] - 1])) for i in chosen)
    return Runs(bounds, int(sizes[largest[:count]].sum()))


def is_said(runs: Runs, drawn: int, records: int) -> bool:
    """Whether the runs are neither chance nor most of the dataset."""
    count, others = len(runs.bounds), runs.width - runs.inside
    if runs.inside - count < MIN_RECORDS - 1:
        return False
    if not holds(runs.inside, drawn, others, records - drawn):
        return False
    # Each run begins with a record of the finding, and its width is that of the data.
    chance = bound_chance(runs.inside - count, drawn - count, runs.width - count, records - count)
    ways = count * log(drawn) + (count - 1) * log(runs.width) + log(len(SCALES))
    return bool(chance == 0 or log(chance) + ways <= log(MAX_CHANCE))


def describe_runs(
    concerned: Concerned, runs: Runs, texts: list[tuple[str, str]], noun: str
) -> Candidate:
    """The runs as a pattern; ``texts`` are the names of their first and last records."""
    spans = [first if first == last else f"{first} to {last}" for first, last in texts]
    more = f"{', '.join(spans[:-1])} and {spans[-1]}" if len(spans) > 1 else spans[0]
    inside = np.zeros(len(concerned.others), np.bool_)
    for first, last in runs.bounds:
        inside |= (concerned.others >= first) & (concerned.others <= last)
    return Candidate(
        kind="rows",
        text=f"in {noun} {more}",
        share=runs.inside / len(concerned.positions),
        support=runs.width / concerned.records,
        is_whole=True,
        matching=inside,
    )
