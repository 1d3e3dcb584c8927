"""The run crashed before it ended.

What it is
    The training log ends, with finite losses, in a failed check of Caffe, another fatal line, a
    signal or a stack trace. The finding has the signal and the first frame that says where. Signals
    by which an owner or a scheduler ends a run (SIGTERM, SIGINT, a time limit) are not crashes; the
    report mentions them.

Why it breaks training
    Caffe checks little while it trains. A label far beyond the outputs is a segmentation fault, or
    a failed check in a debug build; a record of another shape is a failed check that names neither
    the record nor its key; a truncated LMDB is SIGBUS in ``LMDBCursor::value()``.

How to find the cause
    With ``--net``, the records that were read between the last printed line and the next expected
    one are scanned, and the finding names those with an error. If none has one, suspect memory (the
    kernel log lists killed processes), the disk or the GPU.

How to fix it
    Repair or drop the record named in the finding. If none is named, run again with ``display: 1``,
    so that the log ends closer to the crash.

Example
    ``died: the run crashed after iteration 10: Check failed: label_value <
    prob_.shape(softmax_axis_) (4000000 vs. 10); iterations 11 to 20 read records 550 to 1,049:
    record 777 (00000777): label-beyond-outputs``

Limits
    A process that was killed from outside leaves no line: its log looks healthy but ends before
    ``max_iter``. Data is read ahead, so a record that crashes the reading thread (in a damaged
    store) is a few batches past the range.

Source
    glog, src/signalhandler.cc and src/logging.cc: what is printed on a signal and on a failed
    check.
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class Died(LogRule):
    """The run crashed before it ended."""

    rule = "died"
    title = "Training crashed"
    severity = Severity.ERROR
    fix = "repair the record named here; if none is, run again with display: 1"
