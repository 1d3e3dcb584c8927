"""The command that shows a record of a report: ``datascan show train_lmdb 17``."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datascan.report.figures import Example
    from datascan.report.model import Report

PLAIN_KEY = re.compile(r"[\w./:\[\]-]{1,80}", re.ASCII)


def show_command(report: Report, example: Example) -> str:
    """The command for an example of a report of one dataset.

    Empty if it names no record, or its dataset has several paths, which are joined by spaces. A key
    is used if it can be typed, because it stays valid if records are added before it.
    """
    path = report.dataset.path
    are_several = report.dataset.backend == "hdf5" and " " in path
    if example.index is None or "\\" in path or are_several:
        return ""
    key = example.key or ""
    is_key = PLAIN_KEY.fullmatch(key) is not None and not key.startswith("-")
    text = f"./{path}" if path.startswith("-") else path
    return f"datascan show {shlex.quote(text)} {shlex.quote(key) if is_key else example.index}"
