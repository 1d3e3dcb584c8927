"""Content of the dataset that datascan did not inspect.

What it is
    Records, fields or files whose content datascan cannot read: pickles, compressed values, types
    of HDF5 that are not numbers, data files among the images. If no record of the dataset could be
    inspected, it is an error; otherwise a warning. Single values of an HDF5 file and files that may
    be annotations (.txt, .csv, .json, .xml) are for your information.

Why it breaks training
    It may not. But a NaN or a damaged record in there goes unnoticed, and a report without findings
    would say that the dataset is sound although a part of it was never read.

How to find the cause
    The message names the encoding, guessed from the first bytes. Pickles are never loaded, because
    loading one runs code of its author.

How to fix it
    Check these values with the code that reads them. To have them inspected, store arrays as .npy
    or Datum, images as encoded files, and HDF5 fields as numbers, or write a decoder plug-in. Most
    compression filters of HDF5 are installed by ``pip install "datascan[hdf5-filters]"``. If the
    values do not matter for training, ``--ignore not-inspected`` or a baseline says so.

Example
    ``not-inspected: 30 of 30 values are pickles, which cannot be read: only emptiness, size and
    duplicates were checked``

Limits
    The encoding is a guess. Fields that HDF5 stores as attributes are not mentioned.

Source
    Signatures in the specifications of the formats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from datascan.checks.base import (
    MAX_LOCATIONS,
    Check,
    Issue,
    Location,
    summarize_locations,
)
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.inspection import count_inspected, find_uninspected
from datascan.records.block import Uninspected
from datascan.text import pluralize

ANNOTATIONS = "annotations"
"""The encoding of files that may only describe the records."""

MAX_NAMED = 5
FIX_PARTS = "convert it to one file, and scan that"


class NotInspected(Check[Any]):
    """Content that was not inspected."""

    rule = "not-inspected"
    title = "Content that was not inspected"
    severity = Severity.WARNING
    fix = "check these values with the code that reads them, or convert them to numbers or images"
    measure = None

    def evaluate(self, tally: None, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (nothing is measured)
        """Issues for records, fields, descriptions and files that were not inspected."""
        found = find_uninspected(dataset)
        worst = Severity.WARNING if count_inspected(dataset) else Severity.ERROR
        values = [part for part in found if part.what == "value"]
        fields = [part for part in found if part.what == "field"]
        if values:
            yield self._issue(
                values,
                describe_values(values, dataset),
                severity=worst,
                records=sum(part.records for part in values),
            )
        if some := [part for part in fields if part.records]:
            for remedy in sorted({part.remedy for part in some}):
                same = [part for part in some if part.remedy == remedy]
                yield self._issue(same, describe_fields(same), severity=worst, fix=remedy)
        if single := [part for part in fields if not part.records]:
            yield self._issue(single, describe_fields(single), severity=Severity.INFO)
        if parts := [part for part in found if part.what == "part"]:
            yield self._issue(parts, describe_parts(parts), severity=worst, fix=FIX_PARTS)
        files = [part for part in found if part.what == "file"]
        if data := [part for part in files if part.encoding != ANNOTATIONS]:
            yield self._issue(data, describe_files(data))
        if annotations := [part for part in files if part.encoding == ANNOTATIONS]:
            yield self._issue(annotations, describe_files(annotations), severity=Severity.INFO)

    def _issue(
        self,
        parts: Sequence[Uninspected],
        message: str,
        *,
        severity: Severity | None = None,
        records: int = 0,
        fix: str = "",
    ) -> Issue:
        details = [describe_part(part) for part in parts]
        issue = self.dataset_issue(
            message,
            severity=severity,
            records=records,
            details=details,
            locations=tuple(locate(parts, details)),
        )
        return replace(issue, fix=fix) if fix else issue


def locate(parts: Sequence[Uninspected], details: Sequence[str]) -> Iterator[Location]:
    """A location for each part, without its count, which may grow; many become one."""
    names = [f"{part.what} {part.name}: {part.encoding}" for part in parts]
    if len(names) <= MAX_LOCATIONS:
        yield from (Location(name, detail) for name, detail in zip(names, details, strict=True))
        return
    whole = (name.encode("utf-8", "surrogatepass") for name in names)
    yield Location(summarize_locations(len(names), *whole))


def describe_part(part: Uninspected) -> str:
    """One kind of content: "30 pickles", "names: strings"."""
    if part.what in {"field", "part"}:
        return f"{part.name}: {part.encoding}"
    if part.what == "file":
        return f"{pluralize(part.records, f'{part.name} file')}"
    return f"{part.records:,} {part.encoding}"


def describe_values(parts: Sequence[Uninspected], dataset: DatasetSummary) -> str:
    """The values that were not inspected, by encoding."""
    count = sum(part.records for part in parts)
    checked = "only emptiness, size and duplicates were checked"
    whole = f"{count:,} of {dataset.records:,} values"
    if len(parts) == 1:
        return f"{whole} are {parts[0].encoding}, which cannot be read: {checked}"
    return f"{whole} cannot be read ({join_first(parts)}): {checked}"


def describe_fields(parts: Sequence[Uninspected]) -> str:
    """The fields that were not inspected."""
    verb = "was" if len(parts) == 1 else "were"
    return f"{pluralize(len(parts), 'field')} {verb} not inspected: {join_first(parts)}"


def describe_parts(parts: Sequence[Uninspected]) -> str:
    """The files of the dataset that were not inspected."""
    verb = "was" if len(parts) == 1 else "were"
    return f"{pluralize(len(parts), 'file')} {verb} not inspected: {join_first(parts)}"


def describe_files(parts: Sequence[Uninspected]) -> str:
    """The files in the dataset's folder that look like data."""
    count = sum(part.records for part in parts)
    verb = "was" if count == 1 else "were"
    return f"{join_first(parts)} among the images {verb} not inspected"


def join_first(parts: Sequence[Uninspected]) -> str:
    """The first parts, and how many more there are."""
    texts = [describe_part(part) for part in parts[:MAX_NAMED]]
    more = f" and {len(parts) - MAX_NAMED:,} more" if len(parts) > MAX_NAMED else ""
    return ", ".join(texts) + more
