"""The file is shorter than its own bookkeeping says.

What it is
    The store knows how long it should be, and the file ends before that: a copy or download was
    interrupted, or the disk was full. The message says how many records could be reached of how
    many the store claims; all of them were scanned.

Why it breaks training
    With an LMDB cut in half, opening works, ``mdb_stat`` still reports every record, and then the
    training process is killed by SIGBUS as soon as a missing page is touched. With a LevelDB log
    cut in half it is worse: 24,000 of 50,000 records remain, the exit status is 0, and nothing is
    logged: the network just trains on half of the data.

How to find the cause
    Compare the file's size with the original's. Sizes that are a multiple of a megabyte point to an
    interrupted transfer, a full partition (``df``) or a quota; sparse copies of an LMDB also lose
    their tail with some tools.

How to fix it
    Copy the store again and compare checksums (``rsync --checksum``, ``sha256sum``). If there is no
    original, write it again from the source; what datascan could reach can be read with
    ``mdb_dump`` or the records' own source files, by the keys.

Example
    ``truncated-store: data.mdb has 77,075,000 bytes, but its pages need 154,337,280; 24,811 of
    50,000 records could be reached``

Limits
    A file that was cut at a place where its bookkeeping was not yet written is simply a shorter
    store; only the keys tell then (``key-gap``).

Source
    LMDB, mdb.c: mm_last_pg; LevelDB, doc/log_format.md. Losses measured on 50,000 records.
"""

from __future__ import annotations

from datascan.checks.fault_check import StoreCheck
from datascan.config.options import Severity


class TruncatedStore(StoreCheck):
    """The file is shorter than its own bookkeeping says."""

    rule = "truncated-store"
    severity = Severity.ERROR
    fix = "copy or write the store again; do not train on what is left"
    phrases = ("lies behind the end of the file", "lie behind the end of the file")
