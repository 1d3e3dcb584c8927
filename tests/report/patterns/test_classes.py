"""Classes: a planted one is found with its name, random records have none."""

from __future__ import annotations

import numpy as np

from datascan.report.patterns.classes import find_class
from datascan.report.patterns.survey import Concerned
from datascan.scanner.scan import scan
from tests.builders.plain import PlainReader


def summary_of(labels):
    reader = PlainReader(np.ones((len(labels), 2), np.float32), labels, rows=500)
    return scan(reader, []).summary


def test_a_planted_class_is_found():
    labels = np.arange(1_000) % 10
    dataset = summary_of(labels)
    flagged = np.append(np.flatnonzero(labels == 3)[:60], [0, 1, 2])
    found = find_class(dataset, Concerned.of(dataset, flagged, seekable=True))
    assert found.text == "of class 3"
    assert 0.95 < found.share < 0.96


def test_random_records_have_no_class_in_common():
    random = np.random.default_rng(5)
    for classes in (1, 2, 3, 10, 100):
        dataset = summary_of(random.integers(0, classes, 500))
        for _ in range(200):
            chosen = random.choice(500, int(random.integers(5, 300)), replace=False)
            assert find_class(dataset, Concerned.of(dataset, chosen, seekable=True)) is None


def test_the_lowest_label_has_no_absolute_value_in_its_type():
    labels = np.arange(1_000, dtype=np.int32) % 10
    labels[labels == 3] = -(1 << 31)
    dataset = summary_of(labels)
    flagged = np.append(np.flatnonzero(labels < 0)[:60], [0, 1])
    with np.errstate(all="raise"):
        found = find_class(dataset, Concerned.of(dataset, flagged, seekable=True))
    assert found.text == "of class -2147483648"
