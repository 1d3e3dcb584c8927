"""The summary of a step of GitHub Actions: Markdown, appended to the file that the runner names.

That file belongs to the user, and other commands of the step append to it: nothing in it is ever
replaced, and if nothing can be appended, that costs a line on standard error only.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datascan.cli.files import translated_errors
from datascan.cli.internal_error import say
from datascan.errors import DatascanError

if TYPE_CHECKING:
    from datascan.cli.guard.guard import Guard
    from datascan.report.failed_scan import FailedScan
    from datascan.report.model import Report

VARIABLE = "GITHUB_STEP_SUMMARY"

MAX_BYTES = 1 << 20
"""GitHub refuses a summary that is larger, also what other commands have appended."""


def append_step_summary(
    reports: Sequence[Report], failed: Sequence[FailedScan], guard: Guard
) -> None:
    """Append the reports to the summary of the step, if this is one."""
    name = os.environ.get(VARIABLE)
    if not name:
        return
    from datascan.outputs import markdown

    try:
        append(Path(name), markdown.render(reports, failed).encode(), guard)
    except DatascanError as error:
        say(f"{VARIABLE}: {error}")


def append(path: Path, text: bytes, guard: Guard) -> None:
    """Append ``text`` to the file at ``path``, all of it or nothing.

    Raises:
        DatascanError: if it cannot, or the file would be larger than GitHub takes.
    """
    guard.check_appended("the summary of the step", path)
    with translated_errors(path):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags, 0o666)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError("it is not a file")
            if found.st_size + len(text) > MAX_BYTES:
                raise OSError("with this report it would exceed 1 MiB, the limit of GitHub")
            write_whole(descriptor, b"\n" * bool(found.st_size) + text, found.st_size)
        finally:
            os.close(descriptor)


def write_whole(descriptor: int, text: bytes, size: int) -> None:
    """Write all of ``text`` at the end of a file of ``size`` bytes; if that fails, none of it."""
    rest = memoryview(text)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        os.ftruncate(descriptor, size)
        raise
