"""The loss grew before it was NaN: the updates were too large.

What it is
    In a training log the loss is NaN or Inf at some line, and had grown before, in one of these
    ways: the median of its last three finite values is over five times its value at iteration 0;
    its last finite value is over twice the largest of up to twenty before the last two; it rose
    at four lines or more, to over twice; it rose at two or three lines, to over four times, and
    by more than twice the largest jump (in logarithms) of up to twenty lines before; or its last
    value is the latest of several records and over 2.5 times all of the first half of twenty
    lines. Or it is finite to the end, and a thousand times what it was.

Why it breaks training
    Updates that overshoot make activations larger, which make gradients larger, which make the
    next update larger still: within some iterations a weight exceeds 3.4e38, and from then on
    every sum is Inf or NaN. Data seldom does that; the rate, the initialisation or the weight of
    a loss does.

How to find the cause
    Look when it began to grow. From the first lines on: base_lr is too large for this net and
    this scale of input (unscaled-input). After hundreds of iterations: the rate never falls, or
    one loss of several has too large a loss_weight; the finding names the output that broke
    first. After a step: gamma is above 1.

How to fix it
    Divide base_lr by ten, and raise it slowly (warm-up). Scale the input. Clip gradients
    (clip_gradients in the solver). Lower the loss_weight of the loss that went first, or give
    deep nets BatchNorm and xavier or msra fillers.

Example
    ``gradient-blow-up: the loss grew from 2.33683 to 78.7394, and is nan at iteration 11``

Limits
    A log that prints every hundredth iteration may miss the growth: then it looks like sudden-
    nan. Smoothed losses (average_loss) show it late. Whether the last values are noise or growth
    is decided by the factors above, not by a model of the noise.

Source
    Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks (2013).
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class GradientBlowUp(LogRule):
    """The loss grew before it was NaN or infinite."""

    rule = "gradient-blow-up"
    severity = Severity.ERROR
    fix = "divide base_lr by ten, scale the input, or clip gradients (clip_gradients in the solver)"
