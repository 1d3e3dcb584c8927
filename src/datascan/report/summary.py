"""The report in one sentence: how many records are bad, and how badly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from datascan.report.figures import CheckedRule, DatasetInfo, Finding, LabelFigures, UnmatchedEntry
from datascan.report.model import NetReport, Report
from datascan.text import format_number, format_percent, pluralize

SEVERITIES = ("error", "warning", "info")
MAX_UNMATCHED = 5
MAX_UNCHECKED = 5


def summarize_findings(report: Report) -> str:
    """How many records have errors and warnings, and what else was found; "" for no findings.

    "45 of 5,000 images have errors (0.9%), 44 more have warnings; 1 warning about the dataset".
    Findings about nets and logs, and those of reports without counts, are counted themselves.
    """
    parts = [", ".join(describe_records(report)), count_findings(report), count_accepted(report)]
    parts.append(count_tolerated(report))
    return "; ".join(part for part in parts if part)


def describe_clean(report: Report) -> str:
    """What can be said of a report without findings: nothing of what was not checked."""
    unchecked = report.not_checked if isinstance(report, NetReport) else None
    if unchecked:
        names, more = ", ".join(unchecked[:MAX_UNCHECKED]), len(unchecked) - MAX_UNCHECKED
        rest = f" and {more:,} more" if more > 0 else ""
        return f"no findings in the parts that were checked; not checked: {names}{rest}"
    if report.complete and report.dataset.records:
        return "no findings; nothing here should break training"
    return "no findings"


def describe_records(report: Report) -> Iterator[str]:
    """The clauses about records with errors, warnings and notes."""
    bad = report.bad_records
    if bad is None:
        return
    noun = "image" if report.dataset.backend == "images" else "record"
    total = report.dataset.records
    kinds = ((bad.error, "errors"), (bad.warning, "warnings"), (bad.info, "notes"))
    found = [(count, kind) for count, kind in kinds if count]
    for number, (count, kind) in enumerate(found):
        verb = "has" if count == 1 else "have"
        if number:
            yield f"{count:,} more {verb} {kind}"
        else:
            share = format_percent(count / total) if total else "?"
            yield f"{count:,} of {pluralize(total, noun)} {verb} {kind} ({share})"


def count_findings(report: Report) -> str:
    """The findings that do not name records, by severity."""
    found = [
        finding
        for finding in report.all_findings
        if finding.accepted is None and not (report.bad_records and names_records(finding))
    ]
    counts = [sum(finding.severity == severity for finding in found) for severity in SEVERITIES]
    words = [pluralize(n, word) for n, word in zip(counts, SEVERITIES, strict=True) if n]
    about = " about the dataset" if words and report.bad_records else ""
    return ", ".join(words) + about


def count_accepted(report: Report) -> str:
    """How many findings a baseline accepts."""
    accepted = sum(finding.accepted is not None for finding in report.all_findings)
    return f"{accepted:,} accepted" if accepted else ""


def count_tolerated(report: Report) -> str:
    """How many findings are tolerated: with few enough records."""
    tolerated = sum(finding.tolerated is not None for finding in report.all_findings)
    return f"{tolerated:,} tolerated" if tolerated else ""


def count_records(dataset: DatasetInfo) -> str:
    """How many records were read: "first 1,000 of 50,000 records" under a limit.

    "49,890 of 50,000 records" if others could not be read, "sample of 1,000 of 50,000 records", or
    "of the first 5,000 records" under a limit as well.
    """
    seen = pluralize(dataset.records, "record")
    if dataset.sample is not None:
        return describe_sample(dataset)
    if dataset.limit is None and dataset.total:
        return f"{dataset.records:,} of {pluralize(dataset.total, 'record')}"
    if dataset.limit is None or dataset.records < dataset.limit:
        return seen
    return (
        f"first {dataset.records:,} of {pluralize(dataset.total, 'record')}"
        if dataset.total
        else f"first {seen}"
    )


def describe_part(report: Report) -> str:
    """Which part of the records was asked for: "first 1,000 of 50,000 records"; "" if all were.

    Of a net, those of its data.
    """
    parts = []
    for one in (report, *(report.sources or ())):
        dataset = one.dataset
        is_limited = dataset.limit is not None and dataset.records >= dataset.limit
        if dataset.sample is not None or is_limited:
            parts.append(count_records(dataset))
    return "; ".join(dict.fromkeys(parts))


def describe_excluded(dataset: DatasetInfo) -> str:
    """How many files and folders were left out: "12 files and 1 folder excluded"; "" if none."""
    counts = ((dataset.excluded_files, "file"), (dataset.excluded_folders, "folder"))
    found = [pluralize(count, noun) for count, noun in counts if count]
    return f"{' and '.join(found)} excluded" if found else ""


def describe_sample(dataset: DatasetInfo) -> str:
    """How many records are in the sample, and of how many."""
    if dataset.total is None:
        return f"sample of {pluralize(dataset.records, 'record')}"
    limit = dataset.limit
    if limit is not None and limit < dataset.total:
        return f"sample of {dataset.records:,} of the first {pluralize(limit, 'record')}"
    return f"sample of {dataset.records:,} of {pluralize(dataset.total, 'record')}"


def summarize_unmatched(entries: Sequence[UnmatchedEntry] | None) -> str:
    """The entries of the baseline that can be deleted; "" if there are none."""
    if not entries:
        return ""
    verb = "entry of the baseline matches" if len(entries) == 1 else "entries of the baseline match"
    named = [f"{entry.rule} ({entry.reason})" for entry in entries[:MAX_UNMATCHED]]
    more = f" and {len(entries) - MAX_UNMATCHED:,} more" if len(entries) > MAX_UNMATCHED else ""
    return f"{len(entries):,} {verb} no finding any more: {', '.join(named)}{more}"


def describe_targets(labels: LabelFigures) -> str:
    """Labels that are not classes: "regression targets, 0 to 1", "vectors of 4 numbers"."""
    if labels.encoding:
        return f"{labels.encoding} vectors of {labels.size or 0:,} numbers"
    kind = f"vectors of {labels.size:,} numbers" if labels.size else "regression targets"
    return f"{kind}, {format_number(labels.min)} to {format_number(labels.max)}"


def summarize_checked(checked: Sequence[CheckedRule]) -> str:
    """How many rules were passed and failed, and why others do not apply, in one line.

    "31 rules passed, 4 failed, 18 do not apply: no labels, no images".
    """
    status = Counter(rule.status for rule in checked)
    text = f"{pluralize(status['passed'], 'rule')} passed"
    if status["failed"]:
        text += f", {status['failed']:,} failed"
    if absent := status["not-applicable"]:
        reasons = Counter(rule.reason for rule in checked if rule.reason)
        verb = "does" if absent == 1 else "do"
        text += f", {absent:,} {verb} not apply: {', '.join(r for r, _ in reasons.most_common())}"
    return text


def names_records(finding: Finding) -> bool:
    """Whether a finding names records, which are counted."""
    return any(example.index is not None for example in finding.examples)


def spread_shown(indices: Sequence[int | None], most: int) -> list[int]:
    """Positions of at most ``most`` examples that are shown of those with these ``indices``.

    Sorted by index, examples are equally bad: those shown are spread evenly over them, from the
    first to the last. Otherwise the worst come first, and are shown.
    """
    numbers = [index for index in indices if index is not None]
    count = len(indices)
    if count <= most or len(numbers) < count or numbers != sorted(numbers):
        return list(range(min(count, most)))
    return [place * (count - 1) // max(1, most - 1) for place in range(most)]
