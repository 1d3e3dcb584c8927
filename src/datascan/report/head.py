"""What of a saved report says of which type it is."""

from __future__ import annotations

from typing import Any

import msgspec

from datascan.errors import DatasetError
from datascan.text import pluralize

CHECK_SCHEMA = "datascan-check/1"
"""The schema of a document of several reports."""


class ReportHead(msgspec.Struct):
    """What is needed to choose the type of a report."""

    schema: Any = None
    kind: str | None = None
    phase: str | None = None
    dataset: DatasetHead | None = None


class DatasetHead(msgspec.Struct):
    """The format of a dataset."""

    backend: str = ""


class ReportList(msgspec.Struct):
    """The reports of several datasets, not parsed."""

    datasets: list[msgspec.Raw]


def read_head(text: str | bytes) -> ReportHead:
    """The head of a report in JSON.

    Raises:
        msgspec.DecodeError: if the text is not a JSON object, or its members have other types.
        DatasetError: if it holds the reports of several datasets.
    """
    head = msgspec.json.decode(text, type=ReportHead)
    if head.schema != CHECK_SCHEMA:
        return head
    count = len(msgspec.json.decode(text, type=ReportList).datasets)
    advice = "; to show one: jq '.datasets[0]' FILE | datascan report /dev/stdin" if count else ""
    raise DatasetError(
        f"not one report, but those of {pluralize(count, 'dataset')}, "
        f"from datascan check --json{advice}"
    )
