"""Losses that grew before they became NaN."""

from __future__ import annotations

import math

import pytest

from tests.builders.caffe_logs import log_of
from tests.builders.log_findings import findings_of_log

NAN, INF = math.nan, math.inf


def log(*losses):
    return log_of([(10 * i, loss) for i, loss in enumerate(losses)])


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ((2.3, 900, NAN), "the loss grew from 2.3 to 900 and is nan at iteration 20"),
        (
            (2.3, 1, 0.5, 0.3, 0.31, 0.3, 9, INF),
            "the loss grew from at most 2.3 to 9 and is inf at iteration 70",
        ),
        (
            (2.3, 1, 0.5, 0.4, 0.5, 0.7, 0.9, 1.3, NAN),
            "the loss climbed from 0.4 to 1.3 and is nan at iteration 80",
        ),
        (
            (2.3, 2.1, 3, 1.8, 4, 1.5, 6, 1.2, 9, NAN),
            "the loss oscillated upwards to 9 and is nan at iteration 90",
        ),
    ],
)
def test_ways_to_grow(tmp_path, losses, message):
    (found,) = findings_of_log(tmp_path, log(*losses))
    assert (found.rule, found.severity, found.records) == ("gradient-blow-up", "error", 0)
    assert found.message == message


def test_a_loss_that_grew_and_stays_finite(tmp_path):
    (found,) = findings_of_log(tmp_path, log(2.3, 5, 80, 1e5, 1e20, 1e30, 1e30))
    assert found.rule == "gradient-blow-up"
    assert found.message == "the loss grew from 2.3 to 1e+30 and is still finite"


@pytest.mark.parametrize("losses", [(2.3, 2.2, 2.1), (2.3, 2.0, 1e5, 2.1, 2.0, 1.9), (2.3,)])
def test_healthy_logs(tmp_path, losses):
    assert findings_of_log(tmp_path, log(*losses)) == []


def test_a_loss_that_did_not_grow_is_another_rule(tmp_path):
    (found,) = findings_of_log(tmp_path, log(2.3, 2.2, 2.2, NAN))
    assert found.rule == "sudden-nan"
