"""The loss is exactly 0.

What it is
    On at least the last three lines of a training log the loss is exactly 0, and it was not close
    to 0 (0.01) before. If the norm of the gradient is NaN or Inf at the same time, it is an error,
    else a warning.

Why it breaks training
    A loss of exactly 0 has no gradient: nothing is learned. A real loss becomes small, but not 0 at
    once.

How to find the cause
    All labels are ignored (``ignore_label``, -100 in PyTorch), all records have one class, or the
    loss has weight 0. Together with a gradient of NaN, 0 is what Transformers' Trainer logs for a
    loss of NaN or Inf: in float16, a value has exceeded 65,504.

How to fix it
    Scan the labels, print those of one batch, and check the mask of the loss. In mixed precision,
    use bfloat16, or float32 for the loss.

Example
    ``loss-zero: the loss is exactly 0 from step 120 on, and the norm of the gradient is not finite:
    mixed precision has overflowed``

Limits
    Losses with a margin (hinge, triplet, contrastive) may reach 0 rightly, which is why this is a
    warning.

Source
    Transformers, src/transformers/trainer.py: logging_nan_inf_filter replaces losses of NaN and
    Inf.
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class LossZero(LogRule):
    """The loss is exactly 0 until the end."""

    rule = "loss-zero"
    title = "Loss is exactly zero"
    severity = Severity.WARNING
    fix = "check labels and loss weight: datascan scan DATA"
