"""Which of several records with the same content is the original, and which are its duplicates.

Without knowledge of an earlier state of the dataset, the first in store order is the original. A
baseline knows which records there were when it was written; a new record is then a duplicate of
them, also if it precedes them in store order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.checks.base import Issue
from datascan.config.baseline import Baseline, hash_key
from datascan.config.known_records import MAX_KNOWN, KnownRecords, are_known
from datascan.metrics.base import DatasetSummary
from datascan.metrics.traits import is_whole
from datascan.readers.base import Reader
from datascan.scanner.result import ScanResult, iter_keys

ORIGINAL, DUPLICATE, NEW = 0, 1, 2
"""Ranks of a record: known and never called a duplicate; known as one; not known."""

RULE = "duplicate-record"


class Precedence(Struct, frozen=True):
    """What is known of the records that a dataset had before.

    Attributes:
        contains: whether there was a record of each of some keys, bool (n,). From any source: a
            baseline, or the keys of an earlier state of the dataset.
        duplicates: hashes of the keys of those that were accepted as duplicates.
    """

    contains: Callable[[Sequence[str]], NDArray[np.bool_]]
    duplicates: frozenset[bytes] = frozenset()

    @classmethod
    def of(cls, baseline: Baseline | None) -> Self | None:
        """What a baseline knows, limited to one dataset; None if it knows nothing of records."""
        if baseline is None or not baseline.known:
            return None
        filters = [table.unpack() for table in baseline.known]

        def contains(keys: Sequence[str]) -> NDArray[np.bool_]:
            return np.asarray(np.any([are_known(one, keys) for one in filters], axis=0))

        entries = [entry for entry in baseline.entries if entry.rule == RULE]
        return cls(contains, frozenset().union(*(entry.key_hashes() for entry in entries)))

    @classmethod
    def of_keys(cls, known: frozenset[str]) -> Self:
        """What the keys of an earlier state tell."""
        return cls(lambda keys: np.array([key in known for key in keys], np.bool_))

    def rank(self, keys: Sequence[str]) -> NDArray[np.int8]:
        """The rank of the record of each key, int8 (n,): the lowest of equal ones is original."""
        ranks = np.where(self.contains(keys), ORIGINAL, NEW).astype(np.int8)
        if self.duplicates:
            ranks[[hash_key(key) in self.duplicates for key in keys]] = DUPLICATE
        return ranks

    def settle(self, reader: Reader, dataset: DatasetSummary) -> DatasetSummary:
        """The dataset with the ranks of the records whose content occurs more than once."""
        found = dataset.duplicates
        if found is None or not len(found.indices):
            return dataset
        ranks = np.zeros(len(found.indices), np.int8)
        for places, keys in iter_keys(reader, dataset.plan, dataset.addresses(found.indices)):
            ranks[places] = self.rank(keys)
        return replace(dataset, duplicates=replace(found, ranks=ranks))


def update_known(
    known: Sequence[KnownRecords], scanned: ScanResult, accepted: Sequence[Issue], file: Path
) -> tuple[KnownRecords, ...]:
    """The records that a baseline, ``file``, knows once the issues ``accepted`` are accepted.

    Those of this dataset are replaced by all that it has now, except for duplicates that stay
    unaccepted. They are kept as they are if not all is known: if a part was read, or duplicates
    were not looked for, or there are too many records.
    """
    dataset, identity = scanned.summary, scanned.reader.identity
    count = dataset.records
    if not (is_whole(dataset) and RULE in scanned.rules and 0 < count <= MAX_KNOWN):
        return tuple(known)
    left = [
        issue.flagged.addresses.array
        for issue in scanned.issues
        if issue.rule == RULE and issue.flagged and issue.accepted is None and issue not in accepted
    ]
    addresses = dataset.addresses(np.arange(count))
    addresses = addresses[~np.isin(addresses, np.concatenate([*left, addresses[:0]]))]
    keys = (keys for _, keys in scanned.iter_keys(addresses))
    others = [one for one in known if not one.covers(file, identity)]
    return (*others, KnownRecords.of(keys, len(addresses), file, identity))
