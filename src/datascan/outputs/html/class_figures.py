"""The number of records in each class."""

from __future__ import annotations

from datascan.outputs.html.figure import Cell, Figure, Table, count, figure_of
from datascan.outputs.html.limits import Limits, short
from datascan.report.figures import LabelFigures
from datascan.report.model import DatasetReport
from datascan.text import escape_control, format_percent, pluralize

NAME_WIDTH = 40
MAX_CLASSES = 1e300
"""Larger labels are sorted as if they were this one."""


def class_histogram(report: DatasetReport, limits: Limits, anchor: str) -> Figure | None:
    """The number of records in each class."""
    labels = report.labels
    if labels is None or not labels.counts:
        return None
    sizes = {label: labels.counts.get(label, 0) for label in all_labels(labels, limits)}
    drawn = list(sizes.items())[: limits.points]
    total = sum(labels.counts.values())
    by_size = sorted(sizes.items(), key=lambda item: -item[1])
    half = limits.rows // 2
    listed = by_size if len(by_size) <= limits.rows else [*by_size[:half], *by_size[-half:]]
    left = len(by_size) - len(listed)
    left_out = f"The {half:,} largest and the {half:,} smallest of {len(by_size):,} classes."
    return Figure(
        f"{anchor}-classes",
        "Classes",
        sentence(labels, by_size),
        Table(
            ("Class", "Records", "Share"),
            tuple(
                (class_cell(labels, label), count(size), figure_of(size / total, format_percent))
                for label, size in listed
            ),
            left_out if left else "",
        ),
        data={
            "kind": "classes",
            "labels": [class_name(labels, label) for label, _ in drawn],
            "counts": [size for _, size in drawn],
            "xlabel": "class",
            "ylabel": "records",
        },
    )


def all_labels(labels: LabelFigures, limits: Limits) -> list[str]:
    """All labels that occur and the classes without records, ascending."""
    found = set(labels.counts)
    if labels.num_classes and labels.num_classes <= limits.points:
        found |= {str(label) for label in range(labels.num_classes)}
    return sorted(found, key=int)


def sentence(labels: LabelFigures, by_size: list[tuple[str, int]]) -> str:
    """The largest and the smallest class in words."""
    (largest, most), (rarest, least) = by_size[0], by_size[-1]
    classes = pluralize(len(by_size), "class")
    if most == least:
        return f"{classes}, {pluralize(most, 'record')} each."
    return (
        f"{classes}: from {least:,} (class {class_name(labels, rarest)}) "
        f"to {most:,} (class {class_name(labels, largest)}) records."
    )


def class_cell(labels: LabelFigures, label: str) -> Cell:
    """A class in a table, sorted by its number."""
    return Cell(class_name(labels, label), max(-MAX_CLASSES, min(MAX_CLASSES, float(label))))


def class_name(labels: LabelFigures, label: str) -> str:
    """A class by its number, with its name if it has one: 3 (frog)."""
    shown = short(label, NAME_WIDTH)
    if len(label) > 9 or not labels.names or not 0 <= int(label) < len(labels.names):
        return shown
    name = escape_control(short(labels.names[int(label)], NAME_WIDTH))
    return f"{shown} ({short(name, NAME_WIDTH)})"
