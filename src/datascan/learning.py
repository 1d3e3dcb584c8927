"""What a good dataset looks like is learned from one, and written for people to edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from datascan.expectations import Data, Expectations, Labels, Records, Values
from datascan.measures.labels import class_counts
from datascan.measures.shapes import Kind, ShapeTally, measure_shapes
from datascan.measures.values import ValueTally, measure_values
from datascan.model import Dataset

MOST_SHAPES = 20
"""Of more shapes the range along each axis is kept."""

FLOAT_MARGIN = 0.1


def learned(dataset: Dataset) -> Expectations:
    """What this dataset looks like."""
    return Expectations(
        format="datascan-expectations/1",
        records=Records(dataset.records),
        data=learned_data(dataset.tally_of(measure_shapes)),
        labels=learned_labels(dataset),
        values=learned_values(dataset),
    )


def learned_data(tally: ShapeTally | None) -> Data | None:
    """The kinds of records."""
    if tally is None:
        return None
    shapes = sorted({kind.shape for kind in tally.kinds})
    few = len(shapes) <= MOST_SHAPES
    pictured = sorted({kind.shape[0] for kind in tally.kinds if kind.mode})
    return Data(
        shapes=tuple(shapes) if few else None,
        axes=None if few else tuple(ranges(shapes)),
        dtypes=tuple(sorted({kind.dtype for kind in tally.kinds})),
        channels=tuple(pictured) if pictured and not few else None,
    )


def ranges(shapes: list[tuple[int, ...]]) -> list[tuple[tuple[int, int], ...]]:
    """The least and most along each axis, apart for each number of axes."""
    found = []
    for rank in sorted({len(shape) for shape in shapes}):
        columns = np.array([shape for shape in shapes if len(shape) == rank], np.int64)
        least, most = columns.min(axis=0).tolist(), columns.max(axis=0).tolist()
        found.append(tuple(zip(least, most, strict=True)))
    return found


def learned_labels(dataset: Dataset) -> Labels | None:
    """The share of each class among the class labels."""
    counts = class_counts(dataset)
    total = sum(counts.values())
    return Labels({name: count / total for name, count in counts.items()}) if total else None


def learned_values(dataset: Dataset) -> Values | None:
    """The range of the finite values. Floats may be a tenth of it beyond; whole numbers may not."""
    tally: ValueTally | None = dataset.tally_of(measure_values)
    kinds: ShapeTally | None = dataset.tally_of(measure_shapes)
    if tally is None or not tally.count:
        return None
    low, high = tally.low.value, tally.high.value
    floats = kinds is not None and any(is_float(kind) for kind in kinds.kinds)
    margin = float(np.float64(high) * FLOAT_MARGIN - np.float64(low) * FLOAT_MARGIN)
    return Values(low, high, margin if floats and np.isfinite(margin) else 0.0)


def is_float(kind: Kind) -> bool:
    """Whether records of this kind hold floats."""
    return "float" in kind.dtype


COMMENTS = {
    "records": "how many records, and by which share another dataset may have more or fewer",
    "data": "every shape (or the least and most along each axis), dtype and number of channels",
    "labels": "the share of each class; shift: the largest total-variation distance to them",
    "values": "the range of all finite values; margin: what may be beyond it on either side",
}


def written(expected: Expectations, source: str) -> str:
    """Expectations as TOML with comments; ``source`` says where they come from."""
    import tomlkit  # noqa: PLC0415  (only here)

    document = tomlkit.document()
    document.add(tomlkit.comment(f"What a good dataset looks like: {source}."))
    document.add(tomlkit.comment("A table or a key that is left out is not checked."))
    document.add("format", expected.format)
    for name, comment in COMMENTS.items():
        table = msgspec.to_builtins(getattr(expected, name))
        if table is not None:
            document.add(tomlkit.nl())
            document.add(tomlkit.comment(comment))
            document.add(name, tomlkit.item(without_none(table)))
    return tomlkit.dumps(document)


def without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table without what is not expected."""
    return {key: value for key, value in table.items() if value is not None}
