"""Micro-benchmarks of the inner functions, run by ``scripts/bench micro`` only."""

from __future__ import annotations

import numpy as np

from datascan.config.options import Options
from datascan.decoders.datum.decoder import DatumDecoder
from datascan.decoders.datum.template import build_template
from datascan.metrics.base import ExactSum
from datascan.metrics.batch_gaps import Epoch, compute_batch_gaps
from datascan.metrics.duplicates import find_repeated
from datascan.readers.keyvalue.keys import parse_key_numbers
from datascan.records.block import ArrayColumn, compute_fingerprints
from datascan.records.buffers import BytesColumn
from datascan.records.statistics import compute_stats
from tests.builders.images import photo
from tests.builders.lmdb import random_datums

RANDOM = np.random.default_rng(0)
DATUMS = BytesColumn.of(random_datums(1360, (3, 32, 32)))


def test_stats_of_uint8(benchmark):
    benchmark(compute_stats, RANDOM.integers(0, 256, (1360, 3072), np.uint8))


def test_stats_of_float32(benchmark):
    benchmark(compute_stats, RANDOM.standard_normal((1024, 1024), np.float32))


def test_fingerprints(benchmark):
    column = ArrayColumn("data", np.arange(1360), RANDOM.integers(0, 256, (1360, 3072), np.uint8))
    column.stats  # noqa: B018  (computed once, before the measurement)
    benchmark(compute_fingerprints, column)


def test_a_block_of_datums(benchmark):
    decoder = DatumDecoder(Options())
    benchmark(decoder.decode, 0, DATUMS, lambda row, count: None)


def test_a_template(benchmark):
    benchmark(build_template, DATUMS[0])


def test_key_numbers(benchmark):
    benchmark(parse_key_numbers, BytesColumn.of([b"%08d_cat.jpg" % i for i in range(4096)]))


def test_exact_sum(benchmark):
    benchmark(ExactSum.of, RANDOM.standard_normal(4096))


def test_repeated_among_a_million_fingerprints(benchmark):
    benchmark(find_repeated, RANDOM.integers(1, 1 << 60, 1_000_000, np.uint64))


def test_gaps_of_a_million_labels(benchmark):
    labels = RANDOM.integers(0, 1000, 1_000_000)

    def compute() -> None:
        compute_batch_gaps(Epoch.of(labels), [32 << i for i in range(10)])

    benchmark.pedantic(compute, rounds=3)


def test_a_photo(benchmark):
    from datascan.decoders.image.inspection import inspect_images

    images = [photo(1, height=375, width=500)]
    benchmark(inspect_images, images, [0], max_pixels=1 << 28, track=lambda i, count: None)
