"""The reports: what a scan of a dataset, a net or a training log found.

A report is a :class:`DatasetReport`, a :class:`NetReport` or a :class:`LogReport`; the JSON member
``kind`` says which. Their common base :class:`Report` has what all of them share.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta

from datascan.config.applied import AppliedConfiguration
from datascan.errors import DatasetError, FindingsError
from datascan.plugins import load
from datascan.report.failed_scan import (  # outputs of other packages import it from here
    FailedScan as FailedScan,  # noqa: PLC0414  (so that type checkers see it, too)
)
from datascan.report.figures import (
    BadRecords,
    BatchFigures,
    CheckedRule,
    ClassPositions,
    Count,
    DatasetInfo,
    Finding,
    GapCurve,
    ImageSize,
    LabelFigures,
    LogCurve,
    LogFigures,
    MinBatchSize,
    ShapeFigures,
    Size,
    UnmatchedEntry,
    ValueFigures,
    ValueHistogram,
)
from datascan.report.head import read_head
from datascan.report.provenance import Provenance
from datascan.report.stop import describe_stopped
from datascan.text import escape_control, escape_in_json, format_percent, pluralize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMA = "datascan-report/1"

MAX_LISTED = 10
"""The most findings that the text of an error lists."""

MAX_SUMMARIZED = 3
"""The most rules that ``repr`` names."""

SEVERITIES = ("error", "warning", "info")


class VerdictBasis(Provenance, frozen=True, omit_defaults=True, kw_only=True, tag_field="kind"):
    """What the verdict depends on besides the findings.

    A base class of its own for the order of the JSON members: msgspec writes keyword-only members
    after the others.
    """

    configuration: Annotated[
        AppliedConfiguration | None,
        Meta(description="The configuration file in use; absent if there is none."),
    ] = None
    fail_on: Annotated[
        Literal["error", "warning", "never"] | None,
        Meta(description="The lowest severity that fails the scan."),
    ] = None
    rules: Annotated[list[str] | None, Meta(description="Names of the rules applied.")] = None
    checked: Annotated[
        list[CheckedRule] | None, Meta(description="Every rule, and whether it was passed.")
    ] = None
    unmatched: Annotated[
        list[UnmatchedEntry] | None, Meta(description="Baseline entries that match no finding.")
    ] = None
    bad_records: Annotated[
        BadRecords | None, Meta(description="Records with findings; null for nets and logs.")
    ] = None
    opening: Annotated[
        Annotated[list[str], Meta(max_length=3)] | None,
        Meta(description="What to do, in sentences made from the findings."),
    ] = None


class Report(VerdictBasis, frozen=True):
    """What every report has; a base class, use one of the three kinds.

    ``labels``, ``values``, ``shapes``, ``batch_sizes`` and ``min_batch_size`` are empty for nets
    and logs, whose ``sources`` have them.
    """

    schema: Literal["datascan-report/1"]
    datascan: Annotated[str, Meta(description="The version of datascan that wrote the report.")]
    complete: Annotated[bool, Meta(description="False if the scan was stopped early.")]
    verdict: Annotated[
        Literal["pass", "fail", "incomplete"],
        Meta(
            description="fail: a finding is at or above the severity ``fail_on``. incomplete: the "
            "scan was stopped before it found one, so the rest of the dataset is unknown; or it "
            "was ended by ``--fail-fast`` or ``--max-time``, which ``stopped`` says."
        ),
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
    batch_sizes: Annotated[list[BatchFigures], Meta(description="In the order of the request.")]
    min_batch_size: MinBatchSize | None
    started: Annotated[
        str | None, Meta(description="Start of the scan: ISO 8601 with its time zone.")
    ] = None
    command: Annotated[
        str | None, Meta(description="The command, quoted for a shell; absent for a Python call.")
    ] = None

    @property
    def kind(self) -> str:
        """The kind of report: "dataset", "net" or "log"."""
        return str(self.__struct_config__.tag)

    @property
    def passed(self) -> bool:
        """Whether the whole scan has no finding at or above the severity that fails it."""
        return self.verdict == "pass" and self.complete

    @property
    def is_incomplete(self) -> bool:
        """Whether the scan was stopped before it found what fails it, or by an option.

        Reports of datascan 0.1 call that a pass.
        """
        return self.verdict != "fail" and not self.complete

    @property
    def reports(self) -> list[Report]:
        """This report, followed by those of the sources of a net or log."""
        return [self, *(self.sources or ())]

    @property
    def sources(self) -> list[SourceReport] | None:
        """The reports of the sources of a net or log; None for a dataset."""
        return None

    @property
    def all_findings(self) -> list[Finding]:
        """The findings of this report and of its sources."""
        return [finding for report in self.reports for finding in report.findings]

    @property
    def name(self) -> str:
        """The path of the dataset; for a source, with the phase and layer that read it."""
        return self.dataset.path

    @property
    def failing(self) -> tuple[Finding, ...]:
        """The findings that fail the scan, including those of sources; empty if it passed."""
        if self.passed:
            return ()
        return tuple(finding for finding in self.all_findings if self.fails_by(finding))

    def fails_by(self, finding: Finding) -> bool:
        """Whether ``finding`` fails the scan: it is severe enough, not accepted or tolerated."""
        if not finding.counts:
            return False
        levels = {"warning": ("error", "warning"), "never": ()}.get(self.fail_on or "", ("error",))
        return finding.severity in levels

    def raise_for_findings(self) -> Self:
        """Return the report if it passed: the gate before a training run.

        Raises:
            FindingsError: if it failed or is incomplete; lists what was found, worst first.
        """
        if self.passed:
            return self
        if self.is_incomplete:
            raise FindingsError(f"{self.dataset.path}: {describe_stop(self)}", self.failing)
        listed = [
            escape_control(
                f"  {f.severity} {f.rule}: {f.summary}"
                f"{'' if report is self else f' [{report.name}]'}"
            )
            for report in self.reports
            for f in report.findings
            if self.fails_by(f)
        ]
        path = escape_control(self.dataset.path)
        lines = [f"{path} failed: {pluralize(len(listed), 'finding')}"]
        lines += listed[:MAX_LISTED]
        if len(listed) > MAX_LISTED:
            lines.append(f"  and {len(listed) - MAX_LISTED} more")
        raise FindingsError("\n".join(lines), self.failing)

    def to_json(self) -> str:
        """The report as JSON text, indented, without NaN or Infinity tokens.

        Characters that are not safe to print are escaped; they read back as they were.
        """
        return escape_in_json(msgspec.json.format(msgspec.json.encode(self), indent=2).decode())

    def to_html(self) -> str:
        """The report as a self-contained HTML page."""
        html: str = load("datascan.outputs.html").render([self])
        return html

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a report; unknown members are ignored.

        Reports of datascan 0.1 have no ``kind``: it is inferred from ``dataset.backend``.

        Raises:
            DatasetError: if the text is not a datascan report, or not one of this class.
        """
        if isinstance(text, bytes):
            text = text.removeprefix(codecs.BOM_UTF8)
        try:
            report: Any = msgspec.json.decode(text, type=type_in_json(text))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise DatasetError(f"not a datascan report: {error}") from error
        if not isinstance(report, cls):
            raise DatasetError(f"not a {cls.__name__}: a {report.kind} report")
        return report

    def __repr__(self) -> str:
        """Verdict, dataset, findings by severity and the worst rules, in at most three lines."""
        lines = "\n ".join(summary_lines(self))
        return f"<{type(self).__name__} {lines}>"

    def _repr_html_(self) -> str:
        """The page in a frame, for notebooks: its styles and scripts do not leak."""
        from html import escape  # noqa: PLC0415  (only for notebooks, and slow to load)

        return (
            f'<iframe srcdoc="{escape(self.to_html())}" sandbox="allow-scripts" '
            'style="width: 100%; height: 40rem; border: 0"></iframe>'
        )


def describe_stop(report: Report) -> str:
    """How much was read before the scan was stopped: "... 1,024 of 60,000 records (1.71%) ..."."""
    records, total = report.dataset.records, report.dataset.total
    seen = pluralize(records, "record")
    if total and total > records:
        seen = f"{records:,} of {pluralize(total, 'record')} ({format_percent(records / total)})"
    if report.stopped is not None and report.stopped.is_chosen:
        return describe_stopped(report.stopped, seen, records)
    return f"the scan was stopped after {seen}; the rest was not checked"


def summary_lines(report: Report) -> Iterator[str]:
    """A report in two or three lines."""
    dataset = report.dataset
    size = pluralize(dataset.records, "record")
    if report.sources:
        size = f"{pluralize(len(report.sources), 'source')}, {size}"
    where = f"{dataset.path} ({dataset.backend}, {dataset.layout}), {size}"
    stopped = ", stopped early" if report.verdict == "fail" and not report.complete else ""
    verdict = "incomplete" if report.is_incomplete else report.verdict
    yield f"{verdict.upper()}: {escape_control(where)}{stopped}"
    counted = [finding for finding in report.all_findings if finding.accepted is None]
    counts = {s: sum(finding.severity == s for finding in counted) for s in SEVERITIES}
    parts = [pluralize(count, severity) for severity, count in counts.items() if count]
    accepted = len(report.all_findings) - len(counted)
    parts += [f"{accepted:,} accepted"] if accepted else []
    tolerated = sum(finding.tolerated is not None for finding in counted)
    parts += [f"{tolerated:,} tolerated"] if tolerated else []
    yield ", ".join(parts) or "no findings"
    if counted:
        worst = sorted(counted, key=lambda finding: SEVERITIES.index(finding.severity))
        rules = dict.fromkeys(escape_control(finding.rule) for finding in worst)
        more = ", ..." if len(rules) > MAX_SUMMARIZED else ""
        yield f"worst: {', '.join(list(rules)[:MAX_SUMMARIZED])}{more}"


class DatasetReport(Report, frozen=True, dict=True, tag="dataset"):
    """The report of a dataset; charts and thumbnails only if a page was asked for.

    In the process that made it, a report also knows all bad records (:meth:`bad_indices`), which
    are not part of its JSON.
    """

    thumbnails: Annotated[
        dict[str, str] | None,
        Meta(description="Thumbnails of examples by index, as data: URIs of JPEG or PNG."),
    ] = None
    histogram: ValueHistogram | None = None
    gap_curve: GapCurve | None = None
    strip: ClassPositions | None = None
    image_sizes: Annotated[
        list[ImageSize] | None,
        Meta(description="If there are more shapes than ``shapes`` holds; the first 10,000."),
    ] = None

    def bad_indices(self, rules: str | Iterable[str] | None = None) -> NDArray[np.int64]:
        """The indices of all records with errors, or of all records that ``rules`` name.

        Accepted findings are left out. Returns int64 (n,), ascending, without repetitions.

        Raises:
            UsageError: if a rule does not exist.
            DatasetError: if the report was loaded from a file, which has 20 of a finding at most.
        """
        from datascan.report.bad_indices import find_bad_indices  # noqa: PLC0415  (needs NumPy)

        chosen = (rules,) if isinstance(rules, str) else rules
        return find_bad_indices(vars(self), self.findings, chosen)


def null() -> None:
    """A null that is written: msgspec omits defaults, but never the value of a factory."""


def empty() -> list[Any]:
    """An empty list that is written, for the same reason."""
    return []


class SourceReport(DatasetReport, frozen=True, kw_only=True):
    """The report of a dataset that a net reads."""

    phase: Annotated[Literal["TRAIN", "TEST"], Meta(description="The phase that reads it.")]
    batch_size: Annotated[
        Size | None, Meta(description="As given by its layer, without iter_size.")
    ] = msgspec.field(default_factory=null)
    num_classes: Annotated[
        Count | None,
        Meta(description="Outputs of the layer that the loss reads; null if unknown."),
    ] = msgspec.field(default_factory=null)
    layer: Annotated[str | None, Meta(description="The layer that reads it.")] = None

    @property
    def name(self) -> str:
        """The path of the dataset, with the phase and layer that read it."""
        return f"{self.dataset.path} ({self.phase}, layer {self.layer or '?'})"

    @classmethod
    def of(
        cls,
        report: DatasetReport,
        *,
        phase: Literal["TRAIN", "TEST"],
        layer: str | None = None,
        batch_size: int | None = None,
        num_classes: int | None = None,
    ) -> SourceReport:
        """The report of a dataset as that of a source."""
        return cls(
            **{name: getattr(report, name) for name in DatasetReport.__struct_fields__},
            phase=phase,
            batch_size=batch_size,
            num_classes=num_classes,
            layer=layer,
        )


class ReportOfSources(Report, frozen=True):
    """What reports of nets and logs share: no figures of their own, but sources that have them."""

    labels: None = msgspec.field(default_factory=null)
    values: None = msgspec.field(default_factory=null)
    shapes: Annotated[list[ShapeFigures], Meta(max_length=0)] = msgspec.field(default_factory=empty)
    batch_sizes: Annotated[list[BatchFigures], Meta(max_length=0)] = msgspec.field(
        default_factory=empty
    )
    min_batch_size: None = msgspec.field(default_factory=null)


class NetReport(ReportOfSources, frozen=True, kw_only=True, tag="net"):
    """The report of a net and its solver, with the reports of the datasets that the net reads."""

    sources: Annotated[list[SourceReport], Meta(description="One for each phase and layer.")]
    not_checked: Annotated[
        list[str] | None, Meta(description="Parts of the net that are not understood or not read.")
    ] = None


class LogReport(ReportOfSources, frozen=True, kw_only=True, tag="log"):
    """The report of a training log: why the loss broke, and the data read at the time."""

    sources: Annotated[
        list[SourceReport] | None, Meta(description="Of the net, if one was given.")
    ] = None
    log: LogFigures
    log_curve: LogCurve | None = None
    log_runs: Annotated[Size | None, Meta(description="Runs in the log, if several.")] = None


KINDS: dict[str | None, type[Report]] = {"net": NetReport, "log": LogReport}


def type_in_json(text: str | bytes) -> type[Report]:
    """The type of a report: by its kind, or by its backend if datascan 0.1 wrote it.

    Raises:
        msgspec.DecodeError: if the text is not a JSON object, or these members have other types.
        DatasetError: if it holds the reports of several datasets.
    """
    head = read_head(text)
    kind = head.kind or (head.dataset.backend if head.dataset else None)
    return KINDS.get(kind, DatasetReport if head.phase is None else SourceReport)
