"""What a dataset has, and therefore which rules apply to it.

A rule lists the traits that it needs. If the dataset lacks one of them, the report says that the
rule does not apply, and why, instead of claiming that it was passed.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from datascan.metrics.base import DatasetSummary
from datascan.metrics.faults import find_faults
from datascan.metrics.labels import summarize_labels
from datascan.metrics.shapes import ShapeTally, measure_shapes

IMAGE_FAULTS = ("corrupt-image", "not-an-image", "oversized-image", "unsupported-image")


class Trait(Struct, frozen=True):
    """Something that a dataset has or lacks; ``lack`` says so in words: "no labels"."""

    lack: str
    has: Callable[[DatasetSummary], bool]


def has_float_values(dataset: DatasetSummary) -> bool:
    """Whether any record has values that can be NaN."""
    tally: ShapeTally | None = dataset.tally(measure_shapes)
    return tally is not None and any("float" in kind.dtype for kind in tally.kinds)


def has_images(dataset: DatasetSummary) -> bool:
    """Whether any record is an encoded image, or should be one."""
    tally: ShapeTally | None = dataset.tally(measure_shapes)
    are_decoded = tally is not None and any(kind.mode for kind in tally.kinds)
    return are_decoded or any(find_faults(dataset, rule) is not None for rule in IMAGE_FAULTS)


def is_whole(dataset: DatasetSummary) -> bool:
    """Whether all records were read, in one state of the dataset."""
    if dataset.writer is not None and dataset.writer.rules:
        return False
    if dataset.plan.sampled_from is not None:
        return False
    limit, total = dataset.options.read.limit, dataset.plan.total_records
    if limit is not None and (dataset.records >= limit if total is None else total >= limit):
        return False
    return dataset.is_complete


RECORDS = Trait("no records", lambda dataset: dataset.records > 0)
VALUES = Trait(
    "no values that can be read", lambda dataset: dataset.tally(measure_shapes) is not None
)
FLOATS = Trait("no float values", has_float_values)
IMAGES = Trait("no images", has_images)
LABELS = Trait("no labels", lambda dataset: dataset.derive(summarize_labels).kind != "none")
CLASSES = Trait("no class labels", lambda d: d.derive(summarize_labels).kind == "class")
WHOLE = Trait("only a part was read", is_whole)
EXPECTATIONS = Trait("no expectations", lambda dataset: dataset.options.check.expect is not None)
NET = Trait("no net", lambda dataset: dataset.options.check.targets is not None)
DECLARED_COUNT = Trait(
    "no declared number of records", lambda dataset: dataset.plan.declared_count is not None
)
STORE = Trait("not a store", lambda dataset: not dataset.plan.has_file_names)
FILES = Trait("no list of files", lambda dataset: dataset.plan.has_file_names)
