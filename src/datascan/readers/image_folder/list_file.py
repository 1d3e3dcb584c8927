"""Lists of images: lines as Caffe reads them."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from datascan.decoders.image.header import format_from_name
from datascan.errors import DatasetError
from datascan.readers.image_folder.listing import Listing, path_of
from datascan.readers.image_folder.text_labels import parse_labels

LINE_END = re.compile(r"\r\n|\n|\r")
PATHS = ("path", "file", "filename", "filepath", "file_path", "image", "image_path")
LABELS = ("label", "labels", "class", "target", "category")
"""Headings of a CSV's columns."""


def read_list(file: Path, root: Path) -> Listing:
    """A list of images: lines of ``path label``, or a CSV with columns ``path`` and ``label``.

    Raises:
        DatasetError: where it cannot be read, or names nothing.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise DatasetError(f"cannot read the list {file}: {error.strerror}") from error
    if "\0" in text:
        raise DatasetError(f"{file} is no list of images: it is a binary file")
    try:
        separator = separator_of(text, file.suffix.lower())
        rows = csv_rows(text, separator) if separator else line_rows(text)
    except csv.Error as error:
        raise DatasetError(
            f"cannot read the list {file} as CSV: {error}; look for a quote that is never closed"
        ) from error
    if not rows:
        raise DatasetError(f"the list {file} names no images")
    home = os.fspath(root)
    names = [name for name, _ in rows]
    words = [word for _, word in rows]
    sizes = np.array([file_size(path_of(home, name)) for name in names], np.int64)
    labels = parse_labels(words)
    return Listing(
        names, sizes, labels.values, labels.present, labels.names, bad_labels=labels.bad_labels
    )


def separator_of(text: str, suffix: str) -> str | None:
    """What parts the columns of a CSV; None where the text is none.

    A CSV has a heading that names the paths, or a name that ends in ``.csv``.
    """
    first = text.lstrip().split("\n", 1)[0]
    for mark in (",", ";", "\t"):
        if mark in first and (place_in(first.split(mark), PATHS) >= 0 or suffix == ".csv"):
            return mark
    return "," if place_in([first], PATHS) >= 0 else None


def place_in(cells: Sequence[str], names: Sequence[str]) -> int:
    """The first column that has one of ``names``; -1 where none has."""
    words = [cell.strip().strip('"').lower() for cell in cells]
    return next((words.index(name) for name in names if name in words), -1)


def csv_rows(text: str, separator: str) -> list[tuple[str, str]]:
    """Path and label of every row of a CSV; a missing label is empty.

    Without a heading they are the first two columns.
    """
    rows: Iterator[list[str]]
    rows = csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=separator)
    first = next(rows)
    path, label = place_in(first, PATHS), place_in(first, LABELS)
    if path < 0:
        path, label = 0, 1
        rows = chain([first], rows)
    found = []
    for row in rows:
        if len(row) > path and row[path].strip():
            word = row[label].strip() if 0 <= label < len(row) else ""
            found.append((row[path].strip(), word))
    return found


def line_rows(text: str) -> list[tuple[str, str]]:
    """Path and label of every line: the label is the last word, if there are several words.

    A last word that ends in an image's extension is part of the path.
    """
    found = []
    # Not str.splitlines, which also breaks names at characters that are no line ends in a file.
    for line in LINE_END.split(text):
        words = line.strip().rsplit(None, 1)
        if len(words) == 2 and format_from_name(words[1]) is None:
            found.append((words[0], words[1]))
        elif words:
            found.append((line.strip(), ""))
    return found


def file_size(path: str) -> int:
    """The bytes of a file; -1 where it cannot be told."""
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except (OSError, ValueError):
        return -1
