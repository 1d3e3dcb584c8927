"""Bookkeeping keys of a key-value store: entries that describe the records.

They are found while planning, by a few look-ups, as a set of exact keys, so that every part of the
store leaves out the same ones. A key is bookkeeping if its name is known for that and the records'
keys have another form; or if it alone is a word where the records have numbers, and its value is of
another kind than theirs.

Sources of names: songlab-cal/tape, tfrecord_to_lmdb.py (``num_examples``); ase-db-backends
(``nextid``, ``deleted_ids``, ``metadata``); drorlab/atom3d, datasets.py (``serialization_format``,
``id_to_idx``); facebookresearch/vilbert-multi-task, convert_to_lmdb.py (``keys``);
guandeh17/Self-Forcing, utils/lmdb.py (``NAME_shape``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from msgspec import Struct

from datascan.decoders.base import detect_decoders
from datascan.decoders.encodings import count_encodings
from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.keys import METADATA_KEYS
from datascan.records.buffers import BytesColumn

KNOWN_NAMES = (
    *(b"__keys__", b"__len__", b"__meta__", b"__metadata__", b"__shape__", b"__version__"),
    *(b"num_examples", b"num-examples", b"num_records", b"num_items", b"num_images", b"num_data"),
    *(b"keys", b"len", b"count", b"size", b"nextid", b"deleted_ids", b"metadata", b"meta"),
    *(b"serialization_format", b"id_to_idx", b"idx_to_id", b"info", b"config", b"version"),
    *(b"classes", b"class_to_idx", b"shape", b"dtype", b"schema", b"index", b"names"),
)
"""Keys that describe the records, if the records' own keys are of another form."""

WORD = re.compile(rb"[A-Za-z_][A-Za-z_. -]{0,63}")
NUMBERED_FIELD = re.compile(rb"([A-Za-z][A-Za-z_-]{0,40}?)[_-]\d{1,18}(?:[_-][A-Za-z]+)?")
SIZED = re.compile(rb"(\d{1,5})-\d{5}")
SHAPE = b"_shape"
DECODED = ("image", "caffe-datum")
"""Encodings of values that no bookkeeping has."""

SAMPLE_SIZE = 32
MAX_WORDS = 16
"""If more keys than this are words, they are records."""

SHAPED_FIELDS = (b"latents", b"prompts", b"images", b"actions", b"data")
"""Fields whose records may come after the sample."""

DIGITS = KeyRange(b"0", b":")
SMALL = 64
"""A value of at most 64 bytes among records ``TIMES`` as large is a count or a shape."""
TIMES = 8

EntryIterator = Callable[[KeyRange], Iterator[KeyValueBatch]]


class Entry(Struct, frozen=True):
    """A key with its value."""

    key: bytes
    value: bytes


def find_bookkeeping(
    iter_entries: EntryIterator, get: Callable[[bytes], bytes | None]
) -> frozenset[bytes]:
    """The keys of a store that are not records, besides ``METADATA_KEYS``.

    ``get`` returns the value of a key, or None if it does not exist. The store is read at its
    start, and before and after the keys that begin with a digit.
    """
    numbered = without_known(take(iter_entries, DIGITS, SAMPLE_SIZE))
    others = [
        *take(iter_entries, KeyRange(None, DIGITS.first), MAX_WORDS + 1),
        *take(iter_entries, KeyRange(DIGITS.stop, None), MAX_WORDS + 1),
    ]
    is_numbered = len(numbered) > len(others) and len(others) <= MAX_WORDS
    sample = numbered if is_numbered else without_known(take(iter_entries, KeyRange(), SAMPLE_SIZE))
    words = sum(WORD.fullmatch(entry.key) is not None for entry in sample)
    if not sample or 2 * words > len(sample):
        # If records are called by words, a known name may be one of them.
        return frozenset()
    usual = Counter(kind_of(entry.value) for entry in sample).most_common(1)[0][0]
    if is_numbered:  # then the others are all that there are
        values: dict[bytes, bytes | None] = {e.key: e.value for e in others if e.key in KNOWN_NAMES}
    else:
        values = {name: get(name) for name in (*KNOWN_NAMES, *shape_names(sample))}
    found = {
        name
        for name, value in values.items()
        if value and (usual not in DECODED or kind_of(value) != usual)
    }
    if is_numbered:
        smallest = min(len(entry.value) for entry in sample)
        found |= {entry.key for entry in others if is_odd_word(entry, usual, smallest)}
    return frozenset(found - set(METADATA_KEYS))


def without_known(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that may be records."""
    return [entry for entry in entries if entry.key not in (*KNOWN_NAMES, *METADATA_KEYS)]


def is_odd_word(entry: Entry, usual: str, smallest: int) -> bool:
    """Whether the key is a word, and the value of another kind than the records'.

    ``smallest``: the bytes of the smallest record seen.
    """
    if not entry.value or not WORD.fullmatch(entry.key):
        return False
    is_small = len(entry.value) <= SMALL and len(entry.value) * TIMES <= smallest
    return is_small or kind_of(entry.value) != usual


def find_sizes(iter_entries: EntryIterator) -> int:
    """The number of sizes if keys are ``SIZE-%05d``; 0 if they are not.

    Source: rosinality/stylegan2-pytorch, prepare_data.py.
    """
    sizes = 0
    start: bytes | None = None
    for _ in range(MAX_WORDS):
        first = take(iter_entries, KeyRange(start, DIGITS.stop), 1)
        match = SIZED.fullmatch(first[0].key) if first else None
        if match is None:
            break
        sizes += 1
        start = match[1] + b"."
    return sizes


def shape_names(sample: Iterable[Entry]) -> set[bytes]:
    """``latents_shape`` for records such as ``latents_7_data``."""
    matches = (NUMBERED_FIELD.fullmatch(entry.key) for entry in sample)
    names = {match[1] for match in matches if match}
    return {name + SHAPE for name in (*names, *(names and SHAPED_FIELDS))}


def kind_of(value: bytes) -> str:
    """The encoding of a value: that of its decoder, or by its first bytes."""
    if not value:
        return "empty"
    (decoder,) = detect_decoders([value])
    if decoder != "raw":
        return decoder
    return next(count_encodings(BytesColumn.of([value])))[0]


def take(iter_entries: EntryIterator, span: KeyRange, limit: int) -> list[Entry]:
    """The first entries of a range."""
    entries = (
        Entry(batch.keys[row], batch.values[row])
        for batch in iter_entries(span)
        for row in range(len(batch))
    )
    return list(islice(entries, limit))
