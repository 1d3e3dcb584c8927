"""Boards that workers write on: shared, and made of memory alone where processes are forked."""

from __future__ import annotations

import errno
import multiprocessing
import os
from multiprocessing.heap import Arena

import pytest

from datascan.errors import DatascanError
from datascan.executors.base import NO_ROW, WorkerSlot
from datascan.executors.process_pool.pool import create_shared_slots


@pytest.fixture
def no_room(monkeypatch):
    """Nothing can be written to any folder for shared memory."""

    def refuse(*_arguments, **_options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Arena, "__init__", refuse)
    # Else what an earlier test has left of its memory would do.
    monkeypatch.setattr("multiprocessing.heap.BufferWrapper._heap", multiprocessing.heap.Heap())


def work(board):
    desk = WorkerSlot(board, 4)
    desk.mark(7, 3)
    desk.advance(2, 50)
    desk.advance(1, 5)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_a_worker_writes_its_parent_reads(method):
    context = multiprocessing.get_context(method)
    board = create_shared_slots(context, 2)
    for slot in (0, 4):
        WorkerSlot(board, slot).reset()
    process = context.Process(target=work, args=(board,))
    process.start()
    process.join()
    assert WorkerSlot(board, 0).state == (NO_ROW, 0, 0, 0)
    assert WorkerSlot(board, 4).state == (7, 3, 3, 55)


def test_a_board_for_forks_needs_no_folder(no_room):
    board = create_shared_slots(multiprocessing.get_context("fork"), 2)
    WorkerSlot(board, 4).mark(1 << 40, 2)
    assert WorkerSlot(board, 4).state == (1 << 40, 2, 0, 0)


def test_a_board_for_spawned_workers_needs_one(no_room):
    with pytest.raises(DatascanError, match=r"^cannot share memory .*Read-only.*--workers 0$"):
        create_shared_slots(multiprocessing.get_context("spawn"), 2)
