"""The report: what a scan has to say, as typed values that every output renders.

These types are the JSON report (version 1); its JSON Schema is generated from them.
"""

from __future__ import annotations

import codecs
from datetime import date
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from datascan.errors import DatasetError, FindingsError
from datascan.plugins import load

SCHEMA = "datascan-report/1"

MAX_LISTED = 10
"""At most so many findings stand in the text of an error."""

Cause = Literal[
    "none",
    "gradient-blow-up",
    "lr-not-finite",
    "sudden-nan",
    "loss-saturated",
    "nan-from-start",
    "died",
]
"""What became of a training run; each but "none" is a rule as well."""

Count = Annotated[int, Meta(ge=0)]
Size = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Number = Annotated[float, Meta(description="Finite; JSON holds no NaN or Infinity.")]
Label = Annotated[str, Meta(pattern="^(0|-?[1-9][0-9]{0,399})$")]
"""A whole label as the name of a JSON member; float64 reaches 309 digits."""


class Example(msgspec.Struct, frozen=True, omit_defaults=True):
    """One record that a finding names; without index and key where it names none."""

    detail: str
    index: Annotated[
        Count | None, Meta(description="Counts records from 0 in the store's own order.")
    ] = None
    key: Annotated[
        str | None, Meta(description="The record's own name; what is not UTF-8 as escapes.")
    ] = None


class Accepted(msgspec.Struct, frozen=True):
    """Why a finding does not count: it is known, and named in a baseline."""

    reason: str
    expires: Annotated[date | None, Meta(description="The last day on which it holds.")]
    records: Count


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a rule says of the dataset: ``records`` is exact, ``examples`` are at most 20."""

    rule: str
    severity: Literal["error", "warning", "info"]
    records: Annotated[
        Count, Meta(description="How many records the finding is about; 0 if about none.")
    ]
    message: str
    fix: str
    examples: Annotated[list[Example], Meta(max_length=20)]
    key: Annotated[
        str | None, Meta(description="Of a finding about a net: the layer's name, or solver.")
    ] = None
    accepted: Annotated[
        Accepted | None, Meta(description="Where the finding is accepted: it does not fail.")
    ] = None


class DatasetInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """The dataset: where it is, how it is laid out, how many records and bytes were scanned."""

    backend: str
    path: Annotated[str, Meta(description="As the user gave it; several are parted by a space.")]
    layout: str
    records: Count
    bytes: Count
    other_files: Annotated[
        Count, Meta(description="Of a folder of images: files of other kinds, left alone.")
    ] = 0


class LabelFigures(msgspec.Struct, frozen=True, omit_defaults=True):
    """Class labels: how many records each has; or the range of regression targets."""

    num_classes: Annotated[Count | None, Meta(description="Null for regression targets.")]
    declared: Annotated[bool, Meta(description="Whether the user gave the number of classes.")]
    counts: Annotated[
        dict[Label, Size],
        Meta(description="Records of each whole label that occurs, in or out of range, ascending."),
    ]
    # Optional to read, yet always written: a factory's value is never taken for a default.
    kind: Literal["class", "regression"] = msgspec.field(default_factory=lambda: "class")
    missing: Annotated[Count, Meta(description="Readable records without a label.")] = 0
    names: Annotated[
        list[str] | None, Meta(description="Names of the classes 0, 1, ... (class folders).")
    ] = None
    min: Number | None = None
    max: Number | None = None


class ValueFigures(msgspec.Struct, frozen=True, omit_defaults=True):
    """Extent and moments of all finite values; ``nan`` and ``inf`` count the others.

    ``approximate``: JPEGs are measured at 1/8 scale.
    """

    min: Number | None
    max: Number | None
    mean: Number | None
    std: (
        Annotated[
            float,
            Meta(ge=0, description="Of the population; null too where far smaller than the mean."),
        ]
        | None
    )
    nan: Count
    inf: Count
    approximate: bool = False


class ShapeFigures(msgspec.Struct, frozen=True):
    """How many records have this shape and dtype."""

    shape: list[Count]
    dtype: str
    records: Count


class SequentialGaps(msgspec.Struct, frozen=True):
    """Batches cut from the labels in store order: how many lack a class, and which one most."""

    batches: Count
    lacking: Count
    worst_label: int
    worst_lacking: Annotated[Count, Meta(description="Batches that lack ``worst_label``.")]


class ShuffledGaps(msgspec.Struct, frozen=True):
    """Batches drawn without replacement: the probability that one lacks a class."""

    p_lacking: Share
    expected_lacking_per_epoch: Annotated[float, Meta(ge=0)]
    worst_label: int
    worst_p: Annotated[Share, Meta(description="Probability that ``worst_label`` is lacking.")]


class BatchFigures(msgspec.Struct, frozen=True):
    """Label gaps at one batch size."""

    batch_size: Size
    sequential: SequentialGaps
    shuffled: ShuffledGaps


class MinBatchSize(msgspec.Struct, frozen=True):
    """The smallest batch sizes that do: without a gap in store order; below 1% when shuffled."""

    sequential: Size
    shuffled_1pct: Size


class ValueHistogram(msgspec.Struct, frozen=True):
    """How the values of some records, spread evenly over the dataset, are distributed."""

    bins: Annotated[list[Number], Meta(description="Edges: one more than ``counts``.")]
    counts: Annotated[list[Count], Meta(max_length=64)]
    records: Annotated[Size, Meta(description="How many records the sample holds.")]


class GapCurve(msgspec.Struct, frozen=True):
    """Shares of batches that lack a class, over a range of batch sizes."""

    batch_sizes: Annotated[list[Size], Meta(description="Ascending.")]
    sequential: list[Share]
    shuffled: list[Share]


class ClassPositionsRow(msgspec.Struct, frozen=True):
    """Where the records of a class lie, or of the classes from ``first`` to ``last``."""

    first: Count
    last: Count
    records: Size
    first_index: Count
    last_index: Count
    counts: Annotated[list[Count], Meta(description="Records in each stretch of the store.")]


class ClassPositions(msgspec.Struct, frozen=True):
    """Where in the store each class lies.

    Stretch i of ``bins`` holds the records whose index times ``bins`` divided by the number of
    records, rounded down, is i.
    """

    bins: Size
    rows: list[ClassPositionsRow]


class ImageSize(msgspec.Struct, frozen=True):
    """How many images have this size in pixels."""

    width: Count
    height: Count
    records: Size


class RecordRange(msgspec.Struct, frozen=True):
    """Records of a store; where the epoch ends in between, ``first`` is larger than ``last``."""

    first: Count
    last: Count


class LogCurve(msgspec.Struct, frozen=True):
    """Losses and rates of a run, thinned out; null where there is no finite number."""

    iterations: list[Count]
    losses: list[Number | None]
    rates: list[Number | None]


class LogFigures(msgspec.Struct, frozen=True):
    """What a training log shows: the last run, or the last that broke if that one is healthy."""

    iterations: Annotated[Count, Meta(description="The largest that the log tells of.")]
    last_finite_iteration: Annotated[
        Count | None, Meta(description="Of the last line in front of the break.")
    ]
    first_nonfinite_iteration: Count | None
    cause: Cause
    records: Annotated[
        RecordRange | None,
        Meta(description="Read between these iterations; null without a net, or a known order."),
    ]
    culprits: Annotated[
        list[Count] | None, Meta(description="Indices of those of them that have an error.")
    ]


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """Dataset, findings and statistics of one scan; of a net, with those of its sources."""

    schema: Literal["datascan-report/1"]
    datascan: Annotated[str, Meta(description="The version of datascan that wrote the report.")]
    complete: Annotated[bool, Meta(description="False where the scan was stopped early.")]
    verdict: Annotated[
        Literal["pass", "fail"],
        Meta(description="fail: a finding is at or above the severity that --fail-on names."),
    ]
    elapsed_seconds: Annotated[float, Meta(ge=0)]
    dataset: DatasetInfo
    findings: Annotated[
        list[Finding], Meta(description="Errors first, then by number of records, then by rule.")
    ]
    labels: LabelFigures | None
    values: ValueFigures | None
    shapes: Annotated[
        list[ShapeFigures], Meta(max_length=100, description="The most frequent first.")
    ]
    batch_sizes: Annotated[
        list[BatchFigures], Meta(description="In the order in which they were asked for.")
    ]
    min_batch_size: MinBatchSize | None
    started: Annotated[
        str | None, Meta(description="When the scan began: ISO 8601 with its zone.")
    ] = None
    command: Annotated[
        str | None, Meta(description="What was typed, quoted for a shell; absent from Python.")
    ] = None
    thumbnails: Annotated[
        dict[str, str] | None,
        Meta(description="Small pictures of examples by index, as data: URIs of JPEG or PNG."),
    ] = None
    histogram: ValueHistogram | None = None
    gap_curve: GapCurve | None = None
    strip: ClassPositions | None = None
    image_sizes: Annotated[
        list[ImageSize] | None,
        Meta(description="Where there are more shapes than ``shapes`` holds; the first 10,000."),
    ] = None
    fail_on: Annotated[
        Literal["error", "warning", "never"] | None,
        Meta(description="The severity from which on a finding fails the scan."),
    ] = None
    rules: Annotated[
        list[str] | None, Meta(description="The rules that were applied, by name.")
    ] = None
    sources: Annotated[
        list[Report] | None, Meta(description="Of a net or log: the scans of its data sources.")
    ] = None
    phase: Annotated[
        Literal["TRAIN", "TEST"] | None, Meta(description="Of a source: when the net reads it.")
    ] = None
    batch_size: Annotated[
        Size | UnsetType | None,
        Meta(description="Of a source: as its layer has it, without iter_size."),
    ] = UNSET
    num_classes: Annotated[
        Count | UnsetType | None,
        Meta(description="Of a source: outputs of the layer that the loss reads, if known."),
    ] = UNSET
    layer: Annotated[str | None, Meta(description="Of a source: the layer that reads it.")] = None
    log: LogFigures | None = None
    log_curve: LogCurve | None = None
    log_runs: Annotated[Size | None, Meta(description="Runs in the log, if several.")] = None

    @property
    def passed(self) -> bool:
        """Whether there is no finding at or above the severity that fails a scan."""
        return self.verdict == "pass"

    @property
    def reports(self) -> list[Report]:
        """This report, and those of the sources of a net or log."""
        return [self, *(self.sources or ())]

    @property
    def all_findings(self) -> list[Finding]:
        """The findings of this report, and those of its sources."""
        return [finding for report in self.reports for finding in report.findings]

    @property
    def name(self) -> str:
        """The dataset; of a source with the phase and layer that read it."""
        reader = f" ({self.phase}, layer {self.layer or '?'})" if self.phase else ""
        return f"{self.dataset.path}{reader}"

    @property
    def failing(self) -> tuple[Finding, ...]:
        """The findings that fail the scan, those of sources too; none where it passed."""
        if self.passed:
            return ()
        return tuple(finding for finding in self.all_findings if self.fails_by(finding))

    def fails_by(self, finding: Finding) -> bool:
        """Whether ``finding`` is at or above the severity that fails, and not accepted."""
        if finding.accepted is not None:
            return False
        levels = {"warning": ("error", "warning"), "never": ()}.get(self.fail_on or "", ("error",))
        return finding.severity in levels

    def raise_for_findings(self) -> Report:
        """The report itself if the dataset passed: the gate before a training.

        Raises:
            FindingsError: where it did not; lists what was found, worst first.
        """
        if self.passed:
            return self
        told = [
            f"  {f.severity} {f.rule}: {f.message}{'' if report is self else f' [{report.name}]'}"
            for report in self.reports
            for f in report.findings
            if self.fails_by(f)
        ]
        lines = [f"{self.dataset.path} fails: {len(told)} finding(s)", *told[:MAX_LISTED]]
        if len(told) > MAX_LISTED:
            lines.append(f"  and {len(told) - MAX_LISTED} more")
        raise FindingsError("\n".join(lines), self.failing)

    def to_json(self) -> str:
        """The report as JSON text, indented, without NaN or Infinity tokens."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    def to_html(self) -> str:
        """The report as a page of its own, which needs nothing beside it."""
        html: str = load("datascan.outputs.html").render(self)
        return html

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """Read a report back; members that are not known are passed over.

        Raises:
            DatasetError: where the text is no datascan report.
        """
        if isinstance(text, bytes):
            text = text.removeprefix(codecs.BOM_UTF8)
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise DatasetError(f"not a datascan report: {error}") from error


class FailedScan(NamedTuple):
    """A scan that could not be made: of what, and why, in a sentence."""

    path: str
    error: str
