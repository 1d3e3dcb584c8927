"""Datums of several kinds in one store."""

from __future__ import annotations

import numpy as np

import datascan
from tests.builders.lmdb import datum, numbered, write_lmdb


def test_copies_among_floats_of_two_shapes(tmp_path):
    first = [datum(np.full((1, 1, 3), i, np.float32), 0) for i in range(8)]
    second = [datum(np.full((1, 1, 4), 7, np.float32), 0) for _ in range(8)]
    report = datascan.scan(write_lmdb(tmp_path / "store", numbered([*first, *second])), workers=0)
    found = {finding.rule: finding.records for finding in report.findings}
    assert (found["duplicate-record"], found["shape-mismatch"]) == (7, 8)
