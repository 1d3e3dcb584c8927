"""The solver's learning rate policy lacks a parameter, or is none that Caffe knows.

What it is
    ``lr_policy`` says how the rate changes, and every policy but ``fixed`` needs more than
    ``base_lr``: step gamma and stepsize, exp gamma, inv gamma and power, multistep gamma and
    stepvalue, poly power and max_iter, sigmoid gamma and stepsize.

Why it breaks training
    Caffe takes a missing number as 0 and does not say so. With gamma 0 the rate is 0 after the
    first step and nothing is learnt any more; stepsize 0 is a division by 0; inv and poly with
    power 0 never lower the rate; without base_lr it is 0 throughout. A policy that Caffe does not
    know ends the run at its first iteration.

How to find the cause
    The message names the policy and what it lacks. Mostly the policy was changed and the numbers of
    the old one were left behind.

How to fix it
    Give the parameters that the message names, for instance ``gamma: 0.1 stepsize: 100000`` for
    step, or say ``lr_policy: "fixed"``.

Example
    ``solver: policy step lacks stepsize``

Limits
    A stepsize or max_iter of 0 counts as missing, since Caffe divides by it. Policies that only
    forks of Caffe have are unknown here.

Source
    Caffe, src/caffe/solvers/sgd_solver.cpp: GetLearningRate.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from datascan.caffe.net.learning_rate import REQUIRED_PARAMETERS, missing_parameters
from datascan.caffe.rules.base import SOLVER, NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity


class LrPolicyIncomplete(NetRule):
    """The learning rate policy lacks a parameter that it needs, or is unknown."""

    rule = "lr-policy-incomplete"
    severity = Severity.ERROR
    fix = "give the parameters that the policy needs, or choose another lr_policy"

    def evaluate(self, evidence: NetContext) -> Iterator[Issue]:
        """What the policy lacks."""
        solver = evidence.training.solver
        if solver is None:
            return
        policy = solver.lr_policy
        if not policy:
            without = "" if solver.message.HasField("base_lr") else ", nor a base_lr"
            yield self.net_issue(SOLVER, f"there is no lr_policy{without}")
        elif policy not in REQUIRED_PARAMETERS:
            near = get_close_matches(policy.lower(), REQUIRED_PARAMETERS, n=1, cutoff=0.5)
            known = ", ".join(REQUIRED_PARAMETERS)
            hint = f"; did you mean {near[0]}?" if near else f"; known policies are {known}"
            yield self.net_issue(SOLVER, f"policy {policy} is unknown to Caffe{hint}")
        elif names := missing_parameters(solver):
            yield self.net_issue(SOLVER, f"policy {policy} lacks {' and '.join(names)}")
