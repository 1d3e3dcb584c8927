"""The head of a saved report tells its type."""

from __future__ import annotations

import json

import pytest

from datascan.errors import DatasetError
from datascan.outputs.json import render_several
from datascan.report.failed_scan import FailedScan
from datascan.report.head import read_head
from datascan.report.model import Report
from datascan.testing.reports import report


def test_kinds():
    assert read_head('{"kind": "net", "schema": "datascan-report/1"}').kind == "net"
    assert read_head('{"dataset": {"backend": "lmdb"}}').dataset.backend == "lmdb"


@pytest.mark.parametrize("kind", [str, str.encode])
def test_several_reports_are_not_one(kind):
    text = kind(render_several([report(), report()], [FailedScan("data", "no such path")]))
    with pytest.raises(DatasetError) as caught:
        Report.from_json(text)
    assert str(caught.value) == (
        "not one report, but those of 2 datasets, from datascan check --json; "
        "to show one: jq '.datasets[0]' FILE | datascan report /dev/stdin"
    )
    one = json.dumps(json.loads(text)["datasets"][0])
    assert Report.from_json(one) == report()
    nothing = render_several([], [FailedScan("data", "no such path")])
    with pytest.raises(DatasetError, match=r"those of 0 datasets, from datascan check --json$"):
        Report.from_json(nothing)


@pytest.mark.parametrize("datasets", ["", ', "datasets": 3', ', "datasets": [}'])
def test_damaged_documents_of_several_reports(datasets):
    with pytest.raises(DatasetError, match="not a datascan report"):
        Report.from_json(f'{{"schema": "datascan-check/1"{datasets}}}')
