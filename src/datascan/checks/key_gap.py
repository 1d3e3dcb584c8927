"""Keys are numbered one after the other, and numbers are missing.

What it is
    The keys count up (``00000000_...``, ``0000000000``, ``image-000000001``), and some numbers in
    between do not occur.

Why it breaks training
    That is how lost records show when the store itself knows nothing of them: a LevelDB whose log
    was cut or flipped drops records without a word (of 50,000 records 24,000 remained, exit status
    0). The network trains on fewer records than you think, and if the store is sorted, a whole
    class may be gone.

How to find the cause
    Compare the runs with the log of the program that wrote the store: images that could not be read
    are often counted and left out (``convert_imageset`` does so). A run at a round place (a
    multiple of 1,000, the size of Caffe's transactions) points to a transaction that never arrived.

How to fix it
    If the numbers were left out on purpose, ignore the rule. Otherwise write the store again, and
    compare the number of records with the source's.

Example
    ``key-gap: 20 numbers are missing in 1 place between 0 and 519: 400..419 (20
    numbers)``

Limits
    Records lost at the very end leave no gap. Sets of which less than a tenth of the numbers occur
    are taken as not numbered one after the other.

Source
    Losses measured on LevelDB 1.22 with 50,000 records.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import MOST_SUBJECTS, Check, Judgement, subjects_told
from datascan.config.options import Severity
from datascan.metrics.base import ByName, Dataset, Joined
from datascan.records.block import Block

LEAST_NUMBERS = 3
LEAST_NUMBERED = 0.99
LEAST_DENSITY = 0.1


class KeyGap(Check[ByName]):
    """Keys are numbered one after the other, and numbers are missing."""

    rule = "key-gap"
    severity = Severity.WARNING
    fix = "write the store again, unless these records were left out on purpose"

    def measure(self, block: Block) -> ByName | None:
        """Runs of consecutive numbers, int64 (r, 2): first and last; by what stands before them."""
        numbers = block.numbers
        if numbers is None:
            return None
        values = numbers.values[numbers.values >= 0]
        if not len(values):
            return None
        breaks = np.flatnonzero(np.diff(values) != 1)
        runs = np.stack([values[np.r_[0, breaks + 1]], values[np.r_[breaks, -1]]], axis=1)
        return ByName({numbers.prefix: Joined((runs,))})

    def judge(self, tally: ByName, dataset: Dataset) -> Iterator[Judgement]:
        """The runs of numbers that are missing, if the keys are numbered at all."""
        if not dataset.complete:
            return
        for joined in tally.entries.values():
            runs = joined.array[np.argsort(joined.array[:, 0], kind="stable")]
            count = int((runs[:, 1] - runs[:, 0] + 1).sum())
            if count >= max(LEAST_NUMBERS, LEAST_NUMBERED * dataset.records):
                yield from self._gaps(runs, count, dataset.records - count)

    def _gaps(self, runs: NDArray[np.int64], count: int, others: int) -> Iterator[Judgement]:
        before, after = runs[:-1, 1] + 1, runs[1:, 0]
        wide = after > before
        missing = after[wide] - before[wide]
        first, last = int(runs[0, 0]), int(runs[-1, 1])
        distinct = not (after < before).any()
        numbered = count >= LEAST_DENSITY * (last - first + 1) and len(missing) <= count / 2
        # Records whose key is unknown or of another form may be the very ones.
        if not (missing.sum() > others and distinct and numbered):
            return
        spans = zip(before[wide].tolist(), (after[wide] - 1).tolist(), strict=True)
        texts = [span_text(*span) for span in islice(spans, MOST_SUBJECTS)]
        total = int(missing.sum())
        verb = "number is" if total == 1 else "numbers are"
        places = "place" if len(missing) == 1 else "places"
        yield self.dataset_wide(
            f"{total:,} {verb} missing in {len(missing):,} {places} between {first} and {last}: "
            + ", ".join(texts[:3])
            + (f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""),
            details=texts,
            subjects=subjects_told(texts, len(missing), before[wide].tobytes(), missing.tobytes()),
        )


def span_text(first: int, last: int) -> str:
    """A run of numbers: 17, or 17..19 (3 numbers)."""
    return str(first) if first == last else f"{first}..{last} ({last - first + 1:,} numbers)"
