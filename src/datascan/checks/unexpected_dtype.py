"""A record has a dtype that the expectations do not know.

What it is
    The values of the record are of a type (uint8, float32, ...) that is none of the dtypes in the
    expectations given by --expect.

Why it breaks training
    A net that was tuned on floats from 0 to 1 sees values 255 times as large when the next
    delivery is uint8 without the scaling in between: the first updates are 255 times as large,
    and the loss is NaN within a few iterations. float64 where float32 was doubles memory, float16
    overflows beyond 65504.

How to find the cause
    The examples name the records. When all are named, the export changed: a division by 255 that
    was dropped, another library version, images stored encoded instead of as arrays.

How to fix it
    Convert the records, or scale them when they are read. If the new dtype is meant, add it to
    dtypes in the file of expectations, and check the range of values too.

Example
    datascan hdf5 new.h5 --expect train.expect.toml

    ERROR   unexpected-dtype  100.00% of records
      5,000 of 5,000 records are of a dtype that is not expected: uint8 (expected float32)

Limits
    Byte order and storage do not count: a big-endian float32 is a float32. Encoded images are of
    the dtype that they decode to.

Source
    Expectations are learned by datascan learn and kept as TOML; docs/design.md says how they are
    compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.shapes import ShapeTally, measure_shapes


class UnexpectedDtype(Check[ShapeTally]):
    """A record has a dtype that the expectations do not know."""

    rule = "unexpected-dtype"
    severity = Severity.ERROR
    fix = "convert these records, or add the dtype to the expectations"
    measure = staticmethod(measure_shapes)

    def evaluate(self, tally: ShapeTally, dataset: DatasetSummary) -> Iterator[Issue]:
        """All records of other dtypes."""
        expected = dataset.options.check.expect
        if expected is None or expected.data is None or expected.data.dtypes is None:
            return
        dtypes = expected.data.dtypes
        odd = np.array([kind.dtype not in dtypes for kind in tally.kinds], np.bool_)
        addresses, kinds = tally.addresses(odd)
        count = len(addresses)
        if not count:
            return
        order = np.argsort(addresses)
        known = " or ".join(dtypes) or "none"
        others = ", ".join(sorted({tally.kinds[i].dtype for i in np.flatnonzero(odd).tolist()}))
        verb = "is" if count == 1 else "are"
        yield self.record_issue(
            Flagged.of(addresses[order], kinds[order]),
            f"{count:,} of {dataset.records:,} records {verb} of a dtype that is not expected: "
            f"{others} (expected {known})",
            lambda kind: f"{tally.kinds[kind].dtype}, expected {known}",
        )
