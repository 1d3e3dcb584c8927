"""Which records hold the same thing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datascan.checks.duplicate_record import DuplicateRecord
from datascan.metrics.duplicates import find_repeated
from datascan.records.block import compute_digests, compute_fingerprints
from datascan.scanner.scan import scan
from datascan.testing.blocks import BlockReader, block_of, column_of

DTYPES = [np.uint8, np.bool_, np.int16, np.float16, np.float32, np.float64]


@settings(deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 8),
    st.integers(2, 70),
    st.sampled_from(DTYPES),
)
def test_equal_records_share_signature_and_digest(seed, count, size, dtype):
    random = np.random.default_rng(seed)
    values = random.integers(0, 2, (count, size)).astype(dtype)
    if values.dtype.kind == "f":
        values[random.random(values.shape) < 0.05] = np.nan
    values = values[random.integers(0, count, 2 * count)]
    part = column_of(values)
    signatures = compute_fingerprints(part)
    digests = compute_digests((part,), {}, np.arange(len(values)))
    for i in range(len(values)):
        alone = compute_fingerprints(column_of(values[i : i + 1].copy()))[0]
        assert alone == signatures[i] != 0
        for j in range(i):
            same = values[i].tobytes() == values[j].tobytes()
            assert (digests[i] == digests[j]) == same
            assert signatures[i] == signatures[j] or not same


@pytest.mark.parametrize("shape", [(3, 1), (3, 0), (3,)])
def test_less_than_two_values_are_too_little(shape):
    assert compute_fingerprints(column_of(np.zeros(shape))).tolist() == [0, 0, 0]


@given(st.lists(st.integers(0, 6), max_size=30))
def test_shared_signatures(signatures):
    wanted = [i for i, s in enumerate(signatures) if s and signatures.count(s) > 1]
    assert find_repeated(np.array(signatures, np.uint64)).tolist() == wanted


def test_records_without_content_are_like_no_other():
    digests = compute_digests((), {0: b"a", 2: b"a"}, np.arange(4))
    assert digests[0] == digests[2]
    assert len(set(digests)) == 3


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.integers(1, 20))
def test_groups_of_a_whole_dataset(kinds, size):
    contents = np.random.default_rng(0).normal(size=(10, 30))[kinds]
    blocks = [[block_of(contents[at : at + size])] for at in range(0, len(kinds), size)]
    copies = scan(BlockReader(blocks), [DuplicateRecord()]).summary.duplicates
    wanted = [i for i, kind in enumerate(kinds) if kinds.count(kind) > 1]
    assert copies.indices.tolist() == wanted
    for i, one in zip(wanted, copies.groups.tolist(), strict=True):
        for j, other in zip(wanted, copies.groups.tolist(), strict=True):
            assert (one == other) == (kinds[i] == kinds[j])
