"""From what a scan measured and judged to the report that people and programs read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from datascan.checks.base import EXAMPLES, Judgement
from datascan.config.options import Severity
from datascan.metrics.base import Dataset
from datascan.metrics.labels import LabelSummary, batch_gaps, summarise
from datascan.metrics.shapes import ShapeTally, measure_shapes
from datascan.metrics.values import ValueTally, measure_values
from datascan.report.model import (
    Accepted,
    BatchFigures,
    Example,
    Finding,
    LabelFigures,
    MinBatchSize,
    Report,
    SequentialGaps,
    ShapeFigures,
    ShuffledGaps,
    Source,
    ValueFigures,
)
from datascan.scanner.result import Scanned, keys_at
from datascan.text import shown

MOST_SHAPES = 100


def report_of(scanned: Scanned, *, version: str) -> Report:
    """The report of a scan; looks up the keys of examples, so its reader must still be open."""
    dataset = scanned.dataset
    judged = sorted(scanned.judgements, key=order_of)
    return Report(
        schema="datascan-report/1",
        datascan=version,
        complete=dataset.complete,
        verdict="fail" if fails(judged, dataset.options.fail_on) else "pass",
        elapsed_seconds=round(scanned.seconds, 3),
        dataset=Source(
            backend=scanned.reader.backend,
            path=" ".join(shown(str(path)) for path in scanned.reader.paths),
            layout=dataset.plan.layout,
            records=dataset.records,
            bytes=scanned.nbytes,
            other_files=dataset.plan.other_files,
        ),
        findings=[finding_of(judgement, scanned) for judgement in judged],
        labels=label_figures(dataset),
        values=value_figures(dataset),
        shapes=shape_figures(dataset),
        batch_sizes=batch_figures(dataset),
        min_batch_size=min_batch_size(dataset),
        fail_on=dataset.options.fail_on,
        rules=sorted(scanned.rules) or None,
    )


def order_of(judgement: Judgement) -> tuple[bool, int, int, str]:
    """What counts first, then errors, then by number of records, then by name."""
    known = judgement.accepted is not None
    return known, -judgement.severity.rank, -judgement.records, judgement.rule


def fails(judged: Sequence[Judgement], fail_on: str) -> bool:
    """Whether any judgement is at or above the severity ``fail_on``, or "never"."""
    if fail_on == "never":
        return False
    least = Severity(fail_on).rank
    return any(j.severity.rank >= least for j in judged if j.accepted is None)


def finding_of(judgement: Judgement, scanned: Scanned) -> Finding:
    """A judgement with at most 20 examples: records first, then whatever else it names."""
    return told(judgement, record_examples(judgement, scanned))


def told(judgement: Judgement, records: Sequence[Example] = ()) -> Finding:
    """A judgement as a finding, with the examples of ``records`` that it names."""
    examples = list(records)
    examples += [
        Example(detail=shown(detail), key=None if key is None else shown(key))
        for detail, key in zip_longest(judgement.details, judgement.keys)
    ]
    return Finding(
        rule=judgement.rule,
        severity=judgement.severity.value,
        records=judgement.records,
        message=shown(judgement.message),
        fix=shown(judgement.fix),
        examples=examples[:EXAMPLES],
        key=shown(judgement.keys[0]) if judgement.keys else None,
        accepted=accepted_of(judgement),
    )


def accepted_of(judgement: Judgement) -> Accepted | None:
    """Why a judgement does not count."""
    why = judgement.accepted
    return Accepted(shown(why.reason), why.expires, judgement.records) if why else None


def record_examples(judgement: Judgement, scanned: Scanned) -> list[Example]:
    """The first records that a judgement names."""
    if judgement.flagged is None:
        return []
    addresses = judgement.flagged.addresses.array
    first = np.argsort(addresses, kind="stable")[:EXAMPLES]
    addresses = addresses[first]
    facts = judgement.flagged.facts.array[first]
    indices = scanned.dataset.indices(addresses)
    keys = keys_at(scanned.reader, scanned.dataset, addresses)
    return [
        Example(detail=shown(judgement.describe(fact)), index=index, key=shown(key))
        for fact, index, key in zip(facts, indices.tolist(), keys, strict=True)
    ]


def label_figures(dataset: Dataset) -> LabelFigures | None:
    """How many records each class has, or the range of regression targets."""
    labels = dataset.derive(summarise)
    if labels.kind == "none":
        return None
    if labels.kind == "class":
        classes = zip(labels.classes.tolist(), labels.counts.tolist(), strict=True)
        return LabelFigures(
            num_classes=labels.num_classes,
            declared=labels.declared,
            counts={str(int(label)): count for label, count in classes},
            kind="class",
            missing=len(labels.lacking),
            names=[shown(name) for name in dataset.plan.class_names] or None,
        )
    low, high = finite_range(labels)
    return LabelFigures(
        num_classes=None,
        declared=False,
        counts={},
        kind="regression",
        missing=len(labels.lacking),
        min=low,
        max=high,
    )


def finite_range(labels: LabelSummary) -> tuple[float | None, float | None]:
    """The smallest and the largest finite label."""
    finite = labels.values[np.isfinite(labels.values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (None, None)


def value_figures(dataset: Dataset) -> ValueFigures | None:
    """Range and moments of all values."""
    tally: ValueTally | None = dataset.tally_of(measure_values)
    if tally is None:
        return None
    return ValueFigures(
        min=number(tally.low.value),
        max=number(tally.high.value),
        mean=number(tally.mean),
        std=number(tally.std),
        nan=tally.nan,
        inf=tally.inf,
        approximate=tally.approximate > 0,
    )


def number(value: float | None) -> float | None:
    """A number that JSON can hold, or None."""
    return None if value is None or not np.isfinite(value) else value


def shape_figures(dataset: Dataset) -> list[ShapeFigures]:
    """Shapes and dtypes, the most frequent first."""
    tally: ShapeTally | None = dataset.tally_of(measure_shapes)
    if tally is None:
        return []
    total: dict[tuple[tuple[int, ...], str], int] = {}
    for kind, count in zip(tally.kinds, tally.counts().tolist(), strict=True):
        key = (kind.shape, kind.dtype)
        total[key] = total.get(key, 0) + count
    frequent = sorted(total.items(), key=lambda item: -item[1])[:MOST_SHAPES]
    return [
        ShapeFigures(shape=list(shape), dtype=dtype, records=count)
        for (shape, dtype), count in frequent
    ]


def batch_figures(dataset: Dataset) -> list[BatchFigures]:
    """Label gaps at each batch size, as asked for."""
    gaps = dataset.derive(batch_gaps)
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


def min_batch_size(dataset: Dataset) -> MinBatchSize | None:
    """The smallest batch sizes that do."""
    gaps = dataset.derive(batch_gaps)
    if gaps is None:
        return None
    return MinBatchSize(sequential=gaps.min_sequential, shuffled_1pct=gaps.min_shuffled)
