"""The report: what a scan has to say, as typed values that every output renders.

These types are the JSON report (version 1); its JSON Schema is generated from them.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from datascan.errors import DatasetError

SCHEMA = "datascan-report/1"


class Example(msgspec.Struct, frozen=True, omit_defaults=True):
    """One record that a finding names; without index and key where it names none."""

    detail: str
    index: int | None = None
    key: str | None = None


class Finding(msgspec.Struct, frozen=True):
    """What a rule says of the dataset: ``records`` is exact, ``examples`` are at most 20."""

    rule: str
    severity: Literal["error", "warning", "info"]
    records: int
    message: str
    fix: str
    examples: list[Example]


class Source(msgspec.Struct, frozen=True):
    """The dataset: where it is, how it is laid out, how many records and bytes were scanned."""

    backend: str
    path: str
    layout: str
    records: int
    bytes: int


class LabelFigures(msgspec.Struct, frozen=True, omit_defaults=True):
    """Class labels: how many of each. ``names`` are those of class folders."""

    kind: Literal["class", "regression"]
    num_classes: int | None
    declared: bool
    counts: dict[str, int]
    missing: int = 0
    names: list[str] | None = None
    min: float | None = None
    max: float | None = None


class ValueFigures(msgspec.Struct, frozen=True, omit_defaults=True):
    """Extent and moments of all finite values; ``nan`` and ``inf`` count the others.

    ``approximate``: JPEGs are measured at 1/8 scale.
    """

    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    nan: int
    inf: int
    approximate: bool = False


class ShapeFigures(msgspec.Struct, frozen=True):
    """How many records have this shape and dtype."""

    shape: list[int]
    dtype: str
    records: int


class SequentialGaps(msgspec.Struct, frozen=True):
    """Batches cut from the labels in store order: how many lack a class, and which one most."""

    batches: int
    lacking: int
    worst_label: int
    worst_lacking: int


class ShuffledGaps(msgspec.Struct, frozen=True):
    """Batches drawn without replacement: the probability that one lacks a class."""

    p_lacking: float
    expected_lacking_per_epoch: float
    worst_label: int
    worst_p: float


class BatchFigures(msgspec.Struct, frozen=True):
    """Label gaps at one batch size."""

    batch_size: int
    sequential: SequentialGaps
    shuffled: ShuffledGaps


class MinBatchSize(msgspec.Struct, frozen=True):
    """The smallest batch sizes that do: without a gap in store order; below 1% when shuffled."""

    sequential: int
    shuffled_1pct: int


class Report(msgspec.Struct, frozen=True):
    """Dataset, findings and statistics of one scan."""

    schema: Literal["datascan-report/1"]
    datascan: str
    complete: bool
    verdict: Literal["pass", "fail"]
    elapsed_seconds: float
    dataset: Source
    findings: list[Finding]
    labels: LabelFigures | None
    values: ValueFigures | None
    shapes: list[ShapeFigures]
    batch_sizes: list[BatchFigures]
    min_batch_size: MinBatchSize | None

    @property
    def passed(self) -> bool:
        """Whether there is no finding at or above the severity that fails a scan."""
        return self.verdict == "pass"

    def to_json(self) -> str:
        """The report as JSON text, indented, without NaN or Infinity tokens."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """Read a report back.

        Raises:
            DatasetError: where the text is no datascan report.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise DatasetError(f"not a datascan report: {error}") from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report, from the types above."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **msgspec.json.schema(Report),
    }
