"""From paths that the user gave to HDF5 files: files themselves, and text files that list them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from datascan.errors import DatasetError
from datascan.records.block import Fault

SIGNATURE = b"\x89HDF\r\n\x1a\n"
FIRST_USER_BLOCK = 512
"""The signature stands at 0, or at 512, 1024, 2048, ... behind a user block."""

OPEN, EMPTY = "open", "empty"
EXTENSIONS = (".h5", ".hdf5", ".hdf", ".he5")
LIST_HEAD = 1 << 16
"""Whether a text is a list of files is told from so many of its first bytes."""

LIST_LINES = 32
"""... and from so many of its first lines."""


@dataclass(frozen=True, slots=True)
class Source:
    """An HDF5 file: where it is, and under which name it is spoken of."""

    path: Path
    shown: str


def is_hdf5(path: Path) -> bool:
    """Whether the file has the HDF5 signature. Never raises."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            at = 0
            while at < size:
                file.seek(at)
                if file.read(len(SIGNATURE)) == SIGNATURE:
                    return True
                at = at * 2 or FIRST_USER_BLOCK
    except OSError:
        return False
    return False


def is_list(path: Path) -> bool:
    """Whether the first lines of the file name HDF5 files, of which one exists. Never raises."""
    lines = first_lines(path)
    return any(is_hdf5(resolve_name(line, path.parent)) for line in lines)


def looks_like_list(path: Path) -> bool:
    """Whether the file is a list, or would be one if the files that it names existed."""
    lines = first_lines(path)
    named = bool(lines) and all(line.lower().endswith(EXTENSIONS) for line in lines)
    return named or is_list(path)


def first_lines(path: Path) -> list[str]:
    """The first lines of a text file that are not blank; none if it is no text."""
    try:
        with path.open("rb") as file:
            head = file.read(LIST_HEAD)
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The end of the head may cut a character in two.
        text = head[: error.start].decode("utf-8-sig") if error.start > len(head) - 4 else "\0"
    except OSError:
        return []
    return [] if "\0" in text else non_blank_lines(text.splitlines())[:LIST_LINES]


def non_blank_lines(lines: Sequence[str]) -> list[str]:
    """The lines that are not blank, without the blanks around them."""
    return [line.strip() for line in lines if line.strip()]


def resolve_name(line: str, folder: Path) -> Path:
    """The file that a line of a list names: beside the list, or in the working directory."""
    beside = folder / line
    return beside if os.path.lexists(beside) else Path(line)


def expand_sources(paths: Sequence[Path]) -> tuple[list[Source], list[Fault]]:
    """All HDF5 files behind ``paths``, in order; a fault for each that should be one and is not.

    Raises:
        DatasetError: where one of ``paths`` is neither an HDF5 file nor a list of such, nor would
            be one but for damage.
    """
    found: list[tuple[Path, str]] = []
    faults: list[Fault] = []
    for path in paths:
        require_file(path)
        if len(paths) == 1 and (state := state_of(path)) not in (OPEN, EMPTY):
            raise DatasetError(f"cannot read {path}: {state}")
        if is_hdf5(path):
            found.append((path, str(path)))
        elif looks_like_list(path):
            for line in list_lines(path):
                listed = resolve_name(line, path.parent)
                fault = fault_of(listed, f"{line}, listed in {path.name},")
                if fault is None:
                    found.append((listed, line))
                else:
                    faults.append(fault)
        elif should_be_hdf5(path, one_of=len(paths)) and (fault := fault_of(path, str(path))):
            faults.append(fault)
        else:
            raise DatasetError(f"{path} is neither an HDF5 file nor a text file that lists some")
    return list(display_names(found)), faults


def should_be_hdf5(path: Path, one_of: int) -> bool:
    """Whether a file that is neither HDF5 nor a list is taken for a damaged HDF5 file.

    By its name; of several files also by being no text.
    """
    return path.suffix.lower() in EXTENSIONS or (one_of > 1 and not first_lines(path))


def require_file(path: Path) -> None:
    """Raise :class:`DatasetError` unless ``path`` is a regular file that can be read."""
    if not path.exists():
        raise DatasetError(f"no such path: {path}")
    if path.is_dir():
        raise DatasetError(f"{path} is a folder: name the HDF5 files in it, or a list of them")
    if not path.is_file():
        raise DatasetError(f"{path} is no regular file")


def list_lines(path: Path) -> list[str]:
    """All lines of a list that are not blank.

    Raises:
        DatasetError: where it is no text in UTF-8.
    """
    try:
        return non_blank_lines(path.read_text("utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot read the list {path}: {error}") from error


def fault_of(path: Path, called: str) -> Fault | None:
    """What is wrong with a file, seen from outside; ``called`` begins the sentence."""
    called = legible(called)
    if not path.is_file():
        return Fault(None, "missing-file", f"{called} does not exist")
    state = state_of(path)
    if state == EMPTY:
        return Fault(None, "truncated-store", f"{called} has 0 bytes")
    if state != OPEN:
        return Fault(None, "missing-file", f"{called} cannot be read: {state}")
    if not is_hdf5(path):
        return Fault(None, "damaged-store", f"{called} is no HDF5 file")
    return None


def state_of(path: Path) -> str:
    """``OPEN``, ``EMPTY``, or why a file cannot be read, in the words of the system."""
    try:
        with path.open("rb") as file:
            return OPEN if file.read(1) else EMPTY
    except OSError as error:
        return error.strerror or "unreadable"


def display_names(files: Sequence[tuple[Path, str]]) -> Iterator[Source]:
    """Files under their base names; as they were given where base names collide."""
    same = Counter(path.name for path, _ in set(files))
    for path, given in files:
        yield Source(path, legible(path.name if same[path.name] == 1 else given))


def legible(name: str | bytes) -> str:
    """A name from the disk or from a file, bytes that are not UTF-8 with backslash escapes."""
    octets = name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
    return octets.decode("utf-8", "backslashreplace")


def label_width(path: Path, name: str | None) -> int:
    """How many numbers a row of the dataset ``name`` has; 1 where that cannot be told."""
    import h5py  # noqa: PLC0415  (only nets ask)

    try:
        with h5py.File(path, "r") as file:
            found = file.get(name) if name else None
            shape = found.shape if isinstance(found, h5py.Dataset) else None
    except (OSError, RuntimeError, KeyError, ValueError):
        return 1
    return prod(shape[1:]) if shape else 1
