"""How images came about: most images of a finding are of one camera, or one day.

Cameras and days are read from the EXIF block (EXIF 2.32: Make, Model, DateTimeOriginal) of a few
images of the finding and a few others, in workers.
"""

from __future__ import annotations

import os
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from PIL import Image

from datascan.decoders.image.header import sniff_format
from datascan.decoders.image.structure import read_header
from datascan.executors.base import Executor, WorkerSlot
from datascan.readers.base import Reader
from datascan.readers.tracked import tracked_blocks
from datascan.records.shard import Shard
from datascan.report.patterns.candidate import Candidate
from datascan.report.patterns.survey import Concerned, Numbers
from datascan.scanner.reread import (
    RowsByShard,
    blocks_with_rows,
    reread,
    rows_by_shard,
    slices_with_rows,
)
from datascan.scanner.result import ScanResult
from datascan.scanner.small_records import spread

MAX_READ = 128
"""The most images of a finding that are read again, and of the others."""

MAX_BYTES = 32 << 20
"""The most bytes of them, estimated from the mean size of the images."""

MIN_READ = 16

MAKE, MODEL, EXIF_DIRECTORY, ORIGINAL = 0x010F, 0x0110, 0x8769, 0x9003
DAY = re.compile(r"([0-9]{4}):([01][0-9]):([0-3][0-9])(?: |$)")
MAX_NAME = 60


class Taken(Struct, frozen=True):
    """The camera and the days of an image; "" for what is not known."""

    camera: str = ""
    day: str = ""
    changed: str = ""


@dataclass(frozen=True)
class TakenTask:
    """The task that reads how the chosen images came about, by address."""

    reader: Reader
    rows: RowsByShard

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:
        """The number of rows in the whole shard."""
        return self.reader.count_rows(shard, slot.mark)

    def __call__(self, shard: Shard, slot: WorkerSlot) -> dict[int, Taken]:
        """Camera and days of the chosen images."""
        rows, found = self.rows[shard.index], {}
        for part in slices_with_rows(shard, rows, one_by_one=True):
            for block, places in blocks_with_rows(
                tracked_blocks(self.reader, part, slot, decode=False), shard, rows
            ):
                first = block.start - shard.base
                keys = self.reader.keys(shard, (places + first).tolist())
                for row, key in zip(places.tolist(), keys, strict=True):
                    camera, day = read_exif(bytes(block.encoded.get(row, b"")))
                    path = os.path.join(os.fspath(self.reader.path), key)  # noqa: PTH118  (faster)
                    found[block.start + row] = Taken(camera, day, find_day_of_change(path))
        return found

    def on_failure(self, shard: Shard, reason: str) -> dict[int, Taken]:  # noqa: ARG002  (a sample without these images is enough)
        """Nothing of images that cannot be read again."""
        return {}


def read_exif(data: bytes) -> tuple[str, str]:
    """Camera and day of an encoded image; "" for what its EXIF block does not say."""
    kind = sniff_format(data)
    if kind is None:
        return "", ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the scan has reported damaged blocks
            tags = Image.Exif()
            tags.load(b"Exif\0\0" + (data if kind == "TIFF" else read_header(kind, data).exif))
            make, model = clean(tags.get(MAKE)), clean(tags.get(MODEL))
            day = DAY.match(clean(tags.get_ifd(EXIF_DIRECTORY).get(ORIGINAL)))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  (damaged blocks raise anything, and say nothing)
        return "", ""
    # Many models begin with the name of the maker.
    is_named = make and model.lower().startswith(make.split()[0].lower())
    camera = model if is_named else f"{make} {model}".strip()
    return camera, "-".join(day.groups()) if day else ""


def clean(value: object) -> str:
    """A text of an EXIF block in one line; "" for anything else."""
    text = value if isinstance(value, str) else ""
    return " ".join(text.replace("\0", " ").split())[:MAX_NAME]


def find_day_of_change(path: str) -> str:
    """The day on which a file was changed last, in local time; "" if it cannot be found."""
    with suppress(OSError, ValueError, OverflowError):
        return time.strftime("%Y-%m-%d", time.localtime(os.stat(path).st_mtime))  # noqa: PTH116  (faster)
    return ""


class PictureReader(Struct, frozen=True, eq=False):
    """Reads how images came about; those of the sample of others once for all findings."""

    scanned: ScanResult
    executor: Executor
    on_tick: Callable[[], None]
    known: dict[int, Taken] = {}

    def find(self, concerned: Concerned) -> Iterator[Candidate]:
        """Cameras and days that most images of a finding share."""
        affordable = MAX_BYTES * concerned.records // max(1, self.scanned.nbytes)
        count = min(MAX_READ, max(MIN_READ, affordable))
        mine = concerned.positions[spread(len(concerned.positions), count)]
        theirs = concerned.others[spread(len(concerned.others), count)]
        taken = self._read(np.concatenate([mine, theirs]))
        own, others = taken[: len(mine)], taken[len(mine) :]
        for kind, words in WORDS.items():
            values = [getattr(one, ATTRIBUTES[kind]) for one in own]
            other_values = [getattr(one, ATTRIBUTES[kind]) for one in others]
            found = find_value(concerned, kind, words, values, other_values)
            if found is not None:
                yield found

    def _read(self, positions: Numbers) -> list[Taken]:
        addresses = self.scanned.summary.addresses(positions)
        missing = np.array([a for a in addresses.tolist() if a not in self.known], np.int64)
        rows = rows_by_shard(np.sort(missing))
        task = TakenTask(self.scanned.reader, rows)
        for piece in reread(
            task, self.scanned.summary.plan, self.executor, rows, on_tick=self.on_tick
        ):
            self.known.update(piece)
        return [self.known.get(address, Taken()) for address in addresses.tolist()]


WORDS = {"camera": "taken with", "date": "taken on", "changed": "last changed on"}
ATTRIBUTES = {"camera": "camera", "date": "day", "changed": "changed"}


def find_value(
    concerned: Concerned, kind: str, words: str, mine: Sequence[str], theirs: Sequence[str]
) -> Candidate | None:
    """The value that most images of a finding have, and the others do not."""
    (value, _), *_ = Counter(mine).most_common(1)
    if not value:
        return None
    return concerned.test(
        kind=kind,
        text=f"{words} {value}",
        mine=np.array([one == value for one in mine]),
        theirs=np.array([one == value for one in theirs], np.bool_),
    )
