"""Event files of TensorBoard and folders of them: one run for each folder, or several.

Keras writes the phases of a run into folders called train and validation; a run that was continued
has several files in one folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from datascan.files import open_regular
from datascan.logs.formats.framing import Records
from datascan.logs.formats.names import TEST_WORDS
from datascan.logs.formats.series import Series
from datascan.logs.formats.tensorboard import MAX_VALUES, Scalars
from datascan.logs.runs import Log, Run
from datascan.text import pluralize

MAX_EVENT_BYTES = 8 << 30
MAX_EVENT_FILES = 1000
MAX_ENTRIES = 100_000
PHASES = {"train", "training", *TEST_WORDS}
MARK = "tfevents"

EventFile = tuple[Path, str]
"""An event file, and the prefix of its tags."""


def find_runs(folder: Path) -> dict[str, list[EventFile]]:
    """The event files below a folder, by the folder of their run; links are not followed."""
    runs: dict[str, list[EventFile]] = {}
    entries = files = 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        entries += len(folders) + len(names)
        for name in sorted(name for name in names if MARK in name):
            path = Path(place, name)
            run = path.parent.relative_to(folder)
            prefix = ""
            if run.name.lower() in PHASES:
                run, prefix = run.parent, f"{run.name}/"
            runs.setdefault(run.as_posix(), []).append((path, prefix))
            files += 1
        if entries > MAX_ENTRIES or files > MAX_EVENT_FILES:
            break
    return runs


class Findings(Struct):
    """What reading event files has found besides their scalars."""

    notes: list[str] = []
    damage: list[str] = []

    def add(self, records: Records, name: str) -> None:
        """Add what is wrong with a file; ``name`` is empty if it is the only one."""
        place = f"{name}: " if name else ""
        self.damage += [place + text for text in records.faults]
        if records.cut is not None:
            self.notes.append(
                f"{place}the last record, at byte {records.cut:,}, is cut off: the run was killed, "
                "or is still writing"
            )


def read_file(file: BinaryIO, size: int, scalars: Scalars, found: Findings, name: str) -> None:
    """Read an event file."""
    records = Records(file, size)
    unreadable = scalars.unreadable
    scalars.read(records)
    found.add(records, name)
    place = f"{name}: " if name else ""
    if scalars.unreadable > unreadable:
        number = scalars.unreadable - unreadable
        found.damage.append(
            f"{place}not an event: {pluralize(number, 'record')} with good checksums"
        )
    if scalars.is_full:
        found.notes.append(f"{place}only the first {MAX_VALUES:,} values are read")


def read_events(path: Path, file: BinaryIO, size: int) -> Log:
    """The log of one event file."""
    scalars, found = Scalars(Series()), Findings()
    read_file(file, size, scalars, found, "")
    return log_of(path, scalars.series.runs(), found)


def read_event_runs(folder: Path, runs: dict[str, list[EventFile]]) -> Log:
    """The log of a folder; ``runs`` are its files as :func:`find_runs` groups them."""
    every: list[Run] = []
    found = Findings()
    events = 0
    for place, files in runs.items():
        scalars = Scalars(Series(), count=events)
        for path, scalars.prefix in files:
            with BufferedReader(open_regular(path, inside=folder)) as file:
                size = os.fstat(file.fileno()).st_size
                read_file(file, size, scalars, found, path.relative_to(folder).as_posix())
        events = scalars.count
        every += named(scalars.series.runs(), place if len(runs) > 1 else "")
    return log_of(folder, every, found)


def named(runs: Iterable[Run], place: str) -> Iterable[Run]:
    """The runs of a folder, with its name."""
    return (replace(run, place=place) for run in runs)


def log_of(path: Path, runs: Iterable[Run], found: Findings) -> Log:
    """The log of some runs."""
    return Log(path, "tensorboard", tuple(runs), tuple(found.notes), tuple(found.damage))
