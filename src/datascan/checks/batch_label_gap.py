"""Training batches of some size lack a class.

What it is
    At a batch size you train with, some batches hold no record of some class: counted in store
    order (Caffe reads LMDB and LevelDB in that order, unshuffled), and as a probability for
    shuffled data.

Why it breaks training
    A loss that divides by how often a label occurs in the batch is NaN as soon as one is missing
    from it: class-balanced losses, per-class means, triplet and contrastive losses, per-class
    metrics. The first such batch makes the weights NaN, and it may come once in an epoch. Batches
    of few classes also make BatchNorm's statistics jump: a store sorted by class is the worst case.

How to find the cause
    Compare the two columns of the table. Many gaps in store order and none shuffled: the store is
    sorted, so shuffle it. Gaps in both: a class is too rare for this batch size.

How to fix it
    Use the batch size that the message names: of shuffled data every larger one will do as well, in
    store order it may not. Shuffle the store when writing it (``convert_imageset --shuffle``), draw
    batches by class, or let the loss leave out classes that are absent. ``iter_size`` does not help
    a loss that is computed per batch.

Example
    ``batch-label-gap: batch size 32: 31 of 31 batches in store order lack a class (class 0 is
    missing from 28; size 901 would do); 28.8% of shuffled batches lack a class (most often class 3;
    size 65 would do)``

Limits
    Only classes that occur count, and only labels in range. Full batches are looked at, and for a
    dataset smaller than the batch the one batch of all records. Shuffled means drawn without
    replacement. In the scan of a net the batch size is the net's own times ``iter_size``, and the
    message says when a loss of the net normalises by label counts. Accepted in a baseline it is by
    batch size alone: a gap that gets worse at that size stays accepted, one at another size is new.

Source
    Hypergeometric distribution: a batch of B of N records lacks a class of n with probability
    C(N-n, B) / C(N, B).
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.batch_gaps import SHUFFLED_LIMIT, BatchGap, BatchGaps
from datascan.metrics.labels import LabelTally, class_name, measure_labels, summarize_batch_gaps


class BatchLabelGap(Check[LabelTally]):
    """At some batch size, batches lack a class."""

    rule = "batch-label-gap"
    severity = Severity.WARNING
    fix = "shuffle the store, use a larger batch, or draw batches by class"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """One judgement for each batch size with gaps."""
        gaps = dataset.derive(summarize_batch_gaps)
        for gap in gaps.sizes if gaps else ():
            if gaps is not None and gap.is_gap:
                yield self.dataset_issue(
                    describe_gap(gap, gaps, dataset),
                    fix=advice(gap, gaps),
                    about=f"batch size {gap.batch_size}",
                )


def describe_gap(gap: BatchGap, gaps: BatchGaps, dataset: DatasetSummary) -> str:
    """Batch size, share of batches, worst class, and the size that would do."""
    said = []
    if gap.lacking:
        worst = class_name(dataset, gap.worst_label)
        verb = "lacks" if gap.lacking == 1 else "lack"
        said.append(
            f"{gap.lacking:,} of {gap.batches:,} batches in store order {verb} a class "
            f"(class {worst} is missing from {gap.worst_lacking:,}; "
            f"size {gaps.min_sequential:,} would do)"
        )
    if gap.p_lacking >= SHUFFLED_LIMIT:
        worst = class_name(dataset, gap.shuffled_worst_label)
        said.append(
            f"{gap.p_lacking:.1%} of shuffled batches lack a class "
            f"(most often class {worst}; size {gaps.min_shuffled:,} would do)"
        )
    targets = dataset.options.check.targets
    if targets and targets.counted_by:
        said.append(f"{targets.counted_by} in this net normalises by label counts")
    return f"batch size {gap.batch_size:,}: " + "; ".join(said)


def advice(gap: BatchGap, gaps: BatchGaps) -> str:
    """What to do about this batch size."""
    shuffled = max(gap.batch_size, gaps.min_shuffled)
    if gap.p_lacking < SHUFFLED_LIMIT:
        return "shuffle the store: at this batch size that is enough"
    return f"shuffle the store and use batches of {shuffled:,} or more, or draw batches by class"
