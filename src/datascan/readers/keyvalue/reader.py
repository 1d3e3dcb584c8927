"""The common base of the LMDB and LevelDB readers: records are entries in key order."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from msgspec import structs

from datascan.config.options import Options
from datascan.decoders.base import (
    Decoder,
    Tracker,
    detect_decoders,
    load_decoder,
    make_decoder,
    track_among,
)
from datascan.errors import DatascanError, describe_exception
from datascan.plugins import DECODERS, decoder_names
from datascan.readers.base import Reader
from datascan.readers.key_spellings import key_bytes
from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.bookkeeping import find_bookkeeping, find_sizes
from datascan.readers.keyvalue.keys import (
    COUNT_KEYS,
    METADATA_KEYS,
    format_key,
    metadata_rows,
    parse_key_numbers,
)
from datascan.readers.keyvalue.lookup import find_neighbours, find_rows
from datascan.readers.keyvalue.text_recognition import (
    IMAGE_KEY,
    TextLines,
    find_text_lines,
    plan_text_lines,
    read_text_lines,
    sample_text_lines,
)
from datascan.readers.sample import MAX_BLOCKS, Spans, sample_spans
from datascan.records.block import Block, Fault, scatter
from datascan.records.key_hashes import hash_keys
from datascan.records.part import PartIdentity
from datascan.records.shard import Plan, Shard

SAMPLE_SIZE = 32
"""The number of first records from which the decoder is detected."""

MAX_UNSORTED_BLOCKS = 8
"""The most blocks of a sample of a store whose keys are not in byte order: the records before each
block are read as well."""


class KeyValueReader(Reader):
    """A store of key-value pairs.

    A backend implements ``key_ranges``, ``iter_entries``, ``get`` and ``nbytes``.
    """

    is_seekable = False
    libraries: ClassVar[tuple[str, ...]] = ("pillow", "simplejpeg", "protobuf")

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        super().__init__(paths, options)
        self.decoder: Decoder | None = None
        self.metadata_keys = frozenset(METADATA_KEYS)
        """Keys that are not records; ``plan`` adds those that only this store has."""
        self._is_text_lines = False
        self._text_note = ""

    @abstractmethod
    def key_ranges(self) -> list[KeyRange]:
        """Cut the store into ranges of about ``options.read.shard_bytes`` bytes, in key order."""

    @abstractmethod
    def iter_entries(self, span: KeyRange, *, values: bool = True) -> Iterator[KeyValueBatch]:
        """The entries of ``span`` in key order, a few megabytes at a time.

        With ``values=False`` only keys are needed, and values may be empty. Entries that cannot
        be read have an empty value and a fault ("damaged-store" or "truncated-store").
        """

    def sample_entries(self, span: KeyRange) -> Iterator[KeyValueBatch]:
        """The entries of ``span``, of which only the first few are needed."""
        return self.iter_entries(span)

    @abstractmethod
    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``; None if it does not exist or cannot be read."""

    @abstractmethod
    def nbytes(self) -> int:
        """The approximate size of the store's records in bytes."""

    @abstractmethod
    def identify_range(self, span: KeyRange) -> PartIdentity:
        """What identifies the entries of a key range."""

    def faults(self) -> tuple[Fault, ...]:
        """Faults of the store as a whole that can be found without reading it."""
        return ()

    def store_count(self) -> int | None:
        """The number of entries that the store itself keeps; None if it does not."""
        return None

    def is_ordered(self) -> bool:
        """Whether keys are in byte order, so that a range of them can be read."""
        return True

    def is_damaged(self) -> bool:
        """Whether the store must be read in a worker process, because the reader may crash."""
        return bool(self.faults())

    def plan(self) -> Plan:
        """Detect the decoder from the first records, then cut the store into shards."""
        has_text_lines = self.get(b"num-samples") is not None
        numbers = find_text_lines(self.iter_entries) if has_text_lines else None
        self._is_text_lines = numbers is not None
        if numbers is not None:
            self._text_note = numbers.note
            name, shards = "ocr", plan_text_lines(numbers, self.options.read.limit)
            count = len(numbers.numbers[: self.options.read.limit])
            spans = sample_spans(self.options.read.sample, count)
            if spans is not None:
                shards = sample_text_lines(numbers, spans)
            self.decoder = make_decoder("image", self.options.read)
        else:
            if self.is_ordered():
                self.metadata_keys |= find_bookkeeping(self.sample_entries, self.get)
            self.decoder = self._detect_decoder()
            name = self.decoder.name
            shards = tuple(Shard(i, span) for i, span in enumerate(self.key_ranges()))
            if self.options.read.limit is not None:
                shards = self._limit_shards(shards, self.options.read.limit)
            shards, count, spans = self._sample(shards)
        is_whole = self.options.read.limit is None and spans is None
        return Plan(
            shards=shards,
            layout=name,
            records=None if spans is None else sum(stop - first for first, stop in spans),
            nbytes=self.nbytes(),
            declared_count=self._declared_count() if is_whole else None,
            store_count=self._store_count() if is_whole else None,
            total_records=self._store_count() or (None if spans is None else count),
            notes=self._notes(),
            faults=self.faults(),
            needs_isolation=self.is_damaged(),
            is_bgr=self.decoder.is_bgr,
            is_read_in_order=spans is None,
            sampled_from=None if spans is None else count,
            origins=() if spans is None else find_origins(shards, spans),
        )

    def preload(self) -> None:
        """Import the decoders among which ``plan`` chooses."""
        for name in DECODERS:
            load_decoder(name)

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        """The shard's blocks."""
        assert self.decoder is not None  # noqa: S101  (plan comes first)
        row = 0
        for batch in self._iter_records(shard.span):
            first = min(max(shard.first - row, 0), len(batch))
            last = len(batch) if shard.last is None else min(len(batch), shard.last - row)
            inside = batch
            if (first, last) != (0, len(batch)):
                inside = batch.take(np.arange(first, max(first, last)))
            if len(inside) or inside.faults:
                track(row + first, len(inside))
                yield from self._decode_each(shard.base, row + first, inside, track, decode=decode)
            row += len(batch)
            if shard.last is not None and row >= shard.last:
                return

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """The keys of ``rows``, found by iterating over the shard's keys."""
        found: list[str] = []
        requested = np.array(rows, np.int64)
        row = 0
        for batch in self._iter_records(shard.span, values=False):
            here = requested[(requested >= row) & (requested < row + len(batch))] - row
            found += [format_key(batch.keys[int(i)]) for i in here]
            row += len(batch)
            if len(found) == len(rows):
                break
        return found + ["?"] * (len(rows) - len(found))

    def count_rows(self, shard: Shard, track: Tracker) -> int:
        """The number of records of the shard, found by iterating over its keys."""
        rows = 0
        for batch in self._iter_records(shard.span, values=False):
            rows += len(batch)
            # No row is read here; this only shows that the walk makes progress.
            track(rows, 0)
        return rows

    def find_key(self, plan: Plan, key: str) -> Iterator[tuple[int, int]]:
        """The records with this key; of an ordered store, only the shard around it is searched."""
        return find_rows(plan.shards, key_bytes(key), self._iter_keys, ordered=self.is_ordered())

    def suggest_keys(self, plan: Plan, key: str) -> list[str]:
        """The keys before and after the one that does not exist."""
        if not self.is_ordered() or self._is_text_lines:
            return []
        return find_neighbours(plan.shards, key_bytes(key)[0], self._iter_keys)

    def _iter_keys(self, span: Any) -> Iterator[KeyValueBatch]:
        return self._iter_records(span, values=False)

    def identify_part(self, shard: Shard) -> PartIdentity:
        """The entries, and how keys and values are understood."""
        span = shard.span if isinstance(shard.span, KeyRange) else KeyRange()
        decoder = self.decoder and self.decoder.name
        facts = (decoder, sorted(self.metadata_keys), shard.span, shard.first, shard.last)
        return self.identify_range(span).with_facts(*facts)

    def describe_start(self, shard: Shard) -> str:
        """The lower bound of the shard's keys."""
        span = shard.span
        if isinstance(span, TextLines):
            return f"key {IMAGE_KEY % span.first}"
        return "the first key" if span.first is None else f"key {format_key(span.first)}"

    def _decode_each(
        self, base: int, first: int, batch: KeyValueBatch, track: Tracker, *, decode: bool
    ) -> Iterator[Block]:
        """The batch as one block; as several if the decoder raises an exception for some values."""
        try:
            block = self._decode(base, first, batch, track, decode=decode)
        except (DatascanError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  (any exception costs one record)
            if len(batch) < 2:
                fault = Fault(0, "reader-crash", describe_exception(error))
                nbytes = int(batch.values.lengths.sum())
                yield Block(base + first, len(batch), nbytes, faults=(*batch.faults, fault))
                return
        else:
            yield block
            return
        half = len(batch) // 2
        yield from self._decode_each(base, first, batch.take(np.arange(half)), track, decode=decode)
        rest = batch.take(np.arange(half, len(batch)))
        # Faults of no row are in the first half.
        rest = structs.replace(
            rest, faults=tuple(one for one in rest.faults if one.row is not None)
        )
        yield from self._decode_each(base, first + half, rest, track, decode=decode)

    def _decode(
        self, base: int, first: int, batch: KeyValueBatch, track: Tracker, *, decode: bool
    ) -> Block:
        assert self.decoder is not None  # noqa: S101  (plan comes first)
        has_value = batch.values.lengths > 0
        # An image is read also if its label is missing.
        unreadable = {fault.row for fault in batch.faults if fault.rule != "missing-label"}
        if not batch.has_values:
            has_value = np.zeros(len(batch), np.bool_)
            unreadable = set(range(len(batch)))
        empty = [int(row) for row in np.flatnonzero(~has_value) if row not in unreadable]
        rows = np.flatnonzero(has_value)
        values = batch.values if len(rows) == len(batch) else batch.values.take(rows)
        block = self.decoder.decode(
            base + first, values, partial(track_among, track, first + rows), decode_images=decode
        )
        faults = [Fault(i, "empty-record", "the value has 0 bytes") for i in empty]
        block = scatter(block, rows, len(batch))
        return replace(
            block,
            faults=(*batch.faults, *faults, *block.faults),
            key_numbers=parse_key_numbers(batch.keys),
            key_hashes=hash_keys(batch.keys),
        )

    def _iter_records(self, span: Any, *, values: bool = True) -> Iterator[KeyValueBatch]:
        if isinstance(span, TextLines):
            yield from read_text_lines(self.iter_entries, span, values=values)
            return
        for batch in self.iter_entries(span, values=values):
            yield self._without_metadata(batch)

    def _without_metadata(self, batch: KeyValueBatch) -> KeyValueBatch:
        metadata = metadata_rows(batch.keys, self.metadata_keys)
        return batch.take(np.delete(np.arange(len(batch)), metadata)) if metadata else batch

    def _detect_decoder(self) -> Decoder:
        sample = list(islice(self._iter_values(), SAMPLE_SIZE))
        votes = Counter(detect_decoders(sample))
        order = decoder_names()
        chosen = max(votes, key=lambda name: (votes[name], -order.index(name)), default="raw")
        return make_decoder(chosen, self.options.read)

    def _iter_values(self) -> Iterator[bytes]:
        """All values that are not empty."""
        for batch in map(self._without_metadata, self.sample_entries(KeyRange())):
            for row in np.flatnonzero(batch.values.lengths).tolist():
                yield batch.values[row]

    def _limit_shards(self, shards: tuple[Shard, ...], limit: int) -> tuple[Shard, ...]:
        """The shards of the first ``limit`` records, the last one shortened."""
        kept: list[Shard] = []
        for shard in shards:
            records = 0
            for batch in self._iter_records(shard.span, values=False):
                records += len(batch)
                if records >= limit:
                    return (*kept, shard.slice(0, limit))
            kept.append(shard)
            limit -= records
        return tuple(kept)

    def _count_records(self, shard: Shard) -> int:
        """The number of records of a shard, by its keys alone."""
        count = sum(len(batch) for batch in self._iter_records(shard.span, values=False))
        return count if shard.last is None else min(count, shard.last)

    def _sample(self, shards: tuple[Shard, ...]) -> tuple[tuple[Shard, ...], int, Spans | None]:
        """The shards of the sample, if one is asked for; how many records they have; the spans."""
        if self.options.read.sample is None:
            return shards, 0, None
        count = sum(self._count_records(shard) for shard in shards)
        most = MAX_BLOCKS if self.is_ordered() else MAX_UNSORTED_BLOCKS
        spans = sample_spans(self.options.read.sample, count, most)
        return (self._sample_shards(shards, spans) if spans else shards), count, spans

    def _sample_shards(self, shards: tuple[Shard, ...], spans: Spans) -> tuple[Shard, ...]:
        """A shard for each of ``spans``, which are indices of records."""
        if not self.is_ordered():
            return tuple(Shard(i, KeyRange(), first, stop) for i, (first, stop) in enumerate(spans))
        wanted = np.unique(np.array(spans, np.int64))
        keys: dict[int, bytes] = {}
        index = 0
        for shard in shards:
            for batch in self._iter_records(shard.span, values=False):
                low, high = np.searchsorted(wanted, [index, index + len(batch)]).tolist()
                keys |= {i: batch.keys[i - index] for i in wanted[low:high].tolist()}
                index += len(batch)
        return tuple(
            Shard(i, KeyRange(keys.get(first), keys.get(stop)), 0, stop - first)
            for i, (first, stop) in enumerate(spans)
        )

    def _store_count(self) -> int | None:
        count = self.store_count()
        if count is None or self._is_text_lines:
            return None
        return count - len(self._metadata_present)

    @cached_property
    def _metadata_present(self) -> frozenset[bytes]:
        """The metadata keys that this store has."""
        return frozenset(key for key in self.metadata_keys if self.get(key) is not None)

    def _declared_count(self) -> tuple[str, int] | None:
        """A metadata key whose value is a number of records in digits, and that number.

        Of several, the first one that differs from the number of entries, if that is known.
        """
        found = list(self._declared_counts())
        held = self._store_count()
        wrong = (one for one in found if held is not None and one[1] != held)
        return next(wrong, found[0] if found else None)

    def _declared_counts(self) -> Iterator[tuple[str, int]]:
        for key in COUNT_KEYS:
            value = self.get(key) if key in self._metadata_present else None
            if value is not None and value.strip().isdigit() and len(value) < 19:
                sizes = find_sizes(self.sample_entries) if self.is_ordered() else 0
                if sizes > 1:
                    yield f"{key.decode()} ({int(value):,} in {sizes} sizes)", int(value) * sizes
                else:
                    yield key.decode(), int(value)

    def _notes(self) -> tuple[tuple[str, str], ...]:
        """Which keys are not records, and what text recognition lacks."""
        if self._is_text_lines:
            return (("keys", self._text_note),) if self._text_note else ()
        found = sorted(self._metadata_present)
        verb = "is not a record" if len(found) == 1 else "are not records"
        names = ", ".join(map(format_key, found))
        return (("keys", f"{len(found)} {verb}: {names}"),) if found else ()


def find_origins(shards: Sequence[Shard], spans: Spans) -> tuple[int, ...]:
    """The index of row 0 of the shard of each span, which begins at the shard's first row."""
    return tuple(first - shard.first for shard, (first, _) in zip(shards, spans, strict=True))
