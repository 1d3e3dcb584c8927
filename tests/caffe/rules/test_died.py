"""Runs that crashed."""

from __future__ import annotations

import math

from tests.builders.caffe_logs import crash, log_of, solver_lines
from tests.builders.log_findings import findings_of_log, outcome_issues

WHY = "Check failed: label_value < 10 (99 vs. 10)"


def test_a_failed_check(tmp_path):
    (found,) = findings_of_log(tmp_path, log_of([(0, 2.3), (10, 2.2)]) + crash(WHY))
    assert (found.rule, found.severity, found.records) == ("died", "error", 0)
    assert found.message == f"the run crashed after iteration 10: {WHY}"


def test_a_crash_before_the_first_iteration(tmp_path):
    (found,) = findings_of_log(tmp_path, solver_lines() + crash(WHY))
    assert found.message == f"the run crashed before the first iteration: {WHY}"


def test_the_records_that_explain_it_are_details():
    (issue,) = outcome_issues("died", "the run crashed", ": record 7", ("record 7",))
    assert (issue.message, issue.details) == (
        "the run crashed: record 7",
        ("the run crashed", "record 7"),
    )


def test_a_crash_followed_by_another_run_is_not_reported(tmp_path):
    healthy = log_of([(0, 2.3), (10, 2.2)])
    assert findings_of_log(tmp_path, healthy + crash(WHY) + healthy) == []


def test_a_loss_that_broke_first_is_another_rule(tmp_path):
    (found,) = findings_of_log(tmp_path, log_of([(0, 2.3), (10, math.nan)]) + crash(WHY))
    assert found.rule == "sudden-nan"


def test_a_run_that_ends_is_healthy(tmp_path):
    assert findings_of_log(tmp_path, log_of([(0, 2.3), (10, 2.2)])) == []
