"""Every built-in decoder obeys the laws."""

from __future__ import annotations

import io

import numpy as np

from datascan.decoders.datum.decoder import DatumDecoder
from datascan.decoders.image.decoder import ImageDecoder
from datascan.decoders.npy import NpyDecoder
from datascan.decoders.raw import RawDecoder
from datascan.testing.decoder_laws import DecoderLaws
from tests.builders.images import photo
from tests.builders.lmdb import datum


class TestNpy(DecoderLaws):
    decoder = NpyDecoder

    def values(self):
        arrays = [np.arange(6.0).reshape(2, 3), np.arange(4), np.arange(6.0).reshape(2, 3) + 1]
        return [npy(array) for array in arrays]


class TestImage(DecoderLaws):
    decoder = ImageDecoder

    def values(self):
        return [photo(0), photo(1), photo(2)]


class TestDatum(DecoderLaws):
    decoder = DatumDecoder

    def values(self):
        random = np.random.default_rng(0)
        arrays = [random.integers(0, 256, (3, 4, 5), np.uint8) for _ in range(3)]
        floats = datum(random.normal(size=(2, 2, 2)), 1)
        return [*(datum(array, label) for label, array in enumerate(arrays)), floats]


class TestRaw(DecoderLaws):
    decoder = RawDecoder
    rivals = frozenset({"raw", "npy", "image", "caffe-datum"})

    def values(self):
        return [b"one", b"another", b"\x00"]


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()
