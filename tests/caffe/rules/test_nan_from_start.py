"""Losses that are NaN from the first line."""

from __future__ import annotations

import math

import pytest

from tests.builders.caffe_logs import log_of
from tests.builders.log_findings import findings_of_log, outcome_issues

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("bad", [NAN, INF])
@pytest.mark.parametrize("lines", [1, 2, 5])
def test_a_log_without_a_finite_loss(tmp_path, bad, lines):
    (found,) = findings_of_log(tmp_path, log_of([(10 * i, bad) for i in range(lines)]))
    assert (found.rule, found.severity, found.records) == ("nan-from-start", "error", 0)
    assert found.message == f"the loss is {bad:g} from the first line on, at iteration 0"


def test_a_log_that_recovers_from_a_first_nan(tmp_path):
    (found,) = findings_of_log(tmp_path, log_of([(0, NAN), (10, 2.0)]))
    assert found.rule == "nan-from-start"


def test_the_records_that_explain_it_are_details():
    (issue,) = outcome_issues("nan-from-start", "nan at 0", ": record 17", ("record 17",))
    assert (issue.message, issue.details) == ("nan at 0: record 17", ("nan at 0", "record 17"))


def test_a_finite_first_loss_is_another_rule(tmp_path):
    (found,) = findings_of_log(tmp_path, log_of([(0, 2.0), (10, NAN)]))
    assert found.rule == "sudden-nan"
    assert findings_of_log(tmp_path, log_of([(0, 2.0), (10, 1.9)])) == []
