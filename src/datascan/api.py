"""The Python interface: scan a dataset, a net or a training log, and return a report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from datascan.config.options import Options, ScanKeywords
from datascan.report.model import DatasetReport, LogReport, NetReport
from datascan.session import ScanSession

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
        backend: "lmdb", "leveldb", "hdf5" or "images"; detected from the path if None.
        thumbnails: whether to add what only the HTML page shows: thumbnails, samples and curves.
        options: keywords of :class:`datascan.config.options.ScanKeywords`: ``num_classes=10``,
            ``batch_sizes=(64, 128)``, ``label_type="class"``, ``workers=2``, ``limit=1000``.

    Raises:
        DatasetError: if the path does not exist or is not a dataset.
        UsageError: if an option does not exist or its value is not allowed.
    """
    paths = [path] if isinstance(path, str | os.PathLike) else list(path)
    checked = Options.from_keywords(**options)
    with ScanSession([Path(p) for p in paths], checked, reader=backend) as session:
        return session.report(charts=thumbnails)


def scan_net(
    path: PathLike,
    solver: PathLike | None = None,
    root: PathLike | None = None,
    *,
    data: bool = True,
    thumbnails: bool = True,
    **options: Unpack[ScanKeywords],
) -> NetReport:
    """Check a Caffe net, scan every dataset that it reads, and return the report.

    Args:
        path: the net or a solver that names it, a prototxt.
        solver: the solver of the net.
        root: the folder in which relative sources are looked up first.
        data: whether to scan the datasets; if False, only net and solver are checked.
        thumbnails: as for :func:`scan`.
        options: as for :func:`scan`; batch sizes and classes come from the net.

    Raises:
        DatasetError: if a prototxt does not exist or does not parse.
        UsageError: if an option does not exist or its value is not allowed.
    """
    from datascan.caffe.net.training import read_training  # noqa: PLC0415  (only nets need Caffe)
    from datascan.caffe.scan_net import SourceScans, report_net  # noqa: PLC0415  (only nets and logs need Caffe)

    checked = Options.from_keywords(**options)
    training = read_training(Path(path), optional_path(solver), optional_path(root))
    with SourceScans(lambda _: checked, charts=thumbnails) as scans:
        return report_net(training, scans, data=data)


def scan_log(
    path: PathLike,
    net: PathLike | None = None,
    solver: PathLike | None = None,
    root: PathLike | None = None,
    *,
    thumbnails: bool = True,
    **options: Unpack[ScanKeywords],
) -> LogReport:
    """Read a training log and report why its loss broke, and, given the net, on which records.

    Args:
        path: a log of Caffe, a table of iteration and loss, an event file of TensorBoard or a
            folder of them, or a trainer_state.json.
        net: the net that was trained, a prototxt.
        solver: its solver; alone, it names its net.
        root: the folder in which relative sources are looked up first.
        thumbnails: as for :func:`scan`.
        options: as for :func:`scan`.

    Raises:
        DatasetError: if a file cannot be read or does not parse.
        UsageError: if an option does not exist or its value is not allowed.
    """
    from datascan.caffe.scan_log import log_scans, report_log, training_of  # noqa: PLC0415  (only nets and logs need Caffe)
    from datascan.logs.reading import read_log  # noqa: PLC0415  (only logs need it)

    checked = Options.from_keywords(**options)
    training = training_of(
        Path(path), optional_path(net), optional_path(solver), optional_path(root)
    )
    with log_scans(lambda _: checked, charts=thumbnails) as scans:
        return report_log(read_log(Path(path)), training, scans)


def optional_path(path: PathLike | None) -> Path | None:
    """The path, if one is given."""
    return Path(path) if path else None
