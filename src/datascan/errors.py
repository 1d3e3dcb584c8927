"""Exceptions raised for users of datascan. Each message is one clear sentence."""

from __future__ import annotations

from typing import Any

from datascan.text import escape_control


class DatascanError(Exception):
    """Base class of all errors that end a scan with exit status 2.

    The message is the only argument, so instances can be pickled between processes. Control
    characters in it are escaped if it is shown: it may quote names from datasets.
    """

    def __str__(self) -> str:
        return escape_control(str(self.args[0])) if self.args else ""


class UsageError(DatascanError):
    """Invalid option or argument."""


class DatasetError(DatascanError):
    """The path is not a dataset, or cannot be read at all."""


class OutputError(DatascanError):
    """A report or other output cannot be written."""


class FindingsError(DatascanError):
    """A dataset has findings that fail it.

    ``findings`` holds all of them; the message lists the first few. Raised only by
    ``Report.raise_for_findings``. Instances can be pickled.
    """

    def __init__(self, message: str, findings: tuple[Any, ...] = ()) -> None:
        super().__init__(message, findings)
        self.findings = findings

    def __str__(self) -> str:
        return "\n".join(map(escape_control, str(self.args[0]).split("\n")))


class RecordError(Exception):
    """What the plug-in of another package raised while it read records: a finding for these."""


class PluginWarning(UserWarning):
    """A plug-in of another package could not be used, or failed, and was left out."""

    def __str__(self) -> str:
        return escape_control(super().__str__())


def describe_exception(error: BaseException) -> str:
    """An exception in one line, with its place: "KeyError: 6 (PIL/PsdImagePlugin.py, line 84)"."""
    words = " ".join(str(error).split()).split(" at 0x")
    # Without the addresses of objects, which differ from run to run.
    message = "".join([words[0], *(word.lstrip("0123456789abcdefABCDEF") for word in words[1:])])
    text = f"{type(error).__name__}: {message[:200]}".removesuffix(": ")
    step = error.__traceback__
    if step is None or isinstance(error, RecordError):
        return text.removeprefix("RecordError: ")
    while step.tb_next is not None:
        step = step.tb_next
    place = "/".join(step.tb_frame.f_code.co_filename.replace("\\", "/").split("/")[-2:])
    return f"{text} ({place}, line {step.tb_lineno})"
