"""Checks of other packages may raise anything; it becomes an error in place of their verdict."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from datascan.checks.nan_value import NanValue
from datascan.metrics.base import Highest, metric_name
from datascan.scanner.guard import (
    GuardedMetric,
    GuardedTally,
    describe_safely,
    guarded_metrics,
    malformed,
    pickling_error,
    without_guards,
)
from datascan.testing.blocks import block_of
from tests.builders.judged import judgement

BLOCK = block_of(np.zeros((2, 2)))


def broken(*_):
    raise RuntimeError("no")


class Unwilling:
    """Can neither be added nor pickled."""

    def __add__(self, right):
        raise TypeError("will not add")

    def __reduce__(self):
        raise TypeError("will not pickle")


def test_tallies_are_added():
    assert GuardedTally(2) + GuardedTally(3) == GuardedTally(5)


def test_the_first_error_remains():
    bad, worse = GuardedTally(None, "bad"), GuardedTally(None, "worse")
    for left, right in ((GuardedTally(1), bad), (bad, GuardedTally(1)), (bad, worse)):
        assert left + right == GuardedTally(None, "bad")


def test_what_addition_raises_is_an_error():
    found = GuardedTally(Unwilling()) + GuardedTally(Unwilling())
    assert found.value is None
    assert "will not add" in found.error


def test_what_cannot_be_pickled_travels_as_its_error():
    assert pickle.loads(pickle.dumps(GuardedTally(5))) == GuardedTally(5)
    assert pickle.loads(pickle.dumps(GuardedTally(None, "bad"))) == GuardedTally(None, "bad")
    found = pickle.loads(pickle.dumps(GuardedTally(Unwilling())))
    assert found.value is None
    assert "will not pickle" in found.error
    assert pickling_error(7) is None


def test_metrics_that_raise():
    assert GuardedMetric(lambda block: block.records)(BLOCK) == GuardedTally(2)
    assert GuardedMetric(lambda block: None)(BLOCK) is None
    found = GuardedMetric(broken)(BLOCK)
    assert found.value is None
    assert "no" in found.error


def test_errors_are_taken_apart_from_tallies():
    tallies = {
        "plain": Highest(1),
        "guarded": GuardedTally(7),
        "failed": GuardedTally(None, "bad"),
        "stuck": GuardedTally(Unwilling()),
    }
    found, failed = without_guards(tallies)
    assert found == {"plain": Highest(1), "guarded": 7}
    assert failed["failed"] == "bad"
    assert "will not pickle" in failed["stuck"]
    assert len(failed) == 2


def test_built_in_metrics_are_not_guarded():
    (name,) = guarded_metrics([NanValue()])
    assert name == metric_name(NanValue.measure)
    assert not isinstance(guarded_metrics([NanValue()])[name], GuardedMetric)


ISSUE = judgement("nan-value", "error", (0, 1))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"rule": "other"}, "an issue of the rule 'other'"),
        ({"message": 7}, "texts are not all str"),
        ({"fix": None}, "texts are not all str"),
        ({"about": b"x"}, "texts are not all str"),
        ({"details": ("a", 1)}, "texts are not all str"),
        ({"keys": (None,)}, "texts are not all str"),
        ({"severity": "error"}, "without a Severity or a number of records"),
        ({"records": 1.5}, "without a Severity or a number of records"),
    ],
)
def test_issues_that_are_malformed(changes, why):
    found = malformed(NanValue(), replace(ISSUE, **changes))
    assert (found is None) if why is None else (why in found)


def test_facts_that_cannot_be_described():
    assert describe_safely("{} times".format, 3) == "3 times"
    assert describe_safely(lambda fact: fact, 3) == "3"
    text = describe_safely(broken, 3)
    assert text.startswith("3 (cannot be described: ")
    assert "no" in text
