"""A function in a process of its own: what it returns, raises, and what its crashes cost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest

from datascan.executors.base import Limits
from datascan.executors.process_pool.isolated_function import IsolatedFunction


def call(order):
    """Do as the order says; a path is a file that is missing the first time only."""
    what, value = order
    if what == "raise":
        raise LookupError(value)
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "hang":
        time.sleep(60)
    if what == "kill once" and not value.exists():
        value.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return value, os.getpid()


def describe(order, reason):
    return order[0], reason


@pytest.fixture
def isolated(forked):
    with IsolatedFunction(call, describe, limits=Limits(0.5)) as function:
        yield function
    assert multiprocessing.active_children() == []


def test_calls_share_one_process(isolated):
    (first, process), (second, again) = isolated(("return", 1)), isolated(("return", None))
    assert (first, second) == (1, None)
    assert process == again != os.getpid()


@pytest.mark.parametrize(
    ("what", "reason"),
    [("kill", "killed by SIGKILL"), ("hang", "took longer than 0.5 seconds (--timeout)")],
)
def test_a_call_that_always_crashes_or_hangs_has_the_result_of_a_failure(isolated, what, reason):
    assert isolated((what, None)) == (what, reason)
    assert isolated(("return", 1))[0] == 1


def test_a_call_that_crashes_once_is_repeated(isolated, tmp_path):
    path = tmp_path / "crashed"
    assert isolated(("kill once", path))[0] == path
    assert path.exists()


def test_an_exception_is_raised_here_and_the_process_serves_on(isolated):
    _, process = isolated(("return", 1))
    with pytest.raises(LookupError, match="what it says"):
        isolated(("raise", "what it says"))
    assert isolated(("return", 2)) == (2, process)
