"""A record's shape is not in the expectations.

What it is
    The record's shape is not one of the shapes in the ``--expect`` file or, if the file holds
    ranges, is outside the range of an axis; or its number of channels is not an expected one.
    Records with three axes have channels, on the first axis.

Why it breaks training
    A net is built for the shapes of its training data. If a validation set or a new delivery has
    other shapes, Caffe ends with a failed check, or reshapes and trains on something else; in
    PyTorch the batch cannot be stacked, or a fully connected layer rejects it.

How to find the cause
    The examples name records and their shapes. If all records are affected, the export used
    different settings (size, crop, channel order); if only a few are, they come from another
    source.

How to fix it
    Export the records like those the expectations were learned from. If the new shape is intended,
    add it to ``shapes`` in the expectations (and its number of channels to ``channels``), or learn
    the expectations again.

Example
    datascan lmdb val_lmdb --expect train.expect.toml

    ERROR   unexpected-shape  100.00% of records
      300 of 300 records have an unexpected shape: 3x28x28 (expected 3x32x32)

Limits
    If there are more than 20 shapes, the smallest and largest length of each axis are learned
    instead, and every combination within these ranges is accepted. Channels are learned from images
    and Datums only, because the first axis of other arrays may mean something else. If channels are
    expected, records with a number of axes other than three are unexpected. The order of channels
    cannot be detected: a 3x32x32 image has the same shape in RGB and BGR.

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
from datascan.text import format_shape

MAX_NAMED = 3
"""The message names at most this many shapes."""


class UnexpectedShape(Check[ShapeTally]):
    """A record's shape is not in the expectations."""

    rule = "unexpected-shape"
    title = "Size that was not expected"
    severity = Severity.ERROR
    needs = (EXPECTATIONS, VALUES)
    fix = "export these records like the others, or add the shape to the expectations"
    measure = staticmethod(measure_shapes)

    def evaluate(self, tally: ShapeTally, dataset: DatasetSummary) -> Iterator[Issue]:
        """One issue with all records of unexpected shapes."""
        expected = dataset.options.check.expect
        if expected is None or expected.data is None:
            return
        unexpected = np.array([not expected.admits(kind.shape) for kind in tally.kinds], np.bool_)
        addresses, kinds = tally.addresses(unexpected)
        count = len(addresses)
        if not count:
            return
        order = np.argsort(addresses)
        chosen = np.flatnonzero(unexpected).tolist()
        shapes = list(dict.fromkeys(tally.kinds[i].shape for i in chosen))
        named = ", ".join(map(format_shape, shapes[:MAX_NAMED]))
        more = ", ..." if len(shapes) > MAX_NAMED else ""
        verb = "has" if count == 1 else "have"
        known = expected.data.summary
        yield self.record_issue(
            Flagged.of(addresses[order], kinds[order]),
            f"{count:,} of {dataset.records:,} records {verb} an unexpected shape: {named}{more} "
            f"(expected {known})",
            lambda kind: f"shape {format_shape(tally.kinds[kind].shape)}, expected {known}",
        )
