"""Files of datascan are recognised by what is in them; files of others are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from datascan.cli.guard.own_files import (
    BASELINE,
    CHECKPOINT,
    EMPTY,
    EXPECTATIONS,
    REPORT,
    recognise,
)
from datascan.config.baseline import BaselineEntry, append_entries
from datascan.files import NotRegularError
from datascan.outputs.base import load_output
from datascan.plugins import OUTPUTS
from datascan.report.bad_records import with_source
from datascan.report.failed_scan import FailedScan
from datascan.scanner.checkpoint import HEADER
from datascan.testing.reports import finding, report

OTHERS = {
    "json": '{"a": {"schema": "datascan-report/1"}}',
    "coco": '{"images": [], "annotations": []}',
    "sarif": '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "other"}}}]}',
    "html": '<!doctype html><html><head></head><body><meta name="generator" content="datascan 1">',
    "junit": '<testsuites><testsuite name="pytest">',
    "jsonl": '{"file_name": "a.jpg", "text": "x"}\n',
    "toml": '[tool]\nx = 1\n# format = "datascan-baseline/1"\n',
    "text": "datascan is a program\n",
    "binary": "\0\1\2datascan resume ",
    "spaces": "\n",
}


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("failed", [(), (FailedScan("data", "no such path"),)])
def test_every_output(tmp_path, name, failed):
    for number, reports in enumerate(([report(finding())], [report(), report()], [])):
        if not reports and not failed and name != "json":
            continue
        file = tmp_path / f"{number}"
        file.write_text(load_output(name).render(reports, failed))
        assert recognise(file) == REPORT


def test_every_pinned_file_of_an_output():
    golden = Path(__file__).parents[2] / "golden"
    names = {"report.json", "page.html", "junit.xml", "report.sarif", "bad.jsonl"}
    files = [file for file in golden.rglob("*") if file.name in names]
    assert len(files) >= 8
    assert {recognise(file) for file in files} == {REPORT}


def test_other_files_of_datascan(tmp_path):
    line = '{"index": 3, "key": "a \\"b\\", c", "rule": "nan-value", "severity": "x", "d": ""}\n'
    entry = BaselineEntry("nan-value", "known")
    contents = {
        REPORT: "".join(with_source([line], 'a"b', "TRAIN")),
        BASELINE: append_entries([entry], None),
        EXPECTATIONS: '# Learned.\n\nformat = "datascan-expectations/1"\n',
        CHECKPOINT: HEADER.decode() + "...",
        EMPTY: "",
    }
    for kind, content in contents.items():
        file = tmp_path / "file"
        file.write_text(content)
        assert recognise(file) == kind
    file.write_text(line)
    assert recognise(file) == REPORT


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_files_of_others(tmp_path, content):
    file = tmp_path / "report.json"
    file.write_text(content)
    assert recognise(file) is None


def test_a_beginning_that_is_slow_to_match(tmp_path):
    file = tmp_path / "bad.jsonl"
    for content in ('{"source": "' + '", "phase": "' * 5000, "\n" * 70_000, "{" + " " * 70_000):
        file.write_text(content)
        assert recognise(file) is None


def test_only_regular_files_are_read(tmp_path):
    with pytest.raises(NotRegularError):
        recognise(tmp_path)
