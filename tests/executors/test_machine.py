"""How many processes work at a time, why, and with how much memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from datascan.executors import cgroup, machine
from datascan.executors.isolation import out_of_memory
from datascan.executors.machine import available_cpus, find_cpus, lower_priority, usable_memory


@pytest.fixture
def limits(monkeypatch):
    """Sets the CPUs of the machine and of the process, the quota, and the memory."""

    def apply(cpus=8, affinity=8, quota=None, memory=None, slurm=None):
        monkeypatch.setattr(os, "cpu_count", lambda: cpus)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(affinity)), raising=False)
        monkeypatch.setattr(cgroup, "cpu_quota", lambda: quota)
        monkeypatch.setattr(cgroup, "memory_limit", lambda: memory)
        monkeypatch.delenv(machine.SLURM, raising=False)
        if slurm is not None:
            monkeypatch.setenv(machine.SLURM, slurm)

    return apply


@pytest.mark.parametrize(
    ("limited", "count", "reason"),
    [
        ({}, 8, "one for each CPU"),
        ({"affinity": 3}, 3, "limited by the CPU affinity of this process"),
        ({"quota": 2.0}, 2, "limited by the cgroup, to 2 CPUs"),
        ({"quota": 1.5}, 2, "limited by the cgroup, to 1.5 CPUs"),
        ({"quota": 1.0}, 1, "limited by the cgroup, to 1 CPU"),
        ({"quota": 0.1}, 1, "limited by the cgroup, to 0.1 CPUs"),
        ({"quota": 64.0}, 8, "one for each CPU"),
        ({"slurm": "4"}, 4, "limited by SLURM_CPUS_PER_TASK=4"),
        ({"slurm": "4", "affinity": 2}, 2, "limited by the CPU affinity of this process"),
        ({"memory": 1 << 30}, 3, "limited by the cgroup, to 1.1 GB of memory"),
        ({"memory": 100 << 20}, 1, "limited by the cgroup, to 104.9 MB of memory"),
        ({"memory": 1 << 40}, 8, "one for each CPU"),
    ],
)
def test_the_strictest_limit_counts_and_is_named(limits, limited, count, reason):
    limits(**limited)
    assert (find_cpus().count, find_cpus().reason) == (count, reason)
    assert available_cpus() == count


@pytest.mark.parametrize("text", ["", "0", "-1", "many", "1(x2)", "9" * 30, "65537", "2; rm", " "])
def test_an_odd_variable_is_ignored(limits, text):
    limits(slurm=text)
    assert available_cpus() == 8


def test_a_worker_never_gets_more_memory_than_the_cgroup_allows(limits):
    limits()
    assert usable_memory(4_000_000_000) == 4_000_000_000
    limits(memory=700_000_000)
    assert usable_memory(4_000_000_000) == 700_000_000
    assert usable_memory(512_000_000) == 512_000_000
    assert out_of_memory(700_000_000).endswith("(the limit of the cgroup)")
    assert out_of_memory(512_000_000).endswith("(--max-memory)")
    limits(memory=20 << 20)
    assert usable_memory(4_000_000_000) == machine.MIN_BYTES


NICENESS = (
    "import os; from datascan.executors.machine import lower_priority as low;"
    "low({}, print); low({}, print); print(os.getpriority(os.PRIO_PROCESS, 0))"
)


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="the system has no niceness")
def test_the_niceness_is_raised_once_however_often_it_is_asked_for():
    own = os.getpriority(os.PRIO_PROCESS, 0)
    wanted = min(19, own + 3)
    code = NICENESS.format(wanted, wanted)
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == [str(wanted)]
    lower = subprocess.run(
        [sys.executable, "-c", NICENESS.format(wanted, 0)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert lower.stdout.split() == [str(wanted)]


def test_a_system_that_refuses_says_so(monkeypatch):
    said = []

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "getpriority", lambda *_: 0, raising=False)
    monkeypatch.setattr(os, "PRIO_PROCESS", 0, raising=False)
    monkeypatch.setattr(os, "setpriority", refuse, raising=False)
    lower_priority(5, said.append)
    monkeypatch.delattr(os, "setpriority")
    lower_priority(5, said.append)
    assert said == [
        "--nice has no effect: Operation not permitted",
        "--nice has no effect: this system does not have priorities of this kind",
    ]
