"""The loss is NaN where the log begins, which is in the middle of the run.

What it is
    The first loss of a training log is NaN or Inf, but the log begins in the middle: it has neither
    the solver's parameters nor an iteration near 0.

Why it breaks training
    The weights are NaN, and stay so. Why they became NaN is in the part of the log that is missing.

How to find the cause
    Look for the earlier part of the log: glog begins a new file for each run and when one has 1.8
    GB, in the folder of ``-log_dir`` or in /tmp (caffe.INFO and its older siblings).

How to fix it
    Pass the part of the log in which the loss breaks to ``datascan log``.

Example
    ``break-before-log: the loss is already nan at iteration 5,020, where the log begins``

Limits
    A log with a single line after iteration 1 counts as one that begins in the middle.

Source
    Caffe, src/caffe/solver.cpp: a run logs its parameters first.
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class BreakBeforeLog(LogRule):
    """The loss is NaN or infinite where the log begins, in the middle of the run."""

    rule = "break-before-log"
    title = "Training broke before the log begins"
    severity = Severity.ERROR
    fix = "the break is in an earlier log: datascan log EARLIER.log"
