"""Runs functions in forked processes, one for each copy of the tree at a time."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.mutation.trial import fork

Job = Callable[[Path], int]


class Running(NamedTuple):
    """A job that has not ended."""

    index: int
    tree: Path
    deadline: float


class Done(NamedTuple):
    """The end of a job: its index, its exit status and the copy of the tree that it used."""

    index: int
    status: int
    tree: Path


def run_all(jobs: list[Job], trees: list[Path], seconds: float) -> Iterator[Done]:
    """Yields each job as it ends.

    A job gets a copy of the tree that no other job uses until it has been yielded. One that
    takes longer than ``seconds`` is ended, by ``SIGALRM``.
    """
    waiting = list(reversed(range(len(jobs))))
    free = list(trees)
    running: dict[int, Running] = {}
    try:
        while waiting or running:
            while waiting and free:
                index, tree = waiting.pop(), free.pop()
                process = fork(partial(jobs[index], tree))
                running[process] = Running(index, tree, time.monotonic() + seconds)
            time.sleep(0.02)
            for process, job in list(running.items()):
                status = poll(process, is_late=time.monotonic() > job.deadline)
                if status is not None:
                    del running[process]
                    free.append(job.tree)
                    yield Done(job.index, status, job.tree)
    finally:
        for process in running:
            poll(process, is_late=True)


def poll(process: int, *, is_late: bool) -> int | None:
    """The exit status of a process that has ended; None if it is still running."""
    if is_late:
        os.kill(process, signal.SIGALRM)  # by default, ends the process
    ended, status = os.waitpid(process, 0 if is_late else os.WNOHANG)
    if not ended:
        return None
    with contextlib.suppress(ProcessLookupError):  # what it started, and left behind
        os.killpg(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(status)
