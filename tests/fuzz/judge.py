"""Runs the command on a variant in a forked child, measures it, and says what went wrong."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datascan.cli.app import run
from tests.fuzz.case import SECRETS, Place

SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))
SLOW_SECONDS = 10.0
PEAK_BYTES = 2 << 30
SHOW_REFUSALS = bool(os.environ.get("SHOW_REFUSALS"))
RECURSION = sys.getrecursionlimit()
OTHER = 99
"""The exit status of a child that raised an exception."""


@dataclass(frozen=True)
class Outcome:
    """The results of a command. ``hidden``: a secret that it has shown."""

    status: int
    output: str
    errors: str
    report: dict | None
    bad: list[dict]
    scratch: list[str]
    hung: bool
    seconds: float
    peak: int
    hidden: str = ""


def execute(words: Sequence[str], place: Place) -> Outcome:
    """Run ``datascan`` with these words in a child process, in its own session."""
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        become_command(words, place)
    hung, peak, pause = False, 0, 0.002
    while True:
        done, state, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > start + SECONDS:
            hung = True
            os.killpg(child, signal.SIGKILL)
        if pause > 0.02:
            peak = max(peak, sum(map(resident_bytes, members_of(child))))
        time.sleep(pause)
        pause = min(0.05, pause * 1.2)
    seconds = time.monotonic() - start
    errors = (place.home / "err").read_text(errors="replace")
    errors += find_leftover(child) * (not hung)
    output = (place.home / "text").read_text(errors="surrogateescape")
    written = {path.name: path.read_bytes() for path in place.out.iterdir() if path.is_file()}
    text = "\n".join(
        [output, errors, *(body.decode("utf-8", "replace") for body in written.values())]
    )
    return Outcome(
        status=os.waitstatus_to_exitcode(state),
        output=output,
        errors=errors,
        report=json.loads(written["json"]) if written.get("json") else None,
        bad=[json.loads(line) for line in written.get("bad", b"").splitlines()],
        scratch=[path.name for path in place.scratch.iterdir()],
        hung=hung,
        seconds=seconds,
        # The system's own figure counts mapped files, which cost no memory.
        peak=peak or usage.ru_maxrss * 1024,
        hidden=next((secret for secret in SECRETS if secret in text), ""),
    )


def become_command(words: Sequence[str], place: Place) -> None:
    """Run the command in this process, and end it."""
    os.setsid()
    sys.setrecursionlimit(RECURSION)
    os.chdir(place.work)
    os.environ["HOME"] = str(place.outside)
    os.environ["TMPDIR"] = tempfile.tempdir = str(place.scratch)
    with (place.home / "text").open("wb") as out, (place.home / "err").open("wb") as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
    sys.stdout = os.fdopen(1, "w", errors="surrogateescape")
    sys.stderr = os.fdopen(2, "w", errors="surrogateescape")
    status = OTHER
    try:
        status = run(list(words))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else OTHER
    except BaseException:  # noqa: BLE001  (any exception is a failure to report)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def members_of(session: int) -> Iterator[Path]:
    """The ``/proc`` folders of the processes of a session."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                if (folder / "stat").read_text().rpartition(")")[2].split()[3] == str(session):
                    yield folder


def resident_bytes(folder: Path) -> int:
    """The memory of a process without mapped files, in bytes."""
    kibibytes = 0
    with contextlib.suppress(OSError):
        for line in (folder / "status").read_text().splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                kibibytes += int(line.split()[1])
    return kibibytes * 1024


def find_leftover(session: int) -> str:
    """An error message if a process of this session is still alive, else ""."""
    time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(session, 0)
        time.sleep(0.2)
        os.killpg(session, signal.SIGKILL)
        return "a process was left behind"
    return ""


def find_misbehaviour(outcome: Outcome) -> Iterator[str]:
    """What no command may do, for any input."""
    if outcome.hung:
        yield f"not done after {SECONDS:g} seconds"
    if outcome.peak > PEAK_BYTES:
        yield f"{outcome.peak / 2**30:.1f} GiB of memory"
    if outcome.status not in {0, 1, 2} and not outcome.hung:
        yield f"exit status {outcome.status}"
    if "Traceback" in outcome.errors or (outcome.errors and outcome.status not in {0, 1, 2}):
        yield f"standard error: {outcome.errors[-1500:]}"
    if outcome.status == 2 and not outcome.errors.strip():
        yield "refused without a message"
    if outcome.status == 2 and SHOW_REFUSALS:
        print(outcome.errors.strip()[-300:], flush=True)
    if outcome.scratch and not outcome.hung:
        yield f"left behind: {outcome.scratch}"
    if outcome.hidden:
        yield f"shows a secret: {outcome.hidden}"
    bad = {c for c in outcome.output + outcome.errors if c not in "\n\t" and is_dangerous(c)}
    if bad:
        yield f"prints control characters: {sorted(bad)}"


def is_dangerous(character: str) -> bool:
    """Whether a terminal may act on a character instead of showing it."""
    return unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} and character != "\u00ad"
