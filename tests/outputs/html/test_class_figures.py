"""Records per class."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from datascan.outputs.html import render
from datascan.outputs.html.class_figures import all_labels, class_cell, class_histogram, class_name
from datascan.outputs.html.limits import LIMITS
from datascan.report.figures import LabelFigures
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


def histogram(counts, classes=None, rows=4, points=100, **options):
    labels = LabelFigures(classes, False, counts, **options)
    return class_histogram(report(labels=labels), replace(LIMITS[0], rows=rows, points=points), "a")


def test_the_table_of_classes():
    assert histogram({}) is None
    assert class_histogram(report(labels=None), LIMITS[0], "a") is None
    figure = histogram({"-1": 5, "2": 1000, "10": 995}, 3)
    assert figure.anchor == "a-classes"
    assert [[cell.text for cell in row] for row in figure.table.rows] == [
        ["2", "1,000", "50.00%"],
        ["10", "995", "49.75%"],
        ["0", "0", "0%"],
        ["1", "0", "0%"],
    ]
    assert figure.data["labels"] == ["-1", "0", "1", "2", "10"]
    assert figure.data["counts"] == [5, 0, 0, 1000, 995]


@pytest.mark.parametrize(
    ("count", "rows", "listed", "note"),
    [
        (4, 4, [3, 2, 1, 0], ""),
        (5, 4, [4, 3, 1, 0], "The 2 largest and the 2 smallest of 5 classes."),
        (6, 5, [5, 4, 1, 0], "The 2 largest and the 2 smallest of 6 classes."),
    ],
)
def test_how_many_classes_are_listed(count, rows, listed, note):
    figure = histogram({str(i): i + 1 for i in range(count)}, rows=rows)
    assert [cell.value for cell, *_ in figure.table.rows] == listed
    assert figure.table.note == note


def test_how_many_classes_are_drawn():
    assert len(histogram({str(i): 1 for i in range(9)}, points=5).data["counts"]) == 5


@pytest.mark.parametrize(
    ("classes", "labels"),
    [(3, ["-7", "0", "1", "2", "11"]), (101, ["-7", "2", "11"]), (0, ["-7", "2", "11"])],
)
def test_classes_without_records(classes, labels):
    figures = LabelFigures(classes, True, {"11": 1, "2": 1, "-7": 1})
    assert all_labels(figures, replace(LIMITS[0], points=100)) == labels


def test_names_of_classes():
    labels = LabelFigures(3, True, {"0": 1}, names=["cat", "\x1bdog", "x" * 50])
    shown = {label: class_name(labels, label) for label in ("0", "1", "3", "-1", "1" * 10)}
    assert shown == {
        "0": "0 (cat)",
        "1": "1 (\\x1bdog)",
        "3": "3",
        "-1": "-1",
        "1" * 10: "1" * 10,
    }
    assert len(class_name(labels, "2")) == len("2 ()") + 40
    assert class_name(LabelFigures(3, True, {"0": 1}), "0") == "0"
    assert class_cell(labels, "2").value == 2
    assert class_cell(labels, "9" * 400).value == 1e300
    assert class_cell(labels, "-" + "9" * 400).value == -1e300
