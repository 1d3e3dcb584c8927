"""What ``-q`` prints."""

from __future__ import annotations

import pytest

from datascan.config.applied import AppliedConfiguration, AppliedSetting
from datascan.report.figures import BadRecords, DatasetInfo
from datascan.report.one_line import describe_in_one_line
from datascan.testing.reports import finding, net, report, source


def test_verdict_path_and_counts():
    bad = BadRecords(error=5, warning=1, info=0, any=6)
    assert describe_in_one_line(report(finding(), bad_records=bad)) == (
        "FAIL  train_lmdb  5 of 1,000 records have errors (0.50%), 1 more has warnings"
    )
    assert describe_in_one_line(report()) == "PASS  train_lmdb  no findings"
    assert describe_in_one_line(net(source(finding()))) == "FAIL  net.prototxt  1 error"


def test_a_scan_that_was_stopped_says_so():
    stopped = report(complete=False, verdict="incomplete")
    assert describe_in_one_line(stopped) == (
        "INCOMPLETE  train_lmdb  no findings; the scan was stopped after 1,000 records; "
        "the rest was not checked"
    )


def test_what_a_configuration_silences_is_named():
    settings = (AppliedSetting("ignore", ("x",), "ignores x"), AppliedSetting("workers", (1,)))
    line = describe_in_one_line(report(configuration=AppliedConfiguration("a.toml", settings)))
    assert line == "PASS  train_lmdb  no findings; configuration a.toml: ignores x"
    harmless = AppliedConfiguration("a.toml", settings[1:])
    assert describe_in_one_line(report(configuration=harmless)).endswith("no findings")


@pytest.mark.parametrize("harm", ["a\n::error::b", "\x1b[2J", "a\u202eb"])
def test_it_is_one_line_and_safe_to_print(harm):
    line = describe_in_one_line(report(dataset=DatasetInfo("lmdb", harm, "raw", 1, 1)))
    assert line.isprintable()
