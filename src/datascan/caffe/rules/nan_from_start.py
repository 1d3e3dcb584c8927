"""The loss is NaN from the first line on.

What it is
    In a training log, no line shows a finite loss before the first NaN or Inf, and the learning
    rate is finite.

Why it breaks training
    The first forward pass already gave NaN, before any weight was updated (or after only the few
    updates before the first line). So the input, the initial weights or the loss function is NaN,
    not the training.

How to find the cause
    With ``--net``, the records of the first iterations are scanned and named. If they are healthy,
    the cause is weights from a damaged .caffemodel, a mean file with NaN, a filler with std 0
    before a division, or a loss of 0/0.

How to fix it
    Repair the records named in the finding. Start once without the .caffemodel to see whether its
    weights are the cause. Scan the mean file as a dataset of one record.

Example
    ``nan-from-start: the loss is nan from the first line on, at iteration 0; iteration 0 read
    records 0 to 49: record 17 (00000017): inf-value``

Limits
    A log that begins in the middle of a run is ``break-before-log``.

Source
    Caffe, src/caffe/solver.cpp: the line of iteration 0 is the loss before the first update.
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class NanFromStart(LogRule):
    """The loss is NaN or infinite from the first line of the log."""

    rule = "nan-from-start"
    title = "Training was broken from the start"
    severity = Severity.ERROR
    fix = "repair the records named here; if none are, check the initial weights and the mean file"
