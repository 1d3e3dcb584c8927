"""The sample of small records: which are read, and what rules make of it."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.duplicate_record import DuplicateRecord
from datascan.config.options import Options
from datascan.executors.serial import SerialExecutor
from datascan.metrics.base import DatasetSummary
from datascan.metrics.chance import MAX_VALUES
from datascan.scanner import small_records
from datascan.scanner.scan import scan
from datascan.scanner.small_records import MAX_RECORDS, SmallRecords, spread
from tests.builders.hdf5 import write_hdf5
from tests.builders.plain import PlainReader
from tests.builders.sessions import findings_of, scan_of


def scanned(values, **options) -> DatasetSummary:
    reader = PlainReader(values, np.zeros(len(values)), **options)
    return scan(reader, [DuplicateRecord()]).summary


def test_numbers_are_spread():
    assert spread(3, 10).tolist() == [0, 1, 2]
    assert spread(10, 5).tolist() == [0, 2, 4, 6, 8]
    assert spread(0, 5).tolist() == []


def test_small_records_are_read_again():
    values = np.arange(120.0).reshape(60, 2)
    dataset = scanned(values, rows=20)
    assert dataset.read_sample(dataset).tolist() == values.tolist()


def test_few_shards_are_read(monkeypatch):
    monkeypatch.setattr(small_records, "MAX_SHARDS", 2)
    monkeypatch.setattr(small_records, "MAX_RECORDS", 10)
    values = np.arange(120.0).reshape(60, 2)
    dataset = scanned(values, rows=20)
    rows = [0, 4, 8, 12, 16, 20, 24, 28, 32, 36]
    assert dataset.read_sample(dataset).tolist() == values[rows].tolist()


@pytest.mark.parametrize("size", [MAX_VALUES, MAX_VALUES + 1])
def test_larger_records_are_not(size):
    dataset = scanned(np.random.default_rng(0).random((30, size)))
    assert (dataset.read_sample(dataset) is None) is (size > MAX_VALUES)


def test_the_sample_is_bounded():
    dataset = scanned(np.random.default_rng(0).random((5_000, 2)), rows=5_000)
    assert len(dataset.read_sample(dataset)) == MAX_RECORDS


def test_rows_that_cannot_be_read_again_are_left_out():
    dataset = scanned(np.random.default_rng(0).random((30, 2)))

    class Failing(SerialExecutor):
        def map(self, task, shards, *, on_tick, on_done):
            for shard in shards:
                yield [task.on_failure(shard, "killed by SIGSEGV")]

    reader = PlainReader(np.zeros((30, 2)), np.zeros(30))
    assert SmallRecords(reader, Failing(), lambda: None)(dataset) is None


@pytest.fixture
def answers():
    """A survey: 800 people, 5 questions with 4 answers each, and a class."""
    random = np.random.default_rng(0)
    return random.integers(0, 4, (800, 5)).astype(np.float32), random.integers(0, 2, 800)


@pytest.fixture
def measured():
    """As many records of 5 measurements."""
    random = np.random.default_rng(0)
    return random.normal(size=(800, 5)).astype(np.float32), random.integers(0, 2, 800)


RULES = ("duplicate-record", "conflicting-label", "constant-record")


def severities(path, values, labels):
    write_hdf5(path, data=values, label=labels)
    report = scan_of(path, Options.from_keywords(workers=0, select=RULES))[0]
    return {finding.rule: (str(finding.severity), finding.records) for finding in report.findings}


def test_equal_answers_are_no_alarm(tmp_path, answers):
    found = severities(tmp_path / "a.h5", *answers)
    assert {rule: severity for rule, (severity, _) in found.items()} == dict.fromkeys(RULES, "info")


def test_equal_measurements_are(tmp_path, measured):
    values, labels = measured
    values[700], labels[700] = values[3], 1 - labels[3]
    values[500] = 0
    assert severities(tmp_path / "a.h5", values, labels) == {
        "duplicate-record": ("warning", 1),
        "conflicting-label": ("error", 2),
        "constant-record": ("warning", 1),
    }


def test_answers_that_were_written_twice_are(tmp_path, answers):
    values, labels = answers
    write_hdf5(tmp_path / "a.h5", data=np.tile(values, (2, 1)), label=np.tile(labels, 2))
    (found,) = findings_of(tmp_path / "a.h5", "duplicate-record")
    assert found.severity == "warning"
    assert found.message.endswith(": the second half of the dataset is the same as the first")


def test_a_row_without_a_likely_value_is_apart(tmp_path, answers):
    values, labels = answers
    values[10] = 9
    write_hdf5(tmp_path / "a.h5", data=values, label=labels)
    blank, likely = findings_of(tmp_path / "a.h5", "constant-record")
    assert (blank.severity, blank.records, likely.severity) == ("warning", 1, "info")
    assert blank.examples[0].index == 10


@pytest.mark.parametrize("workers", [0, 2])
def test_the_sample_does_not_depend_on_workers(tmp_path, answers, workers):
    write_hdf5(tmp_path / "a.h5", data=answers[0], label=answers[1])
    options = Options.from_keywords(workers=workers, select=RULES)
    severities = {str(f.severity) for f in scan_of(tmp_path / "a.h5", options)[0].findings}
    assert severities == {"info"}
