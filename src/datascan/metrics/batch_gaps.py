"""Label-frequency gaps: how often a training batch of a given size lacks a class.

A loss that divides by how often a label occurs in the batch is NaN as soon as a label is missing
from one. Let N be the number of labels and n_c the count of class c; only classes that occur count.

Everything sequential comes from one array. For a position p, let ``free[p]`` be the length of the
longest run of labels that begins at p and lacks some class. The batch of size B at p lacks a class
if and only if ``free[p] >= B``. Classes are looked at once, batch sizes only by strides over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import count_distinct
from datascan.native import loops

SHUFFLED_LIMIT = 0.01
"""A batch size is unsafe for shuffled data from this probability of a gap on."""


@dataclass(frozen=True, slots=True)
class BatchGap:
    """Gaps at one batch size; the fields are those of the report's ``batch_sizes``."""

    batch_size: int
    batches: int
    lacking: int
    worst_label: int
    worst_lacking: int
    p_lacking: float
    expected_lacking_per_epoch: float
    shuffled_worst_label: int
    worst_p: float

    @property
    def is_gap(self) -> bool:
        """Whether this batch size is to be warned of."""
        return self.lacking > 0 or self.p_lacking >= SHUFFLED_LIMIT


@dataclass(frozen=True, slots=True)
class BatchGaps:
    """Gaps at all batch sizes asked for, and the smallest batch sizes that do."""

    sizes: tuple[BatchGap, ...]
    min_sequential: int
    min_shuffled: int


@dataclass(frozen=True, eq=False)
class Epoch:
    """Class labels of one epoch, int64 (N,), N >= 1, in the order in which they are read."""

    labels: NDArray[np.int64]

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """The classes that occur, ascending."""
        return count_distinct(self.labels)[0]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each of ``classes`` occurs."""
        return np.bincount(self.codes, minlength=len(self.classes))

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """Every label's position in ``classes``."""
        least, most = int(self.classes[0]), int(self.classes[-1])
        if most - least > max(1 << 16, 2 * len(self.labels)):
            return np.searchsorted(self.classes, self.labels)
        places = np.zeros(most - least + 1, np.int64)
        places[self.classes - least] = np.arange(len(self.classes))
        return places[self.labels - least]

    @cached_property
    def free(self) -> NDArray[np.int64]:
        """For every position, the longest run from there on that lacks some class, (N,).

        Runs end at N, where the last batch ends at the latest.
        """
        free = np.empty(len(self.labels), np.int64)
        loops.free_runs(self.codes, len(self.classes), free)
        return free

    def lacking(self, size: int) -> tuple[int, int]:
        """Full sequential batches of ``size``, and how many of them lack a class."""
        size = min(size, len(self.labels))
        batches = len(self.labels) // size
        starts = np.arange(batches) * size
        return batches, int(np.count_nonzero(self.free[starts] >= size))

    def worst(self, size: int) -> tuple[int, int]:
        """The class absent from the most sequential batches of ``size``, and from how many."""
        size = min(size, len(self.labels))
        batches = len(self.labels) // size
        inside = np.empty(len(self.classes), np.int64)
        loops.count_batches(self.codes, len(self.classes), size, inside)
        at = int(np.argmin(inside))
        return int(self.classes[at]), batches - int(inside[at])

    def log_absent(self, size: int) -> NDArray[np.float64]:
        """Log p_c for every class: a shuffled batch of ``size`` lacks it; (classes,).

        p_c = C(N - n_c, B) / C(N, B) is a product of n_c factors (N - B - i) / (N - i), or of B
        factors (N - n_c - i) / (N - i): logs of the former, summed once for all classes.
        """
        n = len(self.labels)
        size = min(size, n)
        most = int(self.counts.max())
        i = np.arange(min(most, n - size), dtype=np.float64)
        factors = np.log1p(-size / (n - i)) if size < n else np.empty(0)
        sums = np.concatenate(([0.0], np.cumsum(factors)))
        possible = self.counts <= n - size
        return np.where(possible, sums[np.minimum(self.counts, len(sums) - 1)], -np.inf)

    def p_lacking(self, size: int) -> float:
        """1 - product of (1 - p_c): the probability that a shuffled batch lacks a class."""
        if len(self.classes) == 1:
            return 0.0
        absent = np.exp(self.log_absent(size))
        with np.errstate(divide="ignore"):
            return 0.0 - float(np.expm1(np.log1p(-absent).sum()))

    def min_sequential(self) -> int:
        """The smallest size for which no sequential batch lacks a class.

        A size above the longest run without a class always does, one of up to half of it never:
        a run of 2B - 1 labels holds a whole batch of B wherever the batches begin.
        """
        longest = int(self.free.max())
        sizes = np.arange((longest + 1) // 2 + 1, longest + 1)
        # Few sizes with many batches each, or many sizes with few batches.
        narrow = len(sizes) * longest < len(self.free)
        return self._first_good(sizes) if narrow else self._first_good_of_many(sizes)

    def _first_good(self, sizes: NDArray[np.int64]) -> int:
        """The first of consecutive ``sizes`` without a gap, or the next; one size at a time."""
        for size in sizes.tolist():
            if not self.lacking(size)[1]:
                return int(size)
        return int(self.free.max()) + 1

    def _first_good_of_many(self, sizes: NDArray[np.int64]) -> int:
        """The same; all sizes at a time, one batch number after the other."""
        free = self.free
        n = len(free)
        good = np.ones(len(sizes), np.bool_)
        for batch in range(n // int(sizes[0]) if len(sizes) else 0):
            # Sizes ascend, so those with a full batch of this number are the first ones.
            fitting = sizes[: np.searchsorted(sizes, n // (batch + 1), side="right")]
            good[: len(fitting)] &= free[batch * fitting] < fitting
        passing = np.flatnonzero(good)
        return int(sizes[passing[0]]) if len(passing) else int(free.max()) + 1

    def min_shuffled(self) -> int:
        """The smallest size with ``p_lacking`` below 1%, by bisection: it falls with the size."""
        low, high = 1, len(self.labels)
        while low < high:
            middle = (low + high) // 2
            if self.p_lacking(middle) < SHUFFLED_LIMIT:
                high = middle
            else:
                low = middle + 1
        return low


def compute_batch_gaps(labels: NDArray[np.int64], batch_sizes: Sequence[int]) -> BatchGaps:
    """Gaps of ``labels`` (int64, (N,), N >= 1) at each of ``batch_sizes`` (each >= 1)."""
    epoch = Epoch(labels)
    return BatchGaps(
        tuple(compute_gap(epoch, size) for size in batch_sizes),
        epoch.min_sequential(),
        epoch.min_shuffled(),
    )


def compute_gap(epoch: Epoch, size: int) -> BatchGap:
    """All figures for one batch size."""
    batches, lacking = epoch.lacking(size)
    worst_label, worst_lacking = epoch.worst(size)
    absent = epoch.log_absent(size)
    likeliest = int(np.argmax(absent))
    p_lacking = epoch.p_lacking(size)
    return BatchGap(
        batch_size=size,
        batches=batches,
        lacking=lacking,
        worst_label=worst_label,
        worst_lacking=worst_lacking,
        p_lacking=p_lacking,
        expected_lacking_per_epoch=batches * p_lacking,
        shuffled_worst_label=int(epoch.classes[likeliest]),
        worst_p=float(np.exp(absent[likeliest])),
    )
