"""To be written."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.measures.labels import LabelTally, is_whole, measure_labels, summarise
from datascan.model import Check, Dataset, Judgement, Severity
from datascan.tally import Flagged


class LabelOutOfRange(Check[LabelTally]):
    """A class label below 0, or at or above the number of classes."""

    rule = "label-out-of-range"
    severity = Severity.ERROR
    fix = "correct these labels, or pass the true --num-classes; labels count from 0"
    measure = staticmethod(measure_labels)

    def judge(self, tally: LabelTally, dataset: Dataset) -> Iterator[Judgement]:  # noqa: ARG002
        """All whole labels outside 0..num_classes-1."""
        labels = dataset.derive(summarise)
        if labels.kind != "class":
            return
        outside = (labels.values < 0) | (labels.values >= labels.num_classes)
        outside &= is_whole(labels.values)
        if outside.any():
            flagged = Flagged.of(dataset.addresses(labels.indices[outside]), labels.values[outside])
            count = np.count_nonzero(outside)
            noun = "label lies" if count == 1 else "labels lie"
            message = f"{count:,} {noun} outside 0..{labels.num_classes - 1}"
            yield self.flag(flagged, message, lambda label: f"label {label:g}")
