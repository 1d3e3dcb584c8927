"""The learning rate that a solver's policy gives at each iteration.

Source: Caffe, src/caffe/solvers/sgd_solver.cpp: GetLearningRate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.caffe.net.learning_policies import POLICIES
from datascan.caffe.net.training import Solver

POSITIVE_PARAMETERS = ("stepsize", "max_iter")
"""Caffe divides by these."""

CHUNK_ITERATIONS = 1 << 20
"""Iterations computed at a time."""


def missing_parameters(solver: Solver) -> list[str]:
    """The required parameters that the solver does not set; its policy must be a known one."""
    names = ("base_lr", *POLICIES[solver.lr_policy or ""])
    return [name for name in names if not has_parameter(solver.message, name)]


def has_parameter(message: Any, name: str) -> bool:
    """Whether a solver sets a parameter, to a positive value if Caffe divides by it."""
    if name == "stepvalue":
        return bool(message.stepvalue)
    if name in POSITIVE_PARAMETERS:
        return bool(getattr(message, name) > 0)
    return bool(message.HasField(name))


def is_complete(solver: Solver) -> bool:
    """Whether the rate can be computed: the policy is known and has all its parameters."""
    return solver.lr_policy in POLICIES and not missing_parameters(solver)


def compute_rates(solver: Solver, iterations: NDArray[np.int64]) -> NDArray[np.float32]:
    """The rate at each of ``iterations``, (n,) float32; the solver must be complete.

    Like Caffe, computes integer powers in double precision and float powers in single.
    """
    message = solver.message
    base, gamma, power = (
        np.float32(value) for value in (message.base_lr, message.gamma, message.power)
    )
    one, step = np.float32(1), iterations.astype(np.float32)
    with np.errstate(all="ignore"):
        match solver.lr_policy:
            case "step" | "exp" | "multistep":
                factor: NDArray[Any] = np.float64(gamma) ** count_steps(solver, iterations)
            case "inv":
                factor = (one + gamma * step) ** -power
            case "poly":
                factor = (one - step / np.float32(message.max_iter)) ** power
            case "sigmoid":
                factor = one / (one + np.exp(-gamma * (step - np.float32(message.stepsize))))
            case _:
                factor = np.ones(len(iterations), np.float32)
        return np.asarray(base * factor, np.float32)


def count_steps(solver: Solver, iterations: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many times the rate has been multiplied by gamma, (n,)."""
    if solver.lr_policy == "step":
        count = iterations // int(solver.message.stepsize)
    elif solver.lr_policy == "multistep":
        count = np.searchsorted(
            compute_step_times(solver.message.stepvalue), iterations, side="right"
        )
    else:
        count = iterations
    return count.astype(np.float64)


def compute_step_times(values: Sequence[int]) -> NDArray[np.int64]:
    """The iterations at which ``stepvalue`` takes effect, ascending.

    Caffe only compares with the next value of the list and advances at most once per iteration, so
    an equal or smaller value takes effect one iteration later.
    """
    number = np.arange(len(values))
    return np.maximum.accumulate(np.asarray(values, np.int64) - number) + number


def find_first_bad_rate(solver: Solver) -> tuple[int, float] | None:
    """The first iteration below ``max_iter`` whose rate is NaN, Inf or negative, and that rate.

    A chunk is skipped if the rate is monotonic and valid at both ends; in all others, every
    iteration is computed.
    """
    monotonic = solver.lr_policy in ("poly", "sigmoid", "fixed") or solver.message.gamma >= 0
    for first, stop in iter_chunks(max(1, solver.max_iter or 0)):
        ends = compute_rates(solver, np.array([first, stop - 1]))
        if monotonic and not is_bad(ends).any():
            continue
        iterations = np.arange(first, stop)
        rates = compute_rates(solver, iterations)
        bad = np.flatnonzero(is_bad(rates))
        if len(bad):
            return int(iterations[bad[0]]), float(rates[bad[0]])
    return None


def iter_chunks(count: int) -> Iterator[tuple[int, int]]:
    """Ranges of iterations, (first, last + 1), that cover ``count``."""
    return (
        (first, min(first + CHUNK_ITERATIONS, count)) for first in range(0, count, CHUNK_ITERATIONS)
    )


def is_bad(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rates are NaN, Inf or negative."""
    return np.asarray(~np.isfinite(values) | (values < 0))
