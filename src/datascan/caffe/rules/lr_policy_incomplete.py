"""The solver's learning rate policy lacks a parameter or is misspelt.

What it is
    ``lr_policy`` says how the rate changes, and every policy except ``fixed`` needs more than
    ``base_lr``: step needs gamma and stepsize, exp gamma, inv gamma and power, multistep gamma and
    stepvalue, poly power and max_iter, sigmoid gamma and stepsize.

Why it breaks training
    Caffe silently reads a missing number as 0. With gamma 0 the rate is 0 after the first step, and
    learning stops; stepsize 0 is a division by 0; inv and poly with power 0 never lower the rate;
    without base_lr it is always 0. A misspelt policy ends the run at its first iteration.

How to find the cause
    The message names the policy and what it lacks. Usually the policy was changed but still has the
    parameters of the old one.

How to fix it
    Set the parameters that the message names, for instance ``gamma: 0.1 stepsize: 100000`` for
    step, or use ``lr_policy: "fixed"``.

Example
    ``solver: policy step lacks stepsize``

Limits
    A stepsize or max_iter of 0 counts as missing, since Caffe divides by it. Any other
    policy, such as multifixed, sgdr or plateau, is taken for one of a fork and not checked: see
    ``not-understood``.

Source
    Caffe, src/caffe/solvers/sgd_solver.cpp: GetLearningRate.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.caffe.net.learning_policies import POLICIES, find_meant_policy
from datascan.caffe.net.learning_rate import missing_parameters
from datascan.caffe.rules.base import SOLVER, NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity


class LrPolicyIncomplete(NetRule):
    """The learning rate policy lacks a parameter that it needs, or is misspelt."""

    rule = "lr-policy-incomplete"
    title = "Learning rate settings are incomplete"
    severity = Severity.ERROR
    fix = "set the parameters that the policy needs, or choose another lr_policy"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """What the policy lacks."""
        solver = context.training.solver
        if solver is None:
            return
        policy = solver.lr_policy
        if not policy:
            without = "" if solver.message.HasField("base_lr") else ", nor a base_lr"
            yield self.net_issue(SOLVER, f"there is no lr_policy{without}")
        elif policy not in POLICIES:
            if meant := find_meant_policy(policy):
                text = f"policy {policy} is unknown to Caffe; did you mean {meant}?"
                yield self.net_issue(SOLVER, text, fix=f'write lr_policy: "{meant}"')
        elif names := missing_parameters(solver):
            yield self.net_issue(SOLVER, f"policy {policy} lacks {' and '.join(names)}")
