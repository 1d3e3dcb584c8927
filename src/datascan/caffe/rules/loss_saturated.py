"""The loss is stuck at 87.3365: the softmax saw probability 0.

What it is
    In a training log the loss, or one of several outputs, is 87.3365 (within 0.0006) on at least
    the last two lines.

Why it breaks training
    87.3365 is -ln(1.17549435e-38), the smallest normal float32; SoftmaxWithLoss clamps smaller
    probabilities to it before it takes the logarithm. All probabilities of the true classes are 0,
    the gradient through the softmax is 0 or 1 and no longer gives a direction, and the net does not
    recover.

    On a GPU, it is also what NaN looks like: CUDA's max of NaN and the smallest float is the
    smallest float. An accuracy of exactly 1 at the same time proves that, since no score exceeds
    NaN.

How to find the cause
    If the loss jumps there from one line to the next, a record may hold NaN: with ``--net``, the
    records that were read at the time are scanned, and the finding names those with an error. If it
    grew before, the scores that the softmax reads are huge: weights that blew up once and then
    settled (a learning rate that is too high), unscaled inputs, or labels that the net cannot
    produce (``label-beyond-outputs``: their probability is read from outside the array).

How to fix it
    Divide base_lr by ten and scale the input. Start again from scratch, since these weights are
    lost. With ``--net`` the labels are compared with the outputs.

Example
    ``loss-saturated: the loss is stuck at 87.3365 from iteration 40 on``

Limits
    A mean over several iterations (``average_loss``) rises before it is stuck; the range of records
    begins before the rise. If only some of the records are saturated, their mean loss is below
    87.3365 and is not recognised. Loss weights are taken from the log: the unweighted output is
    compared.

Source
    Caffe, src/caffe/layers/softmax_loss_layer.cpp: max(prob, FLT_MIN).
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class LossSaturated(LogRule):
    """The loss is stuck at 87.3365, minus the log of the smallest float32."""

    rule = "loss-saturated"
    title = "Training is stuck"
    severity = Severity.ERROR
    fix = "divide base_lr by ten, scale the input, and start from scratch: these weights are lost"
