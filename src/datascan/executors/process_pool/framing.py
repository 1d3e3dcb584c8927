"""Messages on a pipe, assembled as they arrive, so that the reader never blocks on half of one.

A process can be stopped or killed in the middle of a message. ``Connection.recv`` would then block
forever; a message reader keeps the bytes that have arrived and returns, so that its caller can
enforce a timeout.

Messages are pickles: both ends are this program, with the same rights, and no other process has the
pipe. Nothing that comes from a file may be sent through here as a pickle to be loaded.
"""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any

LENGTH = struct.Struct("!Q")
MAX_READ_BYTES = 1 << 20
PARTIAL = object()
"""Returned in place of a message that has not arrived completely."""

IS_FILE = os.name != "nt"
"""Whether a connection is a file, with a descriptor."""


def send_message(descriptor: int, message: object) -> None:
    """Send a message: its length as a big-endian uint64, then its pickle. Blocks on a full pipe."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    for octets in (LENGTH.pack(len(body)), body):
        rest = memoryview(octets)
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def send(pipe: Any, message: object) -> None:
    """Send a message through a connection."""
    if IS_FILE:
        send_message(pipe.fileno(), message)
    else:
        pipe.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))


class ConnectionReader:
    """Reads messages whole: what the pipes of Windows allow."""

    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe

    def poll(self) -> Any:
        """Return the next message. Raises EOFError or OSError if the pipe was closed."""
        return pickle.loads(self.pipe.recv_bytes())  # noqa: S301  (written by our own process)


def reader_of(pipe: Any) -> MessageReader | ConnectionReader:
    """The reader of a connection."""
    return MessageReader(pipe.fileno()) if IS_FILE else ConnectionReader(pipe)


class MessageReader:
    """Reads messages from the file ``descriptor`` of a pipe, piece by piece."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._buffer = bytearray()
        self._length: int | None = None

    def poll(self) -> Any:
        """Read once, and return the message or ``PARTIAL``. Blocks only if the pipe is empty.

        Raises:
            EOFError: if the other side has closed the pipe.
            OSError: if the connection was lost.
        """
        needed = LENGTH.size if self._length is None else self._length
        octets = os.read(self.descriptor, min(needed - len(self._buffer), MAX_READ_BYTES))
        if not octets:
            raise EOFError
        self._buffer += octets
        if len(self._buffer) < needed:
            return PARTIAL
        complete, self._buffer = self._buffer, bytearray()
        if self._length is None:
            (self._length,) = LENGTH.unpack(complete)
            return PARTIAL
        self._length = None
        return pickle.loads(complete)  # noqa: S301  (written by our own process)
