"""The shares of the classes differ from the expected ones.

What it is
    The total-variation distance between the shares of the classes here and in the expectations
    given by --expect is above the limit that stands there (0.1 unless changed). The distance is
    half the sum of all differences of shares: 0 for the same shares, 1 where no class is common;
    it is the share of records that would have to change class. A dataset that has no class labels
    at all where classes are expected, or no labels where regression targets are, is an error.

Why it breaks training
    A net learns how frequent classes are, in the bias of its last layer first of all. On data
    with other shares its probabilities are off: the loss of a validation set grows though nothing
    is wrong with the net, and a loss weighted by class frequency is weighted wrongly. Classes
    that got rare go missing from batches (batch-label-gap).

How to find the cause
    The message names the distance and the classes that moved most, with their shares before and
    now. A share that fell to 0 is a class that was lost on the way; all shares moving a little is
    another sample. Without class labels: the export left them out, or they are read as something
    else (--label names the dataset of an HDF5 file, --label-type says what they are).

How to fix it
    Draw the set anew by class (stratified), or weight the loss by the new shares. If the shift is
    meant, raise shift in the file of expectations, or learn them again. A test set without labels
    needs expectations without the table labels, or --label-type none.

Example
    datascan lmdb val_lmdb --expect train.expect.toml

    WARNING label-shift
      the shares of the classes differ by 0.18 from the expected ones (limit 0.1): class 3 has
        1.0% instead of 10.0%, class 7 has 19.2% instead of 10.0%

Limits
    Chance alone gives small sets a distance: about 0.4 times the root of classes through records
    (0.13 for 100 records of 10 classes), and more where the expectations were learned from few
    labels too (learned_from there; without it the expected shares are taken as exact). A distance
    over the limit that chance may well explain is told as info, with what chance may give (one
    comparison in 20 goes beyond); --severity label-shift=warning makes it a warning all the same.
    With about one record a class or less, that figure is too low. Only class labels are compared,
    those out of range among them, and nothing under --label-type none. Where the expectations
    have names of classes without their numbers, and the dataset only numbers, the message says so.

Source
    Levin, Peres, Wilmer: Markov Chains and Mixing Times, 4.1 (total-variation distance).
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.checks.base import Check, Issue
from datascan.checks.class_shares import chance_of_absence, class_shares, expected_names
from datascan.config.expectations import Labels
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.labels import LabelTally, class_counts, measure_labels, summarize_labels
from datascan.text import pluralize

MOVED = 3
ROUNDING = 1e-9


class LabelShift(Check[LabelTally]):
    """The shares of the classes differ from the expected ones."""

    rule = "label-shift"
    severity = Severity.WARNING
    fix = "draw the records by class, weight the loss, or learn the expectations again"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """One judgement, with the classes that moved most."""
        expected = dataset.options.check.expect
        if expected is None or expected.labels is None or not dataset.records:
            return
        if dataset.options.check.label_type == "none":
            return
        if lost := lost_labels(dataset, expected.labels):
            yield self.dataset_issue(
                lost,
                about="labels",
                severity=Severity.ERROR,
                fix="write the labels with the records, or leave labels out of the expectations",
            )
        elif expected.labels.kind == "class":
            yield from self.compared(dataset, expected.labels)

    def compared(self, dataset: DatasetSummary, expected: Labels) -> Iterator[Issue]:
        """The shares here against those expected."""
        names = expected_names(dataset, expected)
        if names is None:
            yield self.dataset_issue(
                "the classes cannot be compared: the expectations name them without their "
                "numbers, this dataset only has numbers",
                about="names",
                fix="learn the expectations again, or add their numbers as labels.numbers",
            )
            return
        shares = class_shares(dataset, expected, names)
        distance = sum(abs(share.here - share.before) for share in shares) / 2
        if distance <= expected.shift + ROUNDING:
            return
        likely = chance_of_absence(
            shares, sum(class_counts(dataset).values()), expected.learned_from
        )
        by_chance = distance <= likely
        luck = f"; chance may give {likely:.2g} in so few records" if by_chance else ""
        moved = sorted(shares, key=lambda share: -abs(share.here - share.before))
        told = [
            f"class {share.label} has {share.here:.1%} instead of {share.before:.1%}"
            for share in moved
            if share.here != share.before
        ]
        yield self.dataset_issue(
            f"the shares of the classes differ by {distance:.2g} from the expected ones "
            f"(limit {expected.shift:g}{luck}): {', '.join(told[:MOVED])}",
            details=told,
            about=f"{distance:.6g} from the expected shares: {', '.join(told[:MOVED])}",
            severity=Severity.INFO if by_chance else None,
        )


def lost_labels(dataset: DatasetSummary, expected: Labels) -> str:
    """What is said where no label is of the kind that is expected; else empty."""
    labels = dataset.derive(summarize_labels)
    if expected.kind == "regression":
        lost = labels.kind == "none"
        kind, wanted = "label", "regression targets are expected"
    else:
        lost = not class_counts(dataset)
        kind = "class label"
        wanted = f"labels of {pluralize(len(expected.shares or ()), 'class')} are expected"
    if not lost:
        return ""
    targets = f" ({len(labels.values):,} are regression targets)" if len(labels.values) else ""
    return f"none of {pluralize(dataset.records, 'record')} has a {kind}{targets}; {wanted}"
