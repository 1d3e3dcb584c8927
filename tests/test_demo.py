"""The demo's faults are found: all of them, and none besides."""

from __future__ import annotations

import pytest

import datascan
from datascan.demo import DATASETS, demo
from datascan.errors import OutputError

PLANTED = {
    "train_lmdb": {
        "nan-value": [333],
        "label-out-of-range": [17],
        "duplicate-record": [801],
    },
    "train_leveldb": {
        "shape-mismatch": [40],
        "malformed-record": [77],
        "empty-record": [250],
        "key-gap": [None],
    },
    "train.h5": {"inf-value": [123], "non-finite-label": [640], "constant-feature": [None]},
    "train_images": {
        "corrupt-image": [4],
        "not-an-image": [27],
        "misnamed-image": [31],
        "duplicate-record": [42],
        "conflicting-label": [2, 42],
    },
}


@pytest.mark.parametrize(("name", "write", "classes"), DATASETS)
def test_planted_faults(tmp_path, name, write, classes):
    write(tmp_path / name)
    report = datascan.scan(tmp_path / name, num_classes=classes)
    found = {
        finding.rule: [example.index for example in finding.examples]
        for finding in report.findings
        if finding.rule != "batch-label-gap"
    }
    assert found == PLANTED[name]


def test_the_demo_prints_a_report_of_each(capsys, tmp_path):
    reports = []
    assert demo(None, reports.append) == 0
    assert [report.dataset.backend for report in reports] == ["lmdb", "leveldb", "hdf5", "images"]
    assert "explain" in capsys.readouterr().out
    demo(tmp_path / "kept", reports.append)
    assert {path.name for path in (tmp_path / "kept").iterdir()} == set(PLANTED)
    with pytest.raises(OutputError, match="exists already"):
        demo(tmp_path / "kept", reports.append)
