"""The run died without reaching its end.

What it is
    The training log ends, with finite losses, in a failed check of Caffe, a signal or a stack
    trace.

Why it breaks training
    Caffe checks little while it trains: a label far beyond the outputs is a segmentation fault,
    or in a debug build a failed check; a record of another shape is a failed check that names
    neither record nor key; a truncated LMDB is SIGBUS.

How to find the cause
    With --net, the records that were read between the last line and the next one that would have
    been printed are scanned; the finding names those with an error. Without a culprit: memory
    (the kernel's log tells of killed processes), the disk, the GPU.

How to fix it
    Repair or drop the record that is named. Else run again with display: 1, so that the log ends
    closer to the crash.

Example
    ``died: the run died after iteration 10: Check failed: label_value <
    prob_.shape(softmax_axis_) (4000000 vs. 10); iterations 11 to 20 read records 550 to 1,049:
    record 777 (00000777): label-beyond-outputs``

Limits
    A process that was killed leaves no line: such a log looks healthy, only shorter than
    max_iter. Data is read ahead: what kills the reading thread (a damaged store) lies some
    batches behind the range.

Source
    glog, src/signalhandler.cc and src/logging.cc: what is printed on a signal and on a failed
    check.
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class Died(LogRule):
    """The run ended in a crash."""

    rule = "died"
    severity = Severity.ERROR
    fix = "repair the record that is named; if none is, run again with display: 1"
