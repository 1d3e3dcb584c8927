"""Finding a key in a store: only the part that can hold it is searched."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.keys import format_key
from datascan.records.shard import Shard

IterKeys = Callable[[Any], Iterable[KeyValueBatch]]
"""The records of a span, whose values may be empty."""


def find_rows(
    shards: Sequence[Shard], keys: Sequence[bytes], iter_keys: IterKeys, *, ordered: bool
) -> Iterator[tuple[int, int]]:
    """The shard and the row of every record whose key is one of ``keys``.

    ``ordered``: keys are in byte order, so that most shards need not be read.
    """
    lengths = np.unique([len(key) for key in keys])
    for shard in shards:
        if ordered and not any(may_hold(shard.span, key) for key in keys):
            continue
        first = 0
        for batch in iter_keys(shard.span):
            for row in np.flatnonzero(np.isin(batch.keys.lengths, lengths)).tolist():
                if batch.keys[row] in keys:
                    yield shard.index, first + row
            first += len(batch)


def may_hold(span: Any, key: bytes) -> bool:
    """Whether a key can be in a span; True if that is not a range of keys."""
    if not isinstance(span, KeyRange):
        return True
    return (span.first is None or span.first <= key) and (span.stop is None or key < span.stop)


def find_neighbours(shards: Sequence[Shard], key: bytes, iter_keys: IterKeys) -> list[str]:
    """The keys before and after the place where ``key`` would be, in a store that is in order."""
    before: bytes | None = None
    for shard in shards:
        stop = shard.span.stop if isinstance(shard.span, KeyRange) else None
        if stop is not None and stop <= key:
            before = shard.span.stop
            continue
        for batch in iter_keys(shard.span):
            keys = batch.keys
            row = bisect_left(range(len(keys)), key, key=keys.__getitem__)
            before = keys[row - 1] if row else before
            if row < len(keys):
                return [format_key(one) for one in (before, keys[row]) if one is not None]
    return [] if before is None else [format_key(before)]
