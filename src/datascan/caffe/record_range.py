"""Which records a run read at given iterations: Caffe reads them in store order."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.caffe.net.sources import DataSource
from datascan.logs.diagnosis import Diagnosis
from datascan.logs.runs import Run


class ReadRange(Struct, frozen=True):
    """Iterations ``first`` to ``last``, and the records that they read of ``records`` in all.

    If the epoch ends in between, ``from_record`` is larger than ``to_record``.
    """

    first: int
    last: int
    from_record: int
    to_record: int
    records: int

    @property
    def wraps(self) -> bool:
        """Whether the epoch ends within the range."""
        return self.from_record > self.to_record

    def holds(self, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which record indices are in the range, bool (n,)."""
        if self.wraps:
            return np.asarray((indices >= self.from_record) | (indices <= self.to_record))
        return np.asarray((indices >= self.from_record) & (indices <= self.to_record))


def candidate_ranges(run: Run, verdict: Diagnosis, display: int | None) -> tuple[int, int] | None:
    """The first and last iteration that may have broken the run; None if unknown.

    They follow the last finite line and end with the first non-finite one. For a run that crashed,
    they end before the next line that it would have printed. A loss that is stuck may be the mean
    of several iterations (``average_loss``), of which the first is the one.
    """
    first = 0 if verdict.last_finite is None else verdict.last_finite + 1
    first = max(first, run.began)
    if verdict.first_nonfinite is not None:
        return first, max(first, verdict.first_nonfinite)
    if verdict.cause == "loss-saturated" and verdict.broke is not None:
        averaged = (run.number("average_loss") or 1) - 1 if verdict.output is None else 0
        return max(run.began, first - averaged), max(first, verdict.broke)
    if verdict.cause == "died":
        if verdict.last_finite is None:
            return first, first
        return (first, first + display - 1) if display else None
    return None


def read_range(
    iterations: tuple[int, int], run: Run, source: DataSource, records: int
) -> ReadRange | None:
    """The records that these iterations read; None if the order of reading is unknown.

    Iteration i, counted from the beginning of the run, reads records i B s to (i + 1) B s - 1,
    modulo the number of records. B is the batch size times the number of devices; s is
    ``iter_size``, preferably as printed in the log.
    """
    size = source.batch_size * (run.number("iter_size") or source.iter_size) * run.devices
    if not source.in_order or size < 1 or records < 1:
        return None
    first, last = iterations
    start = (first - run.began) * size
    end = (last + 1 - run.began) * size - 1
    if end - start + 1 >= records:
        return ReadRange(first, last, 0, records - 1, records)
    return ReadRange(first, last, start % records, end % records, records)
