"""Bounds the memory of a process; files that are mapped do not count.

The limit is on address space (RLIMIT_AS), which also counts mapped files and everything mapped
before. So it is set above what the process has mapped already, and raised for every file that
datascan maps later: an LMDB of 200 GB is read with a limit of 4 GB.

Only Linux enforces such a limit. Elsewhere nothing is bounded, and nothing fails.
"""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

STATM = Path("/proc/self/statm")
UNLIMITED = -1


def limit_memory(nbytes: int) -> bool:
    """Let this process map ``nbytes`` more than it has mapped now; whether that is enforced.

    Only the soft limit is set. A stricter limit that is already in force stays as it is.
    """
    mapped = mapped_bytes()
    if mapped is None:
        return False
    import resource  # noqa: PLC0415  (not available on Windows)

    # A decoder that crashes must not leave a core file of some gigabytes behind.
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY and soft <= mapped + nbytes:
        return True
    return set_soft_limit(mapped + nbytes, hard)


def map_file(descriptor: int, size: int) -> mmap.mmap:
    """Map ``size`` bytes of a file read-only, in addition to what the process may allocate.

    Raises:
        OSError: if the file cannot be mapped.
        ValueError: if it is shorter.
    """
    raise_limit(size)
    return mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)


def raise_limit(nbytes: int) -> None:
    """Let this process map ``nbytes`` more, if :func:`limit_memory` limits it."""
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415  (not available on Windows)

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        set_soft_limit(soft + nbytes, hard)


def set_soft_limit(nbytes: int, hard: int) -> bool:
    """Limit the address space of this process, at most to ``hard``; whether that succeeded."""
    import resource  # noqa: PLC0415  (not available on Windows)

    wanted = nbytes if hard == resource.RLIM_INFINITY else min(nbytes, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    except (OSError, ValueError):
        return False
    return True


def mapped_bytes() -> int | None:
    """The address space of this process in bytes; None if the system does not tell."""
    if sys.platform != "linux":
        return None
    try:
        return int(STATM.read_bytes().split()[0]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return None
