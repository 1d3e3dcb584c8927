"""Lists of images: lines of path and label as Caffe reads them, or CSV.

Source: Caffe, src/caffe/layers/image_data_layer.cpp.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datascan.decoders.image.header import format_from_name
from datascan.errors import DatasetError
from datascan.files import MAX_LIST_BYTES, read_typed
from datascan.readers.image_folder.listing import Listing, resolve_path
from datascan.readers.image_folder.text_labels import parse_labels

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
MAX_LINES = 1 << 24
PATHS = ("path", "file", "filename", "filepath", "file_path", "image", "image_path")
LABELS = ("label", "labels", "class", "target", "category")
"""Recognised column names of a CSV, in lower case."""


def read_list(file: Path, root: Path) -> Listing:
    """Read a list of images: lines of ``path label``, or a CSV with a column of paths.

    Raises:
        DatasetError: if it cannot be read, or lists no images that exist.
    """
    try:
        octets = read_typed(file, max_bytes=MAX_LIST_BYTES)
    except OSError as error:
        raise DatasetError(f"cannot read the list {file}: {error.strerror}") from error
    if count_lines(octets) > MAX_LINES:
        raise DatasetError(f"cannot read the list {file}: it has more than {MAX_LINES:,} lines")
    text = octets.decode("utf-8-sig", "surrogateescape")
    del octets
    if "\0" in text:
        raise DatasetError(f"{file} is not a list of images: it is a binary file")
    try:
        separator = detect_separator(text, file.suffix.lower())
        names, words = split_rows(parse_csv(text, separator) if separator else parse_lines(text))
    except csv.Error as error:
        raise DatasetError(
            f"cannot read the list {file} as CSV: {error}; check for an unclosed quote"
        ) from error
    if not names:
        raise DatasetError(f"the list {file} contains no images")
    home = os.fspath(root)
    sizes = np.array([file_size(resolve_path(home, name)) for name in names], np.int64)
    require_files(file, names, sizes)
    labels = parse_labels(words)
    return Listing(
        names, sizes, labels.values, labels.present, labels.names, bad_labels=labels.bad_labels
    )


def require_files(file: Path, names: Sequence[str], sizes: NDArray[np.int64]) -> None:
    """Check that a text is a list: that half of its lines name files, or images by their extension.

    A configuration may name any text as a list. Lines of others are not quoted.

    Raises:
        DatasetError: if it is not a list, or none of the files exists.
    """
    lines, found = len(names), int((sizes >= 0).sum())
    wanted = (lines + 1) // 2
    if not found:
        raise DatasetError(f"none of the {lines:,} lines of the list {file} names an existing file")
    plausible = (names[i] for i in np.flatnonzero(sizes < 0).tolist())
    named = sum(format_from_name(name) is not None for name in plausible) if found < wanted else 0
    if found + named < wanted:
        raise DatasetError(
            f"{file} is not a list of images: only {found:,} of {lines:,} lines name files"
        )


def detect_separator(text: str, suffix: str) -> str | None:
    """The separator of a CSV; None if the text is not a CSV.

    A CSV has a header with a column of paths, or the extension ``.csv``.
    """
    first = text.lstrip().split("\n", 1)[0]
    for separator in (",", ";", "\t"):
        has_paths = find_column(first.split(separator), PATHS) >= 0
        if separator in first and (has_paths or suffix == ".csv"):
            return separator
    return "," if find_column([first], PATHS) >= 0 else None


def find_column(header: Sequence[str], names: Sequence[str]) -> int:
    """The column with the first of ``names`` that occurs in ``header``; -1 if none does."""
    cells = [cell.strip().strip('"').lower() for cell in header]
    return next((cells.index(name) for name in names if name in cells), -1)


def parse_csv(text: str, separator: str) -> Iterator[tuple[str, str]]:
    """Path and label of every row of a CSV; a missing label is empty.

    Without a header they are the first two columns.
    """
    rows: Iterator[list[str]]
    lines = (match[0] for match in LINE.finditer(text, len(text) - len(text.lstrip())))
    rows = csv.reader(lines, delimiter=separator)
    first = next(rows)
    path, label = find_column(first, PATHS), find_column(first, LABELS)
    if path < 0:
        path, label = 0, 1
        rows = chain([first], rows)
    for row in rows:
        if len(row) > path and row[path].strip():
            word = row[label].strip() if 0 <= label < len(row) else ""
            yield row[path].strip(), word


def parse_lines(text: str) -> Iterator[tuple[str, str]]:
    """Path and label of every line. The label is the last word, if there are several.

    A last word with an image's extension is part of the path.
    """
    # str.splitlines would also break names at characters that do not end lines in a file.
    for match in LINE.finditer(text):
        line = match[0].strip()
        words = line.rsplit(None, 1)
        if len(words) == 2 and format_from_name(words[1]) is None:
            yield words[0], words[1]
        elif words:
            yield line, ""


def split_rows(rows: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Paths and labels; equal labels are one object, as a list may have millions."""
    names, words = [], []
    known: dict[str, str] = {}
    for name, word in rows:
        names.append(name)
        words.append(known.setdefault(word, word))
    return names, words


def count_lines(text: bytes) -> int:
    """The number of lines, or one more."""
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n") + 1


def file_size(path: str) -> int:
    """The size of a file in bytes; -1 if it is unknown."""
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except (OSError, ValueError):
        return -1
