"""All bad records, not only the examples, for training code that skips them."""

from __future__ import annotations

import numpy as np
import pytest

import datascan
from datascan.errors import DatasetError, UsageError
from datascan.report.model import DatasetReport
from tests.builders.hdf5 import write_hdf5


@pytest.fixture
def bad(tmp_path):
    """A hundred rows: 30 with NaN from row 50 on, a duplicate in row 90."""
    values = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
    values[50:80, 1] = np.nan
    values[90] = values[3]
    return write_hdf5(tmp_path / "a.h5", data=values, label=np.zeros(100, np.int64))


@pytest.mark.parametrize("thumbnails", [False, True])
def test_all_records_with_errors(bad, thumbnails):
    report = datascan.scan(bad, workers=0, thumbnails=thumbnails)
    found = report.bad_indices()
    assert found.dtype == np.int64
    assert found.tolist() == list(range(50, 80))


def test_the_records_of_rules(bad):
    report = datascan.scan(bad, workers=0)
    assert report.bad_indices("duplicate-record").tolist() == [90]
    both = report.bad_indices(["duplicate-record", "nan-value"])
    assert both.tolist() == [*range(50, 80), 90]
    assert report.bad_indices([]).tolist() == []
    with pytest.raises(UsageError, match="no such rule: nan-valu"):
        report.bad_indices("nan-valu")


def test_a_saved_report_says_if_it_does_not_have_all(bad):
    report = datascan.scan(bad, workers=0)
    saved = DatasetReport.from_json(report.to_json())
    assert saved.bad_indices("duplicate-record").tolist() == [90]
    with pytest.raises(DatasetError, match="names 20 of 30 records of nan-value"):
        saved.bad_indices()


def test_accepted_findings_are_left_out(bad, tmp_path):
    baseline = tmp_path / "known.toml"
    keys = ", ".join(f'"a.h5:data[{row}]"' for row in range(50, 79))
    baseline.write_text(
        'format = "datascan-baseline/1"\n[[accepted]]\nrule = "nan-value"\nreason = "old"\n'
        f"keys = [{keys}]\n"
    )
    assert datascan.scan(bad, workers=0, baseline=baseline).bad_indices().tolist() == [79]
