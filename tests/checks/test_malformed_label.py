"""One-hot labels, and other labels that are vectors."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from datascan.config.options import Options
from datascan.outputs.terminal.render import render
from datascan.session import ScanSession

COUNT = 60


def scan(tmp_path, labels, **options):
    path = tmp_path / "set.h5"
    with h5py.File(path, "w") as file:
        file["X"] = np.random.default_rng(0).normal(size=(len(labels), 6))
        file["Y"] = labels
    with ScanSession(path, Options().replace(**options)) as session:
        report = session.report(charts=False)
    return report, render([report], colour=False, width=100)


def one_hot(dtype=np.int64):
    return np.eye(3, dtype=dtype)[np.arange(COUNT) % 3]


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.uint8])
@pytest.mark.parametrize("shard_bytes", [1, 1 << 30])
def test_one_hot_labels_are_classes(tmp_path, dtype, shard_bytes):
    report, text = scan(tmp_path, one_hot(dtype), shard_bytes=shard_bytes)
    assert report.labels.counts == {"0": 20, "1": 20, "2": 20}
    assert "labels  3 classes (one-hot), 20 records each\n" in text
    assert {finding.severity for finding in report.findings} <= {"info"}


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        ([0, 0, 0], "no 1 or several ones among zeros"),
        ([1, 1, 0], "no 1 or several ones among zeros"),
        ([0.5, 0.5, 0], "numbers other than 0 and 1"),
    ],
)
def test_a_label_without_exactly_one(tmp_path, row, detail):
    labels = one_hot(np.float64)
    labels[7] = row
    report, _ = scan(tmp_path, labels)
    (finding,) = [one for one in report.findings if one.severity == "error"]
    assert (finding.rule, finding.records) == ("malformed-label", 1)
    assert (finding.examples[0].index, finding.examples[0].detail) == (7, detail)


def test_nan_in_a_one_hot_label_is_not_finite(tmp_path):
    labels = one_hot(np.float64)
    labels[7, 0] = np.nan
    report, _ = scan(tmp_path, labels)
    errors = [(one.rule, one.records) for one in report.findings if one.severity == "error"]
    assert errors == [("non-finite-label", 1)]


def test_multi_hot_labels(tmp_path):
    labels = np.random.default_rng(1).integers(0, 2, (COUNT, 9))
    report, text = scan(tmp_path, labels)
    assert "labels  multi-hot vectors of 9 numbers\n" in text
    assert report.findings == []


def test_vectors_of_targets(tmp_path):
    labels = np.linspace(-1, 3, COUNT * 4).reshape(COUNT, 4)
    report, text = scan(tmp_path, labels)
    assert "labels  vectors of 4 numbers, -1 to 3\n" in text
    assert (report.labels.kind, report.labels.min, report.labels.max) == ("regression", -1, 3)
