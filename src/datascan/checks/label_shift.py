"""The class shares differ from the expected ones.

What it is
    The total-variation distance between the class shares of this dataset and those in the
    ``--expect`` file is above the limit set there (0.1 by default). The distance is half the sum of
    all differences: 0 if the shares are equal, 1 if no class is common to both. It is the share of
    records that would have to change class. If class labels are expected but the dataset has none,
    or regression targets are expected but it has no labels, that is an error.

Why it breaks training
    A net learns how frequent the classes are, above all in the bias of its last layer. On data with
    other shares its probabilities are off: the validation loss grows although nothing is wrong with
    the net, and a loss weighted by class frequency uses the wrong weights. Classes that have become
    rare go missing from batches (``batch-label-gap``).

How to find the cause
    The message gives the distance and the classes that changed most, with their shares before and
    now. A share that dropped to 0 is a class that was lost; if all shares change a little, the data
    is a different sample. If there are no class labels, either the export dropped them or they are
    read as something else (``--label`` selects the label dataset of an HDF5 file, ``--label-type``
    sets how labels are interpreted).

How to fix it
    Draw the set again by class (stratified), or weight the loss by the new shares. If the shift is
    intended, raise ``shift`` in the expectations or learn them again. For a test set without
    labels, remove the table ``labels`` from the expectations or pass ``--label-type none``.

Example
    datascan lmdb val_lmdb --expect train.expect.toml

    WARNING label-shift
      the class shares differ by 0.18 from the expected ones (limit 0.1): class 3 has 1.0%
        instead of 10.0%, class 7 has 19.2% instead of 10.0%

Limits
    In small sets, chance alone produces a distance of about 0.4 times the square root of classes
    divided by records (0.13 for 100 records of 10 classes). It is larger if the expectations were
    learned from few labels (``learned_from``; without it the expected shares are taken as exact). A
    distance above the limit that chance can explain is reported as info, together with the distance
    that chance exceeds in one comparison out of 20; ``--severity label-shift=warning`` makes it a
    warning anyway. With about one record per class or fewer, that figure is too low. Only class
    labels are compared, including those out of range, and nothing is compared with ``--label-type
    none``. If the expectations have class names without numbers and the dataset has only numbers,
    the message says so.

Source
    Levin, Peres, Wilmer: Markov Chains and Mixing Times, 4.1 (total-variation distance).
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.checks.base import Check, Issue
from datascan.checks.class_shares import (
    compute_class_shares,
    estimate_chance_distance,
    match_expected_names,
)
from datascan.config.expectations import Labels
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.labels import LabelTally, count_classes, measure_labels, summarize_labels
from datascan.metrics.traits import EXPECTATIONS, LABELS
from datascan.text import pluralize

MAX_NAMED = 3
"""The message names at most this many classes."""

ROUNDING = 1e-9


class LabelShift(Check[LabelTally]):
    """The class shares differ from the expected ones."""

    rule = "label-shift"
    title = "Class sizes differ from before"
    severity = Severity.WARNING
    subject = "the shares of classes"
    needs = (EXPECTATIONS, LABELS)
    fix = "draw the records by class, weight the loss, or learn the expectations again"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (labels are summarised once for all rules)
        """One issue, with the classes whose shares changed most."""
        expected = dataset.options.check.expect
        if expected is None or expected.labels is None or not dataset.records:
            return
        if dataset.options.check.label_type == "none":
            return
        if message := describe_lost_labels(dataset, expected.labels):
            yield self.dataset_issue(
                message,
                about="labels",
                severity=Severity.ERROR,
                fix="store the labels with the records, or remove labels from the expectations",
            )
        elif expected.labels.kind == "class":
            yield from self._compare_shares(dataset, expected.labels)

    def _compare_shares(self, dataset: DatasetSummary, expected: Labels) -> Iterator[Issue]:
        """One issue if the shares differ from the expected ones by more than the limit."""
        names = match_expected_names(dataset, expected)
        if names is None:
            yield self.dataset_issue(
                "the classes cannot be compared: the expectations have class names without "
                "numbers, and this dataset has only numbers",
                about="names",
                fix="learn the expectations again, or add the numbers as labels.numbers",
            )
            return
        shares = compute_class_shares(dataset, expected, names)
        distance = sum(abs(share.actual - share.expected) for share in shares) / 2
        if distance <= expected.shift + ROUNDING:
            return
        records = sum(count_classes(dataset).values())
        chance = estimate_chance_distance(shares, records, expected.learned_from)
        by_chance = distance <= chance
        note = f"; chance alone can reach {chance:.2g} in this few records" if by_chance else ""
        by_change = sorted(shares, key=lambda share: -abs(share.actual - share.expected))
        changes = [
            f"class {share.label} has {share.actual:.1%} instead of {share.expected:.1%}"
            for share in by_change
            if share.actual != share.expected
        ]
        named = ", ".join(changes[:MAX_NAMED])
        yield self.dataset_issue(
            f"the class shares differ by {distance:.2g} from the expected ones "
            f"(limit {expected.shift:g}{note}): {named}",
            details=changes,
            about=f"{distance:.6g} from the expected shares: {named}",
            severity=Severity.INFO if by_chance else None,
        )


def describe_lost_labels(dataset: DatasetSummary, expected: Labels) -> str:
    """The message if no label is of the expected kind; otherwise empty."""
    labels = dataset.derive(summarize_labels)
    if expected.kind == "regression":
        lost = labels.kind == "none"
        noun, expectation = "label", "regression targets are expected"
    else:
        lost = not count_classes(dataset)
        noun = "class label"
        expectation = f"labels of {pluralize(len(expected.shares or ()), 'class')} are expected"
    if not lost:
        return ""
    targets = f" ({len(labels.numbers):,} are regression targets)" if len(labels.numbers) else ""
    return f"none of {pluralize(dataset.records, 'record')} has a {noun}{targets}; {expectation}"
