"""No byte, name or time stamp of a dataset changes by being scanned."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import datascan
from datascan.cli.commands.demo import DATASETS

Seen = dict[str, tuple[str, int, int, int, int]]


def seen(path: Path) -> Seen:
    """Content, size, mode, and the times of change of everything below ``path``."""
    found: Seen = {}
    for item in [path, *sorted(path.rglob("*"))]:
        status = item.stat()
        digest = hashlib.sha256(item.read_bytes()).hexdigest() if item.is_file() else ""
        times = status.st_mtime_ns, status.st_ctime_ns
        found[str(item)] = (digest, status.st_size, status.st_mode, *times)
    return found


@pytest.mark.parametrize(("name", "write", "classes"), DATASETS)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataset_stays_as_it_is(tmp_path, name, write, classes, workers):
    path = tmp_path / name
    write(path)
    before = seen(tmp_path)
    report = datascan.scan(path, num_classes=classes, workers=workers)
    assert report.dataset.records > 0
    assert seen(tmp_path) == before


def test_real_datasets_stay_as_they_are(shared_data):
    for name in ("caffe_uint8_lmdb", "caffe_png_leveldb", "sample_data_2_gzip.h5"):
        before = seen(shared_data / name)
        datascan.scan(shared_data / name)
        assert seen(shared_data / name) == before
