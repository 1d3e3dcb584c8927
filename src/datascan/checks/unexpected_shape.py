"""A record has a shape that the expectations do not know.

What it is
    The record's shape is none of the shapes in the expectations given by --expect, nor, where
    these hold ranges, within the range of every axis; or its number of channels is none of the
    expected ones. Records of three axes have channels: the first of these axes.

Why it breaks training
    A net is built for the shapes of its training data. Where a validation set or a new delivery
    has others, Caffe ends with a failed check, or reshapes and trains on something else; in
    PyTorch the batch cannot be stacked, or a fully connected layer refuses it.

How to find the cause
    The examples name records and their shapes. When all records are named, the export was made
    with other settings (size, crop, channel order); when a few are, they come from another
    source.

How to fix it
    Export the records as those were made that the expectations were learned from. If the new
    shape is meant, add it to shapes in the file (and its number of channels to channels), or learn
    the expectations again.

Example
    datascan lmdb val_lmdb --expect train.expect.toml

    ERROR   unexpected-shape  100.00% of records
      300 of 300 records have a shape that is not expected: 3x28x28 (expected 3x32x32)

Limits
    More than 20 shapes are learned as the least and most along each axis, and any combination
    within is taken. Channels are learned from images and Datums only: an array may have another
    axis first. Where channels are expected, records of other than three axes are not.
    The order of channels cannot be seen: 3x32x32 and a 3x32x32 in BGR are one shape.

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
from datascan.text import format_shape

SHOWN = 3


class UnexpectedShape(Check[ShapeTally]):
    """A record has a shape that the expectations do not know."""

    rule = "unexpected-shape"
    severity = Severity.ERROR
    fix = "export these records as the others were, or add the shape to the expectations"
    measure = staticmethod(measure_shapes)

    def evaluate(self, tally: ShapeTally, dataset: DatasetSummary) -> Iterator[Issue]:
        """All records of other shapes."""
        expected = dataset.options.check.expect
        if expected is None or expected.data is None:
            return
        odd = np.array([not expected.admits(kind.shape) for kind in tally.kinds], np.bool_)
        addresses, kinds = tally.addresses(odd)
        count = len(addresses)
        if not count:
            return
        order = np.argsort(addresses)
        shapes = list(dict.fromkeys(tally.kinds[i].shape for i in np.flatnonzero(odd).tolist()))
        told = ", ".join(map(format_shape, shapes[:SHOWN])) + (
            ", ..." if len(shapes) > SHOWN else ""
        )
        verb = "has" if count == 1 else "have"
        known = expected.data.summary
        yield self.record_issue(
            Flagged.of(addresses[order], kinds[order]),
            f"{count:,} of {dataset.records:,} records {verb} a shape that is not expected: {told} "
            f"(expected {known})",
            lambda kind: f"shape {format_shape(tally.kinds[kind].shape)}, expected {known}",
        )
