"""Losses that are NaN from one line to the next."""

from __future__ import annotations

import math

import pytest

from tests.builders.caffe_logs import log_of
from tests.builders.log_findings import findings_of_log, outcome_issues

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_a_stable_loss_that_breaks(tmp_path, bad):
    text = log_of([(0, 2.3), (10, 2.2), (20, 2.2), (30, bad), (40, bad)])
    (found,) = findings_of_log(tmp_path, text)
    assert (found.rule, found.severity, found.records) == ("sudden-nan", "error", 0)
    assert found.message == (
        f"the loss is 2.2 at iteration 20 and {bad:g} at 30, without growing before"
    )


def test_the_second_line_of_a_log(tmp_path):
    (found,) = findings_of_log(tmp_path, log_of([(0, 2.3), (10, NAN)]))
    assert found.message == (
        "the loss is 2.3 at iteration 0 and nan at 10; 1 finite line before it cannot show whether "
        "it grew"
    )


def test_every_run_that_broke_is_reported(tmp_path):
    broken = log_of([(0, 2.3), (10, NAN)])
    found = findings_of_log(tmp_path, broken + log_of([(0, 2.3), (10, 2.2)]) + broken)
    assert [f.message.partition(": ")[0] for f in found] == ["run 1 of 3", "run 3 of 3"]


def test_the_records_that_explain_it_are_details():
    text, details = "the loss is 2 at iteration 0 and nan at 10", ("record 3 (k): nan-value",)
    (issue,) = outcome_issues("sudden-nan", text, "; iterations 1 to 10", details)
    assert issue.message == "the loss is 2 at iteration 0 and nan at 10; iterations 1 to 10"
    assert issue.details == (text, *details)


@pytest.mark.parametrize("losses", [[2.3, 2.2, 2.1], [2.3], [0.0, 0.0]])
def test_finite_losses_are_healthy(tmp_path, losses):
    assert findings_of_log(tmp_path, log_of([(10 * i, x) for i, x in enumerate(losses)])) == []
