"""How worker processes start and how their end is described."""

from __future__ import annotations

import signal
import sys
import threading

import pytest

from datascan.executors.process_pool.worker import (
    describe_exit,
    hidden_main_module,
    start_method,
)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGSEGV, "killed by SIGSEGV"),
        (-signal.SIGKILL, "killed by SIGKILL"),
        (-1000, "killed by signal 1000"),
        (3, "ended with status 3"),
        (0, "ended with status 0"),
        (None, "ended with status None"),
    ],
)
def test_exit_codes_in_words(code, words):
    assert describe_exit(code) == words


def test_a_process_with_threads_is_not_forked():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert start_method() == "spawn"
    finally:
        stop.set()
        thread.join()


def test_the_main_module_is_hidden_only_while_a_worker_starts():
    main = sys.modules["__main__"]
    with hidden_main_module():
        assert sys.modules["__main__"] is not main
        assert not hasattr(sys.modules["__main__"], "__file__")
    assert sys.modules["__main__"] is main
