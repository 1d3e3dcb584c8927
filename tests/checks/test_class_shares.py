"""Classes compared with the expected ones, by name or by number, and the effect of chance."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.class_shares import ClassShare, estimate_chance_distance
from datascan.config.expectations import Expectations
from datascan.config.options import NetTargets
from tests.builders.expected import animals, expecting, hdf5, known_dataset, learn, raised
from tests.builders.images import encode, pixels, write_tree
from tests.builders.lmdb import datum, numbered, write_lmdb

NAMED = {"cat": 6, "dog": 4, "eel": 2}


@pytest.fixture
def known(tmp_path):
    """Values and expectations of 100 records of ten classes."""
    return known_dataset(tmp_path)


def encoded_store(path, folder, order, labels):
    """An LMDB of encoded Datums."""
    nothing = np.empty(0)
    pictures = ((folder / name).read_bytes() for name in order)
    return write_lmdb(
        path,
        numbered(datum(nothing, n, encoded=p) for p, n in zip(pictures, labels, strict=True)),
    )


@pytest.fixture
def named(tmp_path):
    """A folder of animals, what is expected of it, and its pictures in the order of a list."""
    path = animals(tmp_path, "named", NAMED)
    order = [f"{animal}/{i}.png" for animal, count in NAMED.items() for i in range(count)]
    return path, learn(path), order


def test_names_and_numbers_are_compared_by_number(named, tmp_path):
    folder, file, order = named
    labels = [0] * 6 + [1] * 4 + [2] * 2
    store = encoded_store(tmp_path / "store", folder, order, labels)
    assert raised(store, file) == {}
    lines = "".join(f"{name} {label}\n" for name, label in zip(order, labels, strict=True))
    (tmp_path / "list.txt").write_text(lines)
    assert raised(folder, file, list_file=tmp_path / "list.txt") == {}
    assert raised(folder, learn(store)) == {}


def test_other_numbers_than_those_of_the_names(named, tmp_path):
    folder, file, order = named
    labels = [3] * 6 + [1] * 4 + [2] * 2
    found = raised(encoded_store(tmp_path / "store", folder, order, labels), file)
    assert found["unexpected-class"].records == 6
    assert found["unexpected-class"].message.endswith("an unexpected class: 3")
    message = found["label-shift"].message
    assert "differ by 0.5 from" in message
    assert "class 0 (cat) has 0.0% instead of 50.0%" in message
    assert "class 3 has 50.0% instead of 0.0%" in message


def test_names_count_more_than_numbers(named, tmp_path):
    # Where a class folder came first in the alphabet, all others have new numbers.
    more = animals(tmp_path, "more", {"ant": 1, **NAMED})
    found = raised(more, named[1])
    assert set(found) == {"unexpected-class"}
    assert found["unexpected-class"].message.endswith("an unexpected class: 0 (ant)")


def test_names_that_are_digits(tmp_path):
    # Sorted by letters, folder 10 is class 2.
    counts = {"0": 5, "1": 4, "10": 3, "2": 2}
    file = learn(animals(tmp_path, "digits", counts))
    assert Expectations.read(file).labels.numbers == {"0": 0, "1": 1, "10": 2, "2": 3}
    assert raised(tmp_path / "digits", file) == {}
    labels = np.repeat(np.arange(4), list(counts.values()))
    store = hdf5(tmp_path / "s.h5", np.zeros((14, 1), np.float32), labels)
    assert {"label-shift", "unexpected-class"} & set(raised(store, file)) == set()
    labels[labels == 2] = 10
    found = raised(hdf5(tmp_path / "o.h5", np.zeros((14, 1), np.float32), labels), file)
    assert found["unexpected-class"].records == 3


def test_files_without_numbers_are_still_read(named, tmp_path):
    folder, _, order = named
    old = expecting(
        tmp_path, "labels = {shift = 0.1, shares = {cat = 0.5, dog = 0.33, eel = 0.17}}"
    )
    assert raised(folder, old) == {}
    store = encoded_store(tmp_path / "store", folder, order, [0] * 6 + [1] * 4 + [2] * 2)
    found = raised(store, old)
    assert set(found) == {"label-shift"}
    assert found["label-shift"].message == (
        "the classes cannot be compared: the expectations have class names without numbers, "
        "and this dataset has only numbers"
    )


def test_shares_are_relative_to_their_sum(known, tmp_path):
    # Whoever adds a class need not scale all others.
    shares = ", ".join(f"{i} = 0.1" for i in range(10))
    file = expecting(tmp_path, f"labels = {{shift = 0.01, shares = {{{shares}, 10 = 0.1}}}}")
    path = hdf5(tmp_path / "n.h5", np.zeros((110, 2), np.float32), np.arange(110) % 11)
    assert "label-shift" not in raised(path, file)


def test_folders_are_compared_by_name(tmp_path):
    files = {
        f"{name}/{i}.png": encode(pixels(i), "PNG") for i in range(4) for name in ("cat", "dog")
    }
    file = learn(write_tree(tmp_path / "k", files))
    more = files | {f"ant/{i}.png": encode(pixels(9 + i), "PNG") for i in range(2)}
    found = raised(write_tree(tmp_path / "n", more), file)
    assert "0 (ant)" in found["unexpected-class"].message
    assert found["unexpected-class"].records == 2


@pytest.mark.parametrize(
    ("classes", "here", "before"),
    [(2, 40, 40), (3, 60, 60), (10, 100, None), (10, 100, 50_000), (10, 100, 100), (50, 200, 90)],
)
@pytest.mark.parametrize("even", [True, False])
def test_chance_exceeds_the_estimate_in_one_of_twenty_comparisons(classes, here, before, even):
    random = np.random.default_rng(classes)
    weights = np.ones(classes) if even else 1 / np.arange(1, classes + 1)
    shares = weights / weights.sum()
    beyond = 0
    for _ in range(400):
        drawn = random.multinomial(here, shares) / here
        learned = random.multinomial(before, shares) / before if before else shares
        pairs = zip(drawn, learned, strict=True)
        compared = tuple(ClassShare("", float(a), float(b)) for a, b in pairs)
        beyond += bool(
            np.abs(drawn - learned).sum() / 2 > estimate_chance_distance(compared, here, before)
        )
    # About 20 of 400: a bound that is almost never exceeded would hide real shifts.
    assert 2 <= beyond <= 40


def test_a_single_class_has_no_chance_distance():
    assert estimate_chance_distance((ClassShare("0", 1.0, 1.0),), 10, 10) == 0


def test_labels_that_a_net_ignores_are_excluded_from_both(tmp_path):
    values = np.random.default_rng(0).random((40, 2))
    labels = np.arange(40) % 4
    file = learn(hdf5(tmp_path / "k.h5", values, labels))
    for ignored in (0, 3):
        targets = NetTargets(outputs=4, ignore_label=ignored)
        assert raised(tmp_path / "k.h5", file, targets=targets) == {}
