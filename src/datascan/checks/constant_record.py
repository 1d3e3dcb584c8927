"""All values of a record are equal.

What it is
    A record of two or more values holds the same value everywhere: a black or white image, a sensor
    that was dead or switched off, or a buffer that was never filled.

Why it breaks training
    The record contains nothing to learn from. Normalising it by its own standard deviation (as
    speech and medical pipelines and instance normalisation do) divides 0 by 0, and the NaN spreads
    to the loss. Blank images with different labels also put a floor under the loss.

How to find the cause
    Check the value. A 0 points to a buffer that was allocated but never written, or a failed read
    that returned zeros; 255 or the other end of the range points to an overexposed or masked image.
    Neighbouring keys point to one broken file or one recording session.

How to fix it
    Rewrite these records, or drop those listed by ``--bad-records``. If blank records are valid (an
    empty sky), add an epsilon wherever you divide by a standard deviation.

Example
    ``constant-record: #88 00000088 all 3,072 values are 0``

Limits
    An image in a single colour whose channels differ (pure red) is not constant. JPEGs that look
    blank at 1/8 scale are decoded in full to be sure.

    A row of a table may be all zeros because every feature often is. Such rows of at most 256
    values are an info if there are about as many as chance explains: at least a tenth of those that
    independent features would have, and at most what the square root of the probability gives, as
    features depend on each other. Of 2,832 healthy tables and series (``docs/healthy.md``), 158
    have constant rows, and 78 of them get a warning.

Source
    Ioffe and Szegedy (2015), Batch Normalization, use an epsilon for this very reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.chance import may_be_constant
from datascan.metrics.content_faults import find_constant_records
from datascan.metrics.traits import VALUES
from datascan.records.block import Block

BY_CHANCE = ", one that all of their features often have"
FIX_CHANCE = "keep them; add an epsilon wherever you divide by the standard deviation of a record"


class ConstantRecord(Check[Flagged]):
    """All values of the record are equal."""

    rule = "constant-record"
    title = "All values the same"
    image_title = "Blank picture"
    severity = Severity.WARNING
    needs = (VALUES,)
    fix = "drop or rewrite these records; look for buffers that were never filled"
    fix_many = "find the common cause and rewrite them: buffers that were never filled"

    def measure(self, block: Block) -> Flagged | None:
        """Constant records; the facts, float64 (n, 2), are the number of values and the value."""
        found = list(find_constant_records(block))
        rows = np.concatenate([rows for rows, _ in found]) if found else np.empty(0, np.int64)
        if not len(rows):
            return None
        facts = np.concatenate([facts for _, facts in found])
        order = np.argsort(rows, kind="stable")
        return Flagged.of(block.start + rows[order], facts[order])

    def evaluate(self, tally: Flagged, dataset: DatasetSummary) -> Iterator[Issue]:
        """An issue with all constant records; those that may be chance have one of their own."""
        addresses, facts = tally.addresses.array, tally.facts.array
        is_chance = may_be_constant(dataset, facts[:, 1])
        for chosen, severity in ((~is_chance, self.severity), (is_chance, Severity.INFO)):
            count = int(np.count_nonzero(chosen))
            if not count:
                continue
            verb = "holds" if count == 1 else "hold"
            message = f"{count:,} of {dataset.records:,} records {verb} a single value throughout"
            flagged = Flagged.of(addresses[chosen], facts[chosen])
            if severity == Severity.INFO:
                issue = self.record_issue(flagged, message + BY_CHANCE, describe, severity=severity)
                yield replace(issue, fix=FIX_CHANCE)
            else:
                yield self.record_issue(flagged, message, describe)


def describe(fact: NDArray[np.float64]) -> str:
    """Describe a fact: "all 3,072 values are 0"."""
    return f"all {int(fact[0]):,} values are {fact[1]:g}"
