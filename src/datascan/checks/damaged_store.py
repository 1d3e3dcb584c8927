"""Pages, blocks or chunks of the store cannot be read.

What it is
    Part of the store is damaged: a page was overwritten, a block or chunk has a wrong checksum or
    does not inflate, or one of the store's files is missing. The details name the places.
    Everything outside them was scanned.

Why it breaks training
    LMDB has no checksums: 500 zeroed pages abort the process with MDB_CORRUPTED once one of them is
    read, and damage inside a value is simply trained on. LevelDB has checksums, but Caffe does not
    verify them: with 16 bytes flipped in a table it exits 0 and one batch differs, and with 256 KB
    zeroed it iterates over 49,890 of 50,000 records and exits 0. HDF5 fills in zeros for a virtual
    dataset whose source is missing, and also for a chunk that its index has lost: one flipped bit
    in the index of a gzip file turned 10 of 200 rows into zeros, with a checksum on every chunk and
    no error.

How to find the cause
    Run the scan twice. If the places move, suspect the memory; if they stay, the file itself is
    damaged. Check the system log for disk errors, and compare the file's checksum with the
    original's.

How to fix it
    Copy the store again from a good original, or rebuild it. Repair tools (``leveldb::RepairDB``)
    silently drop what they cannot read: run them on a copy only, and compare the number of records
    afterwards.

Example
    ``damaged-store: page 1,876 is overwritten and 2 more places; 49,890 of 50,000 records could be
    reached``

Limits
    Damage inside an LMDB value, or in an HDF5 chunk without a filter, is found only if it makes the
    record's content invalid. A hole in a chunked HDF5 dataset may also be rows that were never
    written; both are read as fill values. A dataset of which nothing was written is
    ``never-written``. Rows missing at the end of a dataset that can grow are not reported.

Source
    LMDB, mdb.c; LevelDB, doc/table_format.md; HDF5 File Format Specification 3.0. Behaviour
    measured with Caffe 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from datascan.checks.base import Issue
from datascan.checks.fault_check import StoreCheck
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.faults import FaultMap, FaultTally
from datascan.metrics.traits import STORE

UNSUPPORTED = "which datascan cannot decompress"
"""In the details of blocks that are intact, but cannot be read here."""

FIX_UNSUPPORTED = "read it with the library that wrote it, and write it again with Snappy"


class DamagedStore(StoreCheck):
    """Pages, blocks or chunks of the store cannot be read."""

    rule = "damaged-store"
    title = "Damaged part of the dataset"
    severity = Severity.ERROR
    needs = (STORE,)
    fix = "copy or rebuild the store, and test the disk and memory it came from"
    phrases = ("is in a damaged part of the store", "are in damaged parts of the store")

    def evaluate(self, tally: FaultMap, dataset: DatasetSummary) -> Iterator[Issue]:
        """One issue; blocks that are compressed in an unsupported way are not worn by a disk."""
        found: FaultTally | None = tally.entries.get(self.rule)
        details = [detail for detail, _ in found.locations] if found is not None else []
        for issue in super().evaluate(tally, dataset):
            is_intact = details and all(UNSUPPORTED in detail for detail in details)
            yield replace(issue, fix=FIX_UNSUPPORTED) if is_intact else issue
