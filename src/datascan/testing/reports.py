"""Reports made by hand, for tests of outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from datascan.report.figures import (
    BatchFigures,
    DatasetInfo,
    Example,
    Finding,
    LabelFigures,
    LogCurve,
    LogFigures,
    MinBatchSize,
    RecordRange,
    SequentialGaps,
    ShapeFigures,
    ShuffledGaps,
    ValueFigures,
)
from datascan.report.model import DatasetReport, LogReport, NetReport, SourceReport

HARM = "\n\r\t\x1b\x07\x9b\x00\x7f\xa0\u2028\u202e\u2066\ud800\udcff"
ANY_TEXT = st.lists(
    st.text() | st.text(st.characters(exclude_categories=())) | st.sampled_from(HARM)
).map("".join)
"""All kinds of characters, including lone surrogates and many harmful ones."""


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


def report(*findings: Finding, **changes: Any) -> DatasetReport:
    """1,000 healthy images of ten classes, and ``findings``."""
    return DatasetReport(**members(findings) | figures() | changes)


def source(*findings: Finding, **changes: Any) -> SourceReport:
    """The same, read by layer ``data`` of a net in its training phase."""
    fields = {"phase": "TRAIN", "layer": "data"}
    return SourceReport(**members(findings) | figures() | fields | changes)


def net(*sources: SourceReport, findings: Sequence[Finding] = (), **changes: Any) -> NetReport:
    """A net with ``findings`` of its own, and the reports of its sources."""
    every = [*findings, *(one for inner in sources for one in inner.findings)]
    fields = members(every) | {
        "dataset": DatasetInfo("net", "net.prototxt", "caffe-net", 0, 0),
        "findings": list(findings),
        "sources": list(sources),
    }
    return NetReport(**fields | changes)


def log(*sources: SourceReport, findings: Sequence[Finding] = (), **changes: Any) -> LogReport:
    """A training log whose loss broke at iteration 6."""
    every = [*findings, *(one for inner in sources for one in inner.findings)]
    fields = members(every) | {
        "dataset": DatasetInfo("log", "train.log", "caffe-log", 0, 0),
        "findings": list(findings),
        "sources": list(sources) or None,
        "log": LogFigures(
            8, 4, 6, "sudden-nan", RecordRange(64, 95), [70], ["2 lines without a loss"]
        ),
        "log_curve": LogCurve([0, 2, 4, 6, 8], [2.3, 2.2, 2.1, None, None], [0.1] * 5),
    }
    return LogReport(**fields | changes)


def members(findings: Sequence[Finding]) -> dict[str, Any]:
    """What a report of any kind has."""
    return {
        "schema": "datascan-report/1",
        "datascan": "0.1.0",
        "complete": True,
        "verdict": "fail" if findings else "pass",
        "elapsed_seconds": 1.9,
        "dataset": DatasetInfo("lmdb", "train_lmdb", "caffe-datum", 1000, 3_083_000),
        "findings": list(findings),
    }


def figures() -> dict[str, Any]:
    """What the report of a dataset has besides."""
    gap = BatchFigures(64, SequentialGaps(15, 3, 4, 2), ShuffledGaps(0.0118, 0.177, 4, 0.0012))
    return {
        "labels": LabelFigures(
            num_classes=10, declared=True, counts={str(i): 100 for i in range(10)}
        ),
        "values": ValueFigures(0.0, 255.0, 120.7, 64.1, 0, 0),
        "shapes": [ShapeFigures([3, 32, 32], "uint8", 1000)],
        "batch_sizes": [gap],
        "min_batch_size": MinBatchSize(97, 66),
    }
