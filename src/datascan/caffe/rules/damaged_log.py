"""A checksum in an event file does not match.

What it is
    TensorBoard's event files have two checksums for each record, of its length and of its data. One
    of them differs from what it should be, or a record with a good checksum is not an event.

Why it breaks training
    It does not, but the log cannot be trusted: steps are missing from it, maybe those that tell why
    the loss broke. The disk or the transfer that damaged the log may have damaged the data as well.

How to find the cause
    The finding gives the offset of the record. After a damaged length nothing can be read, so the
    file is read up to there; after damaged data it is read on. A last record that is cut off is not
    damage: the run was killed, or still writes.

How to fix it
    Copy the file again from the machine that wrote it. If it is damaged there, check that disk.

Example
    ``damaged-log: byte 4,096: the checksum of a record does not match``

Limits
    At most twenty places in a file are listed. Logs in other formats have no checksums.

Source
    TensorFlow, tensorflow/core/lib/io/record_writer.h: CRC-32C, masked.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.caffe.rules.base import NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity


class DamagedLog(NetRule):
    """A checksum in an event file of TensorBoard does not match."""

    rule = "damaged-log"
    title = "Log is damaged"
    severity = Severity.ERROR
    fix = "copy the log again from its machine, then: datascan log LOG"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """All places at which the log is damaged."""
        if context.damage:
            more = len(context.damage) - 1
            text = context.damage[0] + (f", and {more:,} more" if more else "")
            yield Issue(
                self.rule, self.severity, text, self.fix, details=tuple(context.damage), about=text
            )
