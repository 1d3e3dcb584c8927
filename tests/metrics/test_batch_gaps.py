"""Label gaps compared with every batch counted one by one, and with exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datascan.metrics.batch_gaps import Epoch, compute_batch_gaps, compute_gap

LABELS = st.lists(st.sampled_from([0, 1, 2, 5, 7, 9]), min_size=1, max_size=40)


def gaps_of(labels, batch_sizes):
    return compute_batch_gaps(Epoch.of(labels), batch_sizes)


def batches(labels, size):
    size = min(size, len(labels))
    return [labels[k * size : (k + 1) * size] for k in range(len(labels) // size)]


def lacking(labels, size):
    return sum(len(set(batch)) < len(set(labels)) for batch in batches(labels, size))


def absent(labels, size):
    """From how many batches each class is absent."""
    return {c: sum(c not in batch for batch in batches(labels, size)) for c in sorted(set(labels))}


def chance(labels, size):
    """The probability that a shuffled batch lacks each class."""
    n, size = len(labels), min(size, len(labels))
    return {
        c: Fraction(comb(n - labels.count(c), size), comb(n, size)) for c in sorted(set(labels))
    }


def chance_of_any(labels, size):
    product = Fraction(1)
    for p in chance(labels, size).values():
        product *= 1 - p
    # With one class there is no gap, and C(0, B) is 0.
    return 1 - product


@settings(max_examples=300, deadline=None)
@given(LABELS)
def test_every_batch_size_against_brute_force(labels):
    gaps = gaps_of(np.array(labels), range(1, len(labels) + 3))
    for gap in gaps.sizes:
        size = gap.batch_size
        missing, chances = absent(labels, size), chance(labels, size)
        assert gap.batches == len(batches(labels, size))
        assert gap.lacking == lacking(labels, size)
        assert gap.worst_label == max(missing, key=lambda c: (missing[c], -c))
        assert gap.worst_lacking == missing[gap.worst_label]
        assert gap.shuffled_worst_label == max(chances, key=lambda c: (chances[c], -c))
        assert gap.worst_p == pytest.approx(float(max(chances.values())), rel=1e-12, abs=1e-300)
        wanted = float(chance_of_any(labels, size))
        assert gap.p_lacking == pytest.approx(wanted, rel=1e-12, abs=1e-15)
        assert gap.expected_lacking_per_epoch == pytest.approx(
            wanted * gap.batches, rel=1e-12, abs=1e-15
        )
        share = gap.lacking / gap.batches
        assert gap.is_sorted == (2 * gap.lacking >= gap.batches and share >= 10 * gap.p_lacking)


@settings(max_examples=300, deadline=None)
@given(LABELS)
def test_smallest_sizes_against_brute_force(labels):
    gaps = gaps_of(np.array(labels), ())
    sizes = range(1, len(labels) + 1)
    assert gaps.min_sequential == next(b for b in sizes if not lacking(labels, b))
    assert gaps.min_shuffled == next(
        b for b in sizes if chance_of_any(labels, b) < Fraction(1, 100)
    )


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 5), st.integers(1, 400))
def test_both_ways_to_the_smallest_sequential_size_agree(seed, classes, count):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    labels = np.roll(np.tile(labels[:7], count), int(random.integers(0, 7)))[: 20 * count]
    epoch = Epoch.of(labels)
    longest = int(epoch.free.max())
    sizes = np.arange((longest + 1) // 2 + 1, longest + 1)
    found = epoch._search_by_size(sizes)
    assert found == epoch._search_by_batch(sizes) == epoch.find_min_sequential()
    assert lacking(labels.tolist(), found) == 0


def test_the_example_checked_by_hand():
    gaps = gaps_of(np.array([0] * 6 + [1] * 6), (4,))
    (gap,) = gaps.sizes
    assert (gap.batches, gap.lacking, gap.worst_label, gap.worst_lacking) == (3, 2, 0, 1)
    assert gap.worst_p == pytest.approx(15 / 495, rel=1e-13)
    assert gap.p_lacking == pytest.approx(1 - (1 - 15 / 495) ** 2, rel=1e-13)
    assert gaps.min_sequential == 7


def test_one_class_has_no_gap():
    gaps = gaps_of(np.full(50, 3), (1, 32, 99))
    assert [(gap.batch_size, gap.lacking, gap.p_lacking) for gap in gaps.sizes] == [
        (1, 0, 0.0),
        (32, 0, 0.0),
    ]
    assert (gaps.min_sequential, gaps.min_shuffled) == (1, 1)


def test_small_probabilities_keep_their_digits():
    labels = np.repeat([0, 1], 5000)
    gap = compute_gap(Epoch.of(labels), 500)
    wanted = Fraction(comb(5000, 500), comb(10000, 500))
    assert gap.worst_p == pytest.approx(float(wanted), rel=1e-9)
    assert gap.p_lacking == pytest.approx(2 * float(wanted), rel=1e-9)


def test_many_labels_of_few_classes_in_turn():
    gaps = gaps_of(np.tile([0, 1, 2], 200_000), (2, 3, 64))
    assert gaps.min_sequential == 3
    assert [gap.lacking for gap in gaps.sizes] == [300_000, 0, 0]


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
@pytest.mark.parametrize(
    "classes", [[0, 1, 2], [-3, 5, 100], [0, 2], [7]], ids=["dense", "apart", "gap", "one"]
)
def test_figures_do_not_depend_on_the_dtype_of_labels(dtype, classes):
    labels = np.random.default_rng(1).choice(classes, 300)
    small = gaps_of(labels.astype(dtype), [2, 8])
    assert small == gaps_of(labels, [2, 8])
    assert Epoch.of(labels.astype(dtype)).codes.itemsize == 2


def test_many_classes_take_wider_codes():
    labels = np.arange(40_000) * 3
    epoch = Epoch.of(labels)
    assert epoch.codes.itemsize == 4
    assert epoch.codes.tolist() == list(range(40_000))
    far = np.array([0, 1 << 40, 1 << 40, 5])
    assert Epoch.of(far).codes.tolist() == [0, 2, 2, 1]


@pytest.mark.parametrize("shares", [[1, 1], [1, 3], [1, 1000], [1] * 10, [1, 2, 3, 400]])
@pytest.mark.parametrize("count", [2_000, 50_000, 1_000_000])
def test_the_smallest_safe_size_is_that_of_exact_sums(shares, count, monkeypatch):
    labels = np.repeat(np.arange(len(shares)), np.array(shares) * count // sum(shares))
    epoch = Epoch.of(labels.astype(np.int16))
    for size in (1, 2, 10, 100, len(labels) // 2, len(labels)):
        estimate = epoch._estimate_p_lacking(size)
        exact = epoch.compute_p_lacking(size)
        if estimate is not None and 1e-12 < exact < 0.1:
            assert estimate[0] == pytest.approx(exact, rel=estimate[1])
    found = epoch.find_min_shuffled()
    monkeypatch.setattr(Epoch, "_estimate_p_lacking", lambda *_: None)
    assert found == Epoch.of(labels).find_min_shuffled()
