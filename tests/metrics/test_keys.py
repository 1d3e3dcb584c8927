"""The sum of the hashes of keys: the same for any split, another if a key changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from datascan.metrics.keys import KeyTally, measure_keys
from datascan.records.buffers import BytesColumn
from datascan.records.key_hashes import hash_keys
from datascan.testing.blocks import block_of


def tally_of(*keys):
    block = replace(
        block_of(np.zeros((len(keys), 2))), key_hashes=hash_keys(BytesColumn.of(list(keys)))
    )
    return measure_keys(block)


def test_a_sum_does_not_depend_on_the_split():
    keys = [f"{i:05}".encode() for i in range(200)]
    whole, parts = tally_of(*keys), tally_of(*keys[:70]) + tally_of(*keys[70:])
    assert whole.digest == parts.digest
    assert whole.records == parts.records == 200
    assert len(whole.digest) == 16


def test_it_changes_with_any_key():
    whole = tally_of(b"a", b"b", b"c").digest
    assert whole != tally_of(b"a", b"b").digest
    assert whole != tally_of(b"a", b"b", b"d").digest
    assert whole != tally_of(b"a", b"b", b"c", b"c").digest


def test_keys_may_be_unknown():
    assert measure_keys(block_of(np.zeros((3, 2)))) is None


def test_large_sums_wrap():
    assert KeyTally(1, (1 << 64) + 5).digest == KeyTally(1, 5).digest == "0000000000000005"
