"""The compiled loops and their NumPy counterparts give the same, to the last bit."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.native import fallback, loops
from datascan.records.statistics import RecordStats

kernels = pytest.importorskip("datascan.native.kernels", reason="not compiled")
epoch = pytest.importorskip("datascan.native.epoch", reason="not compiled")
records = pytest.importorskip("datascan.native.records", reason="not compiled")

ODD = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-45, 3.4e38, -3.4e38]


def looked_at(module, source, offsets, kind, width):
    dtype = np.dtype("f" if kind == fallback.TAGGED else kind)
    found = RecordStats.empty(len(offsets), dtype)
    sound = np.full(len(offsets), 7, np.uint8)
    columns = (found.low, found.high, found.totals, found.squares, found.sample_hash, sound)
    module.compute_stats(source, np.array(offsets, np.int64), kind, width, *columns)
    return columns


@st.composite
def rows(draw):
    """A buffer, offsets of rows in it (overlapping, unaligned), their kind and width."""
    kind = draw(st.sampled_from([*sorted(fallback.KINDS), fallback.TAGGED]))
    width = draw(st.one_of(st.integers(1, 70), st.sampled_from([1024, 3072, 70_000])))
    count = draw(st.integers(0, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = np.dtype("f" if kind == fallback.TAGGED else kind)
    if dtype.kind == "f":
        values = random.normal(size=(count, width)).astype(dtype)
        values *= dtype.type(draw(st.sampled_from([1, 1e-30, 1e30])))
        values[random.random(values.shape) < draw(st.sampled_from([0, 0.02]))] = random.choice(ODD)
    else:
        extent = np.iinfo(dtype)
        values = random.integers(extent.min, extent.max + 1, (count, width)).astype(dtype)
    octets = values.view(np.uint8).reshape(count, width, dtype.itemsize)
    if kind == fallback.TAGGED:
        tags = np.full((count, width, 1), fallback.FLOAT_TAG, np.uint8)
        tags[random.random(tags.shape) < draw(st.sampled_from([0, 0.01]))] = 8
        octets = np.concatenate([tags, octets], axis=2)
    octets = octets.reshape(count, width * octets.shape[2])
    before = draw(st.integers(0, 9))
    source = np.concatenate([np.zeros(before, np.uint8), octets.ravel()])
    offsets = before + np.arange(count) * octets.shape[1]
    return source, random.permutation(offsets), kind, width


@given(rows())
def test_both_see_the_same(case):
    for ours, theirs in zip(looked_at(kernels, *case), looked_at(fallback, *case), strict=True):
        np.testing.assert_array_equal(ours, theirs)


COMPARISON = """
import numpy as np
from datascan.native import fallback, kernels
from tests.native.test_fallback import looked_at

random = np.random.default_rng(1)
for kind, item in (("B", 1), ("b", 1), ("f", 4), ("d", 8), ("t", 5)):
    for width in (*range(1, 140), 3072, 70_001):
        octets = random.integers(0, 256, 3 * width * item + 5).astype(np.uint8)
        if kind == "t":
            octets[2::5] = fallback.FLOAT_TAG
        elif kind in "fd":
            values = random.normal(size=3 * width).astype(kind)
            values[random.random(3 * width) < 0.05] = random.choice([0.0, -0.0, np.inf, np.nan])
            octets[2 : 2 + values.nbytes] = values.view(np.uint8)
        case = octets, 2 + np.arange(3) * width * item, kind, width
        for ours, theirs in zip(looked_at(kernels, *case), looked_at(fallback, *case)):
            np.testing.assert_array_equal(ours, theirs, f"{kind} {width}")
"""
"""Bytes, all floats that bytes may be, and rows that end at every place within a vector."""


@pytest.mark.parametrize("instructions", ["none", "avx2", "avx512"])
def test_all_instructions_of_a_processor_see_the_same(instructions):
    done = subprocess.run(
        [sys.executable, "-c", COMPARISON],
        env={**os.environ, "DATASCAN_SIMD": instructions},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", [kernels, fallback])
@pytest.mark.parametrize("offset", [-1, 5, 2**62, -(2**62)])
def test_a_row_outside_of_its_buffer(module, offset):
    with pytest.raises(ValueError, match="outside"):
        looked_at(module, np.zeros(8, np.uint8), [0, offset], "B", 4)


def columns_of(count, dtype):
    """Columns for the statistics of ``count`` rows."""
    return [np.empty(count, kind) for kind in (dtype, dtype, "d", "d", np.uint64, np.uint8)]


@pytest.mark.parametrize("module", [kernels, fallback])
@pytest.mark.parametrize("width", [0, -1, 2**62])
def test_an_impossible_width(module, width):
    columns = columns_of(1, "f")
    with pytest.raises(ValueError, match="outside"):
        module.compute_stats(np.zeros(8, np.uint8), np.zeros(1, np.int64), "f", width, *columns)
    # Without rows, any width will do.
    module.compute_stats(np.zeros(8, np.uint8), np.zeros(0, np.int64), "f", width, *columns)


@pytest.mark.parametrize("module", [kernels, fallback])
@pytest.mark.parametrize("short", range(6))
def test_a_column_that_is_too_short(module, short):
    columns = columns_of(2, "B")
    columns[short] = columns[short][:1]
    with pytest.raises(ValueError, match="fewer"):
        module.compute_stats(np.zeros(8, np.uint8), np.zeros(2, np.int64), "B", 4, *columns)


@pytest.mark.parametrize("module", [kernels, fallback])
def test_columns_of_another_type(module):
    columns = columns_of(1, "f")
    with pytest.raises(TypeError, match="type"):
        module.compute_stats(np.zeros(8, np.uint8), np.zeros(1, np.int64), "B", 4, *columns)


@pytest.mark.parametrize("module", [kernels, fallback])
def test_values_of_an_unknown_kind(module):
    columns = columns_of(1, "f")
    with pytest.raises(ValueError, match="kind"):
        module.compute_stats(np.zeros(8, np.uint8), np.zeros(1, np.int64), "x", 1, *columns)


def test_the_compiled_ones_are_chosen_unless_the_environment_says_otherwise():
    assert loops.compute_stats is kernels.compute_stats
    assert loops.free_runs is epoch.free_runs
    assert loops.measure_records is records.measure_records
    told = subprocess.run(
        [sys.executable, "-c", "from datascan.native import loops; print(loops.__name__)"],
        env={**os.environ, "DATASCAN_PLAIN": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "datascan.native.fallback"


@given(st.lists(st.floats(), max_size=20))
def test_both_add_the_same(values):
    sums = np.zeros((2, fallback.LIMBS), np.int64)
    array = np.array(values, np.float64)
    finite = [
        module.add_exactly(array, limbs)
        for module, limbs in zip((kernels, fallback), sums, strict=True)
    ]
    assert finite[0] == finite[1] == bool(np.isfinite(array).all())
    if finite[0]:
        np.testing.assert_array_equal(*sums)
        exact = sum((Fraction(value) for value in values), Fraction(0))
        units = sum(int(limb) << 32 * i for i, limb in enumerate(sums[0]))
        assert Fraction(units, 1 << 1074) == exact


@given(st.lists(st.integers(0, 1 << 12), max_size=60), st.integers(3, 14))
def test_both_mark_the_numbers_that_share_their_low_bits(values, bits):
    numbers = np.array(values, np.uint64)
    found = np.full((2, len(values)), 7, np.uint8)
    for module, out in zip((kernels, fallback), found, strict=True):
        module.mark_repeated(numbers, bits, out)
    low = [value % (1 << bits) for value in values]
    assert found.tolist() == [[int(low.count(value) > 1) for value in low]] * 2


@given(st.sampled_from("Bbfd"), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_both_finish_the_same_fingerprints(kind, count, seed):
    random = np.random.default_rng(seed)
    mixed = random.integers(0, 1 << 64, count, np.uint64)
    if kind in "fd":
        low, high = random.choice([*ODD, 1.5, -2], (2, count)).astype(kind)
    else:
        low, high = random.integers(0, 256, (2, count), np.uint8).view(kind)
    found = np.zeros((2, count), np.uint64)
    for module, out in zip((kernels, fallback), found, strict=True):
        module.finish_fingerprints(mixed, low, high, seed, out)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("module", [kernels, fallback])
def test_fingerprints_do_not_depend_on_the_sign_of_zero_or_the_bits_of_nan(module):
    bits = np.array([0x7FC00000, 0xFFC00001, 0, 1 << 31], np.uint32).view(np.float32)
    out = np.zeros(4, np.uint64)
    module.finish_fingerprints(np.zeros(4, np.uint64), bits, bits, 7, out)
    assert out[0] == out[1] != out[2] == out[3]
    # Sums that are 0 become 1, because 0 means that there is nothing to compare.
    module.finish_fingerprints(np.zeros(4, np.uint64), bits[2:][[0] * 4], bits[2:][[0] * 4], 0, out)
    assert out.tolist() == [1] * 4


@pytest.mark.parametrize("module", [kernels, fallback])
def test_columns_that_make_no_fingerprints(module):
    ends = np.zeros(2, np.float32)
    for sizes in ((1, 2, 2, 2), (2, 1, 2, 2), (2, 2, 1, 2), (2, 2, 2, 1)):
        mixed, out = np.zeros(sizes[0], np.uint64), np.zeros(sizes[3], np.uint64)
        with pytest.raises(ValueError, match="length"):
            module.finish_fingerprints(mixed, ends[: sizes[1]], ends[: sizes[2]], 0, out)
    with pytest.raises(TypeError, match="types"):
        module.finish_fingerprints(mixed, ends, ends.astype("d"), 0, mixed.copy())


@pytest.mark.parametrize("module", [kernels, fallback])
def test_numbers_that_cannot_be_marked(module):
    numbers = np.zeros(4, np.uint64)
    for bits, out in ((2, 4), (37, 4), (5, 3)):
        with pytest.raises(ValueError, match=r"bits|length"):
            module.mark_repeated(numbers, bits, np.zeros(out, np.uint8))
    with pytest.raises(ValueError, match="overlaps"):
        module.mark_repeated(numbers, 5, numbers.view(np.uint8)[:4])


@given(st.integers(1, 70), st.integers(0, 300), st.integers(0, 2**32))
def test_both_unshuffle_the_same(size, count, seed):
    elements = np.random.default_rng(seed).integers(0, 256, (count, size)).astype(np.uint8)
    planes = np.ascontiguousarray(elements.T).reshape(-1)
    for module in (kernels, fallback):
        out = np.full(count * size, 7, np.uint8)
        module.unshuffle(planes, size, out)
        np.testing.assert_array_equal(out, elements.reshape(-1))


@pytest.mark.parametrize("module", [kernels, fallback])
def test_planes_that_cannot_be_joined(module):
    planes = np.zeros(12, np.uint8)
    for size, length in ((0, 12), (-1, 12), (5, 12), (13, 12), (4, 11), (4, 13)):
        with pytest.raises(ValueError, match=r"elements|length"):
            module.unshuffle(planes, size, np.zeros(length, np.uint8))
    with pytest.raises(ValueError, match="overlaps"):
        module.unshuffle(planes, 4, planes)


@pytest.mark.parametrize("module", [kernels, fallback])
def test_too_few_limbs_for_a_sum(module):
    with pytest.raises(ValueError, match="68 limbs"):
        module.add_exactly(np.ones(1), np.zeros(fallback.LIMBS - 1, np.int64))


@given(st.binary(max_size=200), st.lists(st.integers(-3, 210), max_size=9), st.integers(1, 80))
def test_both_gather_the_same(octets, offsets, width):
    source, rows = np.frombuffer(octets, np.uint8), np.array(offsets, np.int64)
    inside = all(0 <= at <= len(octets) - width for at in offsets)
    for module in (kernels, fallback):
        out = np.zeros((len(rows), width), np.uint8)
        if not inside:
            with pytest.raises(ValueError, match="outside"):
                module.gather(source, rows, width, out)
            continue
        module.gather(source, rows, width, out)
        assert [bytes(row) for row in out] == [octets[at : at + width] for at in offsets]


@pytest.mark.parametrize("module", [kernels, fallback])
@pytest.mark.parametrize("shape", [(2, 4), (4, 4), (3, 3), (4, 3)])
def test_gather_needs_an_output_of_the_right_shape(module, shape):
    with pytest.raises(ValueError, match="shape"):
        module.gather(np.zeros(9, np.uint8), np.zeros(3, np.int64), 4, np.zeros(shape, np.uint8))


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=60),
    st.integers(1, 70),
    st.sampled_from([np.int16, np.intc, np.int64]),
    st.sampled_from([np.intc, np.int64]),
)
def test_both_find_the_same_gaps(labels, size, dtype, runs):
    codes = np.unique(labels, return_inverse=True)[1].astype(dtype)
    classes = int(codes.max()) + 1
    calls = (("free_runs", len(codes), (), runs), ("count_batches", classes, (size,), np.int64))
    for name, room, extra, out in calls:
        ours, theirs = np.zeros((2, room), out)
        getattr(epoch, name)(codes, classes, *extra, ours)
        getattr(fallback, name)(codes, classes, *extra, theirs)
        np.testing.assert_array_equal(ours, theirs)
    # And both are what the words say.
    for at in range(len(codes)):
        rest = codes[at:].tolist()
        free = max(rest.index(c) if c in rest else len(rest) for c in range(classes))
        epoch.free_runs(codes, classes, found := np.zeros(len(codes), np.int64))
        assert found[at] == free


@pytest.mark.parametrize("module", [epoch, fallback])
@pytest.mark.parametrize(("codes", "classes"), [([0, 2], 2), ([-1, 0], 1), ([0], 2), ([0], 0)])
def test_codes_outside_of_the_classes(module, codes, classes):
    array = np.array(codes, np.int64)
    with pytest.raises(ValueError, match="outside"):
        module.free_runs(array, classes, np.zeros(len(codes), np.int64))
    for size in (1, 2, 3):
        with pytest.raises(ValueError, match="outside"):
            module.count_batches(array, classes, size, np.zeros(classes, np.int64))


@pytest.mark.parametrize("module", [epoch, fallback])
@pytest.mark.parametrize("length", [0, 1, 3])
def test_outputs_of_the_wrong_length(module, length):
    codes, out = np.array([0, 1]), np.zeros(length, np.int64)
    with pytest.raises(ValueError, match="length"):
        module.free_runs(codes, 2, out)
    with pytest.raises(ValueError, match="length"):
        module.count_batches(codes, 2, 1, out)


@pytest.mark.parametrize("module", [epoch, fallback])
def test_batches_of_no_size(module):
    with pytest.raises(ValueError, match=r"a (code|batch)"):
        module.count_batches(np.zeros(3, np.int64), 1, 0, np.zeros(1, np.int64))
