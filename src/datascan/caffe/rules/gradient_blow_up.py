"""The loss grew before it became NaN: the updates were too large.

What it is
    A training log shows a loss of NaN or Inf after a loss, or one of several outputs, that had
    grown. The noise of the log itself decides: up to ten lines at the end are above all of up to
    twenty lines before them, end at their maximum, at least a tenth above the level before, three
    times as far from it as any line before, and eight standard deviations (of one line: twice the
    level, four times, twelve). The level follows a falling trend; losses above 0 are compared by
    their logarithms, and standard deviations are taken from medians.

    If fewer than six lines precede the rise, they do not show the noise, and factors decide: five
    times the value at iteration 0 (the median of the last three lines); twice the largest of the
    lines before; a rise on four lines, to over twice; a rise on two or three lines, to over four
    times and more than twice the largest jump before; or the latest of several records, over 2.5
    times every value in the first half. A loss that stays finite but ends a thousand times as large
    as it was counts too.

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
    ``sudden-nan``. Smoothed losses (average_loss) show it late.

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
