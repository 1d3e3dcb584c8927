"""From what a scan measured and judged to the report that people and programs read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from datascan.checks.base import MAX_EXAMPLES, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.labels import LabelSummary, summarize_batch_gaps, summarize_labels
from datascan.metrics.shapes import ShapeTally, measure_shapes
from datascan.metrics.values import ValueTally, measure_values
from datascan.report.figures import (
    Accepted,
    BatchFigures,
    DatasetInfo,
    Example,
    Finding,
    LabelFigures,
    MinBatchSize,
    SequentialGaps,
    ShapeFigures,
    ShuffledGaps,
    ValueFigures,
)
from datascan.report.model import DatasetReport
from datascan.scanner.result import ScanResult
from datascan.text import escape_surrogates

MAX_SHAPES = 100


def build_report(scanned: ScanResult, *, version: str) -> DatasetReport:
    """The report of a scan; looks up the keys of examples, so its reader must still be open."""
    dataset = scanned.summary
    judged = sorted(scanned.issues, key=issue_sort_key)
    return DatasetReport(
        schema="datascan-report/1",
        datascan=version,
        complete=dataset.is_complete,
        verdict="fail" if is_failing(judged, dataset.options.verdict.fail_on) else "pass",
        elapsed_seconds=round(scanned.seconds, 3),
        dataset=DatasetInfo(
            backend=scanned.reader.name,
            path=" ".join(escape_surrogates(str(path)) for path in scanned.reader.paths),
            layout=dataset.plan.layout,
            records=dataset.records,
            bytes=scanned.nbytes,
            other_files=dataset.plan.ignored_files,
        ),
        findings=[build_finding(judgement, scanned) for judgement in judged],
        labels=label_figures(dataset),
        values=value_figures(dataset),
        shapes=shape_figures(dataset),
        batch_sizes=batch_figures(dataset),
        min_batch_size=min_batch_size(dataset),
        fail_on=dataset.options.verdict.fail_on,
        rules=sorted(scanned.rules) or None,
    )


def issue_sort_key(judgement: Issue) -> tuple[bool, int, int, str]:
    """What counts first, then errors, then by number of records, then by name."""
    known = judgement.accepted is not None
    return known, -judgement.severity.rank, -judgement.records, judgement.rule


def is_failing(judged: Sequence[Issue], fail_on: str) -> bool:
    """Whether any judgement is at or above the severity ``fail_on``, or "never"."""
    if fail_on == "never":
        return False
    least = Severity(fail_on).rank
    return any(j.severity.rank >= least for j in judged if j.accepted is None)


def build_finding(judgement: Issue, scanned: ScanResult) -> Finding:
    """A judgement with at most 20 examples: records first, then whatever else it names."""
    return to_finding(judgement, record_examples(judgement, scanned))


def to_finding(judgement: Issue, records: Sequence[Example] = ()) -> Finding:
    """A judgement as a finding, with the examples of ``records`` that it names."""
    examples = list(records)
    examples += [
        Example(
            detail=escape_surrogates(detail), key=None if key is None else escape_surrogates(key)
        )
        for detail, key in zip_longest(judgement.details, judgement.keys)
    ]
    return Finding(
        rule=judgement.rule,
        severity=judgement.severity.value,
        records=judgement.records,
        message=escape_surrogates(judgement.message),
        fix=escape_surrogates(judgement.fix),
        examples=examples[:MAX_EXAMPLES],
        key=escape_surrogates(judgement.keys[0]) if judgement.keys else None,
        accepted=build_accepted(judgement),
    )


def build_accepted(judgement: Issue) -> Accepted | None:
    """Why a judgement does not count."""
    why = judgement.accepted
    return Accepted(escape_surrogates(why.reason), why.expires, judgement.records) if why else None


def record_examples(judgement: Issue, scanned: ScanResult) -> list[Example]:
    """The first records that a judgement names."""
    if judgement.flagged is None:
        return []
    addresses = judgement.flagged.addresses.array
    first = np.argsort(addresses, kind="stable")[:MAX_EXAMPLES]
    addresses = addresses[first]
    facts = judgement.flagged.facts.array[first]
    indices = scanned.summary.indices(addresses)
    keys = scanned.lookup_keys(addresses)
    return [
        Example(
            detail=escape_surrogates(judgement.describe(fact)),
            index=index,
            key=escape_surrogates(key),
        )
        for fact, index, key in zip(facts, indices.tolist(), keys, strict=True)
    ]


def label_figures(dataset: DatasetSummary) -> LabelFigures | None:
    """How many records each class has, or the range of regression targets."""
    labels = dataset.derive(summarize_labels)
    if labels.kind == "none":
        return None
    if labels.kind == "class":
        classes = zip(labels.classes.tolist(), labels.counts.tolist(), strict=True)
        return LabelFigures(
            num_classes=labels.num_classes,
            declared=labels.declared,
            counts={str(int(label)): count for label, count in classes},
            kind="class",
            missing=len(labels.unlabeled),
            names=[escape_surrogates(name) for name in dataset.plan.class_names] or None,
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
    )


def finite_range(labels: LabelSummary) -> tuple[float | None, float | None]:
    """The smallest and the largest finite label."""
    finite = labels.values[np.isfinite(labels.values)]
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
    """A number that JSON can hold, or None."""
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
    """Label gaps at each batch size, as asked for."""
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
    """The smallest batch sizes that do."""
    gaps = dataset.derive(summarize_batch_gaps)
    if gaps is None:
        return None
    return MinBatchSize(sequential=gaps.min_sequential, shuffled_1pct=gaps.min_shuffled)
