"""What this process may use of the machine: how many CPUs, how much memory, at which priority."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from math import ceil

from msgspec import Struct

from datascan.executors import cgroup
from datascan.text import format_bytes

WORKER_BYTES = 256 << 20
"""What a worker needs as a rule: its libraries, a block of records, and what was measured."""

OWN_BYTES = 256 << 20
"""What this process needs as a rule."""

MIN_BYTES = 64 << 20
"""With less, a worker could not import what it needs."""

SLURM = "SLURM_CPUS_PER_TASK"
MAX_CPUS = 1 << 16


class Cpus(Struct, frozen=True):
    """How many processes may work at a time, and what limits their number, in words."""

    count: int
    reason: str


def available_cpus() -> int:
    """The number of worker processes that this process may keep busy; at least 1."""
    return find_cpus().count


def find_cpus() -> Cpus:
    """The strictest of all limits; of equal ones, the first."""
    return min(find_limits(), key=lambda cpus: cpus.count)


def find_limits() -> Iterator[Cpus]:
    """All limits of the number of workers."""
    machine = os.cpu_count() or 1
    yield Cpus(machine, "one for each CPU")
    if hasattr(os, "sched_getaffinity"):
        yield Cpus(len(os.sched_getaffinity(0)), "limited by the CPU affinity of this process")
    task = cgroup.parse_number(os.environ.get(SLURM, ""))
    if task is not None and task <= MAX_CPUS:
        yield Cpus(task, f"limited by {SLURM}={task}")
    quota = cgroup.cpu_quota()
    if quota is not None:
        yield Cpus(
            max(1, ceil(quota)),
            f"limited by the cgroup, to {quota:.3g} CPU{'' if quota == 1 else 's'}",
        )
    memory = cgroup.memory_limit()
    if memory is not None:
        fit = max(1, (memory - OWN_BYTES) // WORKER_BYTES)
        yield Cpus(fit, f"limited by the cgroup, to {format_bytes(memory)} of memory")


def usable_memory(wanted: int) -> int:
    """How many bytes a worker may use: ``wanted``, but never more than the cgroup allows."""
    allowed = cgroup.memory_limit()
    return wanted if allowed is None else min(wanted, max(allowed, MIN_BYTES))


def lower_priority(niceness: int, say: Callable[[str], None]) -> None:
    """Give this process, and those that it starts, at least this niceness.

    ``say`` is called with a line if that is not possible.
    """
    if not hasattr(os, "setpriority"):
        say("--nice has no effect: this system does not have priorities of this kind")
        return
    try:
        if os.getpriority(os.PRIO_PROCESS, 0) < niceness:
            os.setpriority(os.PRIO_PROCESS, 0, niceness)
    except OSError as error:
        say(f"--nice has no effect: {error.strerror or error}")
