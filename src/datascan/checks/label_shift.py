"""The shares of the classes differ from the expected ones.

What it is
    The total-variation distance between the shares of the classes here and in the expectations
    given by --expect is above the limit that stands there (0.1 unless changed). The distance is
    half the sum of all differences of shares: 0 for the same shares, 1 where no class is common;
    it is the share of records that would have to change class.

Why it breaks training
    A net learns how frequent classes are, in the bias of its last layer first of all. On data
    with other shares its probabilities are off: the loss of a validation set grows though nothing
    is wrong with the net, and a loss weighted by class frequency is weighted wrongly. Classes
    that got rare go missing from batches (batch-label-gap).

How to find the cause
    The message names the distance and the classes that moved most, with their shares before and
    now. A share that fell to 0 is a class that was lost on the way; all shares moving a little is
    another sample.

How to fix it
    Draw the set anew by class (stratified), or weight the loss by the new shares. If the shift is
    meant, raise shift in the file of expectations, or learn them again.

Example
    datascan lmdb val_lmdb --expect train.expect.toml

    WARNING label-shift
      the shares of the classes differ by 0.18 from the expected ones (limit 0.1): class 3 has
        1.0% instead of 10.0%, class 7 has 19.2% instead of 10.0%

Limits
    Chance alone gives small sets a distance: about 0.4 times the root of classes through records
    (0.13 for 100 records of 10 classes). Set the limit above that. Only class labels are
    compared, those out of range among them.

Source
    Levin, Peres, Wilmer: Markov Chains and Mixing Times, 4.1 (total-variation distance).
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.measures.labels import LabelTally, class_counts, measure_labels
from datascan.model import Check, Dataset, Judgement, Severity

MOVED = 3
ROUNDING = 1e-9


class LabelShift(Check[LabelTally]):
    """The shares of the classes differ from the expected ones."""

    rule = "label-shift"
    severity = Severity.WARNING
    fix = "draw the records by class, weight the loss, or learn the expectations again"
    measure = staticmethod(measure_labels)

    def judge(self, tally: LabelTally, dataset: Dataset) -> Iterator[Judgement]:  # noqa: ARG002
        """One judgement, with the classes that moved most."""
        expected = dataset.options.expect
        counts = class_counts(dataset)
        if expected is None or expected.labels is None or not counts:
            return
        total = sum(counts.values())
        before = expected.labels.shares
        names = list(dict.fromkeys([*before, *counts]))
        moves = {name: counts.get(name, 0) / total - before.get(name, 0.0) for name in names}
        distance = sum(map(abs, moves.values())) / 2
        limit = expected.labels.shift
        if distance <= limit + ROUNDING:
            return
        most = sorted(moves, key=lambda name: -abs(moves[name]))
        told = [
            f"class {name} has {counts.get(name, 0) / total:.1%} instead of "
            f"{before.get(name, 0.0):.1%}"
            for name in most
            if moves[name]
        ]
        yield self.dataset_wide(
            f"the shares of the classes differ by {distance:.2g} from the expected ones "
            f"(limit {limit:g}): {', '.join(told[:MOVED])}",
            details=told,
            about=f"{distance:.6g} from the expected shares: {', '.join(told[:MOVED])}",
        )
