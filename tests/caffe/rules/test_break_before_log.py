"""Logs that begin in the middle of a run."""

from __future__ import annotations

import math

import pytest

from tests.builders.caffe_logs import line, solver_lines
from tests.builders.log_findings import findings_of_log

NAN = math.nan


def log(first, *losses):
    return "".join(line(first + 20 * i, loss) for i, loss in enumerate(losses))


@pytest.mark.parametrize("losses", [(NAN,), (NAN, NAN, NAN)])
def test_nan_where_the_log_begins(tmp_path, losses):
    (found,) = findings_of_log(tmp_path, log(5020, *losses))
    assert (found.rule, found.severity) == ("break-before-log", "error")
    assert found.message == "the loss is already nan at iteration 5,020, where the log begins"
    assert "datascan log EARLIER.log" in found.fix


@pytest.mark.parametrize(
    "text",
    [log(0, NAN, NAN), log(20, NAN, NAN), solver_lines() + log(5020, NAN, NAN)],
)
def test_logs_with_their_beginning(tmp_path, text):
    (found,) = findings_of_log(tmp_path, text)
    assert found.rule == "nan-from-start"


def test_a_log_that_begins_late_with_a_finite_loss(tmp_path):
    (found,) = findings_of_log(tmp_path, log(5020, 2.0, 2.0, 2.0, NAN))
    assert found.rule == "sudden-nan"
    assert findings_of_log(tmp_path, log(5020, 2.0, 1.9)) == []
