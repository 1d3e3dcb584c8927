"""Learns expectations from a good dataset, and formats them as TOML for people to edit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from datascan.config.expectations import (
    LABEL_SHIFT,
    RECORDS_TOLERANCE,
    Data,
    Expectations,
    Labels,
    Records,
    Values,
)
from datascan.metrics.base import DatasetSummary
from datascan.metrics.labels import count_classes, summarize_labels
from datascan.metrics.shapes import RecordKind, ShapeTally, measure_shapes
from datascan.metrics.values import ValueTally, measure_values
from datascan.text import escape_control, escape_in_toml, escape_surrogates

MAX_SHAPES = 20
"""If there are more shapes, the range along each axis is stored instead."""

FLOAT_MARGIN = 0.1


def learn_expectations(dataset: DatasetSummary) -> Expectations:
    """The expectations that describe this dataset."""
    return Expectations(
        format="datascan-expectations/1",
        records=None if is_partial(dataset) else Records(dataset.records),
        data=learn_data(dataset),
        labels=learn_labels(dataset),
        values=learn_values(dataset),
    )


def is_partial(dataset: DatasetSummary) -> bool:
    """Whether the dataset may have more records than were scanned."""
    if dataset.plan.sampled_from is not None:
        return True
    limit = dataset.options.read.limit
    return not dataset.is_complete or (limit is not None and dataset.records >= limit)


def learn_data(dataset: DatasetSummary) -> Data | None:
    """Shapes, dtypes and channels of the records. Only images and Datums surely have channels."""
    tally: ShapeTally | None = dataset.tally(measure_shapes)
    if tally is None:
        return None
    shapes = sorted({kind.shape for kind in tally.kinds})
    few = len(shapes) <= MAX_SHAPES
    are_images = dataset.plan.layout == "caffe-datum" or all(kind.mode for kind in tally.kinds)
    have_channels = are_images and all(len(shape) == 3 for shape in shapes)
    return Data(
        shapes=tuple(shapes) if few else None,
        axes=None if few else tuple(axis_ranges(shapes)),
        dtypes=tuple(sorted({kind.dtype for kind in tally.kinds})),
        channels=tuple(sorted({shape[0] for shape in shapes})) if have_channels else None,
    )


def axis_ranges(shapes: list[tuple[int, ...]]) -> list[tuple[tuple[int, int], ...]]:
    """Minimum and maximum along each axis, for each number of axes."""
    found = []
    for rank in sorted({len(shape) for shape in shapes}):
        sizes = np.array([shape for shape in shapes if len(shape) == rank], np.int64)
        low, high = sizes.min(axis=0).tolist(), sizes.max(axis=0).tolist()
        found.append(tuple(zip(low, high, strict=True)))
    return found


def learn_labels(dataset: DatasetSummary) -> Labels | None:
    """The share of each class among the class labels, and its number if classes have names."""
    if dataset.derive(summarize_labels).kind == "regression":
        return Labels(kind="regression")
    counts = count_classes(dataset)
    total = sum(counts.values())
    if not total:
        return None
    names = dataset.plan.class_names
    class_names = {
        n: escape_surrogates(names[n]) if 0 <= n < len(names) else str(n) for n in counts
    }
    shares = dict.fromkeys(class_names.values(), 0.0)
    for number, count in counts.items():
        shares[class_names[number]] += count / total
    numbers = {name: number for number, name in class_names.items()}
    return Labels(learned_from=total, shares=shares, numbers=numbers if names else None)


def learn_values(dataset: DatasetSummary) -> Values | None:
    """The range of the finite values.

    The margin is a tenth of the range for floats and for images whose range is approximate, and
    zero for integers.
    """
    tally: ValueTally | None = dataset.tally(measure_values)
    kinds: ShapeTally | None = dataset.tally(measure_shapes)
    if tally is None or not tally.count:
        return None
    low, high = tally.low.value, tally.high.value
    has_floats = kinds is not None and any(is_float(kind) for kind in kinds.kinds)
    needs_margin = has_floats or tally.approximate > 0
    margin = float(np.float64(high) * FLOAT_MARGIN - np.float64(low) * FLOAT_MARGIN)
    return Values(low, high, margin if needs_margin and np.isfinite(margin) else 0.0)


def is_float(kind: RecordKind) -> bool:
    """Whether records of this kind have float values."""
    return "float" in kind.dtype


COMMENTS = {
    "records": (
        "count: the number of records;",
        "tolerance: the share by which another dataset may have more or fewer",
    ),
    "data": (
        "all shapes (or minimum and maximum along each axis), dtypes and numbers of channels",
        "(the first axis of records with three axes)",
    ),
    "labels": (
        "shares: the share of each class, relative to their sum; numbers: the number of each name;",
        "shift: the largest total-variation distance allowed for the shares of another dataset;",
        "learned_from: the number of labels (the shares of a few labels vary by chance)",
    ),
    "values": (
        "min, max: the range of all finite values;",
        "margin: by how much values may exceed it on either side",
    ),
}


def format_expectations(expected: Expectations, source: str) -> str:
    """Expectations as TOML with comments; ``source`` is their origin, in words.

    The text is built line by line, because tomlkit's tables take minutes for thousands of classes.
    """
    lines = [
        escape_control(f"# What a good dataset looks like: {source}."),
        "# A table or key that is left out is not checked, except that limits have defaults",
        f"# (tolerance {RECORDS_TOLERANCE:g}, shift {LABEL_SHIFT:g}, margin 0).",
        f'format = "{expected.format}"',
    ]
    for name, comments in COMMENTS.items():
        table = msgspec.to_builtins(getattr(expected, name))
        if table is not None:
            if table.get("kind") == "regression":
                del table["shift"]
            lines += ["", *(f"# {comment}" for comment in comments), *format_table(name, table)]
    return "".join(f"{line}\n" for line in lines)


def format_table(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a TOML table; members that are None are left out, sub-tables come last."""
    import tomlkit  # noqa: PLC0415  (only here)

    yield f"[{name}]"
    for key, value in table.items():
        if value is not None and not isinstance(value, Mapping):
            line = f"{tomlkit.key(key).as_string()} = {tomlkit.item(value).as_string()}"
            yield escape_in_toml(line)
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield ""
            yield from format_table(f"{name}.{key}", value)
