"""What identifies a part of a dataset, so that what was measured in it can be used again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import xxhash
from msgspec import Struct

FileState = tuple[int, int, int, int]
"""Inode, size, and the times (ns) of the last change of content and of status, 0 if unknown.

Nobody can set the time of the last change of status, so a file that was overwritten and given its
old time and size is noticed. It also changes with permissions and names: then, the file is read
again for nothing. Windows has no such time. The device is left out: its number may change whenever
the system starts.
"""

MISSING: FileState = (-1, -1, -1, -1)
NOT_KNOWN = 1 << 80
"""A time after that of every scan."""

INODE_BITS = (1 << 63) - 1
HAS_STATUS_TIME = os.name == "posix"


def state_of(found: os.stat_result) -> FileState:
    """The state of a file."""
    status = found.st_ctime_ns if HAS_STATUS_TIME else 0
    return found.st_ino & INODE_BITS, found.st_size, found.st_mtime_ns, status


def find_state(path: str | Path) -> FileState:
    """The state of the file at ``path``; ``MISSING`` if it cannot be looked up."""
    try:
        return state_of(os.stat(path))  # noqa: PTH116  (much faster)
    except (OSError, ValueError):
        return MISSING


class PartIdentity(Struct, frozen=True):
    """On what the result of a part depends, besides options and versions.

    Attributes:
        digest: 32 bytes; equal if the results are.
        changed: when the last of its files was changed, in ns. A file that was changed only just
            now may change once more without getting another time. ``NOT_KNOWN`` if a file could
            not be looked up: it may be there when it is read.
    """

    digest: bytes
    changed: int

    @classmethod
    def of(cls, facts: Iterable[object], states: Iterable[FileState]) -> PartIdentity:
        """The identity of a part that depends on ``facts`` and on files in these states."""
        states = tuple(states)
        changed = max((status or content for _, _, content, status in states), default=0)
        changed = NOT_KNOWN if MISSING in states else changed
        return cls(digest_facts((*facts, states)), changed)

    def with_facts(self, *facts: object) -> PartIdentity:
        """The identity of a part that depends on more."""
        return PartIdentity(digest_facts((self.digest, *facts)), self.changed)


def digest_facts(facts: Iterable[object]) -> bytes:
    """A hash of bytes, and of other objects as ``repr`` shows them, 32 bytes."""
    from hashlib import blake2b  # noqa: PLC0415  (loads OpenSSL, which other scans do not need)

    digest = blake2b(digest_size=32)
    for fact in facts:
        octets = fact if isinstance(fact, bytes) else repr(fact).encode("utf-8", "surrogatepass")
        digest.update(b"%s %d\n" % (b"bytes" if octets is fact else b"other", len(octets)))
        digest.update(octets)
    return digest.digest()


def is_boundary(name: bytes, every: int) -> bool:
    """Whether a part begins at a name: one of about ``every`` names, chosen by their hashes.

    So what is added or removed changes the parts next to it only, instead of shifting all others.
    """
    return xxhash.xxh3_64_intdigest(name) % every == 0
