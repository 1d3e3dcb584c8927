"""Data and labels in two files: columns of one dataset, as ``x`` and ``y`` of PatchCamelyon.

Source: basveeling/pcam (``..._x.h5`` and ``..._y.h5``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from msgspec import Struct
from msgspec.structs import replace

from datascan.readers.hdf5.files import Source
from datascan.readers.hdf5.planning import FilePlan, length_mismatch
from datascan.readers.hdf5.selection import LABEL_NAMES, Table, base_name


class SourcePlan(Struct, frozen=True):
    """A file with its plan, and the file of its labels, if they are in another."""

    source: Source
    plan: FilePlan
    label_source: Source | None = None


def pair_files(files: Sequence[SourcePlan]) -> list[SourcePlan]:
    """The files in order, those of labels joined with those of their data.

    If not every file of labels has one of data, nothing is joined.
    """
    labels = [file for file in files if is_labels(file.plan)]
    data = [file for file in files if is_data(file.plan)]
    if not labels or len(labels) != len(data) or len(labels) + len(data) != len(files):
        return list(files)
    joined: list[SourcePlan] = []
    for file in data:
        own = max(labels, key=lambda one: similarity(one.source, file.source))
        labels.remove(own)
        joined.append(join(file, own))
    return joined


def only_table(plan: FilePlan) -> Table | None:
    """The only table of a file, if it has no labels."""
    if len(plan.tables) != 1 or plan.tables[0].label is not None:
        return None
    return plan.tables[0]


def is_labels(plan: FilePlan) -> bool:
    """Whether a file has nothing but a dataset that is called like labels."""
    table = only_table(plan)
    if table is None or table.extras or table.data.content != "numbers":
        return False
    return base_name(table.data.name) in LABEL_NAMES


def is_data(plan: FilePlan) -> bool:
    """Whether a file has one dataset of data, and no labels."""
    table = only_table(plan)
    return table is not None and base_name(table.data.name) not in LABEL_NAMES


def similarity(one: Source, other: Source) -> tuple[bool, int]:
    """How well two files fit: by the folder, then by how their names begin."""
    names = zip(one.path.name, other.path.name, strict=False)
    begin = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], names))
    return one.path.parent == other.path.parent, begin


def join(file: SourcePlan, labels: SourcePlan) -> SourcePlan:
    """A file of data with the labels of another file."""
    data, label = file.plan.tables[0], labels.plan.tables[0].data
    plan = replace(
        file.plan,
        tables=[replace(data, label=label)],
        faults=[*file.plan.faults, *labels.plan.faults],
        is_decoded=file.plan.is_decoded or labels.plan.is_decoded,
        refers=file.plan.refers or labels.plan.refers,
        skipped=[*file.plan.skipped, *labels.plan.skipped],
        unlike=None,
    )
    if label.rows != data.data.rows:
        shown = f"{file.source.shown} and {labels.source.shown}"
        plan.faults.append(length_mismatch(shown, data.data, label))
    return SourcePlan(file.source, plan, labels.source)
