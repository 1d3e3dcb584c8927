"""The loss of test phases is NaN, Inf or 87.3365, while the training loss is fine.

What it is
    A training log shows a loss of a test or validation phase that is not finite, or that is 87.3365
    (see ``loss-saturated``) at the end, and a training loss that is finite throughout.

Why it breaks training
    The training continues, but no longer shows whether it leads anywhere: early stopping, the
    choice of a snapshot and schedules that wait for a plateau compare with NaN, which is never
    smaller. In use, the net will give what it gives in tests.

How to find the cause
    Tests differ from training in two ways. They read other data: scan it, with ``--net`` both
    phases at once. And they use the running statistics of BatchNorm in place of those of the batch:
    one NaN in any training batch stays in them for good, although the loss recovers.

How to fix it
    Repair the records of the test data. If they are sound, reset the statistics (train again, or
    run some batches in training mode without updates), and see whether a batch held NaN.

Example
    ``loss-broken-in-test: the test loss (loss) is nan in 12 of 12 test phases, first at iteration
    0, while the training loss is finite``

Limits
    If the training loss breaks as well, only that is reported. Outputs of Caffe count as losses if
    they have a loss weight or a name with "loss": an accuracy of NaN can mean that a class is
    absent.

Source
    Caffe, src/caffe/solver.cpp: TestAll; src/caffe/layers/batch_norm_layer.cpp: use_global_stats.
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class LossBrokenInTest(LogRule):
    """The loss is not finite in test phases, but it is in training."""

    rule = "loss-broken-in-test"
    title = "Loss is broken in tests only"
    severity = Severity.ERROR
    fix = "scan the test data (datascan scan TEST_DATA), and check the statistics of BatchNorm"
