"""The loss grew before it became NaN: the updates were too large.

What it is
    A training log shows a loss of NaN or Inf after a loss that had grown, in one of these ways: the
    median of its last three finite values is over five times its value at iteration 0; its last
    finite value is over twice the largest of up to twenty values before the last two; it rose on
    four or more lines, to over twice; it rose on two or three lines, to over four times and by more
    than twice the largest jump (in logarithms) of up to twenty lines before; or its last value is
    the latest of several records and over 2.5 times every value in the first half of twenty lines.
    A loss that stays finite but ends a thousand times as large as it was counts too.

Why it breaks training
    Updates that overshoot make activations larger, which make gradients larger, which make the next
    update larger still. Within some iterations a weight exceeds 3.4e38, and from then on every sum
    is Inf or NaN. The data is seldom the cause; the learning rate, the initialisation or the weight
    of a loss is.

How to find the cause
    Check when the loss began to grow. From the first lines on: base_lr is too large for this net
    and this input scale (``unscaled-input``). After hundreds of iterations: the rate never falls,
    or one of several losses has too large a loss_weight; the finding names the output that broke
    first. After a learning rate step: gamma is above 1.

How to fix it
    Divide base_lr by ten, and raise it slowly (warm-up). Scale the input. Clip gradients
    (clip_gradients in the solver). Lower the loss_weight of the loss that broke first, or give deep
    nets BatchNorm and xavier or msra fillers.

Example
    ``gradient-blow-up: the loss grew from 2.33683 to 78.7394 and is nan at iteration 11``

Limits
    A log that prints every hundredth iteration may miss the growth, which then looks like
    ``sudden-nan``. Smoothed losses (average_loss) show it late. The factors above, not a model of
    the noise, decide whether the last values are noise or growth.

Source
    Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks (2013).
"""

from __future__ import annotations

from datascan.caffe.rules.base import LogRule
from datascan.config.options import Severity


class GradientBlowUp(LogRule):
    """The loss grew before it became NaN or infinite."""

    rule = "gradient-blow-up"
    title = "Training got worse until it broke"
    severity = Severity.ERROR
    fix = "divide base_lr by ten, scale the input, or clip gradients (clip_gradients in the solver)"
