"""The curves of a training log."""

from __future__ import annotations

import json

import pytest

from datascan.outputs.html import render
from datascan.outputs.html.limits import LIMITS
from datascan.outputs.html.log_figures import MAX_POINTS, is_drawable, log_curve, marks, sentence
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


def test_the_table_of_a_curve():
    curve = LogCurve([0, 1000], [2.3, None], [0.1, None])
    figure = log_curve(log(log_curve=curve), LIMITS[0], "a")
    assert figure.anchor == "a-curve"
    assert [[cell.text for cell in row] for row in figure.table.rows] == [
        ["0", "2.3", "0.1"],
        ["1,000", "not finite", "not finite"],
    ]
    assert [cell.value for cell in figure.table.rows[0]] == [0, 2.3, 0.1]
    assert figure.legend == (("loss", "first"),)
    assert log_curve(log(log_curve=None), LIMITS[0], "a") is None


@pytest.mark.parametrize(
    ("iterations", "losses", "rates", "drawable"),
    [
        (MAX_POINTS, MAX_POINTS, MAX_POINTS, True),
        (MAX_POINTS + 1, MAX_POINTS + 1, MAX_POINTS + 1, False),
        (2, 2, 2, True),
        (1, 1, 1, False),
        (3, 2, 3, False),
        (3, 3, 2, False),
    ],
)
def test_which_curves_are_drawn(iterations, losses, rates, drawable):
    curve = LogCurve(list(range(iterations)), [1.0] * losses, [0.1] * rates)
    assert is_drawable(curve) == drawable


def test_an_iteration_that_occurs_twice():
    assert not is_drawable(LogCurve([0, 1, 1], [1.0] * 3, [0.1] * 3))


@pytest.mark.parametrize(
    ("last", "first", "cause", "labels", "words"),
    [
        (8, None, "none", [], "The loss was finite to the end, at iteration 1,000."),
        (8, None, "died", ["last finite"], "The cause: died."),
        (None, 0, "nan-from-start", ["not finite"], "The loss broke at iteration 0: nan-from"),
        (8, 9, "sudden-nan", ["last finite", "not finite"], "The loss broke at iteration 9: "),
    ],
)
def test_the_end_of_a_run(last, first, cause, labels, words):
    figures = LogFigures(1000, last, first, cause, None, None)
    assert [mark["label"] for mark in marks(figures)] == labels
    assert sentence(figures).startswith(words)
