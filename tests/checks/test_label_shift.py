"""Datasets whose class shares differ from the expected ones."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.label_shift import LabelShift
from datascan.config.expectations import Expectations, Labels
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.expected import hdf5, known_dataset, learn, raised

NO_EXPECTATIONS = Expectations("datascan-expectations/1")


@pytest.fixture
def known(tmp_path):
    """Values and expectations of 100 records of ten classes."""
    return known_dataset(tmp_path)


def labelled(*counts):
    """As many records of each class as ``counts``."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return block_of(np.arange(2.0 * len(labels)).reshape(-1, 2), labels)


def expectations(**shares):
    labels = Labels(shares={name[1:]: share for name, share in shares.items()})
    return Expectations("datascan-expectations/1", labels=labels)


def test_shares_that_differ_by_more_than_the_limit():
    expect = expectations(c0=0.4, c1=0.3, c2=0.3)
    found = finding(LabelShift, labelled(500, 100, 100), labelled(200, 100), expect=expect)
    assert (found.severity, found.records, found.named) == ("warning", 0, {})
    assert found.details == (
        "class 0 has 70.0% instead of 40.0%",
        "class 2 has 10.0% instead of 30.0%",
        "class 1 has 20.0% instead of 30.0%",
    )
    assert found.message == (
        "the class shares differ by 0.3 from the expected ones (limit 0.1): "
        + ", ".join(found.details)
    )


def test_the_three_classes_that_changed_most_are_named():
    expect = expectations(c0=0.2, c1=0.2, c2=0.2, c3=0.2, c4=0.2)
    found = finding(LabelShift, labelled(600, 100, 110, 150, 40), expect=expect)
    assert found.message.endswith(
        "class 0 has 60.0% instead of 20.0%, class 4 has 4.0% instead of 20.0%, "
        "class 1 has 10.0% instead of 20.0%"
    )
    assert len(found.details) == 5


def test_the_limit_is_inclusive():
    expect = expectations(c0=0.5, c1=0.5)
    assert findings(LabelShift, labelled(600, 400), expect=expect) == []
    assert findings(LabelShift, labelled(601, 399), expect=expect) != []


def test_a_class_that_is_not_expected_counts():
    found = finding(LabelShift, labelled(400, 600), expect=expectations(c0=1.0))
    assert "class 1 has 60.0% instead of 0.0%" in found.message


def test_without_expectations_and_without_records():
    assert findings(LabelShift, labelled(9, 1)) == []
    assert findings(LabelShift, labelled(9, 1), expect=NO_EXPECTATIONS) == []
    assert findings(LabelShift, block_of(records=0), expect=expectations(c0=1.0)) == []


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (None, {}, "none of 100 records has a class label; labels of 10 classes are expected"),
        ("regression", {}, "none of 100 records has a class label (100 are regression targets); "),
        ("class", {"label_type": "regression"}, "(100 are regression targets)"),
    ],
)
def test_class_labels_that_are_lost(known, tmp_path, labels, options, message):
    given = {"class": np.arange(100) % 10, "regression": np.linspace(0.1, 3, 100), None: None}
    found = raised(hdf5(tmp_path / "n.h5", known[0], given[labels]), known[1], **options)
    assert set(found) == {"label-shift"}
    assert found["label-shift"].severity == "error"
    assert message in found["label-shift"].message


def test_regression_targets_that_are_lost(tmp_path):
    values = np.random.default_rng(0).random((50, 4), np.float32)
    file = learn(hdf5(tmp_path / "k.h5", values, np.linspace(0.1, 3, 50)))
    assert "shift" not in file.read_text().split("[labels]")[1]
    # Targets that happen to be whole are still targets.
    assert raised(hdf5(tmp_path / "w.h5", values, np.arange(50.0)), file) == {}
    found = raised(hdf5(tmp_path / "n.h5", values), file)
    assert set(found) == {"label-shift"}
    assert found["label-shift"].message == (
        "none of 50 records has a label; regression targets are expected"
    )


def test_labels_are_not_compared_if_they_are_ignored(known, tmp_path):
    assert raised(hdf5(tmp_path / "n.h5", known[0]), known[1], label_type="none") == {}
    assert raised(hdf5(tmp_path / "0.h5", known[0][:0]), known[1]).keys() == {"record-count-change"}


def test_few_records_differ_by_chance(tmp_path):
    random = np.random.default_rng(3)

    def draw(name, count, shares):
        labels = random.choice(10, count, p=shares)
        return hdf5(tmp_path / name, random.random((count, 4), np.float32), labels)

    even, odd = np.full(10, 0.1), np.array([0.4, 0.2, *[0.05] * 8])
    file = learn(draw("k.h5", 120, even))
    found = raised(draw("n.h5", 115, even), file)
    assert found["label-shift"].severity == "info"
    assert "; chance alone can reach 0.2" in found["label-shift"].message
    found = raised(draw("o.h5", 115, odd), file)
    assert found["label-shift"].severity == "warning"
    assert "chance" not in found["label-shift"].message
    # Shares that were not learned from a sample are exact.
    exact = "\n".join(x for x in file.read_text().splitlines() if "learned_from =" not in x)
    file.with_name("exact.toml").write_text(exact)
    found = raised(tmp_path / "n.h5", file.with_name("exact.toml"))
    assert "chance alone can reach 0.17" in found["label-shift"].message
    asked = raised(tmp_path / "n.h5", file, severity={"label-shift": "warning"})
    assert asked["label-shift"].severity == "warning"


def test_very_many_classes(tmp_path):
    labels = np.arange(30_000)
    path = hdf5(tmp_path / "k.h5", np.arange(60_000.0).reshape(-1, 2), labels)
    file = learn(path)
    assert raised(path, file) == {}
    found = raised(hdf5(tmp_path / "n.h5", np.ones((30_000, 2)), labels // 10), file)
    assert "differ by 0.9 from" in found["label-shift"].message
