"""The same content as another record, under another label.

What it is
    Two records or more hold exactly the same content, and their labels differ. All of them are
    reported, since nobody but you knows which label is right.

Why it breaks training
    At most one of the labels is right, and the network is asked for two answers to one question. It
    can only learn the mean, so the loss has a floor, accuracy a ceiling, and the gradients of such
    pairs never vanish.

How to find the cause
    Look at the pictures and at where the labels came from: two annotators, two sources merged, a
    class renamed in one of them, or a default label given to what was not annotated.

How to fix it
    Decide which label is right, keep one copy under it, and drop the others. If a picture really
    belongs to several classes, use a loss for several labels.

Example
    ``conflicting-label: #42 frog/002.jpg label 2; the same content has label 0 at record 2``

Limits
    Only exact copies are compared; see ``duplicate-record``. The detail names one of the records
    that disagree. Labels that are NaN, vectors or text are not compared.

Source
    Northcutt, Athalye and Mueller (2021), Pervasive Label Errors in Test Sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Duplicates, Flagged
from datascan.metrics.duplicates import FingerprintTally, measure_fingerprints
from datascan.metrics.labels import format_label, summarize_labels


class ConflictingLabel(Check[FingerprintTally]):
    """The same content as another record, under another label."""

    rule = "conflicting-label"
    severity = Severity.ERROR
    fix = "decide which label is right, and keep one copy under it"
    measure = staticmethod(measure_fingerprints)

    def evaluate(self, tally: FingerprintTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """All records of every content that has two labels or more."""
        copies = dataset.duplicates
        labels = dataset.derive(summarize_labels)
        if copies is None or labels.kind == "none" or not len(copies.indices):
            return
        found = conflicts(copies, labels.indices, labels.values)
        if not len(found[0]):
            return
        indices, own, other, where = found
        yield self.record_issue(
            Flagged.of(dataset.addresses(indices), np.arange(len(indices))),
            f"{len(indices):,} of {dataset.records:,} records share their content with one under "
            "another label",
            lambda i: (
                f"label {format_label(own[i])}; the same content has label "
                f"{format_label(other[i])} at record {where[i]}"
            ),
        )


def conflicts(
    copies: Duplicates, labelled: NDArray[np.int64], labels: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Copies whose label differs from another one's of the same content.

    Returns their indices (ascending), their own labels, the other label, and its record.
    """
    at = np.minimum(np.searchsorted(labelled, copies.indices), len(labelled) - 1)
    known = labelled[at] == copies.indices
    known &= ~np.isnan(labels[at].astype(np.float64))
    indices, groups, own = copies.indices[known], copies.groups[known], labels[at][known]
    order = np.lexsort((indices, own, groups))
    # In each group sorted by label, the first and the last differ if any two do.
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    sizes = np.diff([*starts, len(order)])
    lowest = np.repeat(order[starts], sizes)
    highest = np.repeat(order[starts + sizes - 1] if len(starts) else starts, sizes)
    differs = own[lowest] != own[highest]
    chosen = order[differs]
    low, high = lowest[differs], highest[differs]
    partner = np.where(own[chosen] == own[low], high, low)
    back = np.argsort(indices[chosen])
    chosen, partner = chosen[back], partner[back]
    return indices[chosen], own[chosen], own[partner], indices[partner]
