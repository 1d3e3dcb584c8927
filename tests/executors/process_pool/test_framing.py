"""Messages that come in pieces, and those that never come whole."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from itertools import cycle
from select import select

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.executors.process_pool import framing
from datascan.executors.process_pool.framing import LENGTH, PARTIAL, MessageReader, send_message


@pytest.fixture
def ends():
    theirs, ours = os.pipe()
    yield theirs, ours
    for end in (theirs, ours):
        try:
            os.close(end)
        except OSError:
            continue


def octets_of(message: object) -> bytes:
    body = pickle.dumps(message)
    return LENGTH.pack(len(body)) + body


@given(
    st.lists(st.one_of(st.binary(max_size=50), st.text(max_size=5), st.none()), max_size=4),
    st.lists(st.integers(1, 40), min_size=1),
)
def test_messages_in_any_pieces(messages, sizes):
    theirs, ours = os.pipe()
    inbox, got = MessageReader(theirs), []
    rest = b"".join(map(octets_of, messages))
    pieces = cycle(sizes)
    try:
        while rest:
            size = next(pieces)
            os.write(ours, rest[:size])
            rest = rest[size:]
            while select([theirs], [], [], 0)[0]:
                got.append(inbox.poll())
    finally:
        os.close(theirs)
        os.close(ours)
    assert [message for message in got if message is not PARTIAL] == messages


def test_a_large_message_comes_while_it_is_sent(ends):
    theirs, ours = ends
    message = os.urandom(3 << 20)
    sender = threading.Thread(target=send_message, args=(ours, message))
    sender.start()
    inbox = MessageReader(theirs)
    parts = 0
    while (got := inbox.poll()) is PARTIAL:
        parts += 1
    sender.join()
    assert got == message
    assert parts > 3


@pytest.mark.parametrize(("length", "parts"), [(0, 0), (3, 1), (8, 1), (20, 2)])
def test_a_sender_that_goes_in_the_middle(ends, length, parts):
    theirs, ours = ends
    os.write(ours, octets_of("never to be whole")[:length])
    os.close(ours)
    inbox = MessageReader(theirs)
    for _ in range(parts):
        assert inbox.poll() is PARTIAL
    with pytest.raises(EOFError):
        inbox.poll()


def test_messages_on_pipes_that_are_not_files(monkeypatch):
    """As on Windows, where a connection has a handle in place of a descriptor."""
    monkeypatch.setattr(framing, "IS_FILE", False)
    ours, theirs = multiprocessing.Pipe()
    inbox = framing.reader_of(theirs)
    for message in ([1, "two"], b"x" * 10_000, None):
        framing.send(ours, message)
        assert inbox.poll() == message
    ours.close()
    with pytest.raises(EOFError):
        inbox.poll()
