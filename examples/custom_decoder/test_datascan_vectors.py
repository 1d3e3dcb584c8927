from __future__ import annotations

import numpy as np
from datascan_vectors import HEADER, MAGIC, FloatVectorDecoder

from datascan.testing.blocks import array_of
from datascan.testing.decoder_laws import DecoderLaws


def pack(*numbers):
    return HEADER.pack(MAGIC, len(numbers)) + np.array(numbers, "<f4").tobytes()


class TestFloatVectors(DecoderLaws):
    decoder = FloatVectorDecoder

    def values(self):
        return [pack(1.5, -2.0), pack(3.0, 4.0), pack(0.0, 0.5, 1.0)]

    def test_numbers(self):
        block = self.decode(self.values())
        found = [array_of(column).tolist() for column in block.arrays]
        assert found == [[[1.5, -2.0], [3.0, 4.0]], [[0.0, 0.5, 1.0]]]

    def test_a_length_that_does_not_fit(self):
        (fault,) = self.decode([pack(1.0, 2.0)[:-1]]).faults
        assert fault.detail == "15 bytes, not the 16 of a vector of 2 numbers"
