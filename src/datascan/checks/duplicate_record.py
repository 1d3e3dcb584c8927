"""The same content as an earlier record.

What it is
    The record holds exactly what an earlier one holds, byte by byte; only key and label may differ.
    The first of them is not reported.

Why it breaks training
    Copies weigh a record more than its class deserves, and where one copy lands in the training
    part and the other in the validation part, the validation accuracy is too good. A store that was
    appended to instead of written anew holds everything twice: an epoch is then two.

How to find the cause
    Look at the distance of the copies: a constant one points to a store that was written twice,
    neighbours point to a writer that was retried, single far ones to a source that has the same
    picture under two names.

How to fix it
    Drop the records listed by ``--bad-records`` (the earlier copies are kept), and split into
    training and validation parts by content, not by name.

Example
    ``duplicate-record: #801 00000801 same content as record 800``

Limits
    Only exact copies are found: a picture that was encoded again differs in its bytes. Records of a
    single value are not compared.

Source
    Candidates by a 64-bit signature; arrays are confirmed by a 128-bit XXH3 hash of all their
    bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.duplicates import FingerprintTally, measure_fingerprints


class DuplicateRecord(Check[FingerprintTally]):
    """The same content as an earlier record."""

    rule = "duplicate-record"
    severity = Severity.WARNING
    fix = "drop these copies; split training and validation data by content"
    measure = staticmethod(measure_fingerprints)

    def evaluate(self, tally: FingerprintTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """All copies but the first of each content."""
        copies = dataset.duplicates
        if copies is None or not len(copies.indices):
            return
        _, first = np.unique(copies.groups, return_index=True)
        original = copies.indices[first][np.searchsorted(copies.groups[first], copies.groups)]
        later = copies.indices != original
        flagged = Flagged.of(dataset.addresses(copies.indices[later]), original[later])
        count = int(np.count_nonzero(later))
        verb = "repeats" if count == 1 else "repeat"
        message = f"{count:,} of {dataset.records:,} records {verb} the content of an earlier one"
        yield self.record_issue(
            flagged, message, lambda index: f"same content as record {int(index)}"
        )
