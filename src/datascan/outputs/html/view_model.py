"""What the page shows, as plain values: the templates only lay it out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datascan.outputs.html.figure import Figure
from datascan.outputs.html.figures import figures_of
from datascan.outputs.html.limits import Limits, short
from datascan.outputs.html.place_strip import draw_places
from datascan.outputs.html.rule_sections import Section, sections
from datascan.outputs.html.words import MARKED, MARKS, noun_of, whole_command
from datascan.report.fair_share import share_examples
from datascan.report.figures import Example, Finding
from datascan.report.model import (
    DatasetReport,
    LogReport,
    NetReport,
    Report,
    SourceReport,
    describe_stop,
)
from datascan.report.origin import describe_origin
from datascan.report.summary import (
    count_records,
    describe_clean,
    describe_excluded,
    describe_targets,
    summarize_checked,
    summarize_findings,
    summarize_unmatched,
)
from datascan.report.titles import finding_title
from datascan.text import escape_control, format_bytes, format_percent, pluralize

SEVERITIES = ("error", "warning", "info")
PICTURE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=]{1,40000}")


@dataclass(frozen=True, slots=True)
class ExampleView:
    """A row of a table of examples; ``index`` is None unless it is about a single record."""

    index: int | None
    key: str
    detail: str
    thumbnail: str | None


@dataclass(frozen=True, slots=True)
class RuleView:
    """The findings of one rule at one severity: a card on the page."""

    anchor: str
    rule: str
    title: str
    severity: str
    records: int
    share: float
    share_text: str
    messages: tuple[str, ...]
    fixes: tuple[str, ...]
    examples: tuple[ExampleView, ...]
    more: int
    page: tuple[Section, ...]
    accepted: str = ""
    tolerated: str = ""
    """Why the finding does not fail the scan, if it has few enough records."""
    places: str = ""
    """A strip that shows where in the dataset the records are, as SVG."""
    note: str = ""
    """What the marks in its pictures mean."""

    @property
    def has_keys(self) -> bool:
        """Whether any example has a name."""
        return self.has_records or any(example.key for example in self.examples)

    @property
    def has_records(self) -> bool:
        """Whether any example names a record."""
        return any(example.index is not None for example in self.examples)

    @property
    def has_thumbnails(self) -> bool:
        """Whether any example has a picture."""
        return any(example.thumbnail for example in self.examples)


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report as shown on a page.

    ``anchor`` is the prefix of its ids, ``level`` the level of its first heading.
    """

    anchor: str
    verdict: str
    complete: bool
    clean: str
    path: str
    title: str
    facts: tuple[tuple[str, str], ...]
    tally: tuple[tuple[str, int], ...]
    checked: str
    """How many rules passed, failed and do not apply; "" if the report does not say."""
    inapplicable: tuple[tuple[str, str], ...]
    """Rules that do not apply, and why."""
    stopped: str
    """How much was read before the scan was stopped."""
    counts: str
    """How many records are bad; "" for a report that does not count them."""
    opening: tuple[str, ...]
    """What to do, in sentences."""
    command: str
    """The whole command; "" if it is unknown, or too long for a shell."""
    noun: str
    """What a record is called: "image"."""
    rules: tuple[RuleView, ...]
    left_out: int
    figures: tuple[Figure, ...]
    version: str
    level: int = 1
    accepted: int = 0
    configuration: str = ""
    """The configuration file in use, and what it sets."""
    silenced: bool = False
    """Whether it hides findings or a part of the dataset."""
    within: str = ""
    """Distinguishes its landmarks from those of other reports on the page: " of source 1"."""
    origin: tuple[tuple[str, str], ...] = ()
    """How the report was made, by subject."""
    sources: tuple[ReportView, ...] = ()
    sources_left: int = 0

    @property
    def data(self) -> dict[str, Any]:
        """The data of the charts, by the id of the figure."""
        found = {figure.anchor: figure.data for figure in self.figures if figure.data}
        for source in self.sources:
            found |= source.data
        return found


def build_view(
    report: Report, limits: Limits, anchor: str = "report", level: int = 1, within: str = ""
) -> ReportView:
    """A report within ``limits``; ``level`` and ``within`` as in :class:`ReportView`."""
    sources, applied = report.sources or [], report.configuration
    groups = group_findings(report.findings[: limits.findings])
    pictures = pictures_of(report, limits)
    path = format_value(report.dataset.path, limits)
    return ReportView(
        anchor=anchor,
        verdict="incomplete" if report.is_incomplete else report.verdict,
        complete=report.complete,
        clean=format_value(describe_clean(report)[:1].upper() + describe_clean(report)[1:], limits),
        path=path,
        title=f"{report.verdict.upper()} · {path}",
        facts=tuple(facts_of(report, limits)),
        tally=tuple(
            (s, sum(f.severity == s and f.accepted is None for f in report.all_findings))
            for s in SEVERITIES
        ),
        counts=summarize_findings(report) if report.bad_records else "",
        checked=summarize_checked(report.checked) if report.checked else "",
        inapplicable=tuple(
            (r.rule, format_value(r.reason, limits)) for r in report.checked or () if r.reason
        ),
        stopped=describe_stop(report),
        opening=tuple(format_value(text, limits) for text in report.opening or ()),
        command=whole_command(report),
        noun=noun_of(report),
        rules=tuple(
            rule_view(f"{anchor}-finding-{i}", same, report, pictures, limits)
            for i, same in enumerate(groups)
        ),
        left_out=max(0, len(report.findings) - limits.findings),
        figures=tuple(figures_of(report, limits, anchor)),
        version=format_value(report.datascan, limits),
        level=level,
        within=within,
        configuration=format_value(applied.text, limits) if applied else "",
        silenced=applied is not None and applied.silences,
        origin=tuple((name, format_value(text, limits)) for name, text in describe_origin(report)),
        accepted=sum(f.accepted is not None for f in report.all_findings),
        sources=tuple(
            build_view(
                inner,
                limits.shared(len(sources)),
                f"{anchor}-source-{i}",
                level=level + 1,
                within=f" of source {i}{within}",
            )
            for i, inner in enumerate(sources[: limits.sources], 1)
        ),
        sources_left=max(0, len(sources) - limits.sources),
    )


def format_value(text: str, limits: Limits) -> str:
    """Text from the dataset: control characters escaped, cut to the limit."""
    # Cut before escaping as well, because an escape takes up to ten characters.
    return short(escape_control(short(text, 2 * limits.text)), limits.text)


def pictures_of(report: Report, limits: Limits) -> Mapping[str, str]:
    """The thumbnails that are images, as reports may come from any source, shared by the rules."""
    found = (report.thumbnails if isinstance(report, DatasetReport) else None) or {}
    chosen = map(str, share_examples(report.findings[: limits.findings], limits.thumbnails))
    return {index: found[index] for index in chosen if PICTURE.fullmatch(found.get(index, ""))}


def facts_of(report: Report, limits: Limits) -> list[tuple[str, str]]:
    """The facts at the head of a report, by name: dataset, size, time, command."""
    facts = [*source_facts(report, limits), *size_facts(report, limits), *label_facts(report)]
    for subject, text in (report.dataset.notes or {}).items():
        facts.append((format_value(subject, limits).capitalize(), format_value(text, limits)))
    if unmatched := summarize_unmatched(report.unmatched):
        facts.append(("Baseline", format_value(unmatched, limits)))
    if report.started is not None:
        facts.append(("Scanned", format_value(report.started.replace("T", " ", 1), limits)))
    if excluded := describe_excluded(report.dataset):
        facts.append(("Excluded", excluded.removesuffix(" excluded")))
    if report.dataset.other_files:
        facts.append(("Ignored", pluralize(report.dataset.other_files, "non-image file")))
    facts.append(("Took", f"{report.elapsed_seconds:,.2f} s"))
    if report.cache is not None and (text := str(report.cache)):
        facts.append(("Cache", format_value(text, limits)))
    return facts


def source_facts(report: Report, limits: Limits) -> list[tuple[str, str]]:
    """Which layer reads a source."""
    if not isinstance(report, SourceReport):
        return []
    return [("Read by", f"layer {format_value(report.layer or '?', limits)} ({report.phase})")]


def size_facts(report: Report, limits: Limits) -> list[tuple[str, str]]:
    """Format and size of a dataset, net or log; batch size and classes of a source."""
    dataset = report.dataset
    kind = f"{format_value(dataset.backend, limits)}, {format_value(dataset.layout, limits)}"
    records = count_records(dataset).replace("record", noun_of(report))
    size = f"{records}, {format_bytes(dataset.bytes)}"
    if isinstance(report, LogReport):
        log, notes = report.log, [("Note", format_value(n, limits)) for n in report.log.notes or ()]
        return [("Log", kind), ("Iterations", f"{log.iterations:,}"), ("Cause", log.cause), *notes]
    if isinstance(report, NetReport):
        return [("Net", kind), ("Sources", f"{len(report.sources):,}"), ("Size", size)]
    facts = [("Dataset", kind), ("Size", size)]
    if isinstance(report, SourceReport) and report.batch_size:
        facts.append(("Batch size", f"{report.batch_size:,}"))
    if isinstance(report, SourceReport) and report.num_classes:
        facts.append(("Classes", f"{report.num_classes:,}"))
    return facts


def label_facts(report: Report) -> list[tuple[str, str]]:
    """The range of regression targets."""
    labels = report.labels
    if labels is None or labels.kind != "regression":
        return []
    return [("Labels", describe_targets(labels))]


def group_findings(findings: list[Finding]) -> list[list[Finding]]:
    """Findings grouped by rule, severity and acceptance, in the order of the report."""
    groups: dict[tuple[str, str, bool], list[Finding]] = {}
    for finding in findings:
        known = finding.accepted is not None
        groups.setdefault((finding.rule, finding.severity, known), []).append(finding)
    return list(groups.values())


def rule_view(
    anchor: str, same: list[Finding], report: Report, pictures: Mapping[str, str], limits: Limits
) -> RuleView:
    """The card of a rule."""
    records = max(finding.records for finding in same)
    total = report.dataset.records
    share = min(1.0, records / total) if total else 0.0
    examples = [
        example_view(example, pictures, limits)
        for finding in same
        for example in finding.examples[: limits.examples]
        if example.index is not None or example.detail not in finding.message
    ][: limits.rows]
    shown = any(example.thumbnail for example in examples)
    named = sum(example.index is not None for example in examples)
    rule = format_value(same[0].rule, limits)
    return RuleView(
        anchor=anchor,
        rule=rule,
        severity=same[0].severity,
        title=format_value(finding_title(same[0], report.dataset), limits),
        records=records,
        share=share,
        share_text=format_percent(share) if records else "",
        messages=tuple(format_value(finding.statement, limits) for finding in same),
        fixes=tuple(dict.fromkeys(format_value(finding.fix, limits) for finding in same)),
        examples=tuple(examples),
        more=sum(finding.records for finding in same) - named if named else 0,
        page=sections(same[0].rule),
        accepted=acceptance(same[0], limits),
        tolerated=tolerance(same[0], limits),
        places=draw_places(same, report, limits),
        note=MARKS if shown and same[0].rule in MARKED else "",
    )


def acceptance(finding: Finding, limits: Limits) -> str:
    """Why a finding is accepted, and until when; empty if it is not."""
    if finding.accepted is None:
        return ""
    until = finding.accepted.expires
    over = "" if until is None else f" (until {until.isoformat()})"
    return format_value(finding.accepted.reason, limits) + over


def tolerance(finding: Finding, limits: Limits) -> str:
    """How many of the tolerated records there are; empty if the finding is not tolerated."""
    return "" if finding.tolerated is None else format_value(finding.tolerated.text, limits)


def example_view(example: Example, pictures: Mapping[str, str], limits: Limits) -> ExampleView:
    """A row of the table of examples."""
    return ExampleView(
        index=example.index,
        key=format_value(example.key or "", limits),
        detail=format_value(example.detail, limits),
        thumbnail=pictures.get(str(example.index)),
    )
