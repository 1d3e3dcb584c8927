"""Text recognition datasets: keys `image-%09d` and `label-%09d`, and `num-samples`.

Source: github.com/clovaai/deep-text-recognition-benchmark, create_lmdb_dataset.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.keys import parse_key_numbers
from datascan.readers.sample import Spans
from datascan.records.block import Fault
from datascan.records.buffers import BytesColumn
from datascan.records.shard import Shard

IMAGE_KEY, LABEL_KEY = KEY_FORMATS = ("image-%09d", "label-%09d")
LINES_PER_SHARD = 4096
LINES_PER_BATCH = 256


class EntryIterator(Protocol):
    """See :meth:`datascan.readers.keyvalue.reader.KeyValueReader.iter_entries`."""

    def __call__(self, span: KeyRange, *, values: bool = True) -> Iterator[KeyValueBatch]:
        """The entries of ``span`` in key order."""


class TextLines(Struct, frozen=True):
    """Records ``first`` <= number < ``stop``: an image of a line of text, and its label.

    ``has``: whether the store has images, and labels, at all; what no record has is not missing.
    """

    first: int
    stop: int
    has: tuple[bool, bool] = (True, True)

    def key_range(self, key_format: str) -> KeyRange:
        """The keys of the images, or of the labels."""
        return KeyRange((key_format % self.first).encode(), (key_format % self.stop).encode())


class TextNumbers(Struct, frozen=True, eq=False):
    """The numbers of all images and labels, int64 (n,) ascending. ``has``: see ``TextLines``."""

    numbers: NDArray[np.int64]
    has: tuple[bool, bool]

    @property
    def note(self) -> str:
        """What the store lacks, in words; "" if nothing."""
        return {
            (False, True): "the store has labels but no images: only the labels were checked",
            (True, False): "the store has images but no labels",
        }.get(self.has, "")


def find_text_lines(iter_entries: EntryIterator) -> TextNumbers | None:
    """The numbers of all records; None if there are neither images nor labels."""
    found: list[list[NDArray[np.int64]]] = []
    for key_format in KEY_FORMATS:
        prefix = key_format[: key_format.index("%")].encode()
        span = KeyRange(prefix, prefix[:-1] + bytes([prefix[-1] + 1]))
        own = []
        for batch in iter_entries(span, values=False):
            numbers = parse_key_numbers(batch.keys)
            if numbers is not None:
                own.append(numbers.values[numbers.values >= 0])
        found.append(own)
    images, labels = (sum(map(len, own)) > 0 for own in found)
    if not (images or labels):
        return None
    return TextNumbers(np.unique(np.concatenate([*found[0], *found[1]])), (images, labels))


def plan_text_lines(found: TextNumbers, limit: int | None) -> tuple[Shard, ...]:
    """Cut the first ``limit`` records, or all of them, into shards."""
    numbers = found.numbers[:limit]
    firsts = numbers[::LINES_PER_SHARD].tolist()
    stops = [*firsts[1:], int(numbers[-1]) + 1]
    return tuple(
        Shard(i, TextLines(first, stop, found.has))
        for i, (first, stop) in enumerate(zip(firsts, stops, strict=True))
    )


def sample_text_lines(found: TextNumbers, spans: Spans) -> tuple[Shard, ...]:
    """A shard for each of ``spans``, which are positions in the numbers."""
    numbers = found.numbers
    return tuple(
        Shard(i, TextLines(int(numbers[first]), int(numbers[stop - 1]) + 1, found.has))
        for i, (first, stop) in enumerate(spans)
    )


def read_text_lines(
    iter_entries: EntryIterator, span: TextLines, *, values: bool
) -> Iterator[KeyValueBatch]:
    """Image keys and values, one for each number. A missing image or label is a fault.

    Without any images, the keys are those of labels, without values.
    """
    has_images, has_labels = span.has
    images, image_faults = read_numbered(iter_entries, span.key_range(IMAGE_KEY), values=values)
    labels, label_faults = read_numbered(iter_entries, span.key_range(LABEL_KEY), values=values)
    store_faults = [*image_faults, *label_faults]
    numbers = sorted(images.keys() | labels.keys())
    for start in range(0, len(numbers), LINES_PER_BATCH):
        chunk = numbers[start : start + LINES_PER_BATCH]
        faults, store_faults = store_faults, []
        for row, number in enumerate(chunk):
            if has_images and number not in images:
                faults.append(Fault(row, "malformed-record", f"{IMAGE_KEY % number} is missing"))
            if number not in labels:
                if has_labels:
                    faults.append(Fault(row, "missing-label", f"{LABEL_KEY % number} is missing"))
            elif values and not labels[number]:
                faults.append(Fault(row, "missing-label", f"{LABEL_KEY % number} is empty"))
        key_format = IMAGE_KEY if has_images else LABEL_KEY
        keys = BytesColumn.of([(key_format % number).encode() for number in chunk])
        contents = BytesColumn.of([images.get(number, b"") for number in chunk])
        yield KeyValueBatch(keys, contents, tuple(faults), has_values=has_images)
    if store_faults:
        yield KeyValueBatch(BytesColumn.of([]), BytesColumn.of([]), tuple(store_faults))


def read_numbered(
    iter_entries: EntryIterator, span: KeyRange, *, values: bool
) -> tuple[dict[int, bytes], list[Fault]]:
    """Values by the number in their key, and the store's faults, which name no row here.

    The values are empty unless ``values``.
    """
    by_number: dict[int, bytes] = {}
    faults: list[Fault] = []
    for batch in iter_entries(span, values=values):
        faults += [replace(fault, row=None, lost=0) for fault in batch.faults]
        numbers = parse_key_numbers(batch.keys)
        if numbers is None:
            continue
        for row, number in enumerate(numbers.values.tolist()):
            if number >= 0:
                by_number[number] = batch.values[row] if values else b""
    return by_number, faults
