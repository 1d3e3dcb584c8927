"""Another process was writing to the dataset during the scan.

What it is
    A process wrote to the store or the files while they were read, or has them open for writing.
    If all that was read is consistent, this is only a note. If anything could not be read, it may
    be due to that process, so it is reported here and not as damage; then this is an error, because
    the whole dataset was never seen. The examples say what was missing or could not be read.

Why it breaks training
    It need not. But a loader that reads the dataset now sees the same: records that are not there
    yet, or are half written. And a report about a state that never existed says nothing about the
    finished dataset.

How to find the cause
    LMDB: the newest transaction has changed during the scan, or the write lock in the lock file is
    held. LevelDB: tables, logs, the manifest or CURRENT have changed, or LOCK is held. HDF5: size
    or time of modification has changed, the file is locked, or its superblock says that it is open
    for writing. Images: files have changed or vanished since they were listed. ``fuser -v PATH``
    names the process.

How to fix it
    Scan again when the writer is done, or scan a copy made by ``mdb_copy`` or with the writer
    stopped. If no process writes to an HDF5 file any more, the last one ended without closing it:
    ``h5clear -s`` removes the mark, but what that process had not written yet is lost.

Example
    ``live-writer: another process committed 14 transactions to data.mdb during the scan: 3 records
    and 2 places could not be read``

Limits
    Locks are seen on Linux only, and not those of other machines. An LMDB is consistent as long as
    at most one transaction was committed during the scan: LMDB uses pages again two transactions
    later. A LevelDB may also be open in a process that only reads it: that holds LOCK, too.

Source
    LMDB, mdb.c: mdb_page_alloc; LevelDB, db_impl.cc; HDF5 File Format Specification 3.0, II.A.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from datascan.checks.base import MAX_EXAMPLES, Check, Issue, Location
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.faults import FaultTally, find_faults
from datascan.text import pluralize


class LiveWriter(Check[Any]):
    """Another process was writing to the dataset."""

    rule = "live-writer"
    title = "Changed during the scan"
    severity = Severity.ERROR
    fix = "scan again when the writer is done, or scan a copy"
    measure = None

    def evaluate(self, tally: None, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (nothing is measured)
        """One issue for all that the writer may have caused."""
        writer = dataset.writer
        if writer is None:
            return
        found = find_faults(dataset, self.rule)
        if found is not None:
            yield self._blame(writer.sign, found)
        elif writer.rules:
            message = f"{writer.sign}: what was read may be partly old and partly new"
            yield self.dataset_issue(message, about="mixed", severity=Severity.WARNING)
        else:
            message = f"{writer.sign}: what was read is consistent"
            yield self.dataset_issue(message, about="consistent", severity=Severity.INFO)

    def _blame(self, sign: str, found: FaultTally) -> Issue:
        records, places = len(found.records.addresses.array), len(found.locations)
        nouns = [(records, "record"), (places, "place")]
        parts = " and ".join(pluralize(count, noun) for count, noun in nouns if count)
        message = f"{sign}: {parts} could not be read"
        details = [detail for detail, _ in found.locations[:MAX_EXAMPLES]]
        if not records:
            # Which places are affected changes from scan to scan.
            return self.dataset_issue(
                message, about="unread", details=details, locations=[Location("unread", message)]
            )
        order = np.argsort(found.records.addresses.array, kind="stable")
        flagged = Flagged.of(found.records.addresses.array[order], found.records.facts.array[order])
        return self.record_issue(flagged, message)
