"""The learning rate becomes NaN, infinite or negative during the run.

What it is
    In a training log (``datascan log``), a line shows a learning rate that is NaN, Inf or negative,
    and the loss did not break before it. For a solver (``datascan net``), the rate given by its
    policy was computed for every iteration up to ``max_iter``, in Caffe's precision, and at some
    iteration it is NaN, Inf or below 0.

Why it breaks training
    Every weight is changed by the rate times its gradient. A rate of NaN or Inf makes all weights
    NaN within that one iteration, for any data. A negative rate climbs the loss instead of
    descending it, which also ends in NaN some iterations later.

How to find the cause
    The message gives the first bad iteration and its rate, and what the policy in the header of the
    log lacks: poly without max_iter divides by 0. ``inv`` and ``exp`` change sign with a
    negative gamma; ``exp`` and ``step`` grow beyond float32 with a gamma above 1; a base_lr of 1e39
    is Inf at once.

How to fix it
    Choose gamma between 0 and 1, and a positive base_lr. For ``inv``, gamma must be positive: 1 +
    gamma * iteration must not fall to 0.

Example
    ``solver: policy exp gives a learning rate of inf at iteration 935 of 1,000``

Limits
    A rate of NaN before a finite loss is taken for a missing value: it would have made that loss
    NaN. A finite rate may still be far too large: see ``gradient-blow-up``. If the policy lacks a
    parameter, the rate is not computed: see ``lr-policy-incomplete``.

Source
    Caffe, src/caffe/solvers/sgd_solver.cpp: GetLearningRate.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.caffe.net.learning_rate import find_first_bad_rate, is_complete
from datascan.caffe.rules.base import SOLVER, LogRule, NetContext
from datascan.checks.base import Issue
from datascan.config.options import Severity


class LrNotFinite(LogRule):
    """The learning rate is NaN, infinite or negative at some iteration."""

    rule = "lr-not-finite"
    title = "Learning rate is broken"
    severity = Severity.ERROR
    fix = "correct base_lr, gamma and power: gamma should be between 0 and 1, base_lr above 0"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """The first iteration with an unusable rate; in a log, the first one printed."""
        yield from self.outcome_issues(context)
        solver = context.training.solver
        if solver is None or not is_complete(solver):
            return
        found = find_first_bad_rate(solver)
        if found is not None:
            iteration, rate = found
            count = max(1, solver.max_iter or 0)
            yield self.net_issue(
                SOLVER,
                f"policy {solver.lr_policy} gives a learning rate of {rate:g} at iteration "
                f"{iteration:,} of {count:,}",
            )
