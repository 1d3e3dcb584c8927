"""The loss is NaN from the first line on.

What it is
    In a training log no line shows a finite loss before the first one that is NaN or Inf, and the
    learning rate is finite.

Why it breaks training
    The first forward pass already gave NaN. No weight was updated yet (or only those few times
    before the first line), so that it is the input, the initial weights or the loss function that
    is NaN, not the training.

How to find the cause
    With --net the records of the first iterations are scanned and named. If they are healthy:
    weights from a damaged .caffemodel, a mean file with NaN, a filler with std 0 in front of a
    division, or a loss of 0/0.

How to fix it
    Repair the records that are named; load the weights without the file that they come from;
    check the mean file as a dataset of one record.

Example
    ``nan-from-start: the loss is nan from the first line on, at iteration 0; iteration 0 read
    records 0 to 49: record 17 (00000017): inf-value``

Limits
    A log whose beginning was cut off looks like this too.

Source
    Caffe, src/caffe/solver.cpp: the line of iteration 0 is the loss before the first update.
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class NanFromStart(LogRule):
    """The loss is NaN or infinite from the first line of the log on."""

    rule = "nan-from-start"
    severity = Severity.ERROR
    fix = "repair the records that are named; if none is, look at initial weights and mean file"
