"""A native library crashed or hung on this record: it was isolated, and the scan went on.

What it is
    While a worker process read this record, it was killed by a signal (a segmentation fault, lack
    of memory) or made no progress for ``--timeout`` seconds. The record was tried twice, in a fresh
    process, before it was blamed. A record that could be read once, but not again when it was to be
    compared with others, is named too: nobody knows whether it is a copy.

Why it breaks training
    The libraries that read and decode are the ones that training uses. What kills a worker here
    kills a data loader there, most often without naming the record, or lets it hang until somebody
    looks.

How to find the cause
    The detail names the signal. SIGSEGV and SIGABRT point to a file that a decoder cannot cope
    with; SIGKILL to lack of memory (see the kernel's log); "no progress" to a decoder in a loop, or
    to storage that does not answer.

How to fix it
    Take the record out, or write it again. Update the library that crashes; a file that crashes a
    decoder is worth a report to its authors. If storage was slow, scan again with a larger
    ``--timeout``.

Example
    ``reader-crash: #12 0012.tif killed by SIGSEGV``

Limits
    Isolation needs a worker process: with ``--workers 0`` a crash ends the scan. Workers are used
    by default for large and for damaged datasets. Where workers die before they reach a record, the
    rest of a part of the store is reported, record by record, or in one sentence if not even its
    keys can be counted.

Source
    POSIX signals; the record is known because every worker says where it is before it reads.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class ReaderCrash(FaultCheck):
    """A native library crashed or hung on this record: it was isolated, and the scan went on."""

    rule = "reader-crash"
    severity = Severity.ERROR
    fix = "do not train on this record: the same library may crash there too"
    phrases = ("crashed or stopped its reader", "crashed or stopped their reader")
