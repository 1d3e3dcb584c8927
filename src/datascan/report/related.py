"""The records that duplicates and conflicts were compared with, by key and label."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Issue
from datascan.metrics.labels import format_label, is_whole, summarize_labels
from datascan.report.figures import Related
from datascan.scanner.result import ScanResult
from datascan.text import escape_surrogates


def find_related(
    issue: Issue, chosen: NDArray[np.int64], scanned: ScanResult
) -> list[Related | None]:
    """The partner of each of the ``chosen`` records of an issue, which are positions in it.

    The reader must be open: keys are looked up.
    """
    if issue.partners is None:
        return [None] * len(chosen)
    addresses = issue.partners[chosen]
    indices = scanned.summary.indices(addresses)
    keys = scanned.lookup_keys(addresses)
    labels = find_labels(scanned, scanned.summary.positions(addresses))
    return [
        Related(index, escape_surrogates(key), label)
        for index, key, label in zip(indices.tolist(), keys, labels, strict=True)
    ]


def find_labels(scanned: ScanResult, positions: NDArray[np.int64]) -> Iterator[int | float | None]:
    """The label of the record at each of ``positions``, if it has a finite one."""
    labels = scanned.summary.derive(summarize_labels)
    places = np.searchsorted(labels.indices, positions)
    for position, place in zip(positions.tolist(), places.tolist(), strict=True):
        known = place < len(labels.indices) and labels.indices[place] == position
        value = labels.values[place] if known else np.float64("nan")
        if not np.isfinite(value):
            yield None
        elif is_whole(labels.values[place : place + 1])[0]:
            yield int(value)
        else:
            yield float(value)


def describe_related(detail: str, related: Related | None, scanned: ScanResult) -> str:
    """A detail that ends with its partner: "same content as #800 00000800 (label 3)"."""
    if related is None:
        return detail
    return f"{detail} #{related.index} {related.key}{describe_class(related.label, scanned)}"


def describe_class(label: float | None, scanned: ScanResult) -> str:
    """A label in parentheses, with the name of its class if it has one; "" without a label."""
    if label is None:
        return ""
    if not isinstance(label, int):
        return f" (label {format_label(label)})"
    names = scanned.summary.plan.class_names
    name = f", {escape_surrogates(names[label])}" if 0 <= label < len(names) else ""
    return f" (label {label}{name})"
