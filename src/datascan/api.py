"""Scanning from Python: choose a reader, scan, report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from datascan.config.options import Options, ScanKeywords
from datascan.report.model import DatasetReport
from datascan.session import run_scan

PathLike = str | os.PathLike[str]


def scan(
    path: PathLike | Sequence[PathLike],
    *,
    backend: str | None = None,
    thumbnails: bool = True,
    **options: Unpack[ScanKeywords],
) -> DatasetReport:
    """Scan a dataset and return the report.

    Args:
        path: an LMDB or LevelDB folder, an HDF5 file (or several, or a list of them), or a folder
            of images.
        backend: "lmdb", "leveldb", "hdf5" or "images"; told by looking if None.
        thumbnails: whether the report gets what only a page shows: thumbnails, samples, curves.
        options: keywords of :class:`datascan.config.options.ScanKeywords`: ``num_classes=10``,
            ``batch_sizes=(64, 128)``, ``label_type="class"``, ``workers=2``, ``limit=1000``.

    Raises:
        DatasetError: where there is no such path, or it is not a dataset.
        UsageError: where an option cannot be meant.
    """
    paths = [path] if isinstance(path, str | os.PathLike) else list(path)
    asked = Options.from_keywords(**options).replace(charts=thumbnails)
    return run_scan([Path(p) for p in paths], asked, backend=backend)
