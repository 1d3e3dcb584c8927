"""The JSON Schemas: what is shipped, what is valid, and what is not."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
from msgspec.structs import replace

from datascan._version import __version__
from datascan.errors import DatasetError
from datascan.outputs.json import render_several
from datascan.report.failed_scan import FailedScan
from datascan.report.head import CHECK_SCHEMA
from datascan.report.model import Report
from datascan.report.schema import TYPES, json_schema, schema_file, schema_text
from datascan.report.several import find_verdict
from datascan.testing.reports import finding, log, net, report, source
from tests.builders.hostile_reports import WHOLE
from tests.builders.lmdb import numbered, random_datums, write_lmdb
from tests.cli.test_app import datascan as command


@pytest.mark.parametrize("name", TYPES)
def test_the_shipped_schemas_are_those_of_the_types(name):
    shipped = files("datascan").joinpath(schema_file(name))
    assert shipped.read_text() == schema_text(name), f"write schema_text() to {schema_file(name)}"
    jsonschema.Draft202012Validator.check_schema(json_schema(name))


def test_there_is_a_schema_for_each_document():
    shipped = {file.name for file in files("datascan").joinpath("schema").iterdir()}
    assert shipped == {"report-1.json", "check-1.json"}


SEVERAL = [
    ([], []),
    ([report(finding())], []),
    ([report(), report(finding())], [FailedScan("absent/*", "matches nothing")]),
    ([net(source(finding())), log()], [FailedScan("a", "b")]),
    (list(WHOLE.values()), []),
]


@pytest.mark.parametrize(("reports", "failed"), SEVERAL)
def test_several_reports_follow_their_schema(reports, failed):
    whole = json.loads(render_several(reports, failed))
    jsonschema.validate(whole, json_schema(CHECK_SCHEMA))
    for one in whole["datasets"]:
        jsonschema.validate(one, json_schema())
    assert [one["kind"] for one in whole["datasets"]] == [one.kind for one in reports]


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "datascan-check/2"},
        {"schema": "datascan-report/1"},
        {"verdict": "perhaps"},
        {"not_scanned": [{"path": "a"}]},
        {"datasets": [{"kind": "dataset"}]},
        {"of tomorrow": 1},
    ],
)
def test_several_reports_that_cannot_be_are_not_valid(change):
    whole = json.loads(render_several([report()]))
    jsonschema.validate(whole, json_schema(CHECK_SCHEMA))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**whole, **change}, json_schema(CHECK_SCHEMA))
    for name in ("schema", "datascan", "verdict", "datasets", "not_scanned"):
        less = {key: value for key, value in whole.items() if key != name}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(less, json_schema(CHECK_SCHEMA))


def test_what_check_writes_follows_the_schema(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "a", numbered(random_datums(40)))
    write_lmdb(tmp_path / "b", numbered(random_datums(40, (1, 2, 3))))
    (tmp_path / "datascan.toml").write_text('[dataset.a]\n[dataset."b*"]\n[dataset."absent/*"]\n')
    assert command("check", "--json", "all.json", "--html", "all.html").returncode == 2
    whole = json.loads((tmp_path / "all.json").read_text())
    jsonschema.validate(whole, json_schema(CHECK_SCHEMA))
    assert whole["schema"] == "datascan-check/1"
    assert whole["datascan"] == __version__
    assert [one["dataset"]["location"]["paths"] for one in whole["datasets"]] == [["a"], ["b"]]
    # Datascan recognises what it wrote, and replaces it.
    assert command("check", "--json", "all.json").returncode == 2
    assert json.loads((tmp_path / "all.json").read_text())["schema"] == "datascan-check/1"


EXAMPLE_OF_SPEC = """{
  "schema": "datascan-report/1", "datascan": "0.1.0", "complete": true, "verdict": "fail",
  "elapsed_seconds": 1.9,
  "dataset": {"backend": "lmdb", "path": "train_lmdb", "layout": "caffe-datum", "records": 50000,
              "bytes": 154150000},
  "findings": [
    {"rule": "label-out-of-range", "severity": "error", "records": 2,
     "message": "2 labels are outside 0..9", "fix": "...",
     "examples": [{"index": 17, "key": "00000017_cat.jpg", "detail": "label 10"}]}
  ],
  "labels": {"num_classes": 10, "declared": true, "counts": {"0": 5000, "1": 5000}},
  "values": {"min": 0.0, "max": 255.0, "mean": 120.7, "std": 64.1, "nan": 0, "inf": 0},
  "shapes": [{"shape": [3, 32, 32], "dtype": "uint8", "records": 50000}],
  "batch_sizes": [
    {"batch_size": 64,
     "sequential": {"batches": 781, "lacking": 3, "worst_label": 4, "worst_lacking": 2},
     "shuffled": {"p_lacking": 0.0118, "expected_lacking_per_epoch": 9.2, "worst_label": 4,
                  "worst_p": 0.0012}}
  ],
  "min_batch_size": {"sequential": 97, "shuffled_1pct": 66}
}"""


def test_a_report_with_only_the_promised_members_is_read():
    jsonschema.validate(json.loads(EXAMPLE_OF_SPEC), json_schema())
    report = Report.from_json(EXAMPLE_OF_SPEC)
    written = json.loads(report.to_json())
    assert written["labels"].pop("kind") == "class"
    assert written.pop("kind") == "dataset"
    assert written == json.loads(EXAMPLE_OF_SPEC)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"records": 2', '"records": -1'),
        ('"severity": "error"', '"severity": "fatal"'),
        ('"counts": {"0"', '"counts": {"cat"'),
        ('"counts": {"0"', '"counts": {"' + "9" * 5000 + '"'),
        ('"verdict": "fail"', '"verdict": "perhaps"'),
        ('"p_lacking": 0.0118', '"p_lacking": 1.5'),
        ('"p_lacking": 0.0118', '"p_lacking": NaN'),
        ('"p_lacking": 0.0118', '"p_lacking": 1e999'),
        ("datascan-report/1", "datascan-report/2"),
    ],
)
def test_values_that_cannot_be_are_refused(old, new):
    assert old in EXAMPLE_OF_SPEC
    text = EXAMPLE_OF_SPEC.replace(old, new)
    with pytest.raises(DatasetError, match="not a datascan report"):
        Report.from_json(text)
    if "NaN" not in new and "e999" not in new:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(text), json_schema())


def test_unknown_members_are_read_but_not_valid():
    text = EXAMPLE_OF_SPEC.replace('"fix":', '"of tomorrow": 1, "fix":')
    assert Report.from_json(text) == Report.from_json(EXAMPLE_OF_SPEC)
    with pytest.raises(jsonschema.ValidationError, match="of tomorrow"):
        jsonschema.validate(json.loads(text), json_schema())


@pytest.mark.parametrize(
    ("verdicts", "failed", "expected"),
    [
        ([], 0, "pass"),
        ([("pass", True)], 0, "pass"),
        ([("pass", True), ("pass", False)], 0, "incomplete"),
        ([("pass", False), ("fail", True)], 0, "fail"),
        ([("pass", False)], 1, "fail"),
    ],
)
def test_the_verdict_on_several_datasets(verdicts, failed, expected):
    example = Report.from_json(EXAMPLE_OF_SPEC)
    reports = [replace(example, verdict=verdict, complete=done) for verdict, done in verdicts]
    assert find_verdict(reports, [FailedScan("data", "no such path")] * failed) == expected
