"""Labels: one compact array in store order, from which all label and batch figures come."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import Concatenated, DatasetSummary, Tally, count_distinct
from datascan.metrics.batch_gaps import BatchGaps, compute_batch_gaps
from datascan.records.block import Block

MAX_CLASSES = 100_000
MIN_WHOLE_SHARE = 0.99
LARGEST = 1 << 62
"""No number of classes is larger, so that every label in range fits in int64."""

NON_INTEGER_LABEL = "non-integer-label"
"""Under this rule readers tell of labels that are text where others are numbers."""

MAX_INTEGER_TEXT = 1e15
"""Whole labels up to here are written in full, also where they are floats."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelTally(Tally):
    """Labels of all records (n,), whether each has one, and the addresses of those that lack it.

    ``lacking``: readable records without a label. What stands in ``values`` where ``present`` is
    False means nothing. A label that its reader could not read as a number
    (``NON_INTEGER_LABEL``) is neither present nor unlabeled.
    """

    values: Concatenated
    present: Concatenated
    unlabeled: Concatenated


def measure_labels(block: Block) -> LabelTally:
    """The block's labels in the smallest dtype that holds them."""
    if block.labels is None:
        values: NDArray[Any] = np.zeros(block.records, np.int8)
        present = np.zeros(block.records, np.bool_)
    else:
        values, present = compact(scalar(block.labels.values)), block.labels.present
    if present.all():
        lacking = np.empty(0, np.int64)
    else:
        mistyped = [
            f.row for f in block.faults if f.rule == NON_INTEGER_LABEL and f.row is not None
        ]
        absent = ~present & ~block.unreadable
        absent[mistyped] = False
        lacking = block.start + np.flatnonzero(absent)
    return LabelTally(Concatenated((values,)), Concatenated((present,)), Concatenated((lacking,)))


def scalar(values: NDArray[Any]) -> NDArray[Any]:
    """Labels of shape (n,); of vector targets (n, k) one number each, not finite if any is not."""
    if values.ndim == 1:
        return values
    flat = values.reshape(len(values), prod(values.shape[1:]))
    if flat.shape[1] == 1:
        return np.asarray(flat[:, 0])
    # Never whole, so never taken for classes.
    finite = np.isfinite(flat).all(axis=1)
    return np.where(finite, 0.5, np.where(np.isnan(flat).any(axis=1), np.nan, np.inf))


def compact(values: NDArray[Any]) -> NDArray[Any]:
    """Integers in the smallest dtype that holds them all, float64 beyond int64; floats as is."""
    if values.dtype.kind == "b":
        return np.asarray(values.view(np.int8))
    if values.dtype.kind not in "iu" or not len(values):
        return values
    low, high = int(values.min()), int(values.max())
    for dtype in (np.int8, np.int16, np.int32, np.int64):
        info = np.iinfo(dtype)
        if info.min <= low and high <= info.max:
            return values.astype(dtype)
    return values.astype(np.float64)


def empty() -> NDArray[np.int64]:
    """No labels."""
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class LabelSummary:
    """All that is known of a dataset's labels.

    ``kind`` is "none" where labels are absent or not to be looked at. ``values`` are the labels of
    ``indices`` (records that have one), in store order. ``classes`` and ``counts``: the distinct
    whole labels with their numbers of records, ascending; ``in_range`` are, in store order, those
    at 0 <= label < ``num_classes``.
    """

    kind: Literal["class", "regression", "none"]
    values: NDArray[Any]
    indices: NDArray[np.int64]
    unlabeled: NDArray[np.int64]
    num_classes: int = 0
    declared: bool = False
    classes: NDArray[Any] = field(default_factory=empty)
    counts: NDArray[np.int64] = field(default_factory=empty)
    in_range: NDArray[np.int64] = field(default_factory=empty)


def summarize_labels(dataset: DatasetSummary) -> LabelSummary:
    """Take the labels as classes, as regression targets, or as absent.

    Use it as ``dataset.derive(summarise)``, so that it runs once.
    """
    tally: LabelTally | None = dataset.tally(measure_labels)
    asked = dataset.options.check.label_type
    if tally is None or asked == "none" or not tally.present.array.any():
        return LabelSummary("none", empty(), empty(), empty())
    present = tally.present.array
    indices = np.flatnonzero(present)
    every = tally.values.array
    values = every if len(indices) == len(every) else every[indices]
    targets = dataset.options.check.targets
    if targets is not None and targets.ignore_label is not None:
        heeded = values != targets.ignore_label
        indices, values = indices[heeded], values[heeded]
        if not len(values):
            return LabelSummary("none", empty(), empty(), empty())
    kind = asked if asked in ("class", "regression") else guess_label_type(values)
    if kind == "regression":
        return LabelSummary("regression", values, indices, tally.unlabeled.array)
    whole = values[is_whole(values)]
    classes, counts = count_distinct(whole)
    declared = dataset.options.check.num_classes is not None
    num_classes = dataset.options.check.num_classes or count_named_classes(dataset, classes)
    num_classes = min(num_classes, LARGEST)
    inside = whole[(whole >= 0) & (whole <= num_classes - 1)].astype(np.int64)
    return LabelSummary(
        "class",
        values,
        indices,
        tally.unlabeled.array,
        num_classes,
        declared,
        classes,
        counts,
        inside,
    )


def count_named_classes(dataset: DatasetSummary, classes: NDArray[Any]) -> int:
    """1 + the largest label, or the number of class folders if that is more."""
    largest = int(classes[-1]) if len(classes) else -1
    return max(largest + 1, len(dataset.plan.class_names), 0)


def is_whole(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which labels are whole numbers (NaN and Inf are not)."""
    if values.dtype.kind in "iu":
        return np.ones(len(values), np.bool_)
    return np.asarray(np.isfinite(values) & (values == np.floor(values)))


def guess_label_type(values: NDArray[Any]) -> Literal["class", "regression"]:
    """Integers are classes; so are floats, 99% of them whole, of at most 100,000 values."""
    if values.dtype.kind in "iu":
        return "class"
    if is_whole(values).mean() < MIN_WHOLE_SHARE:
        return "regression"
    return "class" if len(count_distinct(values)[0]) <= MAX_CLASSES else "regression"


def label_text(label: Any) -> str:
    """A label for people: "label 10", "label 1.5", "label nan"."""
    return f"label {format_label(label)}"


def format_label(label: Any) -> str:
    """A label in the fewest digits that tell it from others of its dtype: 10, 1.5, 1e+20, nan."""
    whole = -MAX_INTEGER_TEXT < label < MAX_INTEGER_TEXT and label == int(label)
    return str(int(label)) if whole or isinstance(label, np.integer) else str(label)


def class_name(dataset: DatasetSummary, label: int) -> str:
    """A class by its number, and its name if it has one: 3 (frog)."""
    names = dataset.plan.class_names
    return f"{label} ({names[label]})" if 0 <= label < len(names) else str(label)


def class_counts(dataset: DatasetSummary) -> dict[int, int]:
    """Records of each class, ascending by label; empty without class labels."""
    labels = dataset.derive(summarize_labels)
    if labels.kind != "class":
        return {}
    pairs = zip(labels.classes.tolist(), labels.counts.tolist(), strict=True)
    return {int(label): count for label, count in pairs}


def summarize_batch_gaps(dataset: DatasetSummary) -> BatchGaps | None:
    """Label gaps at the batch sizes asked for; None without class labels in range."""
    labels = dataset.derive(summarize_labels)
    if labels.kind != "class" or not len(labels.in_range):
        return None
    return compute_batch_gaps(labels.in_range, dataset.options.check.batch_sizes)
