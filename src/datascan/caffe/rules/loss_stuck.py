"""The loss stays at ln(classes): the net guesses, and never learns.

What it is
    On ten or more lines of a training log, the loss stays at the logarithm of the number of
    classes: the median of the second half is within 0.02 of it, does not fall by a hundredth, and
    differs by less than a fiftieth from line to line. The number of classes is that of the net, of
    the net that Caffe prints at its start, or 20 at most; a larger one counts if the test accuracy
    agrees with it.

Why it breaks training
    A softmax that gives every class the same probability has this loss. The net has learned nothing
    at all, for the whole log.

How to find the cause
    Labels that do not belong to their records (shuffled apart), inputs that are all alike or far
    too small (``unscaled-input``, ``constant-feature``), weights that begin at 0, a base_lr far too
    small, or one so large that all units died in the first iterations.

How to fix it
    Train on ten records only: a net that can learn at all gets them right. Compare labels and
    records, scale the input, use xavier or msra fillers, and try base_lr ten times as large and ten
    times as small.

Example
    ``loss-stuck: the loss has stayed at 6.908 for 300 lines, which is ln(1,000): the net guesses
    between 1,000 classes``

Limits
    Deep nets may rest on this plateau for some thousand iterations before they learn, so this is a
    warning. With classes of unequal size, the plateau is lower, and is not recognised.

Source
    The cross-entropy of a uniform distribution over K classes is ln(K).
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class LossStuck(LogRule):
    """The loss stays at ln(classes): the net guesses."""

    rule = "loss-stuck"
    title = "Training does not learn"
    severity = Severity.WARNING
    fix = "check that labels belong to their records (datascan scan DATA), and try another rate"
