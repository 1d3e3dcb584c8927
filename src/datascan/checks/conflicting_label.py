"""The same content as another record, under another label.

What it is
    Two or more records have exactly the same content but different labels. All of them are
    reported, because the data cannot show which label is right.

Why it breaks training
    At most one of the labels is right, and the network is trained towards contradictory answers. It
    can only learn their mean: the loss has a floor, the accuracy a ceiling, and the gradients of
    these records never vanish.

How to find the cause
    Check the images and where their labels came from: two annotators, two merged sources, a class
    that was renamed in only one of them, or a default label for records that were never annotated.

How to fix it
    Decide which label is right, keep one copy with it, and drop the others. If an image really
    belongs to several classes, use a multi-label loss.

Example
    ``conflicting-label: #42 frog/002.jpg label 2; same content as #2 cat/002.jpg (label 0, cat)``

Limits
    Only exact copies of intact records are compared; see ``duplicate-record``. The detail names one
    of the conflicting records. Labels that are NaN, vectors or text are not compared.

    If records may be equal by chance (see there), examples of several classes may have the same few
    features, and the finding is an info. Of 2,832 healthy tables and series (``docs/healthy.md``),
    288 have equal records of several classes, and 72 of them get an error.

Source
    Northcutt, Athalye and Mueller (2021), Pervasive Label Errors in Test Sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Duplicates, Flagged
from datascan.metrics.chance import may_repeat
from datascan.metrics.duplicates import FingerprintTally, measure_fingerprints
from datascan.metrics.labels import format_label, summarize_labels
from datascan.metrics.traits import LABELS
from datascan.records.statistics import in_float64

BY_CHANCE = "; this may be chance, as their values are few and coarse"
FIX_CHANCE = "keep them: these features do not tell the classes apart everywhere"


class ConflictingLabel(Check[FingerprintTally]):
    """The same content as another record, under another label."""

    rule = "conflicting-label"
    title = "Same record under two labels"
    image_title = "Same picture in two classes"
    severity = Severity.ERROR
    needs = (LABELS,)
    fix = "decide which label is right, and keep one copy with it"
    measure = staticmethod(measure_fingerprints)

    def evaluate(self, tally: FingerprintTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (dataset has the confirmed copies)
        """One issue with all records whose content has two labels or more."""
        duplicates = dataset.duplicates
        labels = dataset.derive(summarize_labels)
        if duplicates is None or labels.kind == "none" or not len(duplicates.indices):
            return
        found = find_conflicts(duplicates, labels.indices, labels.values)
        if not len(found[0]):
            return
        indices, own, _, partners = found
        is_chance = may_repeat(dataset)
        issue = self.record_issue(
            Flagged.of(dataset.addresses(indices), np.arange(len(indices))),
            f"{len(indices):,} of {dataset.records:,} records have the same content as a record "
            f"with another label{BY_CHANCE if is_chance else ''}",
            lambda i: f"label {format_label(own[i])}; same content as",
            severity=Severity.INFO if is_chance else None,
            partners=dataset.addresses(partners),
        )
        yield replace(issue, fix=FIX_CHANCE) if is_chance else issue


def find_conflicts(
    duplicates: Duplicates, labelled: NDArray[np.int64], labels: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Find duplicates whose label differs from that of another record with the same content.

    ``labelled``, int64 (n,), are the indices of the records with ``labels`` (n,). Returns arrays
    of shape (m,): indices (ascending), own labels, the other label, and the index of its record.
    """
    at = np.minimum(np.searchsorted(labelled, duplicates.indices), len(labelled) - 1)
    known = labelled[at] == duplicates.indices
    known &= ~np.isnan(in_float64(labels[at]))
    indices, groups, own = duplicates.indices[known], duplicates.groups[known], labels[at][known]
    order = np.lexsort((indices, own, groups))
    # Each group is sorted by label, so its first and last labels differ if any two do.
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
