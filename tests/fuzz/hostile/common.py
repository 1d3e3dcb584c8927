"""Shared by the builders of hostile inputs."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from pathlib import Path

from tests.builders.images import photo
from tests.fuzz.case import Place

HUGE = [0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
"""Numbers at the edges of types."""

NAMES = [
    "\x1b[2J",
    "a\nb",
    "a\r\n::stop-commands::x",
    "\u202egpj",
    "\u2028",
    "<script>",
    "-rf",
    "%n%s",
    "caf\udce9",
    "\x07\x9b31m",
    "'; ls",
    "..\\..\\x",
    "a" * 240,
    " ",
    "[*?]",
    "#\ufeff",
]
"""Parts of file names that outputs must not print as they are."""


def scan_words(place: Place, command: str, *paths: str) -> list[str]:
    """The words of a scan, with some outputs."""
    words = [command, *paths, "--json", str(place.out / "json"), "--timeout", "20"]
    words += ["--no-progress", "--bad-records", str(place.out / "bad")]
    return words + more_outputs(place)


def more_outputs(place: Place) -> list[str]:
    """One of the slower outputs, now and then."""
    kind = place.chance.choice(["html", "sarif", "junit", *[""] * 9])
    return [f"--{kind}", str(place.out / kind)] if kind else []


def number(chance: random.Random, bits: int = 64) -> int:
    """A number of at most that many bits, often at the edge of a type."""
    value = chance.choice([*HUGE, chance.randrange(300), chance.getrandbits(bits)])
    return value % (1 << bits)


def put_special(path: Path, place: Place) -> None:
    """Something that is not a regular file of the dataset, at ``path``."""
    kind = place.chance.choice(["fifo", "socket", "folder", "sparse", *LINKS])
    with contextlib.suppress(OSError, ValueError):
        path.unlink(missing_ok=True)
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as one:
                one.bind(os.path.relpath(path))
        elif kind == "folder":
            path.mkdir()
        elif kind == "sparse":
            path.touch()
            os.truncate(path, 1 << 36)
        elif kind == "hard link":
            os.link(place.outside / "victim", path)
        else:
            path.symlink_to(LINKS[kind].format(outside=place.outside, own=path.name))


LINKS = {
    "to a device": "/dev/zero",
    "to a terminal": "/dev/tty",
    "to a victim": "{outside}/victim",
    "to a key": "{outside}/key",
    "to lines": "{outside}/lines",
    "to itself": "{own}",
    "to a folder": "{outside}",
    "to the parent": "..",
    "to nothing": "absent/{own}",
    "to memory": "/proc/self/mem",
    "to output": "/proc/self/fd/1",
    "hard link": "",
}


def healthy_image(chance: random.Random) -> bytes:
    """A small JPEG."""
    return photo(chance.randrange(50))
