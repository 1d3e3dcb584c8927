"""Records per class."""

from __future__ import annotations

import json

from datascan.outputs.html import render
from datascan.report.figures import (
    LabelFigures,
)
from datascan.testing.reports import report
from tests.outputs.html.reading import held_in, read_safely


def test_each_class_has_a_bar():
    labels = LabelFigures(3, True, {"0": 5, "2": 15}, names=["cat", "dog", "frog"])
    text = render([report(labels=labels)])
    drawn = json.loads(held_in(text))["report-classes"]
    assert drawn["labels"] == ["0 (cat)", "1 (dog)", "2 (frog)"]
    assert drawn["counts"] == [5, 0, 15]
    expected = "3 classes: from 0 (class 1 (dog)) to 15 (class 2 (frog)) records."
    assert expected in read_safely(text).words


def test_classes_of_one_size():
    assert "10 classes, 100 records each." in read_safely(render([report()])).words


def test_the_table_has_the_largest_and_the_smallest_classes():
    labels = LabelFigures(1000, False, {str(i): i + 1 for i in range(1000)})
    words = read_safely(render([report(labels=labels)])).words
    assert "The 100 largest and the 100 smallest of 1,000 classes." in words
