"""Losses that are stuck at 87.3365."""

from __future__ import annotations

import pytest

from tests.builders.caffe_logs import line, log_of, output, solver_lines
from tests.builders.log_findings import findings_of_log


def log(*losses):
    return log_of([(10 * i, loss) for i, loss in enumerate(losses)])


@pytest.mark.parametrize(
    ("losses", "first"),
    [((2.3, 87.3365, 87.3365), 10), ((87.3365, 87.3365), 0), ((87.3365,), 0)],
)
def test_a_loss_that_is_stuck(tmp_path, losses, first):
    (found,) = findings_of_log(tmp_path, log(*losses))
    assert (found.rule, found.severity, found.records) == ("loss-saturated", "error", 0)
    assert found.message == (
        f"the loss is stuck at 87.3365 from iteration {first} on: on a GPU, Caffe prints a NaN "
        "like that"
    )


def test_one_of_two_outputs(tmp_path):
    text = solver_lines()
    for iteration, value in ((0, 2.0), (10, 87.3365), (20, 87.3365)):
        text += line(iteration, 2 + value)
        text += output(0, "loss1", 2.0, 1) + output(1, "loss2", value, 1)
    (found,) = findings_of_log(tmp_path, text)
    assert found.message == (
        "the loss of output loss2 is stuck at 87.3365 from iteration 10 on: on a GPU, Caffe prints "
        "a NaN like that"
    )


@pytest.mark.parametrize(
    "losses", [(2.3, 87.3365, 80.0), (2.3, 2.2, 87.3365), (87.335, 87.335), (2.3, 2.2)]
)
def test_losses_that_are_not_stuck(tmp_path, losses):
    assert findings_of_log(tmp_path, log(*losses)) == []
