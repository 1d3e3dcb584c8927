"""Batches that lack a class, and where the classes are in the store."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from datascan.outputs.html import render
from datascan.outputs.html.batch_figures import (
    batch_gaps,
    is_drawable,
    row_name,
    shade_of,
    shades,
    store_strip,
)
from datascan.outputs.html.limits import LIMITS
from datascan.report.figures import (
    BatchFigures,
    ClassPositions,
    ClassPositionsRow,
    DatasetInfo,
    GapCurve,
    MinBatchSize,
    SequentialGaps,
    ShuffledGaps,
)
from datascan.testing.reports import report
from tests.outputs.html.reading import held_in, read_safely


def strip_of(labels):
    """The strip of records with these labels, as one stretch, and its words on the page."""
    labels = np.array(labels)
    rows = []
    for label in np.unique(labels).tolist():
        own = np.flatnonzero(labels == label).tolist()
        rows.append(ClassPositionsRow(label, label, len(own), own[0], own[-1], [len(own)]))
    source = DatasetInfo("lmdb", "store", "raw", len(labels), 1)
    return read_safely(render([report(dataset=source, strip=ClassPositions(1, rows))])).words


def test_only_a_sorted_store_is_called_sorted():
    random = np.random.default_rng(0)
    sorted_ten = np.repeat(np.arange(10), 100)
    assert "The dataset is sorted by class" in strip_of(sorted_ten)
    assert "The dataset is sorted by class" in strip_of(np.repeat([0, 1], 50))
    rare = np.concatenate([random.integers(0, 3, 1000), np.arange(3, 15)])
    for labels in (random.permutation(sorted_ten), random.permutation(rare), np.arange(12)):
        assert "sorted by class" not in strip_of(labels)


def test_the_gap_curve_is_drawn_with_the_safe_sizes():
    curve = GapCurve([1, 64, 97], [1.0, 0.2, 0.0], [1.0, 0.0118, 0.001])
    drawn = json.loads(held_in(render([report(gap_curve=curve)])))["report-batches"]
    assert drawn["x"] == [1, 64, 97]
    assert [mark["x"] for mark in drawn["marks"]] == [97, 66]
    assert drawn["ticks"] == [64]


def test_a_batch_size_is_a_row_of_the_table():
    words = read_safely(render([report()])).words
    for said in ("3 of 15", "20.00%", "1.18%", "Smallest safe batch size: 97 in stored order"):
        assert said in words


def strip_figure(rows=3, bins=10, records=20, strips=1):
    """The strip of classes that each have two records in the first stretch."""
    each = [
        ClassPositionsRow(i, i, 2, i, i + 1, [2, *[0] * (min(bins, 9) - 1)]) for i in range(rows)
    ]
    dataset = DatasetInfo("lmdb", "store", "raw", records, 1)
    limits = replace(LIMITS[0], strips=strips)
    return store_strip(report(dataset=dataset, strip=ClassPositions(bins, each)), limits, "a")


@pytest.mark.parametrize(
    ("options", "is_drawn"),
    [
        ({}, True),
        ({"strips": 0}, False),
        ({"rows": 0}, False),
        ({"rows": 1}, True),
        ({"rows": 60}, True),
        ({"rows": 61}, False),
        ({"bins": 1000}, True),
        ({"bins": 1001}, False),
        ({"records": 0}, False),
    ],
)
def test_which_strips_are_drawn(options, is_drawn):
    assert (strip_figure(**options) is not None) == is_drawn


@pytest.mark.parametrize(
    ("rows", "height"), [(1, 22), (12, 22), (13, 14), (30, 14), (31, 9), (60, 9)]
)
def test_heights_of_rows(rows, height):
    assert strip_figure(rows).data["height"] == height


def test_the_table_of_a_strip():
    figure = strip_figure(2, bins=3, records=20)
    assert (figure.anchor, figure.title) == ("a-strip", "Where each class is in the dataset")
    assert [[cell.text for cell in row] for row in figure.table.rows] == [
        ["0", "2", "0", "1", "10.00%"],
        ["1", "2", "1", "2", "10.00%"],
    ]
    assert [cell.value for cell in figure.table.rows[1]] == [1, 2, 1, 2, 0.1]
    assert figure.data["starts"] == [0, 7, 14, 20]
    assert figure.data["names"] == ["0", "1"]
    assert figure.data["counts"] == [[2, 0, 0], [2, 0, 0]]
    drawn = str(figure.drawing)
    assert 'viewBox="0 0 3 2" height="44"' in drawn
    assert "record 0</span><span>19</span>" in drawn


def test_rows_of_several_classes():
    assert row_name(ClassPositionsRow(3, 7, 1, 0, 0, [1]), None) == "3\N{EN DASH}7"
    assert row_name(ClassPositionsRow(3, 3, 1, 0, 0, [1]), None) == "3"


@pytest.mark.parametrize(
    ("records", "size", "shade"),
    [(0, 9, 0), (9, 0, 0), (9, 9, 8), (10, 9, 8), (1, 1000, 1), (1, 4, 4), (9, 16, 6), (1, 64, 1)],
)
def test_shades_of_shares(records, size, shade):
    assert shade_of(records, size) == shade


def test_runs_of_equal_shades_are_one_piece():
    first = ClassPositionsRow(0, 0, 9, 0, 9, [4, 4, 0, 1, 9])
    second = ClassPositionsRow(1, 1, 1, 0, 0, [4])
    assert shades(ClassPositions(4, [first, second]), [4, 4, 4, 4]) == {
        4: ["M3 0h1v.88h-1z"],
        8: ["M0 0h2v.88h-2z", "M0 1h1v.88h-1z"],
    }


def gap(size, lacking=3, batches=15, p=0.2):
    ordered, shuffled = SequentialGaps(batches, lacking, 4, 2), ShuffledGaps(p, 1.25, 5, 0.1)
    return BatchFigures(size, ordered, shuffled)


def figure_of_gaps(*gaps, **options):
    return batch_gaps(report(batch_sizes=list(gaps), **options), replace(LIMITS[0], rows=2), "a")


def test_the_table_of_gaps():
    assert figure_of_gaps() is None
    figure = figure_of_gaps(gap(1000), gap(64, 0, 0, 0.0), gap(7))
    assert figure.is_open
    assert [[cell.text for cell in row] for row in figure.table.rows] == [
        ["1,000", "3 of 15", "20.00%", "4", "20.00%", "1.2", "5"],
        ["64", "0 of 0", "0%", "\N{EN DASH}", "0%", "1.2", "\N{EN DASH}"],
    ]
    assert [cell.value for cell in figure.table.rows[0]] == [1000, 3, 0.2, 4, 0.2, 1.25, 5]
    assert (figure.data, figure.legend) == (None, ())


@pytest.mark.parametrize(
    ("points", "shares", "is_drawn"),
    [(1, 1, False), (2, 2, True), (2000, 2000, True), (2001, 2001, False), (3, 2, False)],
)
def test_which_curves_are_drawn(points, shares, is_drawn):
    curve = GapCurve(list(range(1, points + 1)), [0.5] * shares, [0.5] * points)
    assert is_drawable(curve) == is_drawn
    other = GapCurve(list(range(1, points + 1)), [0.5] * points, [0.5] * shares)
    assert is_drawable(other) == is_drawn


def test_marks_and_words_of_the_smallest_safe_sizes():
    figure = figure_of_gaps(gap(7), gap_curve=None, min_batch_size=MinBatchSize(1200, 66))
    assert "1,200 in stored order, 66 shuffled" in figure.text
    curve = GapCurve([1, 2], [1.0, 0.5], [1.0, 0.25])
    figure = figure_of_gaps(gap(7), gap(8), gap(9), gap_curve=curve, min_batch_size=None)
    assert "Smallest" not in figure.text
    assert (figure.data["marks"], figure.data["ticks"]) == ([], [7, 8])
    assert [one["values"] for one in figure.data["series"]] == [[1.0, 0.5], [1.0, 0.25]]
