"""Builds the report of a dataset from the result of its scan."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Literal

import numpy as np

from datascan.checks.base import MAX_EXAMPLES, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.labels import LabelSummary, summarize_batch_gaps, summarize_labels
from datascan.metrics.shapes import ShapeTally, measure_shapes
from datascan.metrics.values import ValueTally, measure_values
from datascan.report.bad_records import find_bad_records
from datascan.report.examples import choose_examples
from datascan.report.figures import (
    Accepted,
    BadRecords,
    BatchFigures,
    CheckedRule,
    DatasetInfo,
    Example,
    Finding,
    LabelFigures,
    MinBatchSize,
    SequentialGaps,
    ShapeFigures,
    ShuffledGaps,
    Tolerated,
    UnmatchedEntry,
    ValueFigures,
)
from datascan.report.identify import (
    list_options,
    list_versions,
    locate,
    state_cache,
    take_fingerprint,
)
from datascan.report.model import DatasetReport
from datascan.report.opening.dataset import open_dataset
from datascan.report.related import describe_related, find_related
from datascan.report.stop import Stopped, clean
from datascan.report.titles import holds_images, rule_title
from datascan.scanner.result import ScanResult
from datascan.text import escape_surrogates

MAX_SHAPES = 100


def build_report(scanned: ScanResult, *, version: str) -> DatasetReport:
    """The report of a scan. Its reader must still be open: the keys of examples are looked up."""
    dataset = scanned.summary
    issues = sort_issues(scanned.issues)
    stopped = describe_end(scanned)
    described = describe_dataset(scanned)
    return DatasetReport(
        schema="datascan-report/1",
        datascan=version,
        complete=dataset.is_complete,
        verdict=decide_verdict(
            issues,
            dataset.options.verdict.fail_on,
            complete=dataset.is_complete,
            chosen=stopped is not None and stopped.is_chosen,
        ),
        elapsed_seconds=round(scanned.seconds, 3),
        dataset=described,
        findings=[build_finding(issue, scanned) for issue in issues],
        labels=label_figures(dataset),
        values=value_figures(dataset),
        shapes=shape_figures(dataset),
        batch_sizes=batch_figures(dataset),
        min_batch_size=min_batch_size(dataset),
        configuration=dataset.options.verdict.configuration,
        fail_on=dataset.options.verdict.fail_on,
        rules=sorted(scanned.rules) or None,
        checked=list_checked(scanned.rules, issues, scanned.inapplicable),
        unmatched=[
            UnmatchedEntry(
                escape_surrogates(entry.rule),
                escape_surrogates(entry.reason),
                len(entry.key_hashes()),
            )
            for entry in scanned.unmatched
        ]
        or None,
        bad_records=count_bad_records(scanned.issues),
        opening=open_dataset(
            scanned.issues,
            described,
            complete=dataset.is_complete,
            all_read=stopped is not None and stopped.all_read,
        ),
        options=list_options(dataset.options) or None,
        versions=list_versions(scanned.reader.versions()),
        stopped=stopped,
        cache=state_cache(scanned.cache),
    )


def describe_end(scanned: ScanResult) -> Stopped | None:
    """Why the scan ended early, with index and key of the record; None if it did not."""
    end = scanned.ended
    if end is None:
        return None
    index, key = None, ""
    if end.address is not None:
        addresses = np.array([end.address], np.int64)
        (index,) = scanned.summary.indices(addresses).tolist()
        (key,) = scanned.lookup_keys(addresses)
    return Stopped(
        by=end.by,
        signal=end.signal if end.signal not in (0, signal.SIGINT) else None,
        seconds=end.seconds,
        all_read=end.all_read,
        rule=end.rule or None,
        index=index,
        key=clean(key),
        detail=clean(end.detail),
    )


def sort_issues(issues: Iterable[Issue]) -> list[Issue]:
    """Issues in the order of the findings of a report."""
    return sorted(issues, key=issue_sort_key)


def describe_dataset(scanned: ScanResult) -> DatasetInfo:
    """What was scanned: paths, format, and how much of it."""
    dataset = scanned.summary
    return DatasetInfo(
        backend=scanned.reader.name,
        path=" ".join(escape_surrogates(str(path)) for path in scanned.reader.paths),
        layout=dataset.plan.layout,
        records=dataset.records,
        bytes=scanned.nbytes,
        other_files=dataset.plan.ignored_files,
        excluded_files=dataset.plan.excluded[0],
        excluded_folders=dataset.plan.excluded[1],
        limit=dataset.options.read.limit,
        sample=dataset.records if dataset.plan.sampled_from is not None else None,
        total=count_total(dataset),
        read_in_order=dataset.plan.is_read_in_order,
        location=locate(scanned.reader.paths, dataset.options.verdict.configuration),
        fingerprint=take_fingerprint(scanned),
        notes={name: escape_surrogates(text) for name, text in dataset.plan.notes} or None,
    )


def issue_sort_key(issue: Issue) -> tuple[bool, int, int, str]:
    """Accepted issues last; errors first, then by number of records, then by rule."""
    return issue.accepted is not None, -issue.severity.rank, -issue.records, issue.rule


def count_total(dataset: DatasetSummary) -> int | None:
    """The number of records of the whole dataset, if it is known and more than were read."""
    total = dataset.plan.total_records
    return total if total is not None and total > dataset.records else None


def decide_verdict(
    issues: Sequence[Issue], fail_on: str, *, complete: bool, chosen: bool = False
) -> Literal["pass", "fail", "incomplete"]:
    """The verdict: what was found counts, also in a part; a part cannot pass.

    ``chosen``: an option ended the scan, so that it is incomplete in any case.
    """
    if chosen:
        return "incomplete"
    if is_failing(issues, fail_on):
        return "fail"
    return "pass" if complete else "incomplete"


def is_failing(issues: Sequence[Issue], fail_on: str) -> bool:
    """Whether an issue neither accepted nor tolerated is at or above the severity ``fail_on``."""
    if fail_on == "never":
        return False
    lowest = Severity(fail_on).rank
    return any(
        issue.severity.rank >= lowest
        for issue in issues
        if issue.accepted is None and issue.tolerated is None
    )


def list_checked(
    rules: Iterable[str], issues: Sequence[Issue], inapplicable: Mapping[str, str]
) -> list[CheckedRule]:
    """Every rule by name: passed, failed, or not applicable."""
    failed = {issue.rule for issue in issues if issue.accepted is None}
    return [
        CheckedRule(rule, "failed")
        if rule in failed
        else CheckedRule(rule, "not-applicable", escape_surrogates(inapplicable[rule]))
        if rule in inapplicable
        else CheckedRule(rule, "passed")
        for rule in sorted(rules)
    ]


def count_bad_records(issues: Sequence[Issue]) -> BadRecords:
    """How many records have findings, each counted once under its worst."""
    found = {severity: len(find_bad_records(issues, severity)) for severity in Severity}
    warnings = found[Severity.WARNING] - found[Severity.ERROR]
    return BadRecords(
        error=found[Severity.ERROR],
        warning=warnings,
        info=found[Severity.INFO] - found[Severity.WARNING],
        any=found[Severity.INFO],
    )


def build_finding(issue: Issue, scanned: ScanResult) -> Finding:
    """An issue as a finding with at most 20 examples: records first, then other details."""
    images = holds_images(scanned.reader.name, scanned.summary.plan.layout)
    return to_finding(issue, record_examples(issue, scanned), images=images)


def to_finding(issue: Issue, records: Sequence[Example] = (), *, images: bool = False) -> Finding:
    """An issue as a finding; ``records`` are its first examples.

    ``images``: its title may call records pictures.
    """
    examples = list(records)
    examples += [
        Example(
            detail=escape_surrogates(detail), key=None if key is None else escape_surrogates(key)
        )
        for detail, key in zip_longest(issue.details, issue.keys)
    ]
    return Finding(
        rule=issue.rule,
        severity=issue.severity.value,
        records=issue.records,
        message=escape_surrogates(issue.message),
        fix=escape_surrogates(issue.fix),
        examples=examples[:MAX_EXAMPLES],
        key=escape_surrogates(issue.keys[0]) if issue.keys else None,
        accepted=build_accepted(issue),
        tolerated=build_tolerated(issue),
        title=escape_surrogates(rule_title(issue.rule, images=images)),
    )


def build_accepted(issue: Issue) -> Accepted | None:
    """Why an issue does not count; None if it does."""
    accepted = issue.accepted
    if accepted is None:
        return None
    return Accepted(escape_surrogates(accepted.reason), accepted.expires, issue.records)


def build_tolerated(issue: Issue) -> Tolerated | None:
    """How much of the issue's rule is tolerated; None if the issue counts for that."""
    found = issue.tolerated
    if found is None:
        return None
    allowed = found.allowed if found.allowed.endswith("%") else int(found.allowed)
    share = min(1.0, found.records / found.total) if found.total else 1.0
    return Tolerated(found.records, share, allowed)


def record_examples(issue: Issue, scanned: ScanResult) -> list[Example]:
    """Some of the records that an issue names: see :mod:`datascan.report.examples`."""
    if issue.flagged is None:
        return []
    chosen = choose_examples(issue.flagged.addresses.array, issue.badness)
    addresses = issue.flagged.addresses.array[chosen]
    facts = issue.flagged.facts.array[chosen]
    indices = scanned.summary.indices(addresses).tolist()
    keys = scanned.lookup_keys(addresses)
    partners = find_related(issue, chosen, scanned)
    return [
        Example(
            detail=escape_surrogates(describe_related(issue.describe(fact), partner, scanned)),
            index=index,
            key=escape_surrogates(key),
            related=None if partner is None else [partner],
        )
        for fact, index, key, partner in zip(facts, indices, keys, partners, strict=True)
    ]


def label_figures(dataset: DatasetSummary) -> LabelFigures | None:
    """Number of records per class, or the range of regression targets."""
    labels = dataset.derive(summarize_labels)
    if labels.kind == "none":
        return None
    vectors = labels.vectors
    encoding = None if vectors is None or vectors.kind == "vector" else vectors.kind
    if labels.kind == "class":
        classes = zip(labels.classes.tolist(), labels.counts.tolist(), strict=True)
        return LabelFigures(
            num_classes=labels.num_classes,
            declared=labels.declared,
            counts={str(int(label)): count for label, count in classes},
            kind="class",
            missing=len(labels.unlabeled),
            names=[escape_surrogates(name) for name in dataset.plan.class_names] or None,
            size=None if vectors is None else vectors.width,
            encoding=encoding,
        )
    low, high = finite_range(labels)
    return LabelFigures(
        num_classes=None,
        declared=False,
        counts={},
        kind="regression",
        missing=len(labels.unlabeled),
        min=low,
        max=high,
        size=None if vectors is None else vectors.width,
        encoding=encoding,
    )


def finite_range(labels: LabelSummary) -> tuple[float | None, float | None]:
    """The smallest and the largest finite label."""
    if labels.vectors is not None:
        return finite_or_none(labels.vectors.low), finite_or_none(labels.vectors.high)
    finite = labels.numbers[np.isfinite(labels.numbers)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (None, None)


def value_figures(dataset: DatasetSummary) -> ValueFigures | None:
    """Range and moments of all values."""
    tally: ValueTally | None = dataset.tally(measure_values)
    if tally is None:
        return None
    return ValueFigures(
        min=finite_or_none(tally.low.value),
        max=finite_or_none(tally.high.value),
        mean=finite_or_none(tally.mean),
        std=finite_or_none(tally.std),
        nan=tally.nan,
        inf=tally.inf,
        approximate=tally.approximate > 0,
    )


def finite_or_none(value: float | None) -> float | None:
    """The value if JSON can represent it, else None."""
    return None if value is None or not np.isfinite(value) else value


def shape_figures(dataset: DatasetSummary) -> list[ShapeFigures]:
    """Shapes and dtypes, the most frequent first."""
    tally: ShapeTally | None = dataset.tally(measure_shapes)
    if tally is None:
        return []
    total: dict[tuple[tuple[int, ...], str], int] = {}
    for kind, count in zip(tally.kinds, tally.counts().tolist(), strict=True):
        key = (kind.shape, kind.dtype)
        total[key] = total.get(key, 0) + count
    frequent = sorted(total.items(), key=lambda item: -item[1])[:MAX_SHAPES]
    return [
        ShapeFigures(shape=list(shape), dtype=dtype, records=count)
        for (shape, dtype), count in frequent
    ]


def batch_figures(dataset: DatasetSummary) -> list[BatchFigures]:
    """Label gaps at each requested batch size."""
    gaps = dataset.derive(summarize_batch_gaps)
    return [
        BatchFigures(
            batch_size=gap.batch_size,
            sequential=SequentialGaps(
                batches=gap.batches,
                lacking=gap.lacking,
                worst_label=gap.worst_label,
                worst_lacking=gap.worst_lacking,
            ),
            shuffled=ShuffledGaps(
                p_lacking=gap.p_lacking,
                expected_lacking_per_epoch=gap.expected_lacking_per_epoch,
                worst_label=gap.shuffled_worst_label,
                worst_p=gap.worst_p,
            ),
        )
        for gap in (gaps.sizes if gaps else ())
    ]


def min_batch_size(dataset: DatasetSummary) -> MinBatchSize | None:
    """The smallest safe batch sizes."""
    gaps = dataset.derive(summarize_batch_gaps)
    if gaps is None:
        return None
    return MinBatchSize(sequential=gaps.min_sequential, shuffled_1pct=gaps.min_shuffled)
