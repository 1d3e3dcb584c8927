"""Data and labels in two files."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from datascan.config.options import Options
from datascan.session import ScanSession


def write(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def pcam(folder, split="train", rows=20, labels=20, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 255, (rows, 8, 8, 3), np.uint8)
    y = (np.arange(labels) % 2).astype(np.uint8).reshape(-1, 1, 1, 1)
    return [write(folder / f"{split}_x.h5", x=x), write(folder / f"{split}_y.h5", y=y)]


def scan(*paths, **options):
    with ScanSession(paths, Options().replace(**options)) as session:
        return session.report(charts=False)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("workers", [0, 2])
def test_x_and_y_are_columns(tmp_path, order, workers):
    files = pcam(tmp_path) + pcam(tmp_path, "valid", 10, 10, seed=1)
    seen = scan(*files[::order], workers=workers, shard_bytes=1000)
    assert seen.dataset.records == 30
    assert seen.labels.counts == {"0": 15, "1": 15}
    assert {finding.severity for finding in seen.findings} <= {"info"}


def test_a_bad_label_in_the_other_file(tmp_path):
    x, _ = pcam(tmp_path)
    y = write(tmp_path / "train_y.h5", y=np.r_[np.zeros(10), np.ones(9), np.nan].reshape(-1, 1))
    (finding,) = [f for f in scan(x, y).findings if f.severity == "error"]
    assert (finding.rule, finding.examples[0].key) == ("non-finite-label", "train_x.h5:x[19]")


def test_other_lengths(tmp_path):
    errors = [f for f in scan(*pcam(tmp_path, labels=18)).findings if f.severity == "error"]
    assert [finding.rule for finding in errors] == ["length-mismatch"]
    assert "train_x.h5 and train_y.h5: x has 20 rows, y has 18" in errors[0].message


def test_files_that_are_no_pair(tmp_path):
    files = [write(tmp_path / "a.h5", x=np.eye(5)), write(tmp_path / "b.h5", z=np.eye(5))]
    (finding,) = [f for f in scan(*files).findings if f.severity == "error"]
    assert finding.rule == "damaged-store"
    assert "b.h5 has no dataset 'x'" in finding.message


def test_indexes_of_pytables_are_no_data(tmp_path):
    path = write(tmp_path / "a.h5", **{"df/values": np.arange(40.0).reshape(20, 2)})
    with h5py.File(path, "a") as file:
        file.attrs["PYTABLES_FORMAT_VERSION"] = "2.1"
        file.create_dataset("df/_i_table/index/abounds", (0, 4), "f8", maxshape=(None, 4))
        file.create_dataset("df/_i_table/index/indicesLR", (262144,), "u4", chunks=(1024,))
    seen = scan(path)
    assert seen.dataset.records == 20
    assert seen.findings == []


def test_a_list_names_files_from_the_root_of_its_repository(tmp_path, monkeypatch):
    (tmp_path / "repository/data/model").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path / "repository/data/model"
    write(folder / "train0.h5", data=np.random.default_rng(0).random((6, 4, 3)), label=np.arange(6))
    (folder / "train_files.txt").write_text("data/model/train0.h5\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    seen = scan(folder / "train_files.txt")
    assert seen.dataset.records == 6
    assert [f for f in seen.findings if f.severity == "error"] == []
