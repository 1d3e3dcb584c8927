"""The hash of all values of a dataset."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.duplicate_record import DuplicateRecord
from datascan.metrics.base import metric_name
from datascan.metrics.digest import digest_values
from datascan.metrics.duplicates import measure_fingerprints
from datascan.scanner import scan as scanning
from datascan.scanner.scan import scan
from datascan.testing.blocks import BlockReader, block_of


def digest(values, labels=None, *, cut=(), present=None):
    """The digest of records in blocks that are cut at ``cut``, each in a shard of its own."""
    blocks = []
    for rows in np.split(np.arange(len(values)), cut):
        has = None if present is None else np.asarray(present)[rows]
        some = None if labels is None else np.asarray(labels)[rows]
        blocks.append([block_of(np.asarray(values)[rows], some, present=has)])
    return scan(BlockReader(blocks), [DuplicateRecord()]).summary.derive(digest_values)


VALUES = np.arange(12.0).reshape(6, 2)


def test_the_digest_depends_on_values_labels_and_their_order():
    labels = [0, 1, 2, 0, 1, 2]
    present = [True] * 5 + [False]
    found = [
        digest(VALUES),
        digest(VALUES[::-1]),
        digest(VALUES, labels),
        digest(VALUES, labels[::-1]),
        digest(VALUES, labels, present=present),
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("labels", [[0, 1, 2, 0, 1, 2], [0.0, 1, 2, 0.5, 1, -0.0]])
def test_the_digest_does_not_depend_on_shards_and_dtypes(labels):
    for dtype in (np.float32, np.float64):
        some = np.asarray(labels, dtype)
        assert digest(VALUES, some, cut=[2, 5]) == digest(VALUES, labels)


def test_minus_zero_is_another_label():
    assert digest(VALUES, [-0.0] * 6) != digest(VALUES, [0.0] * 6)


def test_nothing_was_compared():
    assert scan(BlockReader([[block_of(VALUES)]]), []).summary.derive(digest_values) is None


def test_fingerprints_are_released_unless_a_check_of_another_package_may_need_them(monkeypatch):
    summary = scan(BlockReader([[block_of(VALUES)]]), []).summary
    tally = measure_fingerprints(block_of(VALUES))
    summary.tallies[metric_name(measure_fingerprints)] = tally
    with monkeypatch.context() as patch:
        patch.setattr(scanning, "plugins_of", lambda _: {DuplicateRecord.rule: None})
        scanning.release_fingerprints(summary, [DuplicateRecord()])
    assert len(tally.fingerprints.array) == len(VALUES)
    scanning.release_fingerprints(summary, [DuplicateRecord()])
    assert len(tally.fingerprints.array) == 0
