"""Pages, blocks or chunks of the store cannot be read.

What it is
    A part of the store is overwritten: a page that is not itself, a block or chunk whose checksum
    is wrong or that does not inflate, a file of the store that is missing. The details name the
    places; everything outside of them was scanned.

Why it breaks training
    LMDB has no checksums: 500 zeroed pages abort the process with MDB_CORRUPTED once they are met,
    and damage inside a value is simply trained on. LevelDB has checksums that Caffe does not check:
    with 16 bytes flipped in a table it exits 0 and one batch differs, and with 256 KB zeroed it
    iterates 49,890 of 50,000 records and exits 0. HDF5 reads a virtual dataset whose source is
    missing as zeros, and so it reads a chunk that its index lost: one flipped bit in the index of a
    gzip file turned 10 of 200 rows into zeros, with a checksum on every chunk and no error.

How to find the cause
    Run the scan twice: places that move point to memory, places that stay point to the file. Look
    at the system log for disk errors, and compare the checksum of the file with the original's.

How to fix it
    Copy the store again from a good original, or write it anew. Repair tools
    (``leveldb::RepairDB``) drop what they cannot read without saying what it was: run them on a
    copy only, and compare the number of records afterwards.

Example
    ``damaged-store: page 1,876 is overwritten and 2 more places; 49,890 of 50,000 records could be
    reached``

Limits
    Damage inside an LMDB value, or an HDF5 chunk without a filter, shows only if the record's own
    content does. A hole in a chunked HDF5 dataset may also be rows that were never written: both
    are read as fill values. Rows at the end of a dataset that can grow, and a dataset that was
    never written at all, are no damage.

Source
    LMDB, mdb.c; LevelDB, doc/table_format.md; HDF5 File Format Specification 3.0. Behaviour
    measured with Caffe 1.0.
"""

from __future__ import annotations

from datascan.checks.fault_check import StoreCheck
from datascan.config.options import Severity


class DamagedStore(StoreCheck):
    """Pages, blocks or chunks of the store cannot be read."""

    rule = "damaged-store"
    severity = Severity.ERROR
    fix = "copy or write the store again, and test the disk and memory it came from"
    phrases = ("lies on a damaged place", "lie on damaged places")
