"""The same content as an earlier record.

What it is
    The record has exactly the same content as an earlier one, byte for byte; only the key and label
    may differ. The first copy is not reported. With a baseline, a record that was there when it
    was written is earlier than a new one, in any order of the store.

Why it breaks training
    A record that occurs twice counts twice. If one copy is in the training set and the other in the
    validation set, the validation accuracy is too high. A store that was appended to instead of
    being rewritten contains everything twice, so one epoch is really two.

How to find the cause
    Check how far apart the copies are. A constant distance points to a store that was written
    twice, neighbours to a writer that retried, and scattered single copies to a source with the
    same image under two names.

How to fix it
    Drop the records listed by ``--bad-records`` (one copy of each is kept), and split training and
    validation data by content, not by name.

Example
    ``duplicate-record: #801 00000801 same content as #800 00000800 (label 3)``

Limits
    Only exact duplicates are found; a re-encoded image counts as different. Records with a single
    value are not compared, and neither are records that are empty, damaged or blank: they have
    their own findings.

Source
    Candidates share a 64-bit fingerprint; arrays are confirmed by a 128-bit XXH3 hash of all their
    bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.duplicates import FingerprintTally, measure_fingerprints
from datascan.metrics.traits import RECORDS


class DuplicateRecord(Check[FingerprintTally]):
    """The same content as an earlier record."""

    rule = "duplicate-record"
    severity = Severity.WARNING
    needs = (RECORDS,)
    fix = "drop these copies; split training and validation data by content"
    fix_many = "check whether the dataset was written twice or merged with itself"
    measure = staticmethod(measure_fingerprints)

    def evaluate(self, tally: FingerprintTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (dataset has the confirmed copies)
        """One issue with all copies except the original of each content."""
        duplicates = dataset.duplicates
        if duplicates is None or not len(duplicates.indices):
            return
        indices, original = duplicates.indices, duplicates.originals
        later = indices != original
        partners = dataset.addresses(original[later])
        flagged = Flagged.of(dataset.addresses(indices[later]), original[later])
        count = int(np.count_nonzero(later))
        verb = "repeats" if count == 1 else "repeat"
        message = f"{count:,} of {dataset.records:,} records {verb} the content of an earlier one"
        yield self.record_issue(flagged, message, lambda _: "same content as", partners=partners)
