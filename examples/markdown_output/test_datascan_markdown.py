from __future__ import annotations

import re

import datascan_markdown

from datascan.report.model import FailedScan
from datascan.testing.output_laws import OutputLaws
from datascan.testing.reports import finding, report


class TestMarkdown(OutputLaws):
    output = datascan_markdown

    def read(self, text):
        for line in text.splitlines():
            assert len(re.split(r"(?<!\\)\|", line.replace("\\\\", ""))) == 6


def test_a_table():
    failed = [FailedScan("gone", "no such path")]
    text = datascan_markdown.render([report(finding()), report()], failed)
    assert text.splitlines()[2:] == [
        r"| train\_lmdb | nan-value | error | 5 of 1,000 records hold NaN |",
        r"| train\_lmdb |  |  | no findings |",
        r"| gone |  | error | not scanned: no such path |",
    ]
