"""Reads a training log: the format is recognised by the content, not by the name."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

from msgspec import Struct
from msgspec.structs import replace

from datascan.errors import DatasetError
from datascan.files import MAX_LOG_BYTES, open_typed
from datascan.logs.event_files import MAX_EVENT_BYTES, find_runs, read_event_runs, read_events
from datascan.logs.formats.caffe import split_runs
from datascan.logs.formats.framing import is_record_file
from datascan.logs.formats.table import read_table
from datascan.logs.formats.trainer_state import MAX_BYTES, read_trainer_state
from datascan.logs.formats.words import read_words
from datascan.logs.runs import Log, Run

MAX_LINE_LENGTH = 1 << 16
MAX_LINES = 3_000_000
CHUNK = 1 << 20
CAFFE_SIGNS = {", loss = ", ", lr = ", "] ", "***"}
SIGNS = {*CAFFE_SIGNS, "loss"}
"""In lower case: what only logs of Caffe contain, and what any text with losses does."""

LONGEST_SIGN = 10
PROBE = 64
KNOWN_NAMES = ("metrics.csv", "trainer_state.json")
"""Logs that are looked for in a folder without event files."""


def read_log(path: Path) -> Log:
    """Read a log: a file, or a folder of event files.

    Raises:
        DatasetError: if it cannot be read, or has no losses.
    """
    try:
        if path.is_dir():
            return read_folder(path)
        with open_typed(path, max_bytes=MAX_EVENT_BYTES) as file:
            head = file.read(PROBE)
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            log = read_events(path, file, size) if is_record_file(head) else None
            log = log or read_text(path, file, size)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    if not log.runs and not log.damage:
        raise not_a_log(path)
    return with_run(log)


def with_run(log: Log) -> Log:
    """The log with an empty run if damage has left none."""
    return log if log.runs else replace(log, runs=(Run(),))


def read_folder(folder: Path) -> Log:
    """Read the event files of a folder, or else the one known log in it.

    Raises:
        DatasetError: if it has neither.
    """
    if runs := find_runs(folder):
        log = read_event_runs(folder, runs)
        if log.runs or log.damage:
            return with_run(log)
        raise DatasetError(f"{folder}: the event files have no scalar whose name contains loss")
    known = [folder / name for name in KNOWN_NAMES if (folder / name).is_file()]
    if len(known) == 1:
        return read_log(known[0])
    raise DatasetError(f"{folder} has no event files of TensorBoard: name the log itself")


def read_text(path: Path, file: BinaryIO, size: int) -> Log:
    """Read a text file.

    Raises:
        DatasetError: if it is too large, or not a log.
    """
    if size > MAX_LOG_BYTES:
        raise DatasetError(f"cannot read {path}: it has more than {MAX_LOG_BYTES >> 20} MiB")
    with decode(file) as text:
        if first_character(text) == "{" and size <= MAX_BYTES:
            text.seek(0)
            if history := read_trainer_state(text.read()):
                return Log(path, "trainer-state", *history)
        signs = signs_in(text)
        log = read_caffe(path, text) if signs & CAFFE_SIGNS else None
        log = log or read_numbers(path, text)
        if log is None and "loss" in signs:
            log = read_sentences(path, text)
    if log is None:
        raise not_a_log(path)
    return log


def read_caffe(path: Path, text: TextIO) -> Log | None:
    """The log if it is one of Caffe."""
    lines = Lines(text)
    runs = tuple(run for run in split_runs(lines) if not run.is_empty)
    if any(run.iterations or run.rate_iterations or run.is_glog for run in runs):
        return Log(path, "caffe-log", runs, lines.notes())
    return None


def read_numbers(path: Path, text: TextIO) -> Log | None:
    """The log if it is a table."""
    lines = Lines(text)
    table = read_table(lines)
    return Log(path, "csv", table[0], (*table[1], *lines.notes())) if table else None


def read_sentences(path: Path, text: TextIO) -> Log | None:
    """The log if it is a text that names losses."""
    lines = Lines(text)
    runs = read_words(lines)
    return Log(path, "text", runs, lines.notes()) if runs else None


def signs_in(text: TextIO) -> set[str]:
    """Which of ``SIGNS`` a text contains; faster than parsing its lines."""
    found: set[str] = set()
    end = ""
    text.seek(0)
    while piece := text.read(CHUNK):
        piece = (end + piece).lower()
        found |= {sign for sign in SIGNS - found if sign in piece}
        if found == SIGNS:
            break
        end = piece[-LONGEST_SIGN:]
    return found


def not_a_log(path: Path) -> DatasetError:
    """The error for a file without losses."""
    return DatasetError(
        f'{path} is not a training log: it has no line "Iteration N, loss = X" of Caffe, and is '
        "not a table of iteration and loss, an event file of TensorBoard, a trainer_state.json, or "
        "text with losses"
    )


def decode(file: BinaryIO) -> TextIO:
    """The file as text: UTF-8, or UTF-16 if it has a byte order mark, as PowerShell writes it."""
    wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    file.seek(0)
    encoding = "utf-16" if wide else "utf-8-sig"
    return TextIOWrapper(file, encoding, errors="replace", newline=None)


def first_character(text: TextIO) -> str:
    """The first character that is not a space."""
    return text.read(PROBE).lstrip()[:1]


class Lines(Struct):
    """The lines of a text without line endings; very long ones are truncated.

    A line is read in pieces, because it may be as long as the file. After ``MAX_LINES`` lines the
    rest is not read, which :meth:`notes` says.
    """

    text: TextIO
    is_cut: bool = False

    def __iter__(self) -> Iterator[str]:
        self.text.seek(0)
        is_rest, left = False, MAX_LINES
        while piece := self.text.readline(MAX_LINE_LENGTH):
            if not is_rest:
                if not left:
                    self.is_cut = True
                    return
                left -= 1
                yield piece.rstrip("\r\n")
            is_rest = not piece.endswith("\n")

    def notes(self) -> tuple[str, ...]:
        """Says that lines were left out, if so."""
        text = f"only the first {MAX_LINES:,} lines are read: pass the part around the break"
        return (text,) if self.is_cut else ()
