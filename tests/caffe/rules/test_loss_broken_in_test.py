"""Losses that are broken in test phases only."""

from __future__ import annotations

import math

import pytest

from tests.builders.caffe_logs import glog_line, line, log_of
from tests.builders.log_findings import findings_of_log

NAN = math.nan


def log(*values, name="loss", weight=" (* 1 = 1 loss)", accuracy=0.5, train=(2.0, 1.9, 1.8)):
    """A healthy training, with a test phase before each line."""
    text = ""
    for i, (value, loss) in enumerate(zip(values, train, strict=True)):
        text += glog_line("solver.cpp:433", f"Iteration {10 * i}, Testing net (#0)")
        text += glog_line("solver.cpp:409", f"    Test net output #0: accuracy = {accuracy}")
        text += glog_line("solver.cpp:409", f"    Test net output #1: {name} = {value}{weight}")
        text += line(10 * i, loss)
    return text


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ((NAN, NAN, NAN), "nan in 3 of 3 test phases, first at iteration 0"),
        ((2.0, 2.0, NAN), "nan in 1 of 3 test phases, first at iteration 20"),
        ((2.0, "-inf", 2.0), "-inf in 1 of 3 test phases, first at iteration 10"),
        ((2.0, 87.3365, 87.3362), "87.3365 in 2 of 3 test phases, first at iteration 10"),
    ],
)
def test_broken_in_test(tmp_path, values, where):
    (found,) = findings_of_log(tmp_path, log(*values))
    assert (found.rule, found.severity) == ("loss-broken-in-test", "error")
    assert found.message == f"the test loss (loss) is {where}, while the training loss is finite"
    assert "datascan log" in found.fix


def test_an_accuracy_of_one_at_the_same_time(tmp_path):
    (found,) = findings_of_log(tmp_path, log(87.3365, 87.3365, 87.3365, accuracy=1))
    assert found.message.endswith("accuracy 1 at the same time means that every score is NaN")


def test_old_scores_without_names(tmp_path):
    text = glog_line("s.cpp:1", "Iteration 0, Testing net") + line(0, 2.0)
    (found,) = findings_of_log(tmp_path, text + glog_line("s.cpp:1", "Test score #1: nan"))
    assert "score #1" in found.message


@pytest.mark.parametrize(
    "text",
    [
        log(2.0, 2.0, 1.9),
        log(NAN, NAN, NAN, name="per_class", weight=""),
        log(87.3365, 2.0, 1.9),
        log_of([(0, 2.0), (10, 1.9)]),
    ],
)
def test_healthy_tests(tmp_path, text):
    assert findings_of_log(tmp_path, text) == []


def test_a_training_loss_that_breaks_is_another_rule(tmp_path):
    (found,) = findings_of_log(tmp_path, log(2.0, 2.0, NAN, train=(2.0, 1.9, NAN)))
    assert found.rule == "sudden-nan"
