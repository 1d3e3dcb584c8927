"""The loss stands at 87.3365: the softmax saw probability 0.

What it is
    In a training log the loss, or one output of several, is 87.3365 (to within 0.0006) at the
    last two lines or more.

Why it breaks training
    87.3365 is -ln(1.17549435e-38), the smallest normal float32: SoftmaxWithLoss takes no
    logarithm of anything smaller. All probabilities of the true classes are 0, the gradient
    through the softmax is 0 or 1 and no longer tells a direction, and the net does not come back
    from it.

How to find the cause
    The scores that the softmax reads are huge: weights that blew up once and came to rest (a rate
    that is too high), inputs that are not scaled, or labels that the net cannot produce (label-
    beyond-outputs: their probability is read from outside of the array).

How to fix it
    Divide base_lr by ten and scale the input; begin anew, since these weights are lost. With
    --net the labels are compared with the outputs.

Example
    ``loss-saturated: the loss stands at 87.3365 from iteration 40 on``

Limits
    A loss that is a mean over saturated and other records lies below 87.3365 and is not
    recognised. Loss weights are taken from the log: the unweighted output is compared.

Source
    Caffe, src/caffe/layers/softmax_loss_layer.cpp: max(prob, FLT_MIN).
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class LossSaturated(LogRule):
    """The loss stands at 87.3365, the log of the smallest float32."""

    rule = "loss-saturated"
    severity = Severity.ERROR
    fix = "divide base_lr by ten, scale the input, and begin anew: these weights do not come back"
