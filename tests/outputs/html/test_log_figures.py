"""The curves of a training log."""

from __future__ import annotations

import json

import pytest

from datascan.outputs.html import render
from datascan.report.figures import (
    LogCurve,
    LogFigures,
)
from datascan.testing.reports import log
from tests.outputs.html.reading import held_in, read_safely


def test_the_break_is_marked():
    text = render([log()])
    drawn = json.loads(held_in(text))["report-curve"]
    assert drawn["series"][0]["values"] == [2.3, 2.2, 2.1, None, None]
    assert [(mark["x"], mark["label"]) for mark in drawn["marks"]] == [
        (4, "last finite"),
        (6, "not finite"),
    ]
    assert "The loss broke at iteration 6: sudden-nan." in read_safely(text).words


def test_the_learning_rate_is_drawn_if_it_changes():
    constant = json.loads(held_in(render([log()])))["report-curve"]
    assert [one["label"] for one in constant["series"]] == ["loss"]
    curve = LogCurve([0, 2], [2.3, 2.2], [0.1, 0.01])
    drawn = json.loads(held_in(render([log(log_curve=curve)])))["report-curve"]
    assert [one["label"] for one in drawn["series"]] == ["loss", "learning rate"]


def test_a_healthy_run_says_so():
    healthy = LogFigures(8, 8, None, "none", None, None)
    words = read_safely(render([log(log=healthy)])).words
    assert "The loss was finite to the end, at iteration 8." in words


@pytest.mark.parametrize(
    "curve",
    [LogCurve([0], [1.0], [0.1]), LogCurve([2, 0], [1.0] * 2, [0.1] * 2), LogCurve([0, 2], [], [])],
)
def test_a_curve_that_cannot_be_drawn_is_left_out(curve):
    assert "report-curve" not in json.loads(held_in(render([log(log_curve=curve)])))
