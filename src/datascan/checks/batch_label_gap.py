"""Training batches of some size lack a class.

What it is
    At one of your batch sizes, some batches contain no record of some class. The gaps are counted
    in store order (Caffe reads LMDB and LevelDB in that order, unshuffled) and given as a
    probability for shuffled data.

Why it breaks training
    A loss that divides by how often a label occurs in the batch is NaN as soon as a label is
    missing: class-balanced losses, per-class means, triplet and contrastive losses, per-class
    metrics. The first such batch turns the weights into NaN, and it may occur only once per epoch.
    Batches with few classes also make BatchNorm's statistics jump; a store sorted by class is the
    worst case.

How to find the cause
    Compare the two columns of the table. Many gaps in store order and none when shuffled: the store
    is sorted, so shuffle it. Gaps in both: a class is too rare for this batch size.

How to fix it
    Use at least the batch size given in the message. For shuffled data every larger size is safe
    too; in store order a larger size can have gaps again. Shuffle the store when writing it
    (``convert_imageset --shuffle``), draw batches by class, or make the loss skip absent classes.
    ``iter_size`` does not help a loss that is computed per batch.

Example
    ``batch-label-gap: batch size 32: 31 of 31 batches in store order lack a class (class 0 is
    missing from 28; needs a batch size of 901 or more); 28.8% of shuffled batches lack a class
    (most often class 3; needs a batch size of 65 or more)``

Limits
    Only classes that occur and labels that are in range count. Only full batches are checked; if
    the dataset is smaller than the batch, the single batch of all records is. Shuffled means drawn
    without replacement. When a net is scanned, the batch size is the net's own times ``iter_size``,
    and the message says if a loss of the net normalises by label counts. A baseline accepts a gap
    by its batch size alone: it stays accepted if it gets worse, and a gap at another size is new.

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
from datascan.metrics.labels import LabelTally, format_class, measure_labels, summarize_batch_gaps


class BatchLabelGap(Check[LabelTally]):
    """Batches lack a class at some batch size."""

    rule = "batch-label-gap"
    severity = Severity.WARNING
    fix = "shuffle the store, use a larger batch, or draw batches by class"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """One issue for each batch size with gaps."""
        gaps = dataset.derive(summarize_batch_gaps)
        for gap in gaps.sizes if gaps else ():
            if gaps is not None and gap.is_gap:
                yield self.dataset_issue(
                    describe_gap(gap, gaps, dataset),
                    fix=suggest_fix(gap, gaps),
                    about=f"batch size {gap.batch_size}",
                )


def describe_gap(gap: BatchGap, gaps: BatchGaps, dataset: DatasetSummary) -> str:
    """The batch size, the share of batches, the worst class, and the batch size needed."""
    clauses = []
    if gap.lacking:
        worst = format_class(dataset, gap.worst_label)
        verb = "lacks" if gap.lacking == 1 else "lack"
        clauses.append(
            f"{gap.lacking:,} of {gap.batches:,} batches in store order {verb} a class "
            f"(class {worst} is missing from {gap.worst_lacking:,}; "
            f"needs a batch size of {gaps.min_sequential:,} or more)"
        )
    if gap.p_lacking >= SHUFFLED_LIMIT:
        worst = format_class(dataset, gap.shuffled_worst_label)
        clauses.append(
            f"{gap.p_lacking:.1%} of shuffled batches lack a class "
            f"(most often class {worst}; needs a batch size of {gaps.min_shuffled:,} or more)"
        )
    targets = dataset.options.check.targets
    if targets and targets.counted_by:
        clauses.append(f"{targets.counted_by} in this net normalises by label counts")
    return f"batch size {gap.batch_size:,}: " + "; ".join(clauses)


def suggest_fix(gap: BatchGap, gaps: BatchGaps) -> str:
    """The fix for this batch size."""
    shuffled = max(gap.batch_size, gaps.min_shuffled)
    if gap.p_lacking < SHUFFLED_LIMIT:
        return "shuffle the store: at this batch size that is enough"
    return f"shuffle the store and use batches of {shuffled:,} or more, or draw batches by class"
