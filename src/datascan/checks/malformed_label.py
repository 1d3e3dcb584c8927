"""A one-hot label without exactly one 1.

What it is
    Nearly all labels are one-hot: a vector with a single 1, and zeros else. This one has no 1, or
    several, or other numbers.

Why it breaks training
    A row of zeros contributes nothing to a cross-entropy loss, or is read as class 0 by argmax. A
    row of several ones counts twice. Neither raises an error.

How to find the cause
    Rows of zeros are often classes that the encoder did not know, or rows that were allocated and
    never written. Compare them with the source of the labels.

How to fix it
    Encode these labels again, or drop the records. If the labels are multi-hot or soft on purpose,
    ignore the rule.

Example
    ``malformed-label: 1 of 30 one-hot labels does not have exactly one 1``

Limits
    Labels count as one-hot if at least 95% of them are. Otherwise nothing is reported.

Source
    The definition of one-hot.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.label_vectors import (
    NOT_FINITE,
    SEVERAL,
    VectorTally,
    measure_label_vectors,
    summarize_vectors,
)
from datascan.metrics.traits import LABELS

WRONG = {SEVERAL: "no 1 or several ones among zeros"}


class MalformedLabel(Check[VectorTally]):
    """A one-hot label without exactly one 1."""

    rule = "malformed-label"
    title = "Label that cannot be understood"
    severity = Severity.ERROR
    needs = (LABELS,)
    fix = "encode these labels again, or drop the records"
    fix_many = "encode these labels again; look for classes that the encoder did not know"
    measure = staticmethod(measure_label_vectors)

    def evaluate(self, tally: VectorTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (vectors are summarised once for all rules)
        """One issue with all such labels; those that are not finite have a rule of their own."""
        vectors = dataset.derive(summarize_vectors)
        if vectors is None or vectors.kind != "one-hot":
            return
        bad = np.flatnonzero((vectors.hot < 0) & (vectors.hot != NOT_FINITE))
        if len(bad):
            addresses = dataset.addresses(vectors.indices[bad])
            verb = "does" if len(bad) == 1 else "do"
            message = f"{len(bad):,} of {len(vectors.hot):,} one-hot labels {verb} not have"
            yield self.record_issue(
                Flagged.of(addresses, vectors.hot[bad]), f"{message} exactly one 1", describe
            )


def describe(kind: int) -> str:
    """What a label is instead."""
    return WRONG.get(int(kind), "numbers other than 0 and 1")
