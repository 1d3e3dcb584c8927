"""A record's dtype is not in the expectations.

What it is
    The values of the record have a type (uint8, float32, ...) that is not one of the dtypes in the
    ``--expect`` file.

Why it breaks training
    A net that was tuned on floats from 0 to 1 sees values 255 times as large if the next delivery
    is uint8 and the scaling is missing: the first updates are 255 times as large, and the loss is
    NaN within a few iterations. float64 in place of float32 doubles the memory, and float16
    overflows beyond 65504.

How to find the cause
    The examples name the records. If all records are affected, the export changed: a division by
    255 that was dropped, another library version, or images stored encoded instead of as arrays.

How to fix it
    Convert the records, or scale them when they are read. If the new dtype is intended, add it to
    ``dtypes`` in the expectations, and check the range of values too.

Example
    datascan hdf5 new.h5 --expect train.expect.toml

    ERROR   unexpected-dtype  100.00% of records
      5,000 of 5,000 records have an unexpected dtype: uint8 (expected float32)

Limits
    Byte order and storage do not matter: a big-endian float32 is a float32. The dtype of an encoded
    image is the one it decodes to.

Source
    Expectations are learned by ``datascan learn`` and kept as TOML; docs/design.md says how they
    are compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.shapes import ShapeTally, measure_shapes
from datascan.metrics.traits import EXPECTATIONS, VALUES


class UnexpectedDtype(Check[ShapeTally]):
    """A record's dtype is not in the expectations."""

    rule = "unexpected-dtype"
    title = "Number type that was not expected"
    severity = Severity.ERROR
    needs = (EXPECTATIONS, VALUES)
    fix = "convert these records, or add the dtype to the expectations"
    measure = staticmethod(measure_shapes)

    def evaluate(self, tally: ShapeTally, dataset: DatasetSummary) -> Iterator[Issue]:
        """One issue with all records of unexpected dtypes."""
        expected = dataset.options.check.expect
        if expected is None or expected.data is None or expected.data.dtypes is None:
            return
        dtypes = expected.data.dtypes
        unexpected = np.array([kind.dtype not in dtypes for kind in tally.kinds], np.bool_)
        addresses, kinds = tally.addresses(unexpected)
        count = len(addresses)
        if not count:
            return
        order = np.argsort(addresses)
        known = " or ".join(dtypes) or "none"
        chosen = np.flatnonzero(unexpected).tolist()
        others = ", ".join(sorted({tally.kinds[i].dtype for i in chosen}))
        verb = "has" if count == 1 else "have"
        yield self.record_issue(
            Flagged.of(addresses[order], kinds[order]),
            f"{count:,} of {dataset.records:,} records {verb} an unexpected dtype: "
            f"{others} (expected {known})",
            lambda kind: f"{tally.kinds[kind].dtype}, expected {known}",
        )
