"""Labels that are vectors."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.metrics.label_vectors import NOT_FINITE, OTHER, SEVERAL, measure_label_vectors
from datascan.testing.blocks import block_of

NAN = float("nan")


def measure(labels):
    return measure_label_vectors(block_of(np.zeros((len(labels), 2)), np.array(labels)))


@pytest.mark.parametrize(
    ("row", "hot"),
    [
        ([0, 1, 0], 1),
        ([1.0, 0.0, -0.0], 0),
        ([0, 0, 0], SEVERAL),
        ([1, 1, 0], SEVERAL),
        ([1, 2, 0], OTHER),
        ([0.5, 0.5, 0], OTHER),
        ([0, 1, NAN], NOT_FINITE),
        ([0, 1, -np.inf], NOT_FINITE),
    ],
)
def test_rows(row, hot):
    assert measure([row]).hot.array.tolist() == [hot]


def test_the_range_is_of_finite_values():
    found = measure([[NAN, 3.5, -2.0], [np.inf, 0, 0]])
    assert (found.low.value, found.high.value) == (-2.0, 3.5)
    assert (found.narrowest.value, found.widest.value) == (3, 3)


@pytest.mark.parametrize("labels", [[1, 2], [[1], [2]], [[[3]], [[4]]]])
def test_single_numbers_are_no_vectors(labels):
    assert measure(labels) is None


def test_blocks_add(monkeypatch):
    monkeypatch.setattr("datascan.metrics.label_vectors.BLOCK_VALUES", 4)
    labels = np.eye(3)[np.arange(10) % 3]
    assert measure(labels).hot.array.tolist() == (np.arange(10) % 3).tolist()
    assert (measure(labels[:4]) + measure(labels[4:])).hot.array.tolist() == measure(
        labels
    ).hot.array.tolist()
