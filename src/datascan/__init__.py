"""datascan tells, before training, whether a dataset will break it.

``datascan.scan("train_lmdb", num_classes=10)`` returns a :class:`Report`; the command line does the
same. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from datascan._version import __version__
from datascan.errors import (
    DatascanError,
    DatasetError,
    FindingsError,
    OutputError,
    PluginWarning,
    UsageError,
)

if TYPE_CHECKING:
    from datascan.api import scan, scan_log, scan_net
    from datascan.checks.base import Check
    from datascan.config.options import Options
    from datascan.decoders.base import Decoder
    from datascan.outputs.base import Output
    from datascan.readers.base import Reader
    from datascan.report.figures import Example, Finding
    from datascan.report.model import (
        DatasetReport,
        LogReport,
        NetReport,
        Report,
        SourceReport,
    )

__all__ = [
    "Check",
    "DatascanError",
    "DatasetError",
    "DatasetReport",
    "Decoder",
    "Example",
    "Finding",
    "FindingsError",
    "LogReport",
    "NetReport",
    "Options",
    "Output",
    "OutputError",
    "PluginWarning",
    "Reader",
    "Report",
    "SourceReport",
    "UsageError",
    "__version__",
    "scan",
    "scan_log",
    "scan_net",
]

HOMES = {
    "Check": "datascan.checks.base",
    "DatasetReport": "datascan.report.model",
    "Decoder": "datascan.decoders.base",
    "Example": "datascan.report.figures",
    "Finding": "datascan.report.figures",
    "LogReport": "datascan.report.model",
    "NetReport": "datascan.report.model",
    "Options": "datascan.config.options",
    "Output": "datascan.outputs.base",
    "Reader": "datascan.readers.base",
    "Report": "datascan.report.model",
    "SourceReport": "datascan.report.model",
    "scan": "datascan.api",
    "scan_log": "datascan.api",
    "scan_net": "datascan.api",
}
"""The modules of the names that are imported only when they are used."""


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    raise AttributeError(f"module 'datascan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
