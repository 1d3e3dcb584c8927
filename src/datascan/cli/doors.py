"""Which command a path is for: a dataset of some format, a net, a log, or a folder of datasets."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from datascan.readers.dataset_search import FoundDatasets

NET_NAMES = (".prototxt", ".pbtxt")
LOG_NAMES = (".log", ".csv", ".tsv", ".train")
HEAD_BYTES = 1 << 16

LOG_LINE = (
    r"(?m)^[IWEF]\d{4,8} \d\d:\d\d:\d\d\.\d+ +\d+ [\w./+-]+:\d+\] "
    r"|Iteration \d{1,12}.{0,200}?, (?:loss|lr) = "
)
"""A line that Caffe prints through glog, or what it prints about an iteration."""

NET_LINE = (
    r"(?m)^\s*(?:layers?\s*\{|(?:net|train_net|base_lr|lr_policy|input_dim|input_shape)\s*[:{])"
)
"""A line of a net or a solver."""

NAMES = {
    "lmdb": "an LMDB",
    "leveldb": "a LevelDB",
    "hdf5": "HDF5",
    "net": "a Caffe net or solver",
    "log": "a training log",
    "folder": "a folder of datasets",
}
TRAINING = ("net", "log")
"""Doors of what is not a dataset, but says how one is used."""

UNSURE = (*TRAINING, "folder")
"""Doors that are guessed: from a name, from words in a text, from what else is in a folder."""

REPORT_HEAD = r'\s*\{[^{]{0,200}?"schema"\s*:\s*"datascan-report/'
BINARY = frozenset(range(32)) - {9, 10, 12, 13, 27}


class Part(Struct, frozen=True):
    """What is scanned as one: the paths of a dataset, or of a net or log, and which of them it is.

    ``door``: see :func:`find_door`.
    """

    door: str | None
    paths: tuple[Path, ...]

    @property
    def path(self) -> Path:
        """The path; the first of several."""
        return self.paths[0]


def find_parts(paths: Sequence[Path]) -> tuple[list[Part], list[str]]:
    """What the paths are, in their order, and notes about folders of datasets.

    All HDF5 files that are named form one dataset, in the place of the first.
    """
    parts: list[Part] = []
    notes: list[str] = []
    files = [path for path in paths if find_door(path) == "hdf5"] if len(paths) > 1 else []
    for path in paths:
        door = find_door(path)
        if door == "folder":
            from datascan.readers.dataset_search import find_datasets

            found = find_datasets(path)
            parts += [Part(one.reader, (one.path,)) for one in found.datasets]
            notes += describe_search(path, found)
        elif door != "hdf5" or not files:
            parts.append(Part(door, (path,)))
        elif path == files[0]:
            parts.append(Part(door, tuple(files)))
    return parts, notes


def describe_search(folder: Path, found: FoundDatasets) -> Iterator[str]:
    """What a search for datasets did not cover, one line each."""
    if found.cut_off:
        yield f"{folder}: {found.cut_off}"
    for link in found.links:
        yield f"{link} leads out of {folder} and was not followed: datascan {quote(link)}"
    for kind, files in (("net", found.nets), ("log", found.logs)):
        if files:
            more = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
            yield f"also found: datascan {kind} {quote(files[0])}{more}"


def quote(path: Path) -> str:
    """A path as it can be typed in a shell."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def find_door(path: Path) -> str | None:
    """What the path is: the name of a reader, "net", "log", "folder", or None if it is unknown.

    Reads the beginning of a file at most, and lists at most some thousand files of a folder.
    """
    if path.is_file():
        found = find_text_door(path)
        if found is not None:
            return found
    elif not path.is_dir():
        return None  # absent, or a pipe that can be read only once
    reader = find_reader(path)
    if path.is_dir() and reader in (None, "images"):
        from datascan.readers.dataset_search import find_datasets

        found_below = find_datasets(path, MAX_ENTRIES)
        if found_below.stores or (reader is None and found_below.datasets):
            return "folder"
    return reader


def find_reader(path: Path) -> str | None:
    """The name of the reader that recognises a path; None if there is none."""
    from datascan.errors import DatasetError
    from datascan.readers.base import detect_reader

    try:
        return detect_reader(path)
    except DatasetError:
        return None


MAX_ENTRIES = 20_000
"""How much of a folder of images is searched for other datasets: some hundredths of a second."""


def find_text_door(path: Path) -> str | None:
    """Whether a text file is a "net" or a "log"; None if it is neither."""
    suffix = path.suffix.lower()
    if suffix in NET_NAMES:
        return "net"
    text = read_head(path)
    if text is None:
        return None
    if re.search(LOG_LINE, text):
        return "log"
    if re.search(NET_LINE, text):
        return "net"
    return "log" if suffix in LOG_NAMES and find_reader(path) is None else None


def read_head(path: Path) -> str | None:
    """The beginning of a text file; None if it is not text, or cannot be read."""
    from datascan.files import open_regular

    try:
        with open_regular(path) as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):  # as PowerShell writes it
        return head.decode("utf-16", "replace")
    return None if BINARY & set(head) else head.decode("utf-8", "replace")


def describe(door: str, path: Path) -> str:
    """What a path is, and the command for it: "train is an LMDB: datascan lmdb train"."""
    images = "a folder of images" if path.is_dir() else "an image"
    command = "" if door == "folder" else f"{door} "
    return f"{path} is {NAMES.get(door, images)}: datascan {command}{quote(path)}"


def require_door(path: Path, command: str) -> None:
    """Check that a path is not one for another command.

    What the command can read is for it, even if more than that is below a folder.

    Raises:
        UsageError: if it is; names the right command.
    """
    from datascan.errors import UsageError

    door = find_door(path)
    if door is None:
        require_foreign(path)
    elif door != command and not (door in UNSURE and find_reader(path) == command):
        raise UsageError(describe(door, path))


def require_dataset(path: Path) -> None:
    """Check that a path is neither a net nor a log, nor what datascan has written.

    Raises:
        UsageError: if it is; names the right command.
    """
    from datascan.errors import UsageError

    door = find_door(path)
    if door is None:
        require_foreign(path)
    elif door in TRAINING:
        raise UsageError(describe(door, path))


def require_foreign(path: Path) -> None:
    """Check that a file is not a report or a configuration of datascan.

    Raises:
        UsageError: if it is; names the right command.
    """
    from datascan.errors import UsageError

    if not path.is_file():
        return
    if path.name == "datascan.toml":
        command = f"datascan check --config {quote(path)}"
        raise UsageError(f"{path} is a configuration: {command}")
    if re.match(REPORT_HEAD, read_head(path) or ""):
        raise UsageError(f"{path} is a report of datascan: datascan report {quote(path)}")


ENTRIES_ABOVE = 5_000
"""How much of a folder above is searched to find out whether it is a dataset itself."""


def find_enclosing(folder: Path) -> Path | None:
    """The outermost dataset that a folder is, or is in; None if it is outside of all.

    A store may be anywhere above; a folder of images is one if the folder below it is, too.
    """
    from datascan.readers.leveldb.files import is_leveldb
    from datascan.readers.lmdb.reader import LmdbReader

    here = Path(os.path.realpath(folder))
    top: Path | None = None
    for place in (here, *here.parents):
        may_be_images = place == here or (top is not None and place == top.parent)
        if LmdbReader.accepts(place) or is_leveldb(place) or (may_be_images and is_images(place)):
            top = place
    return top


def is_images(folder: Path) -> bool:
    """Whether a folder is a dataset of images as a whole."""
    from datascan.readers.dataset_search import find_datasets

    return any(one.path == folder for one in find_datasets(folder, ENTRIES_ABOVE).datasets)


def is_in_dataset(folder: Path) -> bool:
    """Whether a folder belongs to a dataset, or can be read as one and is not where we are."""
    if find_enclosing(folder) is not None:
        return True
    is_here = Path(os.path.realpath(Path.cwd())).is_relative_to(os.path.realpath(folder))
    return not is_here and find_reader(folder) is not None
