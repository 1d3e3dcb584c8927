"""How worker processes start and how their end is described."""

from __future__ import annotations

import signal
import subprocess
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


PRINTING = """
import os, sys
from datascan.executors.process_pool.worker import silence_libraries
silence_libraries()
os.write(2, b"from a library\\n")
print("from Python", file=sys.stderr)
"""


def test_what_libraries_print_does_not_reach_the_terminal():
    run = subprocess.run(
        [sys.executable, "-c", PRINTING], capture_output=True, text=True, check=True
    )
    assert (run.stdout, run.stderr) == ("", "from Python\n")


def test_descriptor_2_is_left_alone_if_standard_error_was_closed(tmp_path):
    code = "import os\nassert os.open('file', os.O_CREAT | os.O_WRONLY) == 2\n" + PRINTING.replace(
        "print", "0 and print"
    )
    command = 'exec "$0" -c "$1" 2>&-'
    subprocess.run(["sh", "-c", command, sys.executable, code], check=True, cwd=tmp_path)
    assert (tmp_path / "file").read_bytes() == b"from a library\n"
