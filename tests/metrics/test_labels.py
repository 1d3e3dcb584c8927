"""What labels are taken for, and what is known of them."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.metrics.labels import (
    format_label,
    is_whole,
    measure_labels,
    shrink_dtype,
    summarize_batch_gaps,
    summarize_labels,
)
from datascan.scanner.scan import scan
from datascan.testing.blocks import BlockReader, block_of, block_of_columns, column_of


def dataset(*blocks, plan=None, **options):
    return scan(BlockReader([[block] for block in blocks], plan, **options), []).summary


def labelled(labels, **more):
    return block_of(np.zeros((len(labels), 1)), np.asarray(labels), **more)


def summary(*blocks, **options):
    return summarize_labels(dataset(*blocks, **options))


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        (0, 127, np.int8),
        (-129, 0, np.int16),
        (0, 255, np.int16),
        (0, 40_000, np.int32),
        (0, 2**31, np.int64),
        (-(2**63), 2**63 - 1, np.int64),
        (0, 2**63, np.float64),
    ],
)
def test_integers_take_the_smallest_dtype(low, high, dtype):
    values = np.array([low, high], np.uint64 if high >= 2**63 else np.int64)
    assert shrink_dtype(values).dtype == dtype
    assert shrink_dtype(values).astype(np.float64).tolist() == [float(low), float(high)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("values", "is_narrow"),
    [
        ([0, 1, -32768, 32767], True),
        ([0, 32768], False),
        ([0.0, -0.0], False),
        ([*range(100), 0.5], False),
        ([1, np.nan], False),
        ([np.inf], False),
        ([1e300], False),
        ([], False),
    ],
)
def test_floats_that_are_small_whole_numbers_take_two_bytes(values, is_narrow, dtype):
    with np.errstate(over="ignore"):
        stored = np.array(values, dtype)
    tally = measure_labels(labelled(stored))
    assert tally.values.compact.dtype == (np.int16 if is_narrow else dtype)
    assert tally.values.array.dtype == dtype
    assert tally.values.array.tobytes() == stored.tobytes()


def test_labels_are_reported_in_the_dtype_they_are_stored_in():
    found = summary(labelled(np.array([0, 1], "f4")), labelled(np.array([2.5, 1], "f4")))
    assert (found.kind, found.dtype, found.values.dtype) == ("regression", "f4", "f4")
    assert found.values.tolist() == [0, 1, 2.5, 1]
    found = summary(labelled(np.array([3, 1], "f4")), num_classes=3)
    assert (found.classes.dtype, found.classes.tolist()) == ("f4", [1, 3])
    assert (found.numbers.dtype, found.in_range.dtype) == ("i2", "i2")
    assert found.in_range.tolist() == [1]
    indices, values = found.select(found.numbers > 2)
    assert (indices.tolist(), values.tolist(), values.dtype) == ([0], [3], "f4")
    assert found.indices.tolist() == [0, 1]


def test_booleans_are_classes_0_and_1():
    found = summary(labelled([True, False]))
    assert (found.kind, found.num_classes, found.values.tolist()) == ("class", 2, [1, 0])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([3, -4]), "class"),
        ([*range(99), 0.5], "class"),
        ([*range(98), 0.5, 0.5], "regression"),
        (np.arange(100_000.0), "class"),
        (np.arange(100_001.0), "regression"),
        (np.arange(100_001), "class"),
        ([0.1, 0.2], "regression"),
        ([np.nan, np.nan], "regression"),
    ],
)
def test_classes_or_targets(values, kind):
    assert summary(labelled(values)).kind == kind


@pytest.mark.parametrize("kind", ["class", "regression"])
def test_what_was_asked_for_counts(kind):
    for labels in ([0.5, 0.25], [1, 2]):
        assert summary(labelled(labels), label_type=kind).kind == kind


def test_no_labels():
    assert summary(block_of(np.zeros((3, 1)))).kind == "none"
    assert summary(labelled([1, 2]), label_type="none").kind == "none"
    assert summary(labelled([1, 2], present=[False, False])).kind == "none"
    assert summary().kind == "none"


def test_labels_belong_to_their_records():
    found = summary(labelled([5, 6, 7], present=[True, False, True]), labelled([6]))
    assert found.values.tolist() == [5, 7, 6]
    assert found.indices.tolist() == [0, 2, 3]
    assert found.classes.tolist() == [5, 6, 7]
    assert found.counts.tolist() == [1, 1, 1]
    assert found.in_range.tolist() == [5, 7, 6]
    assert (found.num_classes, found.declared) == (8, False)
    assert found.unlabeled.tolist() == [1]


def test_only_readable_records_lack_a_label():
    block = block_of_columns([column_of(np.zeros((2, 1)), [0, 2])], 3)
    assert measure_labels(block).unlabeled.array.tolist() == [0, 2]


def test_labels_in_range():
    found = summary(labelled([0, 3, -1, 2, 4]), num_classes=4)
    assert found.in_range.tolist() == [0, 3, 2]
    assert (found.num_classes, found.declared) == (4, True)


def test_class_folders_count_also_where_they_are_empty():
    assert summary(labelled([0]), plan={"class_names": ("a", "b", "c")}).num_classes == 3
    assert summary(labelled([7]), plan={"class_names": ("a", "b", "c")}).num_classes == 8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_labels_too_large_for_any_class(dtype):
    found = summary(labelled(np.array([1e30, 2.0, -1e30], dtype)), label_type="class")
    assert found.in_range.tolist() == [2]


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 1, 1, 1)])
def test_shapes_of_one_label_a_record(shape):
    assert summary(labelled(np.array([4, 5, 6]).reshape(shape))).values.tolist() == [4, 5, 6]
    nothing = block_of(np.zeros((0, 1)), np.zeros((0, *shape[1:])))
    assert measure_labels(nothing).values.array.shape == (0,)


def test_vectors_are_targets():
    found = summary(labelled(2 * np.eye(3, dtype=np.uint8)))
    assert found.kind == "regression"
    assert np.isfinite(found.values).all()


def test_blocks_with_and_without_labels():
    found = summary(block_of(np.zeros((2, 1))), labelled([300, 1]))
    assert found.values.tolist() == [300, 1]
    assert found.indices.tolist() == [2, 3]
    assert len(found.unlabeled) == 2


def test_whole_numbers():
    values = np.array([0.0, -3.0, 0.5, np.nan, np.inf, 1e300])
    assert is_whole(values).tolist() == [True, True, False, False, False, True]
    assert is_whole(np.array([1, 2])).all()


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (np.int8(-3), "-3"),
        (np.int64(2**62), str(2**62)),
        (np.int64(-(2**63)), str(-(2**63))),
        (np.float32(4e6), "4000000"),
        (np.float32(0.1), "0.1"),
        (np.float64(-1.5), "-1.5"),
        (np.float64(1e300), "1e+300"),
        (np.float64("nan"), "nan"),
        (np.float32("-inf"), "-inf"),
    ],
)
def test_labels_in_figures(label, text):
    assert format_label(label) == text


def test_gaps_are_those_of_labels_in_range():
    gaps = summarize_batch_gaps(
        dataset(labelled([0, 9, 1, -1, 0, 1]), num_classes=2, batch_sizes=(2, 4))
    )
    assert [gap.batches for gap in gaps.sizes] == [2, 1]
    assert [gap.lacking for gap in gaps.sizes] == [0, 0]
    assert summarize_batch_gaps(dataset(labelled([5]), num_classes=2)) is None
    assert summarize_batch_gaps(dataset(labelled([0.5, 0.1]))) is None


def test_negative_labels_make_no_class():
    found = summary(labelled([-3, -1]))
    assert (found.kind, found.num_classes, found.in_range.tolist()) == ("class", 0, [])
    assert found.classes.tolist() == [-3, -1]


@pytest.mark.parametrize("labels", [np.array([0.5, 1.25]), None])
def test_only_classes_are_counted(labels):
    found = summary(labelled(labels) if labels is not None else block_of(np.zeros((2, 1))))
    assert (found.num_classes, found.declared, len(found.classes)) == (0, False, 0)
