"""What a good dataset looks like is learned from one, and written for people to edit."""

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
from datascan.metrics.labels import class_counts, summarize_labels
from datascan.metrics.shapes import Kind, ShapeTally, measure_shapes
from datascan.metrics.values import ValueTally, measure_values
from datascan.text import escape_surrogates

MAX_SHAPES = 20
"""Of more shapes the range along each axis is kept."""

FLOAT_MARGIN = 0.1


def learn_expectations(dataset: DatasetSummary) -> Expectations:
    """What this dataset looks like."""
    return Expectations(
        format="datascan-expectations/1",
        records=None if may_have_more_records(dataset) else Records(dataset.records),
        data=learn_data(dataset),
        labels=learn_labels(dataset),
        values=learn_values(dataset),
    )


def may_have_more_records(dataset: DatasetSummary) -> bool:
    """Whether there may be more records than were scanned."""
    limit = dataset.options.read.limit
    return not dataset.is_complete or (limit is not None and dataset.records >= limit)


def learn_data(dataset: DatasetSummary) -> Data | None:
    """The kinds of records. Only pictures and Datums are sure to have channels."""
    tally: ShapeTally | None = dataset.tally(measure_shapes)
    if tally is None:
        return None
    shapes = sorted({kind.shape for kind in tally.kinds})
    few = len(shapes) <= MAX_SHAPES
    pictures = dataset.plan.layout == "caffe-datum" or all(kind.mode for kind in tally.kinds)
    planes = pictures and all(len(shape) == 3 for shape in shapes)
    return Data(
        shapes=tuple(shapes) if few else None,
        axes=None if few else tuple(ranges(shapes)),
        dtypes=tuple(sorted({kind.dtype for kind in tally.kinds})),
        channels=tuple(sorted({shape[0] for shape in shapes})) if planes else None,
    )


def ranges(shapes: list[tuple[int, ...]]) -> list[tuple[tuple[int, int], ...]]:
    """The least and most along each axis, apart for each number of axes."""
    found = []
    for rank in sorted({len(shape) for shape in shapes}):
        columns = np.array([shape for shape in shapes if len(shape) == rank], np.int64)
        least, most = columns.min(axis=0).tolist(), columns.max(axis=0).tolist()
        found.append(tuple(zip(least, most, strict=True)))
    return found


def learn_labels(dataset: DatasetSummary) -> Labels | None:
    """The share of each class among the class labels, and its number where classes have names."""
    if dataset.derive(summarize_labels).kind == "regression":
        return Labels(kind="regression")
    counts = class_counts(dataset)
    total = sum(counts.values())
    if not total:
        return None
    names = dataset.plan.class_names
    called = {n: escape_surrogates(names[n]) if 0 <= n < len(names) else str(n) for n in counts}
    shares = dict.fromkeys(called.values(), 0.0)
    for number, count in counts.items():
        shares[called[number]] += count / total
    numbers = {name: number for number, name in called.items()}
    return Labels(learned_from=total, shares=shares, numbers=numbers if names else None)


def learn_values(dataset: DatasetSummary) -> Values | None:
    """The range of the finite values.

    Floats, and pictures whose range is only nearly known, may be a tenth of it beyond; whole
    numbers may not.
    """
    tally: ValueTally | None = dataset.tally(measure_values)
    kinds: ShapeTally | None = dataset.tally(measure_shapes)
    if tally is None or not tally.count:
        return None
    low, high = tally.low.value, tally.high.value
    floats = kinds is not None and any(is_float(kind) for kind in kinds.kinds)
    vague = floats or tally.approximate > 0
    margin = float(np.float64(high) * FLOAT_MARGIN - np.float64(low) * FLOAT_MARGIN)
    return Values(low, high, margin if vague and np.isfinite(margin) else 0.0)


def is_float(kind: Kind) -> bool:
    """Whether records of this kind hold floats."""
    return "float" in kind.dtype


COMMENTS = {
    "records": ("how many records, and by which share another dataset may have more or fewer",),
    "data": (
        "every shape (or the least and most along each axis), dtype and number of channels",
        "(of records of three axes, the first)",
    ),
    "labels": (
        "classes: the share of each, relative to their sum, and its number if it has a name;",
        "shift: the largest total-variation distance of the shares of another dataset to these;",
        "learned_from: so many labels (chance moves the shares of few of them)",
    ),
    "values": ("the range of all finite values; margin: what may be beyond it on either side",),
}


def format_expectations(expected: Expectations, source: str) -> str:
    """Expectations as TOML with comments; ``source`` says where they come from.

    It is put together line by line: tomlkit's tables take minutes for thousands of classes.
    """
    lines = [
        f"# What a good dataset looks like: {source}.",
        "# A table or a key that is left out is not checked; only limits have values of their own",
        f"# (tolerance {RECORDS_TOLERANCE:g}, shift {LABEL_SHIFT:g}, margin 0).",
        f'format = "{expected.format}"',
    ]
    for name, comments in COMMENTS.items():
        table = msgspec.to_builtins(getattr(expected, name))
        if table is not None:
            if table.get("kind") == "regression":
                del table["shift"]
            lines += ["", *(f"# {comment}" for comment in comments), *table_lines(name, table)]
    return "".join(f"{line}\n" for line in lines)


def table_lines(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    """A TOML table of this name without what is None, its own tables last."""
    import tomlkit  # noqa: PLC0415  (only here)

    yield f"[{name}]"
    for key, value in table.items():
        if value is not None and not isinstance(value, Mapping):
            yield f"{tomlkit.key(key).as_string()} = {tomlkit.item(value).as_string()}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield ""
            yield from table_lines(f"{name}.{key}", value)
