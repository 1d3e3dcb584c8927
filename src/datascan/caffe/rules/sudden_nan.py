"""The loss was stable, then NaN from one line to the next.

What it is
    In a training log the loss is NaN or Inf on some line and had not grown before (see
    ``gradient-blow-up`` for what counts as growth), while the learning rate was finite. One or two
    finite lines cannot show growth; the finding says so.

Why it breaks training
    A single NaN or Inf in one record makes the loss of its batch NaN, then all gradients, and after
    one update every weight: nothing after it can be finite. A loss function that takes the log of
    0, or divides by the number of labels in the batch, does the same.

How to find the cause
    The iterations between the last finite line and the first broken one read known records. With
    ``--net`` (and ``--solver``) these records are scanned, and the one with the fault is named. If
    all of them are healthy, the loss function is the cause: see ``batch-label-gap`` and
    ``loss-input-not-probability``.

How to fix it
    Drop or repair the record named in the finding. If the loss function is the cause, add a small
    constant inside the logarithm, or skip classes that are absent from the batch. Restart from a
    snapshot taken before the break.

Example
    ``sudden-nan: the loss is 2.25009 at iteration 60 and nan at 70, without growing before;
    iterations 61 to 70 read records 3,050 to 3,549: record 3,333 (00003333): nan-value``

Limits
    The range is as wide as the display interval. It is unknown if records are shuffled or skipped
    at random (shuffle, rand_skip).

Source
    Caffe, src/caffe/layers/base_data_layer.cpp and data_layer.cpp: records are read in the order of
    the store, round and round.
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class SuddenNan(LogRule):
    """The loss was stable, then NaN or infinite on the next line."""

    rule = "sudden-nan"
    title = "Training broke from one step to the next"
    severity = Severity.ERROR
    fix = "drop the record named here; if none is, check the loss function (log of 0, 0/0)"
