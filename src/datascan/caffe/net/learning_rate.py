"""The learning rate that a solver's policy yields, iteration by iteration.

Source: Caffe, src/caffe/solvers/sgd_solver.cpp: GetLearningRate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.caffe.net.training import Solver

NEEDS: dict[str, tuple[str, ...]] = {
    "fixed": (),
    "step": ("gamma", "stepsize"),
    "exp": ("gamma",),
    "inv": ("gamma", "power"),
    "multistep": ("gamma", "stepvalue"),
    "poly": ("power", "max_iter"),
    "sigmoid": ("gamma", "stepsize"),
}
"""Every policy, and what it needs beside ``base_lr``."""

ABOVE_ZERO = ("stepsize", "max_iter")
"""Caffe divides by these."""

CHUNK = 1 << 20
"""So many iterations are computed at a time."""


def missing_parameters(solver: Solver) -> list[str]:
    """The parameters that the solver's policy needs and does not have; it must be a known one."""
    names = ("base_lr", *NEEDS[solver.lr_policy or ""])
    return [name for name in names if not has_parameter(solver.message, name)]


def has_parameter(message: Any, name: str) -> bool:
    """Whether a solver has a parameter, and one that Caffe can divide by if it does."""
    if name == "stepvalue":
        return bool(message.stepvalue)
    if name in ABOVE_ZERO:
        return bool(getattr(message, name) > 0)
    return bool(message.HasField(name))


def is_complete(solver: Solver) -> bool:
    """Whether the rate can be computed."""
    return solver.lr_policy in NEEDS and not missing_parameters(solver)


def rates(solver: Solver, iterations: NDArray[np.int64]) -> NDArray[np.float32]:
    """The rate at each of ``iterations``, (n,) float32; the solver must be complete.

    Caffe raises float to a whole power in double, to a float power in float; so does this.
    """
    message = solver.message
    base, gamma, power = (
        np.float32(value) for value in (message.base_lr, message.gamma, message.power)
    )
    one, real = np.float32(1), iterations.astype(np.float32)
    with np.errstate(all="ignore"):
        match solver.lr_policy:
            case "step" | "exp" | "multistep":
                factor: NDArray[Any] = np.float64(gamma) ** steps(solver, iterations)
            case "inv":
                factor = (one + gamma * real) ** -power
            case "poly":
                factor = (one - real / np.float32(message.max_iter)) ** power
            case "sigmoid":
                factor = one / (one + np.exp(-gamma * (real - np.float32(message.stepsize))))
            case _:
                factor = np.ones(len(iterations), np.float32)
        return np.asarray(base * factor, np.float32)


def steps(solver: Solver, iterations: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often the rate has been multiplied by gamma, (n,)."""
    if solver.lr_policy == "step":
        count = iterations // int(solver.message.stepsize)
    elif solver.lr_policy == "multistep":
        count = np.searchsorted(step_times(solver.message.stepvalue), iterations, side="right")
    else:
        count = iterations
    return count.astype(np.float64)


def step_times(values: Sequence[int]) -> NDArray[np.int64]:
    """The iterations at which ``stepvalue`` takes effect, ascending.

    Caffe looks at the next one of the list only, and takes one an iteration at most: an equal or
    smaller one follows at the next iteration.
    """
    number = np.arange(len(values))
    return np.maximum.accumulate(np.asarray(values, np.int64) - number) + number


def first_bad(solver: Solver) -> tuple[int, float] | None:
    """The first iteration below ``max_iter`` whose rate is NaN, Inf or negative, and that rate.

    Every iteration is computed, but for chunks of a rate that only rises or only falls there,
    whose ends are sound.
    """
    steady = solver.lr_policy in ("poly", "sigmoid", "fixed") or solver.message.gamma >= 0
    for first, stop in chunks(max(1, solver.max_iter or 0)):
        ends = rates(solver, np.array([first, stop - 1]))
        if steady and not bad(ends).any():
            continue
        iterations = np.arange(first, stop)
        found = rates(solver, iterations)
        wrong = np.flatnonzero(bad(found))
        if len(wrong):
            return int(iterations[wrong[0]]), float(found[wrong[0]])
    return None


def chunks(count: int) -> Iterator[tuple[int, int]]:
    """Runs of iterations, from the first to one behind the last."""
    return ((first, min(first + CHUNK, count)) for first in range(0, count, CHUNK))


def bad(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rates are NaN, Inf or negative."""
    return np.asarray(~np.isfinite(values) | (values < 0))
