"""Losses that stay at ln(classes)."""

from __future__ import annotations

import math
import random

import pytest

from tests.builders.caffe_logs import glog_line, line, log_of, output, solver_lines
from tests.builders.log_findings import findings_of_log


def stuck(classes, count=40, noise=0.003, slope=0.0):
    """Losses around ln(classes)."""
    dice = random.Random(classes)
    level = math.log(classes)
    return [level + dice.gauss(0, noise) - slope * i for i in range(count)]


def log(losses, header=""):
    """A log of some losses, with lines of the net's definition before them."""
    return header + log_of([(20 * i, loss) for i, loss in enumerate(losses)])


def of_net(losses, classes):
    """A log that prints a net of that number of classes."""
    text = solver_lines() + f"layer {{\n    num_output: {classes}\n}}\n"
    return text + "".join(line(20 * i, loss) for i, loss in enumerate(losses))


@pytest.mark.parametrize("classes", [2, 3, 10, 20])
def test_few_classes_are_recognised(tmp_path, classes):
    (found,) = findings_of_log(tmp_path, log(stuck(classes, noise=0.0005)))
    assert (found.rule, found.severity) == ("loss-stuck", "warning")
    assert f"ln({classes}): the net guesses between {classes} classes" in found.message
    assert "for 40 lines" in found.message
    assert "datascan net" in found.fix


def test_many_classes_if_the_net_has_them(tmp_path):
    (found,) = findings_of_log(tmp_path, of_net(stuck(1000), 1000))
    assert "ln(1,000)" in found.message
    assert findings_of_log(tmp_path, of_net(stuck(1000), 500)) == []
    assert findings_of_log(tmp_path, log(stuck(1000))) == []


def test_many_classes_if_the_test_accuracy_agrees(tmp_path):
    tests = glog_line("s.cpp:1", "Iteration 800, Testing net (#0)")
    right = glog_line("s.cpp:1", "    Test net output #0: accuracy = 0.001")
    wrong = glog_line("s.cpp:1", "    Test net output #0: accuracy = 0.3")
    assert len(findings_of_log(tmp_path, log(stuck(1000)) + tests + right)) == 1
    assert findings_of_log(tmp_path, log(stuck(1000)) + tests + wrong) == []


def test_one_of_several_outputs(tmp_path):
    text = solver_lines()
    for i, value in enumerate(stuck(10)):
        text += line(20 * i, 3.0 + value) + output(0, "loss1", 0.5, 1)
        text += output(1, "loss2", value, 1)
    (found,) = findings_of_log(tmp_path, text)
    assert "of output loss2 has stayed" in found.message


@pytest.mark.parametrize(
    "losses",
    [
        stuck(10, count=9),
        stuck(10, slope=0.02),
        stuck(10, noise=0.2),
        [x + 0.05 for x in stuck(10)],
        [2.3 * 0.9**i for i in range(20)] + [math.log(2)] * 40,
        [*stuck(10, count=20), 1.2, *stuck(10, count=20)],
        [0.0] * 2,
    ],
)
def test_losses_that_are_not_stuck(tmp_path, losses):
    assert findings_of_log(tmp_path, log(losses)) == []
