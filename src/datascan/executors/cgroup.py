"""The limits of the control groups that this process is in: CPU time and memory.

Version 1 has a tree of groups for each controller, version 2 one tree for all of them; a machine
may have both. A group is limited by all groups above it. Containers often see only their own part
of the tree. What cannot be read or makes no sense is not a limit.

Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, and cgroup-v1/ there; proc(5).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from msgspec import Struct

MAX_FILE_BYTES = 1 << 20
MAX_DIGITS = 18
MAX_GROUPS = 64
"""The most groups above one another that are inspected."""

MIN_MEMORY = 16 << 20
"""Python does not run with less, so a smaller number is not a limit."""

UNLIMITED = 1 << 60
"""Version 1 says 2**63, less a page, if there is no limit."""

MICROSECONDS = (1_000, 10_000_000)
"""Periods of CPU time that the kernel may report; it allows up to a second."""


class Mount(Struct, frozen=True):
    """A mounted tree of groups: the group at its top, its folder, and its controllers.

    ``controllers`` has only an empty name in version 2.
    """

    top: str
    place: Path
    controllers: frozenset[str]


def cpu_quota(root: Path = Path("/")) -> float | None:
    """How many CPUs' time the groups of this process may use; None without a limit.

    ``root`` is the folder that has ``proc``.
    """
    quotas = [
        quota
        for group, version in find_groups("cpu", root)
        if (quota := read_quota(group, version)) is not None
    ]
    return min(quotas, default=None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """How many bytes the groups of this process may use; None without a limit."""
    limits = []
    for group, version in find_groups("memory", root):
        names = ("memory.max", "memory.high") if version > 1 else ("memory.limit_in_bytes",)
        limits += [number for name in names if (number := parse_number(read(group / name)))]
    return min((n for n in limits if MIN_MEMORY <= n < UNLIMITED), default=None)


def read_quota(group: Path, version: int) -> float | None:
    """How many CPUs' time a group may use."""
    if version > 1:
        words = read(group / "cpu.max").split()
    else:
        words = [read(group / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    numbers = [parse_number(word) for word in words]
    if len(numbers) != 2:
        return None
    quota, period = numbers
    if not quota or not period or not MICROSECONDS[0] <= period <= MICROSECONDS[1]:
        return None
    return quota / period


def find_groups(controller: str, root: Path) -> Iterator[tuple[Path, int]]:
    """The folders of the groups with a controller, innermost first, and their version."""
    mounts = list(find_mounts(root))
    for line in read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        is_unified = number == "0" and not controllers
        if not is_unified and controller not in controllers.split(","):
            continue
        for mount in mounts:
            if ("" if is_unified else controller) in mount.controllers:
                for group in groups_upwards(mount, path):
                    yield group, 2 if is_unified else 1


def find_mounts(root: Path) -> Iterator[Mount]:
    """The mounted trees of groups. See proc(5), mountinfo."""
    for line in read(root / "proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        places, kind = left.split(" "), right.split(" ")
        if len(places) < 6 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        controllers = frozenset([""] if kind[0] == "cgroup2" else kind[2].split(","))
        yield Mount(places[3], root / places[4].lstrip("/"), controllers)


def groups_upwards(mount: Mount, path: str) -> Iterator[Path]:
    """The folder of the group ``path``, and of those above it, as far as they are visible.

    A container may see its own group at the top of the tree, while the path is that of its host.
    """
    try:
        inside = PurePosixPath(path).relative_to(mount.top)
    except ValueError:
        inside = PurePosixPath()
    parts = () if ".." in inside.parts else inside.parts
    for depth in range(min(len(parts), MAX_GROUPS), -1, -1):
        yield mount.place.joinpath(*parts[:depth])


def parse_number(text: str) -> int | None:
    """A positive whole number in digits; None for everything else, such as "max" and "-1"."""
    digits = text.strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > MAX_DIGITS:
        return None
    return int(digits) or None


def read(path: Path) -> str:
    """The beginning of a file; "" if it cannot be read. Never waits for a writer of a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError):
        return ""
    try:
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            return (file.read(MAX_FILE_BYTES) or b"").decode("utf-8", "replace")
    except OSError:
        return ""
