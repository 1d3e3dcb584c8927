"""How Hypothesis runs the laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings


def examples(count: int) -> Callable[[Any], Any]:
    """A decorator for a law that is tried on ``count`` examples.

    Several classes may inherit a law, which Hypothesis warns about: an example that one of them
    saved may mean another thing to the next. It is then drawn anew, which costs only time.
    Drawing reports and blocks is slow on a busy machine.
    """
    return settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    )
