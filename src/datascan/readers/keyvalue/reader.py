"""What LMDB and LevelDB have in common: records are key-value pairs, in key order."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.config.options import Options
from datascan.decoders.base import Decoder, Tracker, detect_decoder, load_decoder, track_among
from datascan.plugins import DECODERS
from datascan.readers.base import Reader
from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.keys import (
    COUNT_KEYS,
    METADATA_KEYS,
    format_key,
    metadata_rows,
    parse_key_numbers,
)
from datascan.readers.keyvalue.text_recognition import TEXT_LINE, TEXT_LINES_A_SHARD, TextLines
from datascan.records.block import Block, Fault, scatter
from datascan.records.buffers import BytesColumn
from datascan.records.shard import Plan, Shard

SAMPLE = 32
"""The layout is told from so many first records."""


class KeyValueReader(Reader):
    """A store of key-value pairs. A backend provides ``ranges``, ``walk``, ``get``, ``nbytes``."""

    is_seekable = False

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        super().__init__(paths, options)
        self.decoder: Decoder | None = None
        self._is_text_lines = False

    @abstractmethod
    def key_ranges(self) -> list[KeyRange]:
        """Cut the store into runs of about ``options.read.shard_bytes`` bytes, in key order."""

    @abstractmethod
    def iter_entries(self, span: KeyRange, *, values: bool = True) -> Iterator[KeyValueBatch]:
        """The entries of ``span`` in order, about a megabyte at a time.

        With ``values=False`` only the keys matter, and values may be empty. What cannot be read
        is told in ``Pairs.faults`` ("damaged-store", "truncated-store"); its value has no bytes.
        """

    @abstractmethod
    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``; None where there is none, or where it cannot be read."""

    @abstractmethod
    def nbytes(self) -> int:
        """About how many bytes the store's records take."""

    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the store as a whole, seen before reading it."""
        return ()

    def store_count(self) -> int | None:
        """How many entries the store's own bookkeeping says it has, if it keeps any."""
        return None

    def is_damaged(self) -> bool:
        """Whether a worker process is to read this store, lest it crash."""
        return bool(self.faults())

    def plan(self) -> Plan:
        """Tell the layout from the first records, then cut the store into shards."""
        numbers = self._text_lines()
        self._is_text_lines = numbers is not None
        if numbers is not None:
            name, shards = "ocr", self._text_line_shards(numbers)
            self.decoder = load_decoder("image")(self.options.read)
        else:
            self.decoder = self._detect_decoder()
            name = self.decoder.name
            shards = tuple(Shard(i, span) for i, span in enumerate(self.key_ranges()))
            if self.options.read.limit is not None:
                shards = self._limited(shards, self.options.read.limit)
        return Plan(
            shards=shards,
            layout=name,
            nbytes=self.nbytes(),
            declared_count=self._declared_count() if self.options.read.limit is None else None,
            store_count=self._store_count(),
            faults=self.faults(),
            needs_isolation=self.is_damaged(),
            is_bgr=self.decoder.is_bgr,
        )

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        """The shard's blocks."""
        assert self.decoder is not None  # noqa: S101  (plan comes first)
        row = 0
        for pairs in self._records(shard.span):
            first = min(max(shard.first - row, 0), len(pairs))
            last = len(pairs) if shard.last is None else min(len(pairs), shard.last - row)
            inside = pairs
            if (first, last) != (0, len(pairs)):
                inside = pairs.take(np.arange(first, max(first, last)))
            if len(inside) or inside.faults:
                track(row + first, len(inside))
                yield self._block(shard.base, row + first, inside, track, decode=decode)
            row += len(pairs)
            if shard.last is not None and row >= shard.last:
                return

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """Keys of ``rows``, by walking the shard's keys."""
        found: list[str] = []
        wanted = np.array(rows, np.int64)
        row = 0
        for pairs in self._records(shard.span, values=False):
            here = wanted[(wanted >= row) & (wanted < row + len(pairs))] - row
            found += [format_key(pairs.keys[int(i)]) for i in here]
            row += len(pairs)
            if len(found) == len(rows):
                break
        return found + ["?"] * (len(rows) - len(found))

    def count_rows(self, shard: Shard, track: Tracker) -> int:
        """How many records the shard has, by walking its keys."""
        rows = 0
        for pairs in self._records(shard.span, values=False):
            rows += len(pairs)
            # No row is read here; this only shows that the walk makes progress.
            track(rows, 0)
        return rows

    def describe_start(self, shard: Shard) -> str:
        """The first key that may stand in it."""
        span = shard.span
        if isinstance(span, TextLines):
            return f"key {TEXT_LINE[0] % span.first}"
        return "the first key" if span.first is None else f"key {format_key(span.first)}"

    def _block(
        self, base: int, first: int, pairs: KeyValueBatch, track: Tracker, *, decode: bool
    ) -> Block:
        assert self.decoder is not None  # noqa: S101
        readable = pairs.values.lengths > 0
        lost = {fault.row for fault in pairs.faults}
        empty = [int(row) for row in np.flatnonzero(~readable) if row not in lost]
        rows = np.flatnonzero(readable)
        values = pairs.values if len(rows) == len(pairs) else pairs.values.take(rows)
        block = self.decoder.decode(
            base + first, values, partial(track_among, track, first + rows), decode_images=decode
        )
        faults = [Fault(i, "empty-record", "the value has 0 bytes") for i in empty]
        block = scatter(block, rows, len(pairs))
        return replace(
            block,
            faults=(*pairs.faults, *faults, *block.faults),
            key_numbers=parse_key_numbers(pairs.keys),
        )

    def _records(self, span: Any, *, values: bool = True) -> Iterator[KeyValueBatch]:
        if isinstance(span, TextLines):
            yield from self._read_text_lines(span, values=values)
            return
        for pairs in self.iter_entries(span, values=values):
            books = metadata_rows(pairs.keys)
            yield pairs.take(np.delete(np.arange(len(pairs)), books)) if books else pairs

    def _detect_decoder(self) -> Decoder:
        votes: Counter[type[Decoder]] = Counter()
        for value in self._sample():
            votes[detect_decoder(value)] += 1
        order = list(DECODERS)
        chosen = max(votes, key=lambda kind: (votes[kind], -order.index(kind.name)), default=None)
        return (chosen or load_decoder("raw"))(self.options.read)

    def _sample(self) -> Iterator[bytes]:
        seen = 0
        for pairs in self._records(KeyRange()):
            for row in range(len(pairs)):
                if pairs.values.lengths[row]:
                    yield pairs.values[row]
                    seen += 1
                    if seen == SAMPLE:
                        return

    def _limited(self, shards: tuple[Shard, ...], limit: int) -> tuple[Shard, ...]:
        """The shards that hold the first ``limit`` records, the last one cut."""
        kept: list[Shard] = []
        for shard in shards:
            records = 0
            for pairs in self._records(shard.span, values=False):
                records += len(pairs)
                if records >= limit:
                    return (*kept, shard.slice(0, limit))
            kept.append(shard)
            limit -= records
        return tuple(kept)

    def _store_count(self) -> int | None:
        claimed = self.store_count()
        if claimed is None or self.options.read.limit is not None or self._is_text_lines:
            return None
        return claimed - sum(self.get(key) is not None for key in METADATA_KEYS)

    def _declared_count(self) -> tuple[str, int] | None:
        """The number of records that a bookkeeping key states in plain digits."""
        for key in COUNT_KEYS:
            value = self.get(key)
            if value is not None and value.strip().isdigit() and len(value) < 19:
                return key.decode(), int(value)
        return None

    def _text_lines(self) -> NDArray[np.int64] | None:
        """Numbers of all images and labels, if this is a text recognition set."""
        if self.get(b"num-samples") is None:
            return None
        found = []
        for name in TEXT_LINE:
            head = name[:6].encode()
            span = KeyRange(head, head[:-1] + bytes([head[-1] + 1]))
            for pairs in self.iter_entries(span, values=False):
                numbers = parse_key_numbers(pairs.keys)
                if numbers is not None:
                    found.append(numbers.values[numbers.values >= 0])
        return np.unique(np.concatenate(found)) if found else None

    def _text_line_shards(self, numbers: NDArray[np.int64]) -> tuple[Shard, ...]:
        numbers = numbers[: self.options.read.limit]
        firsts = numbers[::TEXT_LINES_A_SHARD].tolist()
        stops = [*firsts[1:], int(numbers[-1]) + 1]
        return tuple(
            Shard(i, TextLines(first, stop))
            for i, (first, stop) in enumerate(zip(firsts, stops, strict=True))
        )

    def _read_text_lines(self, span: TextLines, *, values: bool) -> Iterator[KeyValueBatch]:
        """Images with their labels, matched by number; what is missing is a fault."""
        lost: list[Fault] = []
        images, labels = (self._numbered(span.range_of(name), values, lost) for name in TEXT_LINE)
        numbers = sorted(images.keys() | labels.keys())
        for at in range(0, len(numbers), 256):
            chunk = numbers[at : at + 256]
            faults, lost = lost, []
            for row, number in enumerate(chunk):
                image, label = (name % number for name in TEXT_LINE)
                if number not in images:
                    faults.append(Fault(row, "malformed-record", f"{image} is missing"))
                if number not in labels:
                    faults.append(Fault(row, "missing-label", f"{label} is missing"))
                elif values and not labels[number]:
                    faults.append(Fault(row, "missing-label", f"{label} is empty"))
            keys = BytesColumn.of([(TEXT_LINE[0] % number).encode() for number in chunk])
            yield KeyValueBatch(
                keys, BytesColumn.of([images.get(n, b"") for n in chunk]), tuple(faults)
            )
        if lost:
            yield KeyValueBatch(BytesColumn.of([]), BytesColumn.of([]), tuple(lost))

    def _numbered(self, span: KeyRange, values: bool, lost: list[Fault]) -> dict[int, bytes]:  # noqa: FBT001
        """Values by the number in their key; what the store lost of them is added to ``lost``."""
        found: dict[int, bytes] = {}
        for pairs in self.iter_entries(span, values=values):
            lost += [replace(fault, row=None, lost=0) for fault in pairs.faults]
            numbers = parse_key_numbers(pairs.keys)
            if numbers is None:
                continue
            for row, number in enumerate(numbers.values.tolist()):
                if number >= 0:
                    found[number] = pairs.values[row] if values else b""
        return found
