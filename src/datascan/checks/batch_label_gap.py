"""Training batches of some size lack a class.

What it is
    At some batch size, some batches contain no record of some class. The gaps are counted in store
    order (Caffe reads LMDB and LevelDB in that order, unshuffled) and given as a probability for
    shuffled data. It is a warning if you gave the batch size, if a net's loss divides by label
    counts, or if the store is sorted by class; otherwise it is for your information.

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
    Shuffle the store when writing it (``convert_imageset --shuffle``), draw batches by class, make
    the loss skip absent classes, or use at least the batch size given in the message. For shuffled
    data every larger size is safe too; in store order a larger size can have gaps again.
    ``iter_size`` does not help a loss that is computed per batch.

Example
    ``batch-label-gap: batch size 32: 31 of 31 batches in store order lack a class (class 0 is
    missing from 28; needs a batch size of 901 or more); 28.8% of shuffled batches lack a class
    (most often class 3; needs a batch size of 65 or more)``

Limits
    Only classes that occur and labels that are in range count, and batch sizes up to their number.
    Only full batches are checked. Class folders are always sorted and no loader reads them in that
    order, so only the probability counts there. Shuffled means drawn without replacement. When a
    net is scanned, the batch size is the net's own times ``iter_size``, and there is a finding only
    if a loss of the net divides by label counts. A batch size that is needed is not given if it is
    more than a quarter of the dataset. A baseline accepts a gap by its batch size alone: it stays
    accepted if it gets worse, and a gap at another size is new.

Source
    Hypergeometric distribution: a batch of B of N records lacks a class of n with probability
    C(N-n, B) / C(N, B).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.batch_gaps import SHUFFLED_LIMIT, BatchGap, BatchGaps
from datascan.metrics.labels import LabelTally, format_class, measure_labels, summarize_batch_gaps
from datascan.metrics.traits import CLASSES


class BatchLabelGap(Check[LabelTally]):
    """Batches lack a class at some batch size."""

    rule = "batch-label-gap"
    title = "Batches that lack a class"
    severity = Severity.WARNING
    subject = "batches"
    needs = (CLASSES,)
    fix = "shuffle the store, use a larger batch, or draw batches by class"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (labels are summarised once for all rules)
        """One issue for each batch size with gaps."""
        gaps, targets = dataset.derive(summarize_batch_gaps), dataset.options.check.targets
        if gaps is None or (targets is not None and not targets.counted_by):
            return
        was_asked = dataset.options.check.batch_sizes is not None
        for size in gaps.sizes:
            gap = GapAtSize(size, gaps, dataset)
            if gap.in_order or gap.if_shuffled:
                matters = was_asked or (gap.in_order and size.is_sorted)
                yield self.dataset_issue(
                    gap.describe(),
                    fix=gap.suggest_fix(),
                    severity=Severity.WARNING if matters else Severity.INFO,
                    about=f"batch size {size.batch_size}",
                )


@dataclass(frozen=True, slots=True)
class GapAtSize:
    """The gaps at one batch size, in words."""

    size: BatchGap
    gaps: BatchGaps
    dataset: DatasetSummary

    @property
    def in_order(self) -> bool:
        """Whether batches in store order have gaps, and a loader reads them in that order."""
        return self.size.lacking > 0 and self.dataset.plan.is_read_in_order

    @property
    def if_shuffled(self) -> bool:
        """Whether shuffled batches have gaps."""
        return self.size.p_lacking >= SHUFFLED_LIMIT

    def is_practical(self, batch_size: int) -> bool:
        """Whether training can use batches of this size: up to a quarter of the dataset."""
        return 4 * batch_size <= self.gaps.labels

    def describe(self) -> str:
        """The batch size, the share of batches, the worst class, and the batch size needed."""
        size, clauses = self.size, []
        if self.in_order:
            verb = "lacks" if size.lacking == 1 else "lack"
            clauses.append(
                f"{size.lacking:,} of {size.batches:,} batches in store order {verb} a class "
                f"(class {format_class(self.dataset, size.worst_label)} is missing from "
                f"{size.worst_lacking:,}{self.describe_need(self.gaps.min_sequential)})"
            )
        if self.if_shuffled:
            worst = format_class(self.dataset, size.shuffled_worst_label)
            clauses.append(
                f"{size.p_lacking:.1%} of shuffled batches lack a class "
                f"(most often class {worst}{self.describe_need(self.gaps.min_shuffled)})"
            )
        targets = self.dataset.options.check.targets
        if targets and targets.counted_by:
            clauses.append(f"{targets.counted_by} in this net normalises by label counts")
        return f"batch size {size.batch_size:,}: " + "; ".join(clauses)

    def describe_need(self, batch_size: int) -> str:
        """The batch size without gaps, if training can use it."""
        if not self.is_practical(batch_size):
            return ""
        return f"; needs a batch size of {batch_size:,} or more"

    def suggest_fix(self) -> str:
        """The fix for this batch size, without advice that cannot be followed."""
        shuffle = ["shuffle the store"] if self.in_order and self.size.is_sorted else []
        if not self.if_shuffled:
            return "shuffle the store: at this batch size that is enough"
        needed = max(self.size.batch_size, self.gaps.min_shuffled)
        if not self.is_practical(needed):
            advice = "draw batches by class, or use a loss that does not divide by label counts"
            return " and ".join([*shuffle, advice])
        larger = f"use batches of {needed:,} or more, or draw batches by class"
        return " and ".join([*shuffle, larger])
