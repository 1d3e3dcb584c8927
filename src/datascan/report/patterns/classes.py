"""Classes: most records of a finding have one label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import DatasetSummary, count_distinct
from datascan.metrics.labels import format_class, format_label, is_whole, summarize_labels
from datascan.report.patterns.candidate import Candidate
from datascan.report.patterns.survey import Concerned, Numbers


def find_class(dataset: DatasetSummary, concerned: Concerned) -> Candidate | None:
    """The class of at least 90% of the records; None if labels are not classes."""
    labels = dataset.derive(summarize_labels)
    if labels.kind != "class":
        return None
    known, mine = labels_at(concerned.positions, labels.indices, labels.values)
    classes, counts = count_distinct(mine[known])
    if not len(classes):
        return None
    label = classes[counts.argmax()]
    if not is_whole(classes[counts.argmax() : counts.argmax() + 1])[0]:
        return None
    known_others, theirs = labels_at(concerned.others, labels.indices, labels.values)
    name = format_class(dataset, int(label)) if abs(float(label)) < 1 << 53 else format_label(label)
    return concerned.test(
        kind="class",
        text=f"of class {name}",
        mine=known & (mine == label),
        theirs=known_others & (theirs == label),
    )


def labels_at(
    positions: Numbers, indices: Numbers, values: NDArray[np.generic]
) -> tuple[NDArray[np.bool_], NDArray[np.generic]]:
    """Whether each position has a label, and the label, which is undefined without one."""
    places = np.searchsorted(indices, positions)
    places[places == len(indices)] = 0
    return np.asarray(indices[places] == positions), values[places]
