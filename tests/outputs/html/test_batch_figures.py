"""Batches that lack a class, and where the classes are in the store."""

from __future__ import annotations

import json

import numpy as np

from datascan.outputs.html import render
from datascan.report.figures import (
    ClassPositions,
    ClassPositionsRow,
    DatasetInfo,
    GapCurve,
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
    assert "The store is sorted by class" in strip_of(sorted_ten)
    assert "The store is sorted by class" in strip_of(np.repeat([0, 1], 50))
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
    for said in ("3 of 15", "20.00%", "1.18%", "Smallest safe batch size: 97 in store order"):
        assert said in words
