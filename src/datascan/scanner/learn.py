"""Learns expectations from a good dataset, and formats them as TOML for people to edit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from datascan.checks.base import Issue
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
from datascan.text import escape_control, escape_in_toml, escape_surrogates, pluralize

MAX_SHAPES = 20
"""If there are more shapes, the range along each axis is stored instead."""

FLOAT_MARGIN = 0.1


LOSSES = (
    "damaged-store",
    "truncated-store",
    "live-writer",
    "missing-file",
    "length-mismatch",
    "record-count-mismatch",
    "key-gap",
)
"""Rules after whose findings the number of records is not what it should be."""

ODD_SHAPES = ("shape-mismatch", "odd-size", "mixed-channels")
"""Rules that name records of a shape that others should not have."""


def learn_expectations(
    dataset: DatasetSummary, issues: Sequence[Issue] = ()
) -> tuple[Expectations, list[str]]:
    """The expectations that describe this dataset, and what was left out of them, in words.

    What ``issues`` complain about is not expected of other datasets, unless it is accepted.
    """
    open_issues = [issue for issue in issues if issue.accepted is None]
    rules = {issue.rule for issue in open_issues}
    left_out: list[str] = []
    records = None if is_partial(dataset) else Records(dataset.records)
    if records is not None and (lost := sorted(rules & {*LOSSES})):
        records = None
        left_out.append(f"the number of records, because of {', '.join(lost)}")
    values = learn_values(dataset)
    if values is not None and "extreme-value" in rules:
        values = None
        left_out.append("the range of the values, because of extreme-value")
    odd = [issue for issue in open_issues if issue.rule in ODD_SHAPES]
    expected = Expectations(
        format="datascan-expectations/1",
        records=records,
        data=learn_data(dataset, find_usual_kinds(dataset, odd, left_out)),
        labels=learn_labels(dataset, left_out, in_range="label-out-of-range" in rules),
        values=values,
    )
    return expected, left_out


def find_usual_kinds(
    dataset: DatasetSummary, odd: Sequence[Issue], left_out: list[str]
) -> list[RecordKind]:
    """The kinds of records of which not all are odd; ``left_out`` receives how many others."""
    tally: ShapeTally | None = dataset.tally(measure_shapes)
    if tally is None:
        return []
    kinds = list(tally.kinds)
    flagged = [issue.flagged.addresses.array for issue in odd if issue.flagged is not None]
    if not flagged:
        return kinds
    addresses, numbers = tally.addresses(np.ones(len(kinds), np.bool_))
    normal = numbers[~np.isin(addresses, np.concatenate(flagged))]
    usual = [kinds[i] for i in np.unique(normal).tolist()]
    if usual and len(usual) < len(kinds):
        count = pluralize(len(kinds) - len(usual), "shape")
        rules = ", ".join(sorted({issue.rule for issue in odd}))
        left_out.append(f"{count} of records that are odd, because of {rules}")
    return usual or kinds


def is_partial(dataset: DatasetSummary) -> bool:
    """Whether the dataset may have more records than were scanned."""
    if dataset.plan.sampled_from is not None:
        return True
    limit = dataset.options.read.limit
    return not dataset.is_complete or (limit is not None and dataset.records >= limit)


def learn_data(dataset: DatasetSummary, kinds: Sequence[RecordKind]) -> Data | None:
    """Shapes, dtypes and channels of ``kinds``. Only images and Datums surely have channels."""
    if not kinds:
        return None
    shapes = sorted({kind.shape for kind in kinds})
    few = len(shapes) <= MAX_SHAPES
    are_images = dataset.plan.layout == "caffe-datum" or all(kind.mode for kind in kinds)
    have_channels = are_images and all(len(shape) == 3 for shape in shapes)
    return Data(
        shapes=tuple(shapes) if few else None,
        axes=None if few else tuple(axis_ranges(shapes)),
        dtypes=tuple(sorted({kind.dtype for kind in kinds})),
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


def learn_labels(dataset: DatasetSummary, left_out: list[str], *, in_range: bool) -> Labels | None:
    """The share of each class among the class labels, and its number if classes have names.

    With ``in_range``, labels out of range are left out, and ``left_out`` receives which.
    """
    labels = dataset.derive(summarize_labels)
    if labels.kind == "regression":
        return Labels(kind="regression")
    counts = count_classes(dataset)
    outside = [n for n in counts if in_range and not 0 <= n < labels.num_classes]
    if outside:
        some = ", ".join(map(str, outside[:MAX_SHAPES])) + (" ..." * (len(outside) > MAX_SHAPES))
        left_out.append(f"{pluralize(len(outside), 'label')} out of range: {some}")
        counts = {n: count for n, count in counts.items() if n not in set(outside)}
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
