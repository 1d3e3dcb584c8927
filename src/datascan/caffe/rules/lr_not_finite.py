"""The learning rate becomes NaN, infinite or negative during the run.

What it is
    In a training log (``datascan log``) a line tells of a rate that is NaN, Inf or negative, and
    the loss did not break before it. Of a solver (``datascan net``), the rate that its policy
    yields was computed for every iteration up to ``max_iter``, in the precision of Caffe, and at
    some iteration it is NaN, Inf or below 0.

Why it breaks training
    Every weight is changed by the rate times its gradient. A rate that is NaN or Inf makes all of
    them NaN within that one iteration, whatever the data; a negative one climbs the loss instead
    of descending it, which ends in NaN as well, some iterations later.

How to find the cause
    The message names the first iteration and its rate. ``inv`` and ``exp`` with a negative gamma
    change sign; ``exp`` and ``step`` with a gamma above 1 grow beyond float32; a base_lr of 1e39
    is Inf at once.

How to fix it
    Choose gamma between 0 and 1, and a positive base_lr. For ``inv`` gamma must be positive: 1 +
    gamma * iteration may not fall to 0.

Example
    ``solver: policy exp yields a rate of inf at iteration 935 of 1,000``

Limits
    A rate that is finite may still be far too large: see ``gradient-blow-up``. Where the policy
    lacks a parameter, the rate is not computed: see ``lr-policy-incomplete``.

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
    severity = Severity.ERROR
    fix = "correct base_lr, gamma and power: gamma belongs between 0 and 1, base_lr above 0"

    def evaluate(self, evidence: NetContext) -> Iterator[Issue]:
        """The first iteration at which the rate is unusable; in a log, the first one printed."""
        yield from self.outcome_issue(evidence)
        solver = evidence.training.solver
        if solver is None or not is_complete(solver):
            return
        found = find_first_bad_rate(solver)
        if found is not None:
            iteration, rate = found
            count = max(1, solver.max_iter or 0)
            yield self.net_issue(
                SOLVER,
                f"policy {solver.lr_policy} yields a rate of {rate:g} at iteration "
                f"{iteration:,} of {count:,}",
            )
