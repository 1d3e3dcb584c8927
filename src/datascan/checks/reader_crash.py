"""A record crashed the reader, or took more time or memory than allowed; the scan continued.

What it is
    While a worker process was reading this record, it was killed by a signal (a segmentation
    fault), took longer than ``--timeout`` seconds, or needed more memory than ``--max-memory``. Or
    a decoder raised an exception that is not its way to report damage: a defect of the decoder, of
    a plug-in, or of datascan. A crash or a lack of memory is attributed to the record only after a
    second try in a fresh process. A record that could be read once, but not again for the
    comparison of duplicates, is reported too: whether it is a duplicate is unknown.

Why it breaks training
    Training uses the same libraries to read and decode. A record that kills a worker here kills a
    data loader there, usually without being named, or makes it hang until someone notices.

How to find the cause
    The detail names the signal or the limit, or type and place of the exception. SIGSEGV and
    SIGABRT point to a file that a decoder cannot handle; SIGKILL points to lack of memory in the
    system (see the kernel log). A record that exceeds a limit is huge, unpacks to far more than its
    size, keeps a decoder in an endless loop, or is on storage that does not respond.

How to fix it
    Remove the record, or rewrite it. Update the library that crashes, and report the file to its
    authors. If the storage was slow or records are meant to be this large, scan again with a larger
    ``--timeout`` or ``--max-memory``.

Example
    ``reader-crash: #12 0012.tif killed by SIGSEGV``

Limits
    Isolation and limits need a worker process: with ``--workers 0`` a crash ends the scan, and only
    exceptions and memory that cannot be allocated at all are noticed. If workers crash before they
    reach a record, the rest of that part of the store is reported record by record, or in one
    sentence if not even its keys can be counted. If many records take too long together, as rows of
    one chunk of HDF5 do, they are reported together.

Source
    POSIX signals; the record is known because every worker announces its position before it reads.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import RECORDS


class ReaderCrash(FaultCheck):
    """A record crashed the reader, or took more time or memory than allowed; the scan continued."""

    rule = "reader-crash"
    title = "Record that crashes programs"
    severity = Severity.ERROR
    needs = (RECORDS,)
    fix = "remove these records: the same libraries may crash on them in training"
    fix_many = "open some of these records with another tool; write the dataset again"
    phrases = (
        "crashed the reader or exceeded its limits",
        "crashed the reader or exceeded its limits",
    )
