"""Reports made by hand."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from datascan.report.model import (
    BatchFigures,
    DatasetInfo,
    Example,
    Finding,
    LabelFigures,
    MinBatchSize,
    Report,
    SequentialGaps,
    ShapeFigures,
    ShuffledGaps,
    ValueFigures,
)

HARM = "\n\r\t\x1b\x07\x9b\x00\x7f\xa0\u2028\u202e\u2066\ud800\udcff"
ANY_TEXT = st.lists(
    st.text() | st.text(st.characters(exclude_categories=())) | st.sampled_from(HARM)
).map("".join)
"""Letters of all kinds, lone surrogates too, and plenty of what would do harm."""


def finding(**changes: Any) -> Finding:
    """Five of 1,000 records hold NaN, unless changed."""
    fields: dict[str, Any] = {
        "rule": "nan-value",
        "severity": "error",
        "records": 5,
        "message": "5 of 1,000 records hold NaN",
        "fix": "drop these records",
        "examples": [Example(f"1 of {i} values", i, f"key{i}") for i in range(5)],
    }
    return Finding(**{**fields, **changes})


def report(*findings: Finding, **changes: Any) -> Report:
    """1,000 healthy pictures of ten classes, and ``findings``."""
    gap = BatchFigures(64, SequentialGaps(15, 3, 4, 2), ShuffledGaps(0.0118, 0.177, 4, 0.0012))
    fields: dict[str, Any] = {
        "schema": "datascan-report/1",
        "datascan": "0.1.0",
        "complete": True,
        "verdict": "fail" if findings else "pass",
        "elapsed_seconds": 1.9,
        "dataset": DatasetInfo("lmdb", "train_lmdb", "caffe-datum", 1000, 3_083_000),
        "findings": list(findings),
        "labels": LabelFigures(10, True, {str(i): 100 for i in range(10)}),
        "values": ValueFigures(0.0, 255.0, 120.7, 64.1, 0, 0),
        "shapes": [ShapeFigures([3, 32, 32], "uint8", 1000)],
        "batch_sizes": [gap],
        "min_batch_size": MinBatchSize(97, 66),
    }
    return Report(**{**fields, **changes})
