"""Scans of every kind of image, cut short and with changed bytes, in every kind of dataset."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import lmdb
import numpy as np

EXTENSIONS = ("jpg", "png", "tif", "gif", "bmp", "webp", "jp2", "ico", "avif", "ppm")


def write_files(path: Path, images: Sequence[bytes]) -> Path:
    """A folder, with extensions that need not fit."""
    path.mkdir()
    for i, image in enumerate(images):
        (path / f"{i:06d}.{EXTENSIONS[i % len(EXTENSIONS)]}").write_bytes(image)
    return path


def write_values(path: Path, images: Sequence[bytes]) -> Path:
    """An LMDB whose first values are intact, so that they are recognised."""
    size = 3 * sum(map(len, images)) + (64 << 20)
    with lmdb.open(str(path), map_size=size) as store, store.begin(write=True) as transaction:
        for i, image in enumerate(images):
            transaction.put(b"%06d" % i, image)
    return path


def write_rows(path: Path, images: Sequence[bytes]) -> Path:
    """Rows of variable length in an HDF5 file."""
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        data = file.create_dataset("data", (len(images),), h5py.vlen_dtype(np.uint8))
        for i, image in enumerate(images):
            data[i] = np.frombuffer(image, np.uint8)
    return path.with_suffix(".h5")


WRITERS: tuple[Callable[[Path, Sequence[bytes]], Path], ...] = (
    write_files,
    write_values,
    write_rows,
)


def scan_badly(path: Path, records: int, *options: str) -> tuple[list[str], dict[str, int]]:
    """What is wrong with a scan of ``path``, and the number of records of each rule."""
    command = [sys.executable, "-m", "datascan", "scan", str(path), "--json", "-", *options]
    run = subprocess.run(
        [*command, "--no-progress"],
        capture_output=True,
        check=False,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    wrong = []
    if run.returncode not in {0, 1}:
        wrong.append(f"exit status {run.returncode}")
    if run.stderr:
        wrong.append(f"standard error: {run.stderr[-2000:].decode('utf-8', 'replace')}")
    try:
        report = json.loads(run.stdout)
    except ValueError:
        return [*wrong, "no report"], {}
    rules = {found["rule"]: found["records"] for found in report["findings"]}
    if report["dataset"]["records"] != records:
        wrong.append(f"{report['dataset']['records']:,} of {records:,} records")
    for found in report["findings"]:
        if found["rule"] == "reader-crash":
            wrong += [f"{one['key']}: {one['detail']}" for one in found["examples"]]
    return wrong, rules
