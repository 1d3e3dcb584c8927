"""One function in a process of its own, which may crash or hang."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Generic, Self, TypeVar

from datascan.executors.base import Limits, WorkerSlot, ignore_done, ignore_tick
from datascan.executors.process_pool.worker_group import WorkerGroup
from datascan.records.shard import Shard

A = TypeVar("A")
R = TypeVar("R")


class IsolatedFunction(Generic[A, R]):
    """``function``, called in a worker process; use as a context manager.

    The process serves all calls until it crashes; then it is replaced and the call is repeated. A
    call that fails every time or exceeds a limit returns ``on_failure(argument, reason)``. The
    function, its arguments and results must pickle.
    """

    def __init__(
        self,
        function: Callable[[A], R],
        on_failure: Callable[[A, str], R],
        *,
        limits: Limits,
    ) -> None:
        self._group = WorkerGroup[R](
            partial(call_with_span, function),
            lambda shard, reason: on_failure(shard.span, reason),
            count=1,
            limits=limits,
        )

    def __enter__(self) -> Self:
        self._group.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._group.__exit__(*error)

    def __call__(self, argument: A) -> R:
        """The result of the function, which may raise what it raises.

        Raises:
            DatascanError: if the process cannot be started.
        """
        shard = Shard(0, argument)
        ((result,),) = self._group.map([shard], on_tick=ignore_tick, on_done=ignore_done)
        return result


def call_with_span(function: Callable[[A], R], shard: Shard, slot: WorkerSlot) -> R:  # noqa: ARG001  (the signature of a task)
    """The task of the worker: the argument of the call travels as the span of a shard."""
    return function(shard.span)
