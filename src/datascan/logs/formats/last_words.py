"""How a run ended, by the last lines of its log: a crash, or a request to end.

Source: glog, src/signalhandler.cc and src/logging.cc: what is printed on a signal and on a failed
check.
"""

from __future__ import annotations

import re

from datascan.logs.runs import Run

CRASH = re.compile(
    r"\*\*\* (?:Aborted at|SIG|Check failure stack trace)|Segmentation fault|terminate called"
    r"|Check failed:|core dumped"
)
TRACEBACK = "Traceback (most recent call last):"
SHELL_CRASH = re.compile(rf"\bBus error\b|\bKilled\b|^{re.escape(TRACEBACK)}")
"""Crashes reported by shells and Python, never in a line of glog."""

SIGNAL = re.compile(r"\*\*\* (SIG[A-Z0-9]+) ")
FRAME = re.compile(r"\s*(?:PC: )?@ +0x[0-9a-f]+ +(\S.*)")
REQUEST = re.compile(
    r"\*\*\* (SIG(?:TERM|INT|HUP|QUIT|USR[12]|XCPU)) |^(?:.{0,200}\s)?(Terminated)(?:\s|$)"
    r"|slurmstepd: .{0,200}\b(CANCELLED|TIME LIMIT)\b|^(KeyboardInterrupt)"
)
"""The owner or a scheduler has ended the run."""

DULL_FRAME = re.compile(
    r"\(unknown\)|google::|__|_start|main\b|clone|start_thread|gsignal|abort|raise|std::|thread_proxy"
)
"""Frames of glog, the C library and threads, which are in every trace."""

MAX_WORDS = 300
MAX_LAST_WORDS = 50


def note_end(run: Run, text: str, level: str | None) -> None:
    """Note a line that says how the run ends; ``level`` is that of glog, None without it."""
    if found := REQUEST.search(text):
        run.ended = next(filter(None, found.groups()))
        if run.crash is None or run.crash == TRACEBACK or run.crash.startswith("*** Aborted at"):
            run.crash = None
            run.last_words.clear()
    elif run.ended is not None:
        return
    elif run.crash == TRACEBACK and not text[:1].isspace():
        # The line after the frames names the exception.
        run.crash = squeeze_whitespace(text) or TRACEBACK
    elif run.crash is not None:
        if len(run.last_words) < MAX_LAST_WORDS and (SIGNAL.search(text) or FRAME.match(text)):
            run.last_words.append(text[:MAX_WORDS])
    elif is_crash(text, level):
        run.crash = squeeze_whitespace(text)
        if SIGNAL.search(text):
            run.last_words.append(text[:MAX_WORDS])


def is_crash(text: str, level: str | None) -> bool:
    """Whether a line reports a crash."""
    if level == "F":
        return True
    return bool(CRASH.search(text) or (level is None and SHELL_CRASH.search(text)))


def squeeze_whitespace(text: str) -> str:
    """``text`` with single spaces, and not too long."""
    return " ".join(text.split())[:MAX_WORDS]


def describe_crash(run: Run) -> str:
    """The crash in words: what was reported, the signal, and the first frame that tells."""
    words = run.crash or ""
    signals = [found[1] for line in run.last_words if (found := SIGNAL.search(line))]
    frames = [found[1] for line in run.last_words if (found := FRAME.match(line))]
    if signals and words.startswith("***"):
        words = signals[0]
    elif signals and signals[0] != "SIGABRT":
        words += f"; {signals[0]}"
    telling = next((frame for frame in frames if not DULL_FRAME.match(frame)), None)
    return f"{words} in {squeeze_whitespace(telling)}" if telling else words
