"""What every decoder must obey.

Inherit :class:`DecoderLaws` in a test module, and give values that the decoder reads::

    class TestVectors(DecoderLaws):
        decoder = VectorDecoder

        def values(self):
            return [pack([1.0, 2.0]), pack([3.0, 4.0, 5.0])]
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datascan.config.options import ReadOptions
from datascan.decoders.base import Decoder
from datascan.plugins import DECODERS, load
from datascan.records.block import Block
from datascan.records.buffers import BytesColumn
from datascan.records.shard import ROW_BITS
from datascan.testing.blocks import array_of, pickled
from datascan.testing.profile import examples
from datascan.testing.reader_laws import assert_well_formed, untracked


class DecoderLaws:
    """What every decoder must obey. ``decoder`` is the class to test."""

    decoder: ClassVar[type[Decoder]]
    rivals: ClassVar[frozenset[str]] = frozenset({"raw"})
    """Built-in decoders that may take its values, too, because they are asked after it."""

    @abstractmethod
    def values(self) -> list[bytes]:
        """At least two healthy values, all different, each of at least two numbers or pixels."""

    def decode(self, values: list[bytes], start: int = 0) -> Block:
        """The values as a block."""
        decoder = self.decoder(ReadOptions())
        return decoder.decode(start, BytesColumn.of(values), untracked)

    def damaged(self) -> st.SearchStrategy[bytes]:
        """Healthy values, values that are cut or have a byte changed, and any bytes."""
        healthy = st.sampled_from(self.values())
        cut = st.tuples(healthy, st.floats(0, 1)).map(lambda drawn: cut_to(*drawn))
        flipped = st.tuples(healthy, st.floats(0, 1), st.integers(1, 255)).map(
            lambda drawn: flip(*drawn)
        )
        # Values of no bytes never reach a decoder.
        return (healthy | cut | flipped | st.binary(max_size=64)).filter(bool)

    def test_it_recognises_its_values_and_built_in_decoders_do_not(self) -> None:
        """Built-in decoders are asked first, except for "raw"."""
        others = {n: load(t) for n, t in DECODERS.items() if n not in self.rivals}
        for value in self.values():
            assert self.decoder.matches(value)
            accepting = {name for name, kind in others.items() if kind.matches(value)}
            assert accepting <= {self.decoder.name}

    @examples(100)
    @given(st.data())
    def test_matching_never_raises(self, data: st.DataObject) -> None:
        """It is asked about values of any other kind."""
        assert self.decoder.matches(data.draw(self.damaged())) in {True, False}

    @examples(100)
    @given(st.data())
    def test_damaged_values_become_faults(self, data: st.DataObject) -> None:
        """Whatever the bytes: every record has values or a fault, and nothing is raised."""
        values = data.draw(st.lists(self.damaged(), min_size=1, max_size=6))
        block = self.decode(values, start=5 << ROW_BITS | 7)
        assert (block.start, block.records) == (5 << ROW_BITS | 7, len(values))
        assert block.nbytes == sum(map(len, values))
        assert_well_formed(block)

    @examples(100)
    @given(st.data())
    def test_a_value_is_decoded_alike_alone_and_among_others(self, data: st.DataObject) -> None:
        """The report must not depend on the size of blocks."""
        values = data.draw(st.lists(self.damaged(), min_size=1, max_size=6))
        together = self.decode(values)
        for row, value in enumerate(values):
            assert record_of(together, row) == record_of(self.decode([value]), 0)

    def test_healthy_values_have_no_fault(self) -> None:
        """Otherwise every such dataset would fail."""
        block = self.decode(self.values())
        assert block.faults == ()
        assert block.is_opaque or not block.unreadable.any()

    def test_equal_values_have_equal_fingerprints_and_digests(self) -> None:
        """They are how duplicates are found; digests decide, fingerprints are a first filter."""
        values = self.values()
        block = self.decode([*values, *values])
        rows, half = np.arange(block.records), len(values)
        assert block.fingerprints is not None
        assert block.fingerprints[:half].tolist() == block.fingerprints[half:].tolist()
        assert (block.fingerprints != 0).all()
        if not block.has_exact_fingerprints:
            assert block.digests is not None
            digests = block.digests(rows)
            assert digests[:half] == digests[half:]
            assert len(set(digests)) == half

    def test_it_pickles(self) -> None:
        """Readers hold their decoder, and go to worker processes."""
        values = BytesColumn.of(self.values())
        decoder = self.decoder(ReadOptions())
        one, other = (d.decode(0, values, untracked) for d in (decoder, pickled(decoder)))
        for row in range(len(values)):
            assert record_of(one, row) == record_of(other, row)


def cut_to(value: bytes, share: float) -> bytes:
    """The first part of a value."""
    return value[: int(len(value) * share)]


def flip(value: bytes, place: float, change: int) -> bytes:
    """A value with one byte changed."""
    at = min(int(len(value) * place), len(value) - 1)
    return value[:at] + bytes([value[at] ^ change]) + value[at + 1 :]


def record_of(block: Block, row: int) -> Any:
    """Everything that a block says of one record, in plain values."""
    arrays = [
        (column.name, column.primary, column.shape, column.dtype.str, values.tobytes())
        for column in block.arrays
        for at, values in zip(column.rows.tolist(), array_of(column), strict=True)
        if at == row
    ]
    images = None
    if block.images is not None and row in block.images.rows:
        place = block.images.rows.tolist().index(row)
        columns = {k: v[place] for k, v in vars(block.images).items() if k != "rows"}
        images = {name: repr(value) for name, value in columns.items()}
    label = None
    if block.labels is not None and block.labels.present[row]:
        label = block.labels.values[row].tolist()
    faults = [(fault.rule, fault.detail) for fault in block.faults if fault.row == row]
    fingerprint = None if block.fingerprints is None else int(block.fingerprints[row])
    return sorted(arrays), images, repr(label), faults, fingerprint
