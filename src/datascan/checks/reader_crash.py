"""A native library crashed or hung on this record, and the scan continued without it.

What it is
    While a worker process was reading this record, it was killed by a signal (a segmentation fault,
    out of memory) or made no progress for ``--timeout`` seconds. The record was tried twice, in a
    fresh process, before the crash was attributed to it. A record that could be read once, but not
    again for the comparison of duplicates, is reported too: whether it is a duplicate is unknown.

Why it breaks training
    Training uses the same libraries to read and decode. A record that kills a worker here kills a
    data loader there, usually without being named, or makes it hang until someone notices.

How to find the cause
    The detail names the signal. SIGSEGV and SIGABRT point to a file that a decoder cannot handle;
    SIGKILL points to lack of memory (see the kernel log); "no progress" points to a decoder in an
    endless loop or to storage that does not respond.

How to fix it
    Remove the record, or rewrite it. Update the library that crashes, and report the file to its
    authors. If the storage was slow, scan again with a larger ``--timeout``.

Example
    ``reader-crash: #12 0012.tif killed by SIGSEGV``

Limits
    Isolation needs a worker process: with ``--workers 0`` a crash ends the scan. By default,
    workers are used for large and for damaged datasets. If workers crash before they reach a
    record, the rest of that part of the store is reported record by record, or in one sentence if
    not even its keys can be counted.

Source
    POSIX signals; the record is known because every worker announces its position before it reads.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class ReaderCrash(FaultCheck):
    """A native library crashed or hung on this record, and the scan continued without it."""

    rule = "reader-crash"
    severity = Severity.ERROR
    fix = "remove these records: the same libraries may crash on them in training"
    phrases = ("crashed or hung the reader", "crashed or hung the reader")
