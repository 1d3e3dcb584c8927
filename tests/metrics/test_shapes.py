"""Shapes and dtypes as runs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datascan.metrics.shapes import RecordKind, measure_shapes
from datascan.testing.blocks import block_of, block_of_columns, column_of, cut, images_of, pickled


def mixed(kinds):
    """A block whose record i has the shape (kinds[i],); 0 cannot be read."""
    rows = {kind: np.flatnonzero(np.array(kinds) == kind) for kind in sorted(set(kinds) - {0})}
    return block_of_columns(
        [column_of(np.zeros((len(at), kind)), at) for kind, at in rows.items()], len(kinds)
    )


def listed(tally):
    """The kind of every record that has one, by address."""
    addresses, numbers = tally.addresses(np.ones(len(tally.kinds), np.bool_))
    return {
        address: tally.kinds[number].shape[0]
        for address, number in zip(addresses.tolist(), numbers.tolist(), strict=True)
    }


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.data())
def test_any_cut_lists_the_same_records(kinds, data):
    block = mixed(kinds)
    pieces = cut(block, data.draw(st.integers(0, len(kinds))))
    tallies = [tally for piece in pieces if (tally := measure_shapes(piece)) is not None]
    wanted = {row: kind for row, kind in enumerate(kinds) if kind}
    if not wanted:
        assert tallies == []
        return
    total = pickled(tallies[0] if len(tallies) == 1 else tallies[0] + tallies[1])
    assert listed(total) == wanted
    counts = dict(zip((kind.shape[0] for kind in total.kinds), total.counts(), strict=True))
    assert {k: n for k, n in counts.items() if n} == {
        k: kinds.count(k) for k in set(wanted.values())
    }


def test_a_uniform_block_is_one_run():
    tally = measure_shapes(block_of(np.zeros((1000, 3, 2), np.uint8)))
    assert tally.kinds == (RecordKind((3, 2), "uint8"),)
    assert tally.runs.array.tolist() == [[0, 0, 1000]]


def test_pictures_have_a_mode_and_further_columns_no_kind():
    block = block_of_columns(
        [column_of(np.zeros((1, 2)), [1])],
        2,
        images=images_of((3, 4, 5), rows=[0]),
        extras={"side": np.zeros((2, 7))},
    )
    assert set(measure_shapes(block).kinds) == {
        RecordKind((2,), "float64"),
        RecordKind((3, 4, 5), "uint8", "RGB"),
    }


def test_records_that_cannot_be_read_have_no_kind():
    assert measure_shapes(block_of(records=3)) is None
