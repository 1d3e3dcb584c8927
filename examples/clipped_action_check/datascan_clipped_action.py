"""Several values of an action at -1 or 1.

What it is
    The record has an action (a column named ``action`` or ``actions``) of which at least two
    values are exactly -1 or 1. The detail says how many.

Why it breaks training
    Controllers clip commands to the range of the robot. A policy that is trained on clipped
    actions learns the limit, not the command, and its loss has no gradient beyond it.

How to find the cause
    Look at the episodes named: a teleoperation device with too high a gain, or a normalization
    with the limits of another robot.

How to fix it
    Record actions before they are clipped, or normalize them with wider limits.

Example
    ``datascan hdf5 demo.hdf5`` prints ``clipped-action: 12 of 400 records have clipped actions``.

Limits
    One value at a limit is normal: a gripper is either open or closed. Actions that are not
    normalized to [-1, 1] are not inspected.

Source
    Zhao et al., "Learning fine-grained bimanual manipulation with low-cost hardware", 2023.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.records.block import Block

NAMES = ("action", "actions")


class ClippedAction(Check[Flagged]):
    """Several values of an action are at -1 or 1."""

    rule = "clipped-action"
    title = "Movement at its limit"
    severity = Severity.WARNING
    fix = "record actions before they are clipped, or normalize them with wider limits"

    def measure(self, block: Block) -> Flagged | None:
        """The records with clipped actions, and how many values each has at a limit."""
        for column in block.arrays:
            if column.name.rpartition("/")[2] not in NAMES or not column.is_float:
                continue
            low, high = column.ranges
            rows = np.flatnonzero((low >= -1) & (high <= 1) & ((low == -1) | (high == 1)))
            counts = (np.abs(column.take(rows)) == 1).sum(axis=1)
            clipped = counts >= 2
            if clipped.any():
                addresses = block.start + column.rows[rows[clipped]]
                return Flagged.of(addresses, counts[clipped])
        return None

    def evaluate(self, tally: Flagged, dataset: DatasetSummary) -> Iterator[Issue]:
        """All records with clipped actions."""
        count = len(tally.addresses.array)
        message = f"{count:,} of {dataset.records:,} records have clipped actions"
        yield self.record_issue(tally, message, "{} values at a limit".format)
