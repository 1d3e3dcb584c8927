"""Lists of images: lines of path and label as Caffe reads them, CSV, or JSON Lines.

Sources: Caffe, src/caffe/layers/image_data_layer.cpp; huggingface/datasets, imagefolder
(``metadata.jsonl``).
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.decoders.image.header import format_from_name
from datascan.errors import DatasetError
from datascan.files import MAX_LIST_BYTES, read_typed
from datascan.readers.image_folder.exclusion import Exclusion
from datascan.readers.image_folder.list_names import Completion, KnownFiles
from datascan.readers.image_folder.listing import FILES_PER_REPORT, Listing, resolve_path
from datascan.readers.image_folder.text_labels import parse_labels

NOT_WORD = re.compile(r"[ -]+")
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
NOT_SPACE = re.compile(r"\S")
MAX_LINES = 1 << 24
MAX_LINE_BYTES = 1 << 20
"""A longer line would become millions of columns. The lines of one row of a CSV count together."""

PATHS = (
    *("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path"),
    *("image_name", "image_file", "img", "img_path", "img_name", "img_file", "image_id", "img_id"),
    *("imageid", "id_code", "id"),
)
LABELS = (
    *("label", "labels", "class", "target", "category", "class_name", "class_id", "label_name"),
    *("breed", "species", "diagnosis", "dx"),
)
"""Recognised column names of a CSV or members of JSON Lines, in lower case."""


class Rows(Struct, frozen=True, eq=False):
    """What a list says: names of files, and labels as text ("" if missing).

    ``has_heading`` if columns are named. Code that reads such a list builds the path from the name;
    others open the name as it is.
    """

    names: list[str]
    words: list[str]
    has_heading: bool


def read_list(
    file: Path,
    root: Path,
    on_found: Callable[[int], None] | None = None,
    exclude: Sequence[str] = (),
) -> Listing:
    """Read a list of images: ``path label``, or CSV or JSON Lines with a column of paths.

    If none of the files exists, the listing is empty and says why. ``on_found`` is called now and
    then with the number of files looked up so far. ``exclude`` are patterns of files that are left
    out.

    Raises:
        DatasetError: if it cannot be read, or does not seem to be a list of images.
    """
    try:
        octets = read_typed(file, max_bytes=MAX_LIST_BYTES)
    except OSError as error:
        raise DatasetError(f"cannot read the list {file}: {error.strerror}") from error
    if count_lines(octets) > MAX_LINES:
        raise DatasetError(f"cannot read the list {file}: it has more than {MAX_LINES:,} lines")
    if has_long_line(octets):
        raise DatasetError(f"cannot read the list {file}: a line exceeds {MAX_LINE_BYTES:,} bytes")
    text = octets.decode("utf-8-sig", "surrogateescape")
    del octets
    if "\0" in text:
        raise DatasetError(f"{file} is not a list of images: it is a binary file")
    rows = parse_rows(text, file)
    if not rows.names:
        raise DatasetError(f"the list {file} contains no images")
    exclusion = Exclusion.of(exclude)
    if exclude:
        rows = leave_out(rows, exclusion)
        if not rows.names:
            raise DatasetError(f"all images that the list {file} names are excluded")
    names, sizes, note = find_files(rows, root, on_found)
    if not (sizes >= 0).any():
        return Listing([], sizes[:0], lost=explain_absence(file, rows, root))
    require_files(file, names, sizes)
    labels = parse_labels(rows.words)
    return Listing(
        names,
        sizes,
        labels.values,
        labels.present,
        labels.names,
        bad_labels=labels.bad_labels,
        note=note,
        excluded=(exclusion.files, 0),
    )


def leave_out(rows: Rows, exclusion: Exclusion) -> Rows:
    """The rows without those of excluded files; names are taken as the list has them."""
    kept = [
        (name, word)
        for name, word in zip(rows.names, rows.words, strict=True)
        if not exclusion.drops_listed(name)
    ]
    return Rows(*split_rows(kept), has_heading=rows.has_heading)


def parse_rows(text: str, file: Path) -> Rows:
    """The rows of a list: JSON Lines, CSV, or lines of path and label.

    Raises:
        DatasetError: if it is not well-formed.
    """
    try:
        if text.startswith("{", find_start(text)):
            return Rows(*split_rows(parse_json_lines(text)), has_heading=True)
        separator = detect_separator(text, file.suffix.lower())
        if not separator:
            return Rows(*split_rows(parse_lines(text)), has_heading=False)
        header = first_line(text).split(separator)
        has_heading = find_column(header, PATHS) >= 0
        return Rows(*split_rows(parse_csv(text, separator)), has_heading=has_heading)
    except csv.Error as error:
        raise DatasetError(
            f"cannot read the list {file} as CSV: {error}; check for an unclosed quote"
        ) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise DatasetError(f"cannot read the list {file} as JSON Lines: {error}") from error


def find_files(
    rows: Rows, root: Path, on_found: Callable[[int], None] | None
) -> tuple[list[str], NDArray[np.int64], str]:
    """The names of the files, their sizes (-1 if unknown), and how the names were completed.

    Only lists with a heading are completed, because code that reads the others opens each name as
    it is.
    """
    home, names = os.fspath(root), rows.names
    sizes = np.empty(len(names), np.int64)
    for i, name in enumerate(names):
        sizes[i] = file_size(resolve_path(home, name))
        if on_found is not None and (i + 1) % FILES_PER_REPORT == 0:
            on_found(i + 1)
    missing = np.flatnonzero(sizes < 0).tolist()
    if not rows.has_heading or 2 * len(missing) <= len(names):
        return names, sizes, ""
    known = KnownFiles.of(root)
    absent = [names[i] for i in missing]
    completion = known.find_completion(absent)
    rest = known.complete_rest(name for name in absent if completion.apply(name) not in known.sizes)
    completed = list(names)
    for i in missing:
        file = completion.apply(names[i]) if completion.found else ""
        file = file if file in known.sizes else rest.get(names[i], "")
        if file:
            completed[i], sizes[i] = file, known.sizes[file]
    found = len(missing) - int((sizes[missing] < 0).sum())
    return completed, sizes, describe_completion(completion, found, len(missing))


def describe_completion(completion: Completion, found: int, count: int) -> str:
    """How names were completed, so that ``found`` of ``count`` exist; "" if none do."""
    if found > completion.found:
        where = "names lack their folder or extension; in the sub-folders"
        return f"{where}, {found:,} of {count:,} exist"
    return completion.describe(count) if found else ""


def explain_absence(file: Path, rows: Rows, root: Path) -> tuple[str, int]:
    """Why none of the files exists that a list names, and how many there are.

    Nothing of the list is quoted, because a configuration may name any text as one.

    Raises:
        DatasetError: if it does not seem to be a list.
    """
    count = len(rows.names)
    text = f"none of the {count:,} files that {file.name} lists exists"
    known = KnownFiles.of(root)
    completion = known.find_completion(rows.names)
    rest = known.complete_rest(rows.names)
    found = max(completion.found, sum(name in rest for name in rows.names))
    if 2 * found >= count:
        return f"{text}: {describe_completion(completion, found, count)}", count
    if not rows.has_heading and 2 * sum(map(has_extension, rows.names)) < count:
        raise DatasetError(f"none of the {count:,} lines of the list {file} names an existing file")
    return text, count


def has_extension(name: str) -> bool:
    """Whether a name has the extension of an image."""
    return format_from_name(name) is not None


def require_files(file: Path, names: Sequence[str], sizes: NDArray[np.int64]) -> None:
    """Check that a text is a list: that half of its lines name files, or images by their extension.

    A configuration may name any text as a list. Lines of others are not quoted.

    Raises:
        DatasetError: if it is not a list.
    """
    lines, found = len(names), int((sizes >= 0).sum())
    wanted = (lines + 1) // 2
    plausible = (names[i] for i in np.flatnonzero(sizes < 0).tolist())
    named = sum(map(has_extension, plausible)) if found < wanted else 0
    if found + named < wanted:
        raise DatasetError(
            f"{file} is not a list of images: only {found:,} of {lines:,} lines name files"
        )


def detect_separator(text: str, suffix: str) -> str | None:
    """The separator of a CSV; None if the text is not a CSV.

    A CSV has a header with a column of paths, or the extension ``.csv``.
    """
    first = first_line(text)
    for separator in (",", ";", "\t"):
        has_paths = find_column(first.split(separator), PATHS) >= 0
        if separator in first and (has_paths or suffix == ".csv"):
            return separator
    return "," if find_column([first], PATHS) >= 0 else None


def find_column(header: Sequence[str], names: Sequence[str]) -> int:
    """The column with the first of ``names`` that occurs in ``header``; -1 if none does."""
    cells = [NOT_WORD.sub("_", cell.strip().strip('"').lower()) for cell in header]
    return next((cells.index(name) for name in names if name in cells), -1)


def parse_csv(text: str, separator: str) -> Iterator[tuple[str, str]]:
    """Path and label of every row of a CSV; a missing label is empty.

    Without a header they are the first two columns.
    """
    rows: Iterator[list[str]]
    rows = read_csv_rows(text, separator)
    first = next(rows)
    path, label = find_column(first, PATHS), find_column(first, LABELS)
    if path < 0:
        path, label = 0, 1
        rows = chain([first], rows)
    for row in rows:
        if len(row) > path and row[path].strip():
            word = row[label].strip() if 0 <= label < len(row) else ""
            yield row[path].strip(), word


def read_csv_rows(text: str, separator: str) -> Iterator[list[str]]:
    """The rows of a CSV. One with line breaks in quotes is as long as a line, at most.

    Raises:
        csv.Error: if it is not well-formed.
    """
    length = 0

    def read_lines() -> Iterator[str]:
        nonlocal length
        for match in LINE.finditer(text, find_start(text)):
            length += len(match[0])
            if length > MAX_LINE_BYTES:
                raise csv.Error(f"a row exceeds {MAX_LINE_BYTES:,} bytes")
            yield match[0]

    for row in csv.reader(read_lines(), delimiter=separator):
        length = 0
        yield row


def parse_json_lines(text: str) -> Iterator[tuple[str, str]]:
    """Path and label of every line, which is a JSON object; a missing label is empty.

    Raises:
        msgspec.DecodeError: if a line is not an object.
    """
    for match in LINE.finditer(text):
        if not match[0].strip():
            continue
        row = msgspec.json.decode(match[0].encode("utf-8", "surrogateescape"), type=dict[str, Any])
        keys = list(row)
        path, label = find_column(keys, PATHS), find_column(keys, LABELS)
        name = row[keys[path]] if path >= 0 else None
        if isinstance(name, str | int) and str(name).strip():
            word = row[keys[label]] if label >= 0 else ""
            yield str(name).strip(), str(word) if isinstance(word, str | int | float) else ""


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


def find_start(text: str) -> int:
    """The position of the first character that is not white space. The text is not copied."""
    match = NOT_SPACE.search(text)
    return match.start() if match else len(text)


def first_line(text: str) -> str:
    """The first line that is not blank."""
    match = LINE.search(text, find_start(text))
    return match[0].rstrip("\r\n") if match else ""


def has_long_line(octets: bytes) -> bool:
    """Whether a line has more than ``MAX_LINE_BYTES`` bytes."""
    start = 0
    while len(octets) - start > MAX_LINE_BYTES:
        stop = start + MAX_LINE_BYTES + 1
        end = max(octets.rfind(b"\n", start, stop), octets.rfind(b"\r", start, stop))
        if end < 0:
            return True
        start = end + 1
    return False


def count_lines(text: bytes) -> int:
    """The number of lines, or one more."""
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n") + 1


def file_size(path: str) -> int:
    """The size of a file in bytes; -1 if it is unknown."""
    try:
        return os.stat(path).st_size  # noqa: PTH116  (much faster)
    except (OSError, ValueError):
        return -1
