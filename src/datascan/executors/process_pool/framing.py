"""Messages from a process, put together as they come in, so that nobody waits for the rest of one.

A process can be stopped or killed in the middle of a message. ``Connection.recv`` would then wait
for good; an inbox keeps what has come, and its owner goes on looking at the clock.
"""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any

LENGTH = struct.Struct("!Q")
MAX_READ_BYTES = 1 << 20
PARTIAL = object()
"""Stands for a message of which a part is still to come."""


def send_message(descriptor: int, message: object) -> None:
    """Send a message: its length as a big-endian uint64, then its pickle. Waits for room."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    for octets in (LENGTH.pack(len(body)), body):
        rest = memoryview(octets)
        while rest:
            rest = rest[os.write(descriptor, rest) :]


class MessageReader:
    """What has come of a message through ``descriptor``."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._held = bytearray()
        self._length: int | None = None

    def poll(self) -> Any:
        """Read once, which waits only if nothing has come; the message, or ``PARTIAL``.

        Raises:
            EOFError: where the other side has closed.
            OSError: where it was torn off.
        """
        wanted = LENGTH.size if self._length is None else self._length
        octets = os.read(self.descriptor, min(wanted - len(self._held), MAX_READ_BYTES))
        if not octets:
            raise EOFError
        self._held += octets
        if len(self._held) < wanted:
            return PARTIAL
        held, self._held = self._held, bytearray()
        if self._length is None:
            (self._length,) = LENGTH.unpack(held)
            return PARTIAL
        self._length = None
        return pickle.loads(held)  # noqa: S301  (our own process wrote it)
