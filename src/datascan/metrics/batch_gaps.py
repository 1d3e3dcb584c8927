"""Label gaps: how often a training batch of a given size lacks a class.

A loss that divides by how often a label occurs in the batch is NaN as soon as a label is missing.
Let N be the number of labels and n_c the count of class c; only classes that occur count.

All sequential figures come from one array: ``free[p]`` is the length of the longest run of labels
that begins at position p and lacks some class. The batch of size B at p lacks a class if and only
if ``free[p] >= B``. Computing it takes one pass over the labels; each batch size then only reads
every B-th entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp, expm1, lgamma, log1p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import count_distinct
from datascan.native import loops

Integers = NDArray[np.signedinteger[Any]]

EPSILON = float(np.finfo(np.float64).eps)

TERMS_PER_LOG = 64
"""An estimate takes as long for one class as this many terms of an exact sum."""

PART = 1 << 18
"""Labels are converted in parts of this many, so that temporary arrays are small."""

SORTED_SHARE, SORTED_RATIO = 0.5, 10
"""A store is sorted if at least half of its batches in order lack a class, and ten times the share
of shuffled batches."""

SHUFFLED_LIMIT = 0.01
"""A batch size is unsafe for shuffled data if a batch has a gap with at least this probability."""


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
    def is_sorted(self) -> bool:
        """Whether the gaps in store order are too many to be chance: the store is sorted."""
        share = self.lacking / self.batches
        return share >= SORTED_SHARE and share >= SORTED_RATIO * self.p_lacking


@dataclass(frozen=True, slots=True)
class BatchGaps:
    """Gaps at all requested batch sizes, and the smallest batch sizes without gaps."""

    sizes: tuple[BatchGap, ...]
    min_sequential: int
    min_shuffled: int
    labels: int
    """The number of labels."""


@dataclass(frozen=True, eq=False)
class Epoch:
    """The class labels of one epoch, (N,), N >= 1, in the order in which they are read.

    They have a signed integer dtype; a small one makes for small arrays of the others.
    """

    labels: Integers
    classes: NDArray[np.int64]
    """The classes that occur, ascending."""
    counts: NDArray[np.int64]
    """How often each of ``classes`` occurs."""

    @classmethod
    def of(cls, labels: Integers) -> Epoch:
        """The epoch of these labels."""
        classes, counts = count_distinct(labels)
        return cls(labels, classes.astype(np.int64), counts)

    @cached_property
    def codes(self) -> Integers:
        """The position of every label in ``classes``, in a small dtype."""
        classes, labels = self.classes, self.labels
        dtype = smallest_dtype(len(classes), (np.int16, np.intc, np.int64))
        low, high = int(classes[0]), int(classes[-1])
        if low == 0 and high + 1 == len(classes):
            return labels.astype(dtype, copy=False)
        codes = np.empty(len(labels), dtype)
        is_dense = high - low <= max(1 << 16, 2 * len(labels))
        positions = np.zeros(high - low + 1 if is_dense else 0, dtype)
        if is_dense:
            positions[classes - low] = np.arange(len(classes))
        for first in range(0, len(labels), PART):
            part = labels[first : first + PART].astype(np.int64)
            found = positions[part - low] if is_dense else np.searchsorted(classes, part)
            codes[first : first + PART] = found
        return codes

    @cached_property
    def free(self) -> Integers:
        """For every position, the longest run from there that lacks some class, (N,).

        Runs end at N, since no batch goes further.
        """
        free = np.empty(len(self.labels), smallest_dtype(len(self.labels), (np.intc, np.int64)))
        loops.free_runs(self.codes, len(self.classes), free)
        return free

    def count_lacking(self, size: int) -> tuple[int, int]:
        """The number of full sequential batches of ``size``, and how many of them lack a class."""
        size = min(size, len(self.labels))
        batches = len(self.labels) // size
        at_starts = self.free[: batches * size : size]
        return batches, int(np.count_nonzero(at_starts >= size))

    def find_worst(self, size: int) -> tuple[int, int]:
        """The class absent from the most sequential batches of ``size``, and from how many."""
        size = min(size, len(self.labels))
        batches = len(self.labels) // size
        batches_with = np.empty(len(self.classes), np.int64)
        loops.count_batches(self.codes, len(self.classes), size, batches_with)
        worst = int(np.argmin(batches_with))
        return int(self.classes[worst]), batches - int(batches_with[worst])

    def compute_log_absence(self, size: int) -> NDArray[np.float64]:
        """Log p_c for every class, (classes,): a shuffled batch of ``size`` lacks class c.

        p_c = C(N - n_c, B) / C(N, B) is a product of n_c factors (N - B - i) / (N - i). Their logs
        are summed once for all classes.
        """
        n = len(self.labels)
        size = min(size, n)
        largest = int(self.counts.max())
        i = np.arange(min(largest, n - size), dtype=np.float64)
        factors = np.log1p(-size / (n - i)) if size < n else np.empty(0)
        sums = np.concatenate(([0.0], np.cumsum(factors)))
        possible = self.counts <= n - size
        return np.where(possible, sums[np.minimum(self.counts, len(sums) - 1)], -np.inf)

    def compute_p_lacking(self, size: int) -> float:
        """1 - product of (1 - p_c): the probability that a shuffled batch lacks a class."""
        return 0.0 if len(self.classes) == 1 else join_absence(self.compute_log_absence(size))

    def find_min_sequential(self) -> int:
        """The smallest size at which no sequential batch lacks a class.

        A size larger than the longest run without a class never has a gap. A size of up to half
        that run always has one, because a run of 2B - 1 labels contains a whole batch of B wherever
        the batches begin.
        """
        longest = int(self.free.max())
        sizes = np.arange((longest + 1) // 2 + 1, longest + 1)
        # Either a few sizes with many batches each, or many sizes with a few batches each.
        if len(sizes) * longest < len(self.free):
            return self._search_by_size(sizes)
        return self._search_by_batch(sizes)

    def _search_by_size(self, sizes: NDArray[np.int64]) -> int:
        """The first of consecutive ``sizes`` without a gap, or the next; tests size by size."""
        for size in sizes.tolist():
            if not self.count_lacking(size)[1]:
                return int(size)
        return int(self.free.max()) + 1

    def _search_by_batch(self, sizes: NDArray[np.int64]) -> int:
        """The same result; tests all sizes at once, batch by batch."""
        free = self.free
        n = len(free)
        good = np.ones(len(sizes), np.bool_)
        for batch in range(n // int(sizes[0]) if len(sizes) else 0):
            # Sizes ascend, so those that have a full batch with this number come first.
            fitting = sizes[: np.searchsorted(sizes, n // (batch + 1), side="right")]
            good[: len(fitting)] &= free[batch * fitting] < fitting
        passing = np.flatnonzero(good)
        return int(sizes[passing[0]]) if len(passing) else int(free.max()) + 1

    def _is_safe_shuffled(self, size: int) -> bool:
        """Whether ``p_lacking`` is below 1%; computed exactly only if an estimate is too near."""
        estimate = self._estimate_p_lacking(size)
        if estimate is None:
            return self.compute_p_lacking(size) < SHUFFLED_LIMIT
        p_lacking, error = estimate
        if abs(p_lacking - SHUFFLED_LIMIT) <= error * SHUFFLED_LIMIT:
            return self.compute_p_lacking(size) < SHUFFLED_LIMIT
        return p_lacking < SHUFFLED_LIMIT

    @cached_property
    def _distinct_counts(self) -> list[tuple[int, int]]:
        """The distinct values of ``counts``, and how many classes have each."""
        counts, classes = count_distinct(self.counts)
        return list(zip(counts.tolist(), classes.tolist(), strict=True))

    def _estimate_p_lacking(self, size: int) -> tuple[float, float] | None:
        """``p_lacking``, and its maximum relative error near 1%, by the log-gamma function.

        None if that would not take less time than the exact sum. Each term is rounded by a few
        units in the last place of log N!, which is by far the largest; the margin is wider.
        """
        n = len(self.labels)
        largest, _ = max(self._distinct_counts)
        if len(self.classes) == 1 or TERMS_PER_LOG * len(self._distinct_counts) > largest:
            return None
        factorial = lgamma(n + 1)
        total = 0.0
        for count, classes in self._distinct_counts:
            if count > n - size:
                continue  # such a class is in every batch
            ways = lgamma(n - size + 1) - lgamma(n - size - count + 1)
            absent = exp(min(0.0, ways - factorial + lgamma(n - count + 1)))
            if absent == 1.0:
                return 1.0, 0.0
            total += classes * log1p(-absent)
        return -expm1(total), 1e-6 + 256 * EPSILON * factorial

    def find_min_shuffled(self) -> int:
        """The smallest size with ``p_lacking`` below 1%, by bisection: it falls with the size."""
        low, high = 1, len(self.labels)
        while low < high:
            middle = (low + high) // 2
            if self._is_safe_shuffled(middle):
                high = middle
            else:
                low = middle + 1
        return low


def join_absence(log_absence: NDArray[np.float64]) -> float:
    """The probability that a batch lacks any class, from the logs of those for each class."""
    with np.errstate(divide="ignore"):
        return 0.0 - float(np.expm1(np.log1p(-np.exp(log_absence)).sum()))


def smallest_dtype(count: int, dtypes: Sequence[type[np.signedinteger[Any]]]) -> np.dtype[Any]:
    """The first of ``dtypes`` that holds ``count``; if none does, the last."""
    return next(
        (d for d in map(np.dtype, dtypes) if count <= np.iinfo(d).max), np.dtype(dtypes[-1])
    )


def compute_batch_gaps(epoch: Epoch, batch_sizes: Sequence[int]) -> BatchGaps:
    """Compute the gaps of an epoch at each of ``batch_sizes`` (>= 1).

    Sizes above N are left out: there is no full batch.
    """
    count = len(epoch.labels)
    return BatchGaps(
        tuple(compute_gap(epoch, size) for size in batch_sizes if size <= count),
        epoch.find_min_sequential(),
        epoch.find_min_shuffled(),
        count,
    )


def compute_gap(epoch: Epoch, size: int) -> BatchGap:
    """Compute all figures for one batch size."""
    batches, lacking = epoch.count_lacking(size)
    worst_label, worst_lacking = epoch.find_worst(size)
    log_absence = epoch.compute_log_absence(size)
    likeliest = int(np.argmax(log_absence))
    p_lacking = 0.0 if len(epoch.classes) == 1 else join_absence(log_absence)
    return BatchGap(
        batch_size=size,
        batches=batches,
        lacking=lacking,
        worst_label=worst_label,
        worst_lacking=worst_lacking,
        p_lacking=p_lacking,
        expected_lacking_per_epoch=batches * p_lacking,
        shuffled_worst_label=int(epoch.classes[likeliest]),
        worst_p=float(np.exp(log_absence[likeliest])),
    )
