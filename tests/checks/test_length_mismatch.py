"""Files whose data and labels have different lengths."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from datascan.checks.length_mismatch import LengthMismatch
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.sessions import findings_of


def write_file(path, rows, labels):
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(rows * 2.0).reshape(rows, 2)
        file["label"] = np.arange(labels) % 3
    return path


@pytest.mark.parametrize(("rows", "labels"), [(100, 90), (90, 100), (2, 1)])
def test_data_and_labels_of_different_lengths(tmp_path, rows, labels):
    (found,) = findings_of(write_file(tmp_path / "train.h5", rows, labels), "length-mismatch")
    assert found.severity == "error"
    noun = "row" if rows == 1 else "rows"
    assert found.message == f"train.h5: data has {rows} {noun}, label has {labels}"
    assert all(example.index is None for example in found.examples)


def test_equal_lengths_are_healthy(tmp_path):
    assert findings_of(write_file(tmp_path / "train.h5", 5, 5), "length-mismatch") == []


def test_several_files_are_one_finding():
    faults = tuple(
        Fault(None, "length-mismatch", f"{name}.h5: data has 3 rows, label has 2") for name in "abc"
    )
    found = finding(LengthMismatch, block_of(records=9), plan={"faults": faults})
    assert found.message == "a.h5: data has 3 rows, label has 2 and 2 more places"
    assert found.details == tuple(fault.detail for fault in faults)
    assert (found.records, found.named) == (0, {})


def test_other_faults():
    other = block_of(records=1, faults=[Fault(0, "missing-label", "why")])
    assert findings(LengthMismatch, other, block_of(records=0)) == []
