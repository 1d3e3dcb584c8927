"""How a report was made, in words: versions, options, and the fingerprint of the dataset."""

from __future__ import annotations

from collections.abc import Iterator

from datascan.report.model import Report
from datascan.report.provenance import Fingerprint, Setting
from datascan.text import format_bytes, pluralize

NAMES = {"python": "Python", "numpy": "NumPy", "hdf5": "HDF5", "pillow": "Pillow"}
"""How the names of what has versions are written in text."""

MAX_NAMED = 6
"""The most values of a list that are named."""


def describe_origin(report: Report) -> Iterator[tuple[str, str]]:
    """What there is to say, by subject; nothing for reports of datascan 0.1."""
    if report.versions is not None:
        yield "made by", describe_versions(report.versions)
    if report.options is not None:
        settings = (f"{name} {describe_setting(value)}" for name, value in report.options.items())
        yield "options", ", ".join(settings)
    if report.dataset.fingerprint is not None:
        yield "data", describe_fingerprint(report.dataset.fingerprint)


def describe_versions(versions: dict[str, str]) -> str:
    """Versions in one line: "datascan 0.1.0, Python 3.12.1, NumPy 2.1.0, loops in C"."""
    named = [f"{NAMES.get(k, k)} {v}" for k, v in versions.items() if k != "loops"]
    loops = {"c": "loops in C", "numpy": "loops in NumPy"}.get(versions.get("loops", ""))
    return ", ".join([*named, loops] if loops else named)


def describe_setting(value: Setting) -> str:
    """The value of an option as users write it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        value = [f"{name}={level}" for name, level in value.items()]
    if isinstance(value, list):
        more = len(value) - MAX_NAMED
        shown = ",".join(map(str, value[:MAX_NAMED]))
        return f"{shown} and {more:,} more" if more > 0 else shown
    return str(value)


def describe_fingerprint(found: Fingerprint) -> str:
    """A fingerprint in one line: content first, then what depends on time stamps."""
    content, files = found.content, found.files
    parts = [f"{name} {text}" for name in ("keys", "values") if (text := getattr(content, name))]
    size = f"{pluralize(files.count, 'file')} of {format_bytes(files.bytes)}"
    if files.modified is not None:
        size += f", last modified {files.modified}"
    return f"{', '.join([pluralize(content.records, 'record'), *parts])}; {size}"
