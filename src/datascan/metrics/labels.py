"""Labels as one compact array in store order, the basis of all label and batch figures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import (
    Concatenated,
    DatasetSummary,
    Tally,
    count_distinct,
    make_repeated,
)
from datascan.metrics.batch_gaps import BatchGaps, Epoch, compute_batch_gaps
from datascan.metrics.label_vectors import NOT_FINITE, VectorSummary, summarize_vectors
from datascan.records.block import Block
from datascan.records.statistics import in_float64

MAX_CLASSES = 100_000
"""Float labels with more distinct values are regression targets."""

MIN_WHOLE_SHARE = 0.99
"""Float labels with a smaller share of whole numbers are regression targets."""

MAX_NUM_CLASSES = 1 << 62
"""The number of classes is capped here, so that every label in range fits in int64."""

NON_INTEGER_LABEL = "non-integer-label"
"""The rule under which readers report text among numeric labels."""

FIRST_LABELS = 64
"""If one of the first labels of a block is not a whole number, the others are not checked."""

MAX_INTEGER_TEXT = 1e15
"""Whole labels below this are written in full, even if they are floats."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelTally(Tally):
    """Labels of all records (n,), whether each record has one, and the addresses of those without.

    ``values`` is undefined wherever ``present`` is False. ``unlabeled`` are readable records
    without a label. A record whose label is not a number (``NON_INTEGER_LABEL``) is neither
    present nor unlabeled.
    """

    values: Concatenated
    present: Concatenated
    unlabeled: Concatenated


def measure_labels(block: Block) -> LabelTally:
    """The block's labels in the smallest dtype that holds them."""
    if block.labels is None:
        values = make_repeated(np.zeros(1, np.int8), block.records)
        present = np.zeros(block.records, np.bool_)
    else:
        values = narrow(shrink_dtype(reduce_to_scalars(block.labels.values)))
        present = block.labels.present
    if present.all():
        all_present = make_repeated(np.ones(1, np.bool_), block.records)
        return LabelTally(values, all_present, Concatenated((np.empty(0, np.int64),)))
    text_rows = [f.row for f in block.faults if f.rule == NON_INTEGER_LABEL and f.row is not None]
    absent = ~present & ~block.unreadable
    absent[text_rows] = False
    if block.labels is not None and block.labels.expected is not None:
        absent &= block.labels.expected
    unlabeled = block.start + np.flatnonzero(absent)
    return LabelTally(values, Concatenated((present,)), Concatenated((unlabeled,)))


def narrow(values: NDArray[Any]) -> Concatenated:
    """Labels, (n,), of float32 or float64 as int16 if they all are such numbers, bit for bit."""
    if values.dtype.char not in "fd" or not len(values) or not values.dtype.isnative:
        return Concatenated((values,))
    for part in (values[:FIRST_LABELS], values):
        with np.errstate(invalid="ignore"):
            codes = part.astype(np.int16)
        # Compared as bytes, because -0.0 would lose its sign.
        if codes.astype(values.dtype).tobytes() != part.tobytes():
            return Concatenated((values,))
    return Concatenated((codes,), values.dtype)


def reduce_to_scalars(values: NDArray[Any]) -> NDArray[Any]:
    """Labels of shape (n,); a vector becomes one number, not finite if any of its values is not."""
    if values.ndim == 1:
        return values
    flat = values.reshape(len(values), prod(values.shape[1:]))
    if flat.shape[1] == 1:
        return np.asarray(flat[:, 0])
    # Never a whole number, so that vectors are never mistaken for classes.
    finite = np.isfinite(flat).all(axis=1)
    return np.where(finite, 0.5, np.where(np.isnan(flat).any(axis=1), np.nan, np.inf))


def shrink_dtype(values: NDArray[Any]) -> NDArray[Any]:
    """Integers in the smallest signed dtype that holds them, or float64; floats unchanged."""
    if values.dtype.kind == "b":
        return np.asarray(values.view(np.int8))
    if values.dtype.kind not in "iu" or not len(values):
        return values
    low, high = int(values.min()), int(values.max())
    for dtype in (np.int8, np.int16, np.int32, np.int64):
        info = np.iinfo(dtype)
        if info.min <= low and high <= info.max:
            return values.astype(dtype)
    return in_float64(values)


def make_empty() -> NDArray[np.int64]:
    """An empty array."""
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class LabelSummary:
    """What is known about a dataset's labels.

    ``kind`` is "none" if labels are absent or ignored. ``numbers`` are the labels of the records
    that have one, in store order, in a dtype that holds them, and ``dtype`` is the one they are
    stored in. ``chosen`` are the indices of these records; None if all records have a label.
    ``classes`` and ``counts`` are the distinct whole labels, ascending, with their numbers of
    records. ``in_range`` are the class labels with 0 <= label < ``num_classes``, in store order, of
    an integer dtype. ``vectors`` is None if labels are single numbers.
    One-hot labels are classes; those without exactly one 1 are left out.
    """

    kind: Literal["class", "regression", "none"]
    numbers: NDArray[Any]
    dtype: np.dtype[Any]
    chosen: NDArray[np.int64] | None
    unlabeled: NDArray[np.int64]
    num_classes: int = 0
    declared: bool = False
    classes: NDArray[Any] = field(default_factory=make_empty)
    counts: NDArray[np.int64] = field(default_factory=make_empty)
    in_range: NDArray[np.signedinteger[Any]] = field(default_factory=make_empty)
    vectors: VectorSummary | None = None

    @cached_property
    def values(self) -> NDArray[Any]:
        """The labels of ``indices``, in store order."""
        return self.numbers.astype(self.dtype, copy=False)

    @cached_property
    def indices(self) -> NDArray[np.int64]:
        """The records that have a label, ascending, int64 (n,)."""
        return np.arange(len(self.numbers)) if self.chosen is None else self.chosen

    @property
    def epoch(self) -> Epoch:
        """The labels in range, of which there must be one, as an epoch."""
        is_used = (self.classes >= 0) & (self.classes <= self.num_classes - 1)
        classes = self.classes[is_used].astype(np.int64)
        return Epoch(self.in_range, classes, self.counts[is_used])

    def select(self, rows: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """The indices and the values of those labels for which ``rows``, bool (n,), are True."""
        places = np.flatnonzero(rows)
        indices = places if self.chosen is None else self.chosen[places]
        return indices, self.numbers[places].astype(self.dtype, copy=False)


def summarize_none() -> LabelSummary:
    """The summary of a dataset without labels."""
    return LabelSummary("none", make_empty(), np.dtype(np.int64), make_empty(), make_empty())


def summarize_labels(dataset: DatasetSummary) -> LabelSummary:
    """Summarise the labels as classes, as regression targets, or as absent.

    Call it as ``dataset.derive(summarize_labels)``, so that it runs once.
    """
    tally: LabelTally | None = dataset.tally(measure_labels)
    label_type = dataset.options.check.label_type
    if tally is None or label_type == "none" or not tally.present.array.any():
        return summarize_none()
    numbers, dtype, chosen = find_labels(tally)
    vectors = dataset.derive(summarize_vectors)
    if vectors is not None and vectors.kind == "one-hot" and label_type != "regression":
        chosen, numbers = classes_of(vectors)
        dtype = numbers.dtype
    targets = dataset.options.check.targets
    if targets is not None and targets.ignore_label is not None:
        kept = np.flatnonzero(numbers != targets.ignore_label)
        chosen, numbers = kept if chosen is None else chosen[kept], numbers[kept]
        if not len(numbers):
            return summarize_none()
    found = LabelSummary("class", numbers, dtype, chosen, tally.unlabeled.array, vectors=vectors)
    if label_type == "regression":
        return replace(found, kind="regression")
    whole = numbers if numbers.dtype.kind in "iu" else numbers[is_whole(numbers)]
    classes, counts = count_distinct(whole)
    if label_type != "class" and not are_classes(found, len(classes)):
        return replace(found, kind="regression")
    classes = classes.astype(dtype)
    declared = dataset.options.check.num_classes is not None
    num_classes = dataset.options.check.num_classes or guess_num_classes(dataset, classes)
    num_classes = min(num_classes, MAX_NUM_CLASSES)
    return replace(
        found,
        num_classes=num_classes,
        declared=declared,
        classes=classes,
        counts=counts,
        in_range=choose_in_range(whole, classes, num_classes),
    )


def find_labels(
    tally: LabelTally,
) -> tuple[NDArray[Any], np.dtype[Any], NDArray[np.int64] | None]:
    """The labels (n,), the dtype they are stored in, and their records, None if it is all."""
    numbers, present = tally.values.compact, tally.present.array
    dtype = numbers.dtype if tally.values.dtype is None else tally.values.dtype
    if present.all():
        return numbers, dtype, None
    chosen = np.flatnonzero(present)
    return numbers[chosen], dtype, chosen


def choose_in_range(
    whole: NDArray[Any], classes: NDArray[Any], num_classes: int
) -> NDArray[np.signedinteger[Any]]:
    """The whole labels (n,), whose distinct values are ``classes``, that are in range."""
    is_signed = whole.dtype.kind == "i"
    if is_signed and len(classes) and classes[0] >= 0 and classes[-1] <= num_classes - 1:
        return whole
    chosen = whole[(whole >= 0) & (whole <= num_classes - 1)]
    return chosen if is_signed else chosen.astype(np.int64)


def classes_of(vectors: VectorSummary) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The indices (m,) and classes (m,) of one-hot labels; NaN for one that is not finite."""
    kept = (vectors.hot >= 0) | (vectors.hot == NOT_FINITE)
    order = np.argsort(vectors.indices[kept], kind="stable")
    indices, hot = vectors.indices[kept][order], vectors.hot[kept][order]
    is_lost = hot == NOT_FINITE
    return indices, np.where(is_lost, np.nan, hot) if is_lost.any() else hot


def guess_num_classes(dataset: DatasetSummary, classes: NDArray[Any]) -> int:
    """1 + the largest label; or the number of class folders, or of places in one-hot labels."""
    largest = int(classes[-1]) if len(classes) else -1
    vectors = dataset.derive(summarize_vectors)
    places = vectors.width if vectors is not None and vectors.kind == "one-hot" else 0
    return max(largest + 1, len(dataset.plan.class_names), places)


def is_whole(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which labels are whole numbers (NaN and Inf are not)."""
    if values.dtype.kind in "iu":
        return np.ones(len(values), np.bool_)
    return np.asarray(np.isfinite(values) & (values == np.floor(values)))


def are_classes(labels: LabelSummary, whole: int) -> bool:
    """Whether labels, of which ``whole`` distinct ones are whole numbers, are classes.

    Integers are, and so are floats if 99% are whole, of at most 100,000 values.
    """
    if labels.dtype.kind in "iu":
        return True
    numbers = labels.numbers
    if numbers.dtype.kind in "iu":
        return whole <= MAX_CLASSES
    if is_whole(numbers).mean() < MIN_WHOLE_SHARE:
        return False
    return len(count_distinct(numbers)[0]) <= MAX_CLASSES


def describe_label(label: Any) -> str:
    """Describe a label: "label 10", "label 1.5", "label nan"."""
    return f"label {format_label(label)}"


def format_label(label: Any) -> str:
    """Format a label in the fewest digits that are unique in its dtype: 10, 1.5, 1e+20, nan."""
    whole = -MAX_INTEGER_TEXT < label < MAX_INTEGER_TEXT and label == int(label)
    return str(int(label)) if whole or isinstance(label, np.integer) else str(label)


def format_class(dataset: DatasetSummary, label: int) -> str:
    """Format a class as its number, with its name if it has one: "3 (frog)"."""
    names = dataset.plan.class_names
    return f"{label} ({names[label]})" if 0 <= label < len(names) else str(label)


def count_classes(dataset: DatasetSummary) -> dict[int, int]:
    """The number of records of each class, ascending by label; empty without class labels."""
    labels = dataset.derive(summarize_labels)
    if labels.kind != "class":
        return {}
    pairs = zip(labels.classes.tolist(), labels.counts.tolist(), strict=True)
    return {int(label): count for label, count in pairs}


def summarize_batch_gaps(dataset: DatasetSummary) -> BatchGaps | None:
    """Label gaps at the requested batch sizes; None without class labels in range."""
    labels = dataset.derive(summarize_labels)
    if labels.kind != "class" or not len(labels.in_range):
        return None
    return compute_batch_gaps(labels.epoch, dataset.options.check.measured_batch_sizes)
