"""Names: most records of a finding are in one file, folder or dataset, or share a prefix."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import PurePosixPath

import numpy as np

from datascan.report.patterns.candidate import Candidate
from datascan.report.patterns.chance import MIN_SHARE
from datascan.report.patterns.survey import Concerned, Truths

FOLDERS = re.compile(r"(?<=/)")
"""Where the folders of a path end."""

PARTS = re.compile(r"(?<=[/:\[])")
"""Where folders, files, groups and datasets of HDF5 end: "a/b.h5:group/data[17]"."""

WORDS = re.compile(r"(?<=[^0-9A-Za-z])|(?<=[A-Za-z])(?=[0-9])")
"""Where words of a key end: after any other character, and between letters and digits."""

MAX_PREFIXES = 32
"""The most prefixes of a key that are compared."""

MAX_NAME = 80
"""Longer names are not said."""

Describe = Callable[[str], tuple[str, str]]


def find_names(
    concerned: Concerned, mine: Sequence[str], theirs: Sequence[str], backend: str
) -> Iterator[Candidate]:
    """Patterns in the keys ``mine`` of records of a finding, of which ``theirs`` are free."""
    compare = partial(find_prefix, concerned)
    if backend == "images":
        yield from compare(mine, theirs, FOLDERS, describe_folder)
        names, other_names = [base_name(key) for key in mine], [base_name(key) for key in theirs]
        yield from compare(names, other_names, WORDS, partial(describe_keys, "names"))
        yield from find_extension(concerned, mine, theirs)
    elif backend == "hdf5":
        yield from compare(mine, theirs, PARTS, describe_part)
    else:
        yield from compare(mine, theirs, WORDS, partial(describe_keys, "keys"))


def base_name(key: str) -> str:
    """A path without its folders."""
    return key.rpartition("/")[2]


def prefixes_of(key: str, ends: re.Pattern[str]) -> Iterator[str]:
    """The prefixes of a key that end where ``ends`` matches, but not the whole key."""
    for count, found in enumerate(ends.finditer(key)):
        if count == MAX_PREFIXES or found.start() > MAX_NAME:
            return
        if 0 < found.start() < len(key):
            yield key[: found.start()]


def find_prefix(
    concerned: Concerned,
    mine: Sequence[str],
    theirs: Sequence[str],
    ends: re.Pattern[str],
    describe: Describe,
) -> Iterator[Candidate]:
    """The rarest prefix that at least 90% of the keys have; of equally rare ones the shortest."""
    counts = Counter(prefix for key in mine for prefix in prefixes_of(key, ends))
    shared = sorted((p for p, n in counts.items() if n >= MIN_SHARE * len(mine)), key=len)
    found: Candidate | None = None
    for prefix in shared:
        kind, text = describe(prefix)
        candidate = concerned.test(
            kind=kind,
            text=text,
            mine=truths(key.startswith(prefix) for key in mine),
            theirs=truths(key.startswith(prefix) for key in theirs),
            ways=MAX_PREFIXES,
        )
        if candidate and (found is None or candidate.support < found.support):
            found = candidate
    if found is not None:
        yield found


def truths(values: Iterable[bool]) -> Truths:
    """Truth values as an array."""
    return np.fromiter(values, np.bool_)


def describe_folder(prefix: str) -> tuple[str, str]:
    """A folder of files."""
    return "folder", f"in folder {prefix}"


def describe_part(prefix: str) -> tuple[str, str]:
    """A folder, file, group or dataset of HDF5."""
    if prefix.endswith(":"):
        return "file", f"in file {prefix[:-1]}"
    if prefix.endswith("["):
        return "file", f"in dataset {prefix[:-1]}"
    return "folder", f"in {'group' if ':' in prefix else 'folder'} {prefix}"


def describe_keys(noun: str, prefix: str) -> tuple[str, str]:
    """A prefix of keys, or of names of files."""
    return "keys", f"with {noun} that begin with {prefix}"


def find_extension(
    concerned: Concerned, mine: Sequence[str], theirs: Sequence[str]
) -> Iterator[Candidate]:
    """The extension of at least 90% of the files."""
    own = [PurePosixPath(key).suffix.lower() for key in mine]
    (extension, _), *_ = Counter(own).most_common(1)
    if extension and len(extension) <= MAX_NAME:
        found = concerned.test(
            kind="extension",
            text=f"with names that end in {extension}",
            mine=truths(one == extension for one in own),
            theirs=truths(PurePosixPath(key).suffix.lower() == extension for key in theirs),
        )
        if found is not None:
            yield found
