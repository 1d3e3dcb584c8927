"""What may be chance: equal rows of coarse tables, and never equal pictures or measurements."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from datascan.metrics.chance import count_bits, may_be_constant, may_repeat, read_sample


def dataset(sample, records=1000):
    """What the functions see of a dataset with this sample."""
    seen = SimpleNamespace(records=records, read_sample=lambda _: sample)
    seen.derive = lambda function: function(seen)
    return seen


def test_bits_of_features_that_agree_half_of_the_time():
    sample = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], float)
    # Of 28 pairs, 12 agree in a feature.
    assert count_bits(sample) == pytest.approx(3 * np.log2(28 / 12))


def test_records_that_have_a_number_do_not_repeat_by_chance():
    sample = np.stack([np.arange(10.0), np.zeros(10)], axis=1)
    assert count_bits(sample) == np.inf


def grid(records, features, values):
    return np.random.default_rng(0).integers(0, values, (records, features)).astype(float)


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (grid(500, 4, 3), True),  # answers to four questions
        (grid(500, 5, 10), True),
        (grid(500, 8, 10), False),
        (grid(500, 40, 10), False),
        (np.random.default_rng(0).normal(size=(500, 5)), False),
        (np.random.default_rng(0).normal(size=(500, 1)), False),
        (np.tile([1.0, 2.0, 3.0], (500, 1)), False),  # one record, written again and again
        (None, False),
        (np.empty((0, 3)), False),
    ],
)
def test_coarse_records_may_repeat(sample, expected):
    assert may_repeat(dataset(sample)) is expected


def test_more_records_repeat_more_easily():
    sample = grid(500, 8, 10)
    assert [may_repeat(dataset(sample, n)) for n in (500, 1_000_000)] == [False, True]


def test_few_records_do_not_show_that_they_may_repeat():
    answers = grid(500, 4, 3)
    assert [may_repeat(dataset(answers, n)) for n in (29, 30)] == [False, True]
    constant = [may_be_constant(dataset(answers, n), np.zeros(9)).all() for n in (29, 500)]
    assert constant == [False, True]


def test_a_sample_has_each_record_once():
    assert read_sample(dataset(np.array([[2.0, 1], [0, 1], [2, 1]]))).tolist() == [[0, 1], [2, 1]]
    assert read_sample(SimpleNamespace(read_sample=None)) is None


def test_a_row_of_equal_values_is_likely_if_all_features_often_have_it():
    answers = grid(500, 5, 2)
    # Of 1,000 records, 31 may be expected to have the same answer to all five questions.
    values = np.repeat([0.0, 7.0, 1.0], [20, 1, 40])
    assert may_be_constant(dataset(answers), values).tolist() == [True] * 20 + [False] + [True] * 40


def test_more_or_fewer_constant_rows_than_chance_explains():
    answers = grid(500, 5, 2)
    assert not may_be_constant(dataset(answers), np.zeros(1)).any()
    assert not may_be_constant(dataset(answers), np.zeros(400)).any()
    # Features exclude each other: none of them may be 0 everywhere.
    one_hot = np.eye(10)
    assert not may_be_constant(dataset(one_hot), np.zeros(1)).any()


def test_rows_of_measurements_are_not_constant_by_chance():
    measured = np.random.default_rng(0).normal(size=(500, 5))
    assert may_be_constant(dataset(measured), np.array([0.0])).tolist() == [False]
    assert may_be_constant(dataset(None), np.array([0.0, 1.0])).tolist() == [False, False]
    blank = np.zeros((500, 5))
    assert may_be_constant(dataset(blank), np.array([0.0])).tolist() == [False]
