"""Documents that are run: files that they show, and commands with their output."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "\x1e"

MASKS = (
    (r" in [\d,.]+ s\b", " in 0.07 s"),
    (r"\b60 records, [\d.]+ kB", "60 records, 76.6 kB"),  # encoders differ
    (r"(\"elapsed_seconds\": )[\d.e-]+", r"\g<1>0.07"),
    (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[+-]\d\d:\d\d|Z)", "2026-11-28T12:00:00+00:00"),
    (r"(added = )\d{4}-\d\d-\d\d", r"\g<1>2026-11-28"),
    (r"(datascan |\"datascan\": \")\d+\.\d+\.\d+\b", r"\g<1>0.1.0"),
)
"""What differs from run to run, as the documents show it."""


@dataclass(frozen=True)
class Fence:
    """A fenced block of a document: its language, the file that it shows, and its text."""

    language: str
    file: str | None
    text: str
    start: int

    @property
    def commands(self) -> list[tuple[str, str]]:
        """The commands of a console, each with the output below it."""
        parts = re.split(r"^\$ ((?:.*\\\n)*.*)\n", self.text, flags=re.MULTILINE)
        assert parts[0] == "", f"output before the first command: {parts[0]}"
        return list(zip(parts[1::2], parts[2::2], strict=True))


def fences(text: str) -> list[Fence]:
    """All fenced blocks of a document."""
    return [Fence(m[1], m[2], m[3], m.start(3)) for m in FENCE.finditer(text)]


def run_console(fence: Fence, folder: Path) -> list[str]:
    """What each command of a block prints, in one shell, so that ``$?`` is that of the last."""
    lines = ["status=0"]
    for command, _ in fence.commands:
        lines += [f"printf '{MARK}'; (exit $status)", command, "status=$?"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env=surroundings(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    return [mask(part) for part in done.stdout.split(MARK)[1:]]


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of a reader: plain, 100 columns wide, and the same everywhere."""
    unwanted = ("CI", "FORCE_COLOR", "GITHUB_", "PYTHONIOENCODING", "DATASCAN_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    fixed = {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1", "TERM": "dumb", "TZ": "UTC"}
    # The order of names in "ls" depends on the language.
    fixed["LC_ALL"] = "C"
    author = {"GIT_AUTHOR_NAME": "Ada", "HOME": str(folder)}
    return kept | fixed | author | {"PATH": path}


def mask(text: str) -> str:
    """Text without what differs from run to run."""
    for pattern, instead in MASKS:
        text = re.sub(pattern, instead, text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def is_excerpt(shown: str, printed: str) -> bool:
    """Whether ``shown`` is ``printed``; a line ``...`` leaves out any number of lines."""
    parts = [re.escape(part) for part in re.split(r"^\.\.\.\n", mask(shown), flags=re.MULTILINE)]
    return re.fullmatch(r"(?:.*\n)*?".join(parts), printed) is not None
