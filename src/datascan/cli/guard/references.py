"""Finding out whether an existing file is read by another name.

Links in folders, lines of lists, and the files that an HDF5 file names: of external raw data, of
external links, and of virtual datasets. A refusal too many is better than an input replaced.
"""

from __future__ import annotations

import csv
import glob
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

from datascan.cli.guard.data_names import is_data_name
from datascan.cli.guard.identity import Identity, key, state
from datascan.files import MAX_LIST_BYTES, open_regular, read_regular

PLACES = 4
"""Folders above a list from which its names are tried."""

CHUNK_BYTES = 1 << 24
MAX_NAME_BYTES = 4096
"""No path is longer on Linux; chunks of an HDF5 file overlap by this much."""

MIN_NAME_BYTES = 3
MAX_JUNK = 4
"""How many bytes before a name in an HDF5 file may seem to belong to it: the end of a number."""

SEPARATORS = ",;\t"
QUOTED = re.compile(r'"((?:[^"\\]|\\.)+)"')
ESCAPE = re.compile(rb"\\(?:(/)|u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?)")
DOUBLED = re.compile(b'""')
LINE = re.compile(rb"[^\r\n]+")
ROOT_FOLDER = re.compile(rb"""root_folder\s*:\s*["']([^"'\n]+)["']""")
"""Where Caffe looks for the files of a list (caffe.proto, ImageDataParameter)."""


class Search:
    """Searches what is read for other names of one file.

    A list may have millions of lines, so folders are searched rather than each line looked up:
    ``held`` has the names in each folder, in lower case, that lead to the file.
    """

    def __init__(self, target: Path, found: os.stat_result) -> None:
        """``target`` is the path of an output, ``found`` its state."""
        self.wanted = key(found)
        self.has_hard_links = found.st_nlink > 1
        self.names = {target.name, os.path.basename(os.path.realpath(target))}
        self.held: dict[str, frozenset[str] | None] = {}

    def finds(self, paths: Iterable[Path], *, thorough: bool) -> bool:
        """Whether the file is read through one of ``paths``.

        ``thorough``: any mention of its name in a list or an HDF5 file counts.
        """
        paths = list(paths)
        folders = [path for path in paths if path.is_dir()]
        if any(self.is_in(folder, thorough=thorough) for folder in folders):
            return True
        roots = [
            os.fsdecode(root) for path in paths for root in ROOT_FOLDER.findall(read_text(path))
        ]
        files = [str(path) for path in paths]
        for path in paths:
            text = read_text(path)
            if thorough and self.is_mentioned(text):
                return True
            places = places_of(path, folders, roots)
            if self.is_listed(names_in(text, thorough=thorough), places):
                return True
            if thorough:
                files += hdf5_candidates(names_in(text, thorough=True), places)
        return thorough and self.is_named_by_hdf5(files)

    def is_listed(self, names: Iterable[str], places: Sequence[str]) -> bool:
        """Whether one of ``names``, tried from all ``places``, leads to the file."""
        known: dict[str, list[str]] = {}
        tops = entries_of(places)
        for name in names:
            folder, base = os.path.split(name)
            if folder not in known:
                inside = located(folder, places) if may_exist(folder, tops) else []
                known[folder] = [one for one in inside if self.held_by(one) != frozenset()]
            for home in known[folder]:
                held = self.held_by(home)
                path = os.path.join(home, base)
                if (held is None or base.lower() in held) and self.is_wanted(path):
                    return True
        return False

    def is_in(self, folder: Path, *, thorough: bool) -> bool:
        """Whether a link below a folder leads to the file; each folder is entered once.

        Only names of data count, unless ``thorough``: a report may be in the folder, and a link
        such as ``latest.html`` to it.
        """
        entered: set[Identity] = set()
        pending = [str(folder)]
        while pending:
            home = pending.pop()
            here = state(Path(home))
            if here is None or key(here) in entered:
                continue
            entered.add(key(here))
            with suppress(OSError), os.scandir(home) as entries:
                for entry in entries:
                    if is_folder(entry):
                        pending.append(entry.path)
                    elif (thorough or is_data_name(entry.name)) and self.leads(entry):
                        return True
        return False

    def leads(self, entry: os.DirEntry[str]) -> bool:
        """Whether an entry of a folder leads to the file. Few are looked up."""
        may_lead = self.has_hard_links or entry.name in self.names or entry.is_symlink()
        return may_lead and self.is_wanted(entry.path)

    def is_wanted(self, path: str) -> bool:
        """Whether a path leads to the file."""
        found = state(Path(path))
        return found is not None and key(found) == self.wanted

    def held_by(self, folder: str) -> frozenset[str] | None:
        """The names in a folder that lead to the file; None if it cannot be listed."""
        if folder not in self.held:
            self.held[folder] = self.find_held(folder)
        return self.held[folder]

    def find_held(self, folder: str) -> frozenset[str] | None:
        """As :meth:`held_by`, but not remembered."""
        try:
            with os.scandir(folder or ".") as entries:
                found = [one for one in entries if self.leads(one)]
        except PermissionError:
            return None  # Its files may still be opened by name.
        except (OSError, ValueError):
            return frozenset()
        return frozenset(one.name.lower() for one in found)

    def is_mentioned(self, text: bytes) -> bool:
        """Whether a text has the name of the file anywhere, also in escapes of JSON or CSV."""
        names = list(map(os.fsencode, self.names))
        return any(name in one for one in readings_of(text) for name in names)

    def is_named_by_hdf5(self, paths: Iterable[str]) -> bool:
        """Whether an HDF5 file among ``paths`` names the file, or one that it names does."""
        from datascan.readers.hdf5.files import is_hdf5

        pending, searched = list(dict.fromkeys(paths)), set()
        while pending:
            path = pending.pop()
            found = state(Path(path))
            if found is None or not stat.S_ISREG(found.st_mode) or key(found) in searched:
                continue
            searched.add(key(found))
            if not is_hdf5(Path(path)):
                continue
            for content in chunks_of(Path(path)):
                if any(os.fsencode(name) in content for name in self.names):
                    return True
                for name in dict.fromkeys(strings_in(content)):
                    for file in named_by(name, path):
                        if self.is_wanted(file):
                            return True
                        pending.append(file)
        return False


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def read_text(path: Path) -> bytes:
    """The content of a text; empty for anything else."""
    try:
        content = read_regular(path, max_bytes=MAX_LIST_BYTES)
    except (OSError, ValueError):
        return b""
    return b"" if b"\0" in content[:4096] else content


def places_of(path: Path, folders: Sequence[Path], roots: Sequence[str]) -> list[str]:
    """From where the names of a list are tried: all that readers try."""
    above = list(map(str, path.absolute().parents))[:PLACES]
    places = ["", *map(str, folders), *above]
    inner = [os.path.join(place, root) for place in places for root in roots]
    return list(dict.fromkeys((*places, *inner)))


def located(name: str, places: Iterable[str]) -> list[str]:
    """The paths that a name in a list may mean. Caffe prepends a folder even to ``/name``."""
    names = dict.fromkeys((name, name.lstrip("/")))
    return list(dict.fromkeys(os.path.join(place, one) for place in places for one in names))


def entries_of(places: Iterable[str]) -> frozenset[str] | None:
    """The names in all places, in lower case; None if one of them cannot be listed."""
    try:
        return frozenset(
            name.lower()
            for place in places
            if os.path.isdir(place or ".")
            for name in os.listdir(place or ".")
        )
    except OSError:
        return None


def may_exist(name: str, tops: frozenset[str] | None) -> bool:
    """Whether the first part of a name is in one of the places. Most cells of a CSV are not."""
    top = name.lstrip("/").partition("/")[0].lower()
    return tops is None or top in tops or top in {"", ".", ".."} or name.startswith("/")


def hdf5_candidates(names: Iterable[str], places: Sequence[str]) -> Iterator[str]:
    """The existing files that a list names, apart from images."""
    from datascan.decoders.image.header import format_from_name

    tops = entries_of(places)
    for name in names:
        if format_from_name(name) is None and may_exist(name, tops):
            yield from filter(os.path.isfile, located(name, places))


def names_in(text: bytes, *, thorough: bool) -> Iterator[str]:
    """The names that the lines of a text may have.

    ``thorough``: also what is quoted in the middle of a line, as in a configuration.
    """
    for match in LINE.finditer(text.removeprefix(b"\xef\xbb\xbf")):
        if line := os.fsdecode(match[0]).strip():
            yield from dict.fromkeys(filter(None, spellings(line, thorough=thorough)))


def spellings(line: str, *, thorough: bool) -> Iterator[str]:
    """The names that a line may have: ``a b.jpg 3`` is ``a b.jpg``, or ``a``; cells of a CSV."""
    if line.startswith("{") or thorough:
        for quoted in QUOTED.findall(line):
            yield quoted
            with suppress(ValueError):
                yield str(json.loads(f'"{quoted}"'))
        if line.startswith("{"):
            return
    yield from (line, line.split(None, 1)[0], line.rsplit(None, 1)[0])
    for separator in SEPARATORS:
        if separator in line:
            cells = line.split(separator)
            yield line.rpartition(separator)[0]
            with suppress(csv.Error):
                cells += next(csv.reader([line], delimiter=separator))
            yield from (cell.strip() for cell in cells)
    if line.startswith('"'):
        with suppress(csv.Error):
            yield from next(csv.reader([line]))


def readings_of(text: bytes) -> Iterator[bytes]:
    """A text as it is, and without the escapes of JSON and CSV."""
    yield text
    yield ESCAPE.sub(unescape, text)
    yield DOUBLED.sub(b'"', text)


def unescape(match: re.Match[bytes]) -> bytes:
    """The bytes of an escape in JSON: of a slash, a character, or a pair of surrogates."""
    slash, first, second = match.groups()
    if slash:
        return b"/"
    text = chr(int(first, 16))
    if second:
        text += chr(int(second, 16))
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return joined.encode("utf-8", "replace")


def chunks_of(path: Path) -> Iterator[bytes]:
    """The content of a file, in chunks that overlap."""
    with suppress(OSError), open_regular(path) as file:
        last = b""
        while chunk := file.read(CHUNK_BYTES):
            yield last + chunk
            last = (last + chunk)[-MAX_NAME_BYTES:]


def strings_in(content: bytes) -> Iterator[str]:
    """What may be a name in a part of an HDF5 file: characters that end with a zero byte."""
    import numpy as np

    octets = np.frombuffer(content, np.uint8)
    is_text = octets >= 32
    ends = octets[MIN_NAME_BYTES:] == 0
    for back in range(1, MIN_NAME_BYTES + 1):
        ends &= is_text[MIN_NAME_BYTES - back : len(octets) - back]
    stops = np.flatnonzero(ends) + MIN_NAME_BYTES
    others = np.concatenate([[-1], np.flatnonzero(~is_text)])
    starts = others[np.searchsorted(others, stops) - 1] + 1
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        text = content[max(start, stop - MAX_NAME_BYTES) : stop]
        for junk in range(min(MAX_JUNK, len(text) - 1) + 1):
            with suppress(UnicodeDecodeError):
                yield text[junk:].decode()


def named_by(name: str, path: str) -> Iterator[str]:
    """The existing regular files that a name in an HDF5 file may mean.

    It may be relative to the file or the working directory; ``%b`` is a number (HDF5, H5D_virtual).
    """
    homes = dict.fromkeys(("", os.path.dirname(path), os.path.dirname(os.path.realpath(path))))
    short = name.removeprefix("${ORIGIN}").lstrip("/")
    for tried in dict.fromkeys((name, short, os.path.basename(name))):
        plain = tried.replace("%%", "%")
        yield from filter(os.path.isfile, (os.path.join(home, plain) for home in homes))
        if "%b" in tried:
            pattern = glob.escape(tried).replace("%b", "[0-9]*").replace("%%", "%")
            found = (glob.iglob(os.path.join(glob.escape(home), pattern)) for home in homes)
            yield from filter(os.path.isfile, chain.from_iterable(found))
