"""A class has no records.

What it is
    One of the classes 0..N-1 does not occur at all.

Why it breaks training
    The network has an output that is never right. A loss that divides by the frequency of each
    class divides by zero and is NaN from the first batch on; inverse-frequency weights are
    infinite. Confusion matrices and per-class accuracies contain NaN.

How to find the cause
    Either the number of classes is too large by one (labels that start at 1 leave class 0 empty),
    or a class was lost when the data was split or filtered, or a folder is empty.

How to fix it
    Map the labels to 0..N-1 without gaps, add records of the class, or exclude the class from the
    loss.

Example
    ``empty-class: 1 of 10 classes has no record: class 7``

Limits
    The number of classes is ``--num-classes``, otherwise 1 + the largest label or the number of
    class folders, whichever is larger. Only the first 20 empty classes are named. If the number of
    classes was not given, labels are floats, and there are fewer than five records a class, it is
    an info: they may be targets of a regression that are whole numbers, as in scikit-learn's
    diabetes data.

Source
    King and Zeng (2001), Logistic Regression in Rare Events Data, for weights by class frequency.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.checks.base import MAX_LOCATIONS, Check, Issue, locations_from
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.labels import LabelTally, format_class, measure_labels, summarize_labels
from datascan.metrics.traits import CLASSES, WHOLE

FEW = 5
"""With fewer records a class on average, whole numbers may be targets of a regression."""


class EmptyClass(Check[LabelTally]):
    """A class of 0..num_classes-1 has no record."""

    rule = "empty-class"
    title = "Class without any record"
    image_title = "Class without any picture"
    severity = Severity.WARNING
    subject = "classes"
    needs = (CLASSES, WHOLE)
    fix = "add records of these classes, or map the labels to 0..N-1 without gaps"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (labels are summarised once for all rules)
        """One issue for all empty classes; there may be more than fit in memory."""
        labels = dataset.derive(summarize_labels)
        if labels.kind != "class":
            return
        used = {int(label) for label in labels.classes if 0 <= label < labels.num_classes}
        count = labels.num_classes - len(used)
        if count <= 0:
            return
        first: list[int] = []
        label = 0
        while len(first) < min(count, MAX_LOCATIONS):
            if label not in used:
                first.append(label)
            label += 1
        names = [f"class {format_class(dataset, label)}" for label in first]
        verb = "has" if count == 1 else "have"
        more = f" and {count - 3:,} more" if count > 3 else ""
        message = f"{count:,} of {labels.num_classes:,} classes {verb} no record: "
        details = [f"{name} has no record" for name in names]
        are_few = len(labels.numbers) < FEW * len(used)
        may_be_targets = not labels.declared and labels.dtype.kind == "f" and are_few
        yield self.dataset_issue(
            message + ", ".join(names[:3]) + more,
            severity=Severity.INFO if may_be_targets else None,
            details=details,
            locations=locations_from(
                details, count, f"{labels.num_classes} without {sorted(used)}".encode()
            ),
        )
