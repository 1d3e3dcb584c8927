from __future__ import annotations

import csv

import datascan_csv

from datascan.report.model import FailedScan
from datascan.testing.output_laws import OutputLaws
from datascan.testing.reports import finding, report


class TestCsv(OutputLaws):
    output = datascan_csv

    def read(self, text):
        for row in csv.reader(text.splitlines(), strict=True):
            assert len(row) == 4
            assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_a_table():
    failed = [FailedScan("=gone", "no such path")]
    text = datascan_csv.render([report(finding()), report()], failed)
    assert text.splitlines()[1:] == [
        'train_lmdb,nan-value,error,"5 of 1,000 records hold NaN"',
        "train_lmdb,,,no findings",
        "'=gone,,error,not scanned: no such path",
    ]
