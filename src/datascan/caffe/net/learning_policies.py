"""The names of Caffe's learning rate policies, the parameters that they need, and slips of them.

Source: Caffe, src/caffe/solvers/sgd_solver.cpp: GetLearningRate.
"""

from __future__ import annotations

from datascan.caffe.net.similar import count_changes, find_misspelt

POLICIES: dict[str, tuple[str, ...]] = {
    "fixed": (),
    "step": ("gamma", "stepsize"),
    "exp": ("gamma",),
    "inv": ("gamma", "power"),
    "multistep": ("gamma", "stepvalue"),
    "poly": ("power", "max_iter"),
    "sigmoid": ("gamma", "stepsize"),
}
"""The parameters that each policy requires, in addition to ``base_lr``."""

FORK_POLICIES = frozenset({"cosine", "multifixed", "plateau", "sgdr", "stepearly"})
"""Policies of forks of Caffe."""

MIN_LENGTH = 4
"""Shorter names have too many neighbours to be slips of one another."""


def find_meant_policy(policy: str) -> str | None:
    """The policy that a misspelt one means: poly for polly; None if it means none of them."""
    plain = policy.lower().replace("_", "").replace("-", "")
    if policy in POLICIES or plain in FORK_POLICIES:
        return None
    if found := find_misspelt(plain, POLICIES):
        return found
    if plain in POLICIES:
        return plain
    near = (name for name in POLICIES if min(len(name), len(plain)) >= MIN_LENGTH)
    return next((name for name in near if count_changes(plain, name) == 1), None)
