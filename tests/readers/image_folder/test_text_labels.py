from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.readers.image_folder.text_labels import describe_bad_label, parse_labels


def test_no_labels_at_all():
    assert parse_labels(["", ""]).values is None


def test_numbers_keep_their_values_beside_one_that_is_mistyped():
    words = [str(i % 20) for i in range(60)]
    words[33] = "1O"
    found = parse_labels(words)
    assert found.values.dtype == "int64"
    assert found.values.tolist() == [i % 20 if i != 33 else 0 for i in range(60)]
    assert [i for i, known in enumerate(found.present) if not known] == [33]
    assert found.bad_labels == {33: "1O"}
    assert found.names == ()


def test_half_of_them_are_enough_to_be_numbers():
    assert parse_labels(["5", "x"]).bad_labels == {1: "x"}
    assert parse_labels(["5", "x", "", "y"]).names == ("5", "x", "y")


def test_names_are_numbered_by_code_point():
    found = parse_labels(["dog", "cat", "", "Dog"])
    assert found.names == ("Dog", "cat", "dog")
    assert found.values.tolist() == [2, 1, 0, 0]
    assert found.present.tolist() == [True, True, False, True]
    assert found.bad_labels == {}


@pytest.mark.parametrize("name", ["1_0", "0x1f", "\u0661", "1e", "++1", "n02\ufeff"])
def test_what_is_a_name(name):
    assert parse_labels([name]).names == (name,)


def test_other_numbers():
    found = parse_labels(["1.5", "-2", ".5", "3.", "1e3", "INF", "9" * 30])
    assert found.values.tolist() == [1.5, -2, 0.5, 3, 1000, float("inf"), 1e30]
    assert found.bad_labels == {}


@given(st.lists(st.integers(-(10**17), 10**17), min_size=1), st.text(min_size=1))
def test_whole_numbers_are_never_renumbered(numbers, text):
    found = parse_labels([*map(str, numbers), text])
    assert found.names == ()
    if len(numbers) in found.bad_labels:
        assert found.values[:-1].tolist() == numbers


@pytest.mark.parametrize(("word", "read"), [("1O", 1), ("cat", 0), ("-3x", -3), ("1.5.2", 1)])
def test_what_caffe_makes_of_text(word, read):
    assert describe_bad_label(word) == f"label {word!r} is not a number; Caffe reads it as {read}"


def test_text_without_measure():
    assert describe_bad_label("7" * 40 + "x") == f"label '{'7' * 40}x' is not a number"
    assert (
        describe_bad_label("x" * 1000)
        == f"label '{'x' * 60}...' is not a number; Caffe reads it as 0"
    )


def test_caffe_reads_nine_digits():
    assert describe_bad_label("123456789x").endswith("; Caffe reads it as 123456789")
    assert describe_bad_label("1234567890x") == "label '1234567890x' is not a number"
    assert describe_bad_label("-12345678x").endswith("; Caffe reads it as -12345678")
    assert "..." not in describe_bad_label("x" * 60)
    assert "'..." not in describe_bad_label("x" * 61)


@pytest.mark.parametrize(
    ("words", "are_names"),
    [
        (["a", "1"], False),
        (["a", "b", "1"], True),
        (["a", "", "", ""], True),
        (["a", "1", "", ""], False),
    ],
)
def test_half_of_the_labels_decide(words, are_names):
    found = parse_labels(words)
    assert bool(found.names) == are_names
    assert found.present.tolist() == [bool(word) and (are_names or word == "1") for word in words]
