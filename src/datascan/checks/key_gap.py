"""Keys are numbered consecutively, and numbers are missing.

What it is
    The keys count up (``00000000_...``, ``0000000000``, ``image-000000001``), but some numbers in
    between do not occur.

Why it breaks training
    A gap is often the only sign of lost records: a LevelDB whose log was truncated or corrupted
    drops records silently (of 50,000 records 24,000 remained, exit status 0). The network trains on
    fewer records than you think, and if the store is sorted, a whole class may be gone.

How to find the cause
    Compare the gaps with the log of the program that wrote the store. Images that could not be read
    are often counted and skipped, for instance by ``convert_imageset``. A gap that starts at a
    round number (a multiple of 1,000, the size of Caffe's transactions) points to a lost
    transaction.

How to fix it
    If the numbers were skipped on purpose, ignore the rule. Otherwise rebuild the store and compare
    the number of records with the source.

Example
    ``key-gap: 20 numbers are missing in 1 place between 0 and 519: 400..419 (20 numbers)``

Limits
    Records lost at the very end do not leave a gap. If less than a tenth of the numbers occur, the
    keys are not considered consecutive.

Source
    Losses measured on LevelDB 1.22 with 50,000 records.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import MAX_LOCATIONS, Check, Issue, locations_from
from datascan.config.options import Severity
from datascan.metrics.base import Concatenated, DatasetSummary, TallyMap
from datascan.metrics.traits import STORE, WHOLE
from datascan.records.block import Block

MIN_NUMBERS = 3
MIN_NUMBERED_SHARE = 0.99
"""The minimum share of records whose key has a number."""

MIN_DENSITY = 0.1
"""The minimum share of the numbers between the first and the last that must occur."""


RunMap = TallyMap[str, Concatenated]
"""Runs of consecutive numbers by key prefix."""


class KeyGap(Check[RunMap]):
    """Keys are numbered consecutively, and numbers are missing."""

    rule = "key-gap"
    title = "Missing numbers in the names"
    severity = Severity.WARNING
    subject = "keys without a record"
    needs = (STORE, WHOLE)
    fix = "rebuild the store, unless these records were left out on purpose"

    def measure(self, block: Block) -> RunMap | None:
        """Runs of consecutive numbers by key prefix, int64 (r, 2): first and last."""
        numbers = block.key_numbers
        if numbers is None:
            return None
        values = numbers.values[numbers.values >= 0]
        if not len(values):
            return None
        breaks = np.flatnonzero(np.diff(values) != 1)
        runs = np.stack([values[np.r_[0, breaks + 1]], values[np.r_[breaks, -1]]], axis=1)
        return TallyMap({numbers.prefix: Concatenated((runs,))})

    def evaluate(self, tally: RunMap, dataset: DatasetSummary) -> Iterator[Issue]:
        """One issue for all missing numbers, if the keys are numbered at all."""
        if not dataset.is_complete:
            return
        for joined in tally.entries.values():
            runs = joined.array[np.argsort(joined.array[:, 0], kind="stable")]
            count = int((runs[:, 1] - runs[:, 0] + 1).sum())
            if count >= max(MIN_NUMBERS, MIN_NUMBERED_SHARE * dataset.records):
                yield from self._report_gaps(runs, count, dataset.records - count)

    def _report_gaps(self, runs: NDArray[np.int64], count: int, others: int) -> Iterator[Issue]:
        """The gaps between ``runs``, which hold ``count`` records; ``others`` are in none."""
        starts, stops = runs[:-1, 1] + 1, runs[1:, 0]
        is_gap = stops > starts
        missing = stops[is_gap] - starts[is_gap]
        first, last = int(runs[0, 0]), int(runs[-1, 1])
        distinct = not (stops < starts).any()
        numbered = count >= MIN_DENSITY * (last - first + 1) and len(missing) <= count / 2
        # The missing numbers may belong to the records whose key is unknown or of another form.
        if not (missing.sum() > others and distinct and numbered):
            return
        spans = zip(starts[is_gap].tolist(), (stops[is_gap] - 1).tolist(), strict=True)
        texts = [format_span(*span) for span in islice(spans, MAX_LOCATIONS)]
        total = int(missing.sum())
        verb = "number is" if total == 1 else "numbers are"
        places = "place" if len(missing) == 1 else "places"
        yield self.dataset_issue(
            f"{total:,} {verb} missing in {len(missing):,} {places} between {first} and {last}: "
            + ", ".join(texts[:3])
            + (f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""),
            details=texts,
            locations=locations_from(
                texts, len(missing), starts[is_gap].tobytes(), missing.tobytes()
            ),
        )


def format_span(first: int, last: int) -> str:
    """Format a run of numbers: "17", or "17..19 (3 numbers)"."""
    return str(first) if first == last else f"{first}..{last} ({last - first + 1:,} numbers)"
