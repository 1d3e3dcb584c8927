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

    Rows of a table of ages, grades and answers are often equal without being copies. If at least
    30 records have at most 256 values, and a sample shows that two of N would agree with a
    probability above N**-2 were their features independent, the finding is an info; not if there is
    a feature in which all of the sample differ, or if the second half of the dataset repeats the
    first. Of 2,832 healthy tables and series (``docs/healthy.md``), 794 have records that are
    equal, and 375 of them get a warning. The price is that a single copy in such a table is an
    info, too.

Source
    Candidates share a 64-bit fingerprint; arrays are confirmed by a 128-bit XXH3 hash of all their
    bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Duplicates, Flagged
from datascan.metrics.chance import may_repeat
from datascan.metrics.duplicates import FingerprintTally, measure_fingerprints
from datascan.metrics.traits import RECORDS

BY_CHANCE = "; this may be chance, as their values are few and coarse"
FIX_CHANCE = "keep them; split training and validation data by content"


class DuplicateRecord(Check[FingerprintTally]):
    """The same content as an earlier record."""

    rule = "duplicate-record"
    title = "Same record more than once"
    image_title = "Same picture more than once"
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
        severity = self.severity
        if repeats_first_half(duplicates, dataset.records):
            message += ": the second half of the dataset is the same as the first"
        elif may_repeat(dataset):
            severity, message = Severity.INFO, message + BY_CHANCE
        issue = self.record_issue(
            flagged, message, lambda _: "same content as", severity=severity, partners=partners
        )
        yield replace(issue, fix=FIX_CHANCE) if severity == Severity.INFO else issue


def repeats_first_half(duplicates: Duplicates, records: int) -> bool:
    """Whether the dataset was written twice, one copy after the other."""
    half, odd = divmod(records, 2)
    first = duplicates.indices < half
    # Blank and damaged records are not among the duplicates.
    if odd or np.count_nonzero(first) <= half // 2:
        return False
    return np.array_equal(
        duplicates.indices[first] + half, duplicates.indices[~first]
    ) and np.array_equal(duplicates.groups[first], duplicates.groups[~first])
