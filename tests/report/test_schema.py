"""The JSON Schema of the report: what is shipped, what is valid, and what is not."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest

from datascan.errors import DatasetError
from datascan.report.model import Report
from datascan.report.schema import json_schema, schema_text


def test_the_shipped_schema_is_that_of_the_types():
    shipped = files("datascan").joinpath("schema/report-1.json")
    assert shipped.read_text() == schema_text(), "write schema_text() to schema/report-1.json"
    jsonschema.Draft202012Validator.check_schema(json_schema())


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
