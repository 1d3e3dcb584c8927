"""The file is shorter than its own metadata says.

What it is
    The store records how long it should be, and the file ends before that: a copy or download was
    interrupted, or the disk was full. The message says how many of the store's records could be
    reached; all of those were scanned.

Why it breaks training
    An LMDB cut in half can still be opened, and ``mdb_stat`` still reports every record, but the
    training process is killed by SIGBUS as soon as it touches a missing page. A LevelDB log cut in
    half is worse: 24,000 of 50,000 records remain, the exit status is 0, nothing is logged, and the
    network trains on half of the data.

How to find the cause
    Compare the file's size with the original's. Multiples of a megabyte point to an interrupted
    transfer, a full partition (``df``) or a quota. Some tools also lose the tail of an LMDB when
    they make a sparse copy.

How to fix it
    Copy the store again and compare checksums (``rsync --checksum``, ``sha256sum``). If there is no
    original, rebuild the store from its source. The records that datascan could reach can be read
    with ``mdb_dump``, or found by key among their source files.

Example
    ``truncated-store: data.mdb has 77,075,000 bytes, but its pages need 154,337,280; 24,811 of
    50,000 records could be reached``

Limits
    If the file was cut before the metadata for the missing part was written, it is simply a shorter
    store; only gaps in the keys can reveal that (``key-gap``).

Source
    LMDB, mdb.c: mm_last_pg; LevelDB, doc/log_format.md. Losses measured on 50,000 records.
"""

from __future__ import annotations

from datascan.checks.fault_check import StoreCheck
from datascan.config.options import Severity
from datascan.metrics.traits import STORE


class TruncatedStore(StoreCheck):
    """The file is shorter than its own metadata says."""

    rule = "truncated-store"
    title = "Dataset is cut off"
    severity = Severity.ERROR
    needs = (STORE,)
    fix = "copy or rebuild the store; do not train on what is left"
    phrases = ("is past the end of the file", "are past the end of the file")
