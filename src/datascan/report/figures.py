"""What a report is made of: findings, and the figures of datasets and training logs.

Together with :mod:`datascan.report.model`, these types define version 1 of the JSON report; its
JSON Schema is generated from them.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from datascan.report.provenance import Fingerprint, Location
from datascan.text import escape_control, format_percent, pluralize

Cause = Literal[
    "none",
    "gradient-blow-up",
    "lr-not-finite",
    "sudden-nan",
    "loss-saturated",
    "nan-from-start",
    "died",
    "break-before-log",
    "loss-broken-in-test",
    "loss-stuck",
    "loss-zero",
]
"""How a training run ended; each cause except "none" is also a rule."""

Count = Annotated[int, Meta(ge=0)]
Size = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Number = Annotated[float, Meta(description="Finite: JSON has no NaN or Infinity.")]
Label = Annotated[str, Meta(pattern="^(0|-?[1-9][0-9]{0,399})$")]
"""A whole label as the name of a JSON member; float64 reaches 309 digits."""


class PrintableStruct(msgspec.Struct, frozen=True):
    """A struct with texts from datasets, whose ``repr`` is safe to print."""

    def __repr__(self) -> str:
        return escape_control(super().__repr__())


class Related(PrintableStruct, frozen=True, omit_defaults=True):
    """The record that an example was compared with: the other copy of the same content."""

    index: Annotated[Count, Meta(description="Position of the record in the store, from 0.")]
    key: str
    label: Annotated[
        int | float | None, Meta(description="Its label; absent if it has none or it is text.")
    ] = None


class Example(PrintableStruct, frozen=True, omit_defaults=True):
    """One example of a finding: a record (``index`` and ``key``), or a detail without a record."""

    detail: str
    index: Annotated[
        Count | None, Meta(description="Position of the record in the store, from 0.")
    ] = None
    key: Annotated[
        str | None, Meta(description="Name of the record; bytes that are not UTF-8 are escaped.")
    ] = None
    related: Annotated[
        list[Related] | None, Meta(description="The records that it was compared with.")
    ] = None


class Accepted(PrintableStruct, frozen=True):
    """Why a finding does not count: a baseline lists it as known."""

    reason: str
    expires: Annotated[date | None, Meta(description="The last day of the acceptance.")]
    records: Count


class Tolerated(PrintableStruct, frozen=True):
    """Why a finding does not fail the scan: it concerns few enough records (``--tolerate``)."""

    records: Annotated[Count, Meta(description="Of all findings of the rule but accepted ones.")]
    share: Annotated[Share, Meta(description="Of the records that were read.")]
    allowed: Annotated[
        Annotated[str, Meta(pattern="^[0-9]+([.][0-9]+)?%$")] | Count,
        Meta(description='What is allowed, as it was given: a share ("0.1%") or a number.'),
    ]

    @property
    def text(self) -> str:
        """In words: "tolerated 0.04% of 0.1%", "tolerated 2 of 500 records"."""
        if isinstance(self.allowed, int):
            return f"tolerated {self.records:,} of {pluralize(self.allowed, 'record')}"
        return f"tolerated {format_percent(self.share)} of {self.allowed}"


class UnmatchedEntry(PrintableStruct, frozen=True):
    """An entry of the baseline that matches no finding any more, and so can be deleted."""

    rule: str
    reason: str
    records: Annotated[Count, Meta(description="How many records it names by key.")]


class CheckedRule(PrintableStruct, frozen=True, omit_defaults=True):
    """A rule that was applied, or the reason why it does not apply to the dataset."""

    rule: str
    status: Annotated[
        Literal["passed", "failed", "not-applicable"],
        Meta(description="failed: it has findings, tolerated ones included, but not accepted."),
    ]
    reason: Annotated[
        str | None, Meta(description="Why the rule does not apply: the dataset has no labels.")
    ] = None


class BadRecords(msgspec.Struct, frozen=True):
    """Number of distinct records with findings that are not accepted, by their worst finding."""

    error: Count
    warning: Count
    info: Count
    any: Annotated[Count, Meta(description="The sum of the others.")]


class Pattern(PrintableStruct, frozen=True):
    """What records of a finding have in common: "in column 7", for a ``share`` of them."""

    kind: Annotated[
        str,
        Meta(
            description="What it is about: field, values, rows, file, folder, keys, class, "
            "extension, camera, date, changed; more kinds may follow."
        ),
    ]
    text: str
    share: Annotated[Share, Meta(description="Of the records that were compared.")]


class Finding(PrintableStruct, frozen=True, omit_defaults=True):
    """An issue as reported: ``records`` is the exact count, ``examples`` are at most 20."""

    rule: str
    severity: Literal["error", "warning", "info"]
    records: Annotated[
        Count, Meta(description="Number of records affected; 0 if it is not about records.")
    ]
    message: str
    fix: str
    examples: Annotated[list[Example], Meta(max_length=20)]
    key: Annotated[
        str | None, Meta(description="For a finding about a net: name of the layer, or solver.")
    ] = None
    accepted: Annotated[
        Accepted | None, Meta(description="Set if the finding is accepted and so does not fail.")
    ] = None
    tolerated: Annotated[
        Tolerated | None, Meta(description="Set if the finding is tolerated and so does not fail.")
    ] = None
    title: Annotated[str | None, Meta(description="The rule in plain words.")] = None
    pattern: Annotated[
        str | None,
        Meta(description="What at least 90% of the records have in common and the others do not."),
    ] = None
    patterns: Annotated[list[Pattern] | None, Meta(description="The parts of ``pattern``.")] = None
    positions: Annotated[
        Annotated[list[Count], Meta(max_length=200)] | None,
        Meta(
            description="How many of its records are in each of up to 200 stretches of the dataset "
            "with about as many records; only in reports with charts.",
        ),
    ] = None

    @property
    def counts(self) -> bool:
        """Whether the finding fails the scan if it is severe enough."""
        return self.accepted is None and self.tolerated is None

    @property
    def summary(self) -> str:
        """The message with its pattern and an example, if the finding names records.

        "1 of 60 records is not an image (#27 dog/007.jpg, looks like an HTML page)".
        """
        first = next((one for one in self.examples if one.index is not None), None)
        if first is None:
            return self.statement
        some = "such as " if self.records > 1 else ""
        return f"{self.statement} ({some}#{first.index} {first.key}, {first.detail})"

    @property
    def statement(self) -> str:
        """The message and what the records have in common, in one sentence.

        "3,000 of 50,000 records hold NaN: all in column 7, rows 20,000 to 22,999".
        """
        return f"{self.message}: {self.pattern}" if self.pattern else self.message


class DatasetInfo(PrintableStruct, frozen=True, omit_defaults=True):
    """The dataset: its path, format and layout, and how many records and bytes were scanned."""

    backend: str
    path: Annotated[str, Meta(description="As given by the user; several, separated by spaces.")]
    layout: str
    records: Count
    bytes: Count
    other_files: Annotated[
        Count, Meta(description="For an image folder: files that are not images, ignored.")
    ] = 0
    limit: Annotated[
        Size | None, Meta(description="The most records that were to be read (``--limit``).")
    ] = None
    sample: Annotated[
        Size | None,
        Meta(description="The records are a sample, spread evenly (``--sample``): their number."),
    ] = None
    total: Annotated[
        Count | None,
        Meta(description="Records of the whole dataset, if known and more than were read."),
    ] = None
    read_in_order: Annotated[
        bool,
        Meta(
            description="Whether loaders read the records in store order. False for class folders, "
            "for which the sequential figures mean nothing."
        ),
    ] = True
    location: Annotated[
        Location | None, Meta(description="The paths without the folders above.")
    ] = None
    fingerprint: Fingerprint | None = None
    excluded_files: Annotated[
        Count, Meta(description="Files left out on request (``--exclude``), folders apart.")
    ] = 0
    excluded_folders: Annotated[
        Count, Meta(description="Folders left out on request, with all that is in them.")
    ] = 0
    notes: Annotated[
        dict[str, str] | None,
        Meta(
            description="How names were understood, by subject: which level of folders is the "
            "class, which keys are not records."
        ),
    ] = None


class LabelFigures(PrintableStruct, frozen=True, omit_defaults=True):
    """Number of records per class, or the range of regression targets."""

    num_classes: Annotated[Count | None, Meta(description="Null for regression targets.")]
    declared: Annotated[bool, Meta(description="Whether the user gave the number of classes.")]
    counts: Annotated[
        dict[Label, Size],
        Meta(description="Records of each whole label that occurs, in or out of range, ascending."),
    ]
    # Optional to read, yet always written: msgspec never omits the value of a factory.
    kind: Literal["class", "regression"] = msgspec.field(default_factory=lambda: "class")
    missing: Annotated[Count, Meta(description="Readable records without a label.")] = 0
    names: Annotated[
        list[str] | None, Meta(description="Names of the classes 0, 1, ... (class folders).")
    ] = None
    min: Number | None = None
    max: Number | None = None
    size: Annotated[Size | None, Meta(description="Of labels that are vectors: numbers.")] = None
    encoding: Annotated[
        Literal["one-hot", "multi-hot"] | None,
        Meta(description="How vectors encode classes; absent for other labels."),
    ] = None


class ValueFigures(msgspec.Struct, frozen=True, omit_defaults=True):
    """Range and moments of all finite values; ``nan`` and ``inf`` count the others.

    ``approximate``: JPEGs were measured at 1/8 scale.
    """

    min: Number | None
    max: Number | None
    mean: Number | None
    std: (
        Annotated[
            float,
            Meta(
                ge=0,
                description="Of the population; also null if far smaller than the mean.",
            ),
        ]
        | None
    )
    nan: Count
    inf: Count
    approximate: bool = False


class ShapeFigures(PrintableStruct, frozen=True):
    """Number of records of one shape and dtype."""

    shape: list[Count]
    dtype: str
    records: Count


class SequentialGaps(msgspec.Struct, frozen=True):
    """Batches in store order: how many lack a class, and which class most often."""

    batches: Count
    lacking: Count
    worst_label: int
    worst_lacking: Annotated[Count, Meta(description="Batches that lack ``worst_label``.")]


class ShuffledGaps(msgspec.Struct, frozen=True):
    """Batches drawn without replacement: the probability that a batch lacks a class."""

    p_lacking: Share
    expected_lacking_per_epoch: Annotated[float, Meta(ge=0)]
    worst_label: int
    worst_p: Annotated[Share, Meta(description="Probability that a batch lacks ``worst_label``.")]


class BatchFigures(msgspec.Struct, frozen=True):
    """Label gaps at one batch size."""

    batch_size: Size
    sequential: SequentialGaps
    shuffled: ShuffledGaps


class MinBatchSize(msgspec.Struct, frozen=True):
    """The smallest safe batch sizes: no gap in store order; below 1% of batches if shuffled."""

    sequential: Size
    shuffled_1pct: Size


class ValueHistogram(msgspec.Struct, frozen=True):
    """Distribution of the values in a sample of records, spread evenly over the dataset."""

    bins: Annotated[list[Number], Meta(description="Edges: one more than ``counts``.")]
    counts: Annotated[list[Count], Meta(max_length=64)]
    records: Annotated[Size, Meta(description="Number of records in the sample.")]


class GapCurve(msgspec.Struct, frozen=True):
    """Shares of batches that lack a class, over a range of batch sizes."""

    batch_sizes: Annotated[list[Size], Meta(description="Ascending.")]
    sequential: list[Share]
    shuffled: list[Share]


class ClassPositionsRow(msgspec.Struct, frozen=True):
    """Positions of the records of a class, or of the classes from ``first`` to ``last``."""

    first: Count
    last: Count
    records: Size
    first_index: Count
    last_index: Count
    counts: Annotated[list[Count], Meta(description="Records in each stretch of the store.")]


class ClassPositions(msgspec.Struct, frozen=True):
    """Positions of each class in the store.

    Stretch i of ``bins`` holds the records with ``index * bins // records == i``, for ``records``
    in all.
    """

    bins: Size
    rows: list[ClassPositionsRow]


class ImageSize(msgspec.Struct, frozen=True):
    """Number of images of one size in pixels."""

    width: Count
    height: Count
    records: Size


class RecordRange(msgspec.Struct, frozen=True):
    """A range of records, both ends included; it wraps around the store if first > last."""

    first: Count
    last: Count


class LogCurve(msgspec.Struct, frozen=True):
    """Losses and learning rates of a run, thinned out; null for values that are not finite."""

    iterations: list[Count]
    losses: list[Number | None]
    rates: list[Number | None]


class LogFigures(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run of a training log: the last, or if that is healthy, the last that broke."""

    iterations: Annotated[Count, Meta(description="The largest iteration in the log.")]
    last_finite_iteration: Annotated[
        Count | None, Meta(description="The last one in the log before the break.")
    ]
    first_nonfinite_iteration: Count | None
    cause: Cause
    records: Annotated[
        RecordRange | None,
        Meta(description="Read between these iterations; null if the net or order is unknown."),
    ]
    culprits: Annotated[
        list[Count] | None, Meta(description="Indices of the records among them with an error.")
    ]
    notes: Annotated[
        list[str] | None, Meta(description="What was assumed of the log, or left out.")
    ] = None
