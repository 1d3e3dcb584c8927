"""Which of the records of an issue are its examples: spread over the dataset, worst first."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import MAX_EXAMPLES, Issue

MIN_RECORDS = 5
"""Fewer records have no pattern; see :mod:`datascan.report.patterns`."""


def choose_examples(
    addresses: NDArray[np.int64], badness: NDArray[np.float64] | None
) -> NDArray[np.int64]:
    """Positions in ``addresses``, int64 (n,), of at most 20 examples.

    The records are cut into 20 stretches of about the same number in store order, and each has its
    worst record as an example. They are sorted by ``badness``, the worst first, and otherwise in
    store order.
    """
    order = np.argsort(addresses, kind="stable")
    worst = np.zeros(len(order)) if badness is None else badness[order]
    chosen = np.arange(len(order))
    if len(order) > MAX_EXAMPLES:
        edges = (np.arange(MAX_EXAMPLES + 1) * len(order) // MAX_EXAMPLES).tolist()
        chosen = np.array([a + int(worst[a:b].argmax()) for a, b in pairwise(edges)])
    chosen = chosen[np.argsort(-worst[chosen], kind="stable")]
    return np.asarray(order[chosen], np.int64)


def may_have_pattern(issue: Issue) -> bool:
    """Whether an issue names enough records for a pattern."""
    return issue.flagged is not None and len(issue.flagged.addresses.array) >= MIN_RECORDS
