"""HDF5 files, and text files that list them (the sources of Caffe's HDF5Data layer).

Source: HDF5 File Format Specification 3.0, section II.A, for the signature.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from msgspec import Struct

from datascan.errors import DatasetError
from datascan.files import (
    MAX_LIST_BYTES,
    is_lfs_pointer,
    is_special,
    open_regular,
    read_typed,
)
from datascan.readers.hdf5.superblock import SIGNATURE, find_driver
from datascan.records.block import Fault

MIN_USER_BLOCK = 512
"""The signature is at 0, or at 512, 1024, 2048, ... after a user block."""

OPEN, EMPTY = "open", "empty"
EXTENSIONS = (".h5", ".hdf5", ".hdf", ".he5")
HDF4_SIGNATURE = b"\x0e\x03\x13\x01"
MAX_PARENTS = 3
"""How many folders above a list's own are tried."""

LIST_HEAD_BYTES = 1 << 16
LIST_HEAD_LINES = 32
"""The part of a text file that decides whether it is a list."""


class Source(Struct, frozen=True):
    """An HDF5 file: its path, and its name in messages and keys."""

    path: Path
    shown: str


def is_hdf5(path: Path) -> bool:
    """Whether the file has the HDF5 signature. Never raises."""
    try:
        size = path.stat().st_size
        with open_regular(path) as file:
            offset = 0
            while offset < size:
                file.seek(offset)
                if file.read(len(SIGNATURE)) == SIGNATURE:
                    return True
                offset = offset * 2 or MIN_USER_BLOCK
    except OSError:
        return False
    return False


def may_be_hdf5(path: Path) -> bool:
    """Whether the file has the HDF5 signature, or an extension that says it should have one.

    Files of HDF4, another format with the extension ``.hdf``, are not. Never raises.
    """
    if not path.name.lower().endswith(EXTENSIONS):
        return is_hdf5(path)
    try:
        with open_regular(path) as file:
            return file.read(len(HDF4_SIGNATURE)) != HDF4_SIGNATURE
    except OSError:
        return True


def is_list(path: Path) -> bool:
    """Whether the file's first lines name at least one existing HDF5 file. Never raises."""
    lines = read_first_lines(path)
    return any(is_hdf5(resolve_name(line, path.parent)) for line in lines)


def looks_like_list(path: Path) -> bool:
    """Whether the file is a list, or only has lines with an HDF5 file's extension."""
    lines = read_first_lines(path)
    named = bool(lines) and all(line.lower().endswith(EXTENSIONS) for line in lines)
    return named or is_list(path)


def read_first_lines(path: Path) -> list[str]:
    """The first lines of a text file that are not blank; empty if it is not a text file."""
    try:
        with open_regular(path) as file:
            head = file.read(LIST_HEAD_BYTES)
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The end of the head may split a character.
        text = head[: error.start].decode("utf-8-sig") if error.start > len(head) - 4 else "\0"
    except OSError:
        return []
    return [] if "\0" in text else non_blank_lines(text.splitlines())[:LIST_HEAD_LINES]


def non_blank_lines(lines: Sequence[str]) -> list[str]:
    """The lines that are not blank, without surrounding whitespace."""
    return [line.strip() for line in lines if line.strip()]


def resolve_name(line: str, folder: Path) -> Path:
    """The file that a line of a list names.

    It is relative to the list's folder, the working directory, or one of the folders above the
    list, as lists of ModelNet40 name files from the root of their repository.
    """
    first = folder / line
    if os.path.lexists(first):
        return first
    above = islice(folder.absolute().parents, MAX_PARENTS)
    places = (Path(line), *(parent / line for parent in above))
    return next((path for path in places if os.path.lexists(path)), Path(line))


def expand_sources(paths: Sequence[Path]) -> tuple[list[Source], list[Fault]]:
    """The HDF5 files that ``paths`` are or list, in order, and faults for those that are unusable.

    Raises:
        DatasetError: if one of ``paths`` is neither an HDF5 file nor a list of such files, and
            does not seem to be a damaged one.
    """
    found: list[tuple[Path, str]] = []
    faults: list[Fault] = []
    for path in paths:
        require_file(path)
        if len(paths) == 1 and (state := get_state(path)) not in (OPEN, EMPTY):
            raise DatasetError(f"cannot read {path}: {state}")
        if is_hdf5(path):
            found.append((path, str(path)))
        elif looks_like_list(path):
            lines = list_lines(path)
            if not any(os.path.lexists(resolve_name(line, path.parent)) for line in lines):
                # The lines are not quoted, because this may be any text.
                text = f"none of the {len(lines):,} lines of {path.name} names an existing file"
                faults.append(Fault(None, "missing-file", decode_name(text)))
                continue
            listed = {line: resolve_name(line, path.parent) for line in dict.fromkeys(lines)}
            wrong = {
                line: find_file_fault(listed[line], f"{line}, listed in {path.name},")
                for line in listed
            }
            found += [(listed[line], line) for line in lines if wrong[line] is None]
            faults += [fault for line in lines if (fault := wrong[line]) is not None]
        elif should_be_hdf5(path, one_of=len(paths)):
            fault = find_file_fault(path, str(path))
            if fault is None:
                found.append((path, str(path)))
            else:
                faults.append(fault)
        else:
            raise DatasetError(f"{path} is neither an HDF5 file nor a list of HDF5 files")
    return list(name_sources(found)), faults


def should_be_hdf5(path: Path, one_of: int) -> bool:
    """Whether a file that is neither HDF5 nor a list is reported as a damaged HDF5 file.

    Its extension decides; a binary file among several paths counts, too.
    """
    return path.suffix.lower() in EXTENSIONS or (one_of > 1 and not read_first_lines(path))


def require_file(path: Path) -> None:
    """Raise :class:`DatasetError` unless ``path`` is a regular file."""
    if not path.exists():
        raise DatasetError(f"no such path: {path}")
    if path.is_dir():
        raise DatasetError(f"{path} is a folder; pass the HDF5 files in it, or a list of them")
    if not path.is_file():
        raise DatasetError(f"{path} is not a regular file")


def list_lines(path: Path) -> list[str]:
    """All lines of a list that are not blank.

    Raises:
        DatasetError: if it cannot be read as UTF-8.
    """
    try:
        text = read_typed(path, max_bytes=MAX_LIST_BYTES).decode("utf-8-sig")
        return non_blank_lines(text.splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot read the list {path}: {error}") from error


def find_file_fault(path: Path, name: str) -> Fault | None:
    """Why a file cannot be an HDF5 file, without opening it as one; ``name`` starts the text."""
    name = decode_name(name)
    if is_special(path):
        return Fault(None, "missing-file", f"{name} is not a regular file")
    if not path.is_file():
        return Fault(None, "missing-file", f"{name} does not exist")
    state = get_state(path)
    if state == EMPTY:
        return Fault(None, "truncated-store", f"{name} has 0 bytes")
    if state != OPEN:
        return Fault(None, "missing-file", f"{name} cannot be read: {state}")
    if not is_hdf5(path) and find_driver(path) is None:
        what = "a Git LFS pointer: the data is not here (git lfs pull)"
        what = what if is_lfs_pointer(path) else "not an HDF5 file"
        return Fault(None, "damaged-store", f"{name} is {what}")
    return None


def get_state(path: Path) -> str:
    """``OPEN``, ``EMPTY``, or the system's reason why a file cannot be read."""
    try:
        with open_regular(path) as file:
            return OPEN if file.read(1) else EMPTY
    except OSError as error:
        return error.strerror or "unreadable"


def name_sources(files: Sequence[tuple[Path, str]]) -> Iterator[Source]:
    """Name files by their base names, or as the user wrote them if base names collide."""
    counts = Counter(path.name for path, _ in set(files))
    for path, written in files:
        yield Source(path, decode_name(path.name if counts[path.name] == 1 else written))


def decode_name(name: str | bytes) -> str:
    """A name from the disk or from a file, with backslash escapes for bytes that are not UTF-8."""
    octets = name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
    return octets.decode("utf-8", "backslashreplace")
