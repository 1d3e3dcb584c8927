"""datascan tells, before training, whether a dataset will break it.

``datascan.scan("train_lmdb", num_classes=10)`` returns a :class:`Report`; the command line does the
same. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datascan._version import __version__
from datascan.errors import DatascanError, DatasetError, FindingsError, OutputError, UsageError

if TYPE_CHECKING:
    from datascan.api import scan
    from datascan.caffe.scan_log import scan_log
    from datascan.caffe.scan_net import scan_net
    from datascan.report.figures import Example, Finding
    from datascan.report.model import (
        DatasetReport,
        LogReport,
        NetReport,
        Report,
        SourceReport,
    )

__all__ = [
    "DatascanError",
    "DatasetError",
    "DatasetReport",
    "Example",
    "Finding",
    "FindingsError",
    "LogReport",
    "NetReport",
    "OutputError",
    "Report",
    "SourceReport",
    "UsageError",
    "__version__",
    "scan",
    "scan_log",
    "scan_net",
]


def __getattr__(name: str) -> Any:
    if name == "scan":
        from datascan.api import scan

        return scan
    if name == "scan_log":
        from datascan.caffe.scan_log import scan_log

        return scan_log
    if name == "scan_net":
        from datascan.caffe.scan_net import scan_net

        return scan_net
    if name in {"Example", "Finding"}:
        from datascan.report import figures

        return getattr(figures, name)
    if name in {"DatasetReport", "LogReport", "NetReport", "Report", "SourceReport"}:
        from datascan.report import model

        return getattr(model, name)
    raise AttributeError(f"module 'datascan' has no attribute {name!r}")
