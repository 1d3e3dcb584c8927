"""Worker processes: how they start, what they run, and how they end."""

from __future__ import annotations

import ctypes
import errno
import os
import pickle
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from datascan.errors import DatascanError
from datascan.executors.base import WorkerSlot
from datascan.executors.process_pool.framing import send
from datascan.memory import limit_memory
from datascan.records.shard import Shard

PR_SET_PDEATHSIG = 1
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 64 << 20
READY = "ready"
STDERR = 2


class OutOfMemory:
    """The answer of a worker that could not allocate what it needed."""


def worker_loop(
    call: Callable[[Any, WorkerSlot], Any],
    slots: Sequence[WorkerSlot],
    pipe: Connection,
    foreign: Sequence[Connection],
    max_memory: int | None,
) -> None:
    """Answer every order from the pipe by ``call(order, slot)``, until the pipe closes.

    The ``slots`` are used in turn. After a lack of memory, no more orders are executed.
    ``foreign`` are connections inherited from the parent that this process must not keep open.
    ``max_memory`` is how many bytes it may allocate, in addition to what its parent has.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent()
    keep_freed_memory()
    silence_libraries()
    for connection in foreign:
        connection.close()
    send(pipe, READY)
    if max_memory is not None:
        limit_memory(max_memory)
    for slot in cycle(slots):
        try:
            order = pipe.recv()
        except (EOFError, OSError):
            return
        if not send_answer(pipe, answer(call, order, slot)):
            wait_for_end(pipe)
            return


def send_answer(pipe: Connection, message: Any) -> bool:
    """Send an answer; whether there is memory left for another one."""
    try:
        send(pipe, message)
    # The message is pickled before any of it is sent.
    except MemoryError:
        message = OutOfMemory()
        send(pipe, message)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        send(pipe, error)
    return not isinstance(message, OutOfMemory)


def wait_for_end(pipe: Connection) -> None:
    """Ignore all orders until the parent ends this process."""
    with suppress(EOFError, OSError):
        while True:
            pipe.recv_bytes()


def answer(call: Callable[[Any, WorkerSlot], Any], order: Any, slot: WorkerSlot) -> Any:
    """The result of ``call(order, slot)``, the exception that it raised, or ``OutOfMemory``."""
    try:
        return call(order, slot)
    except MemoryError:
        return OutOfMemory()
    except OSError as error:
        return OutOfMemory() if error.errno == errno.ENOMEM else error
    except BaseException as error:  # noqa: BLE001  (the parent raises it)
        return with_place(error, order, slot)


def with_place(error: BaseException, order: Any, slot: WorkerSlot) -> BaseException:
    """The exception with notes: which rows were read, and its traceback, which is not pickled."""
    import traceback  # noqa: PLC0415  (most scans do not need it, and it is slow to load)

    if isinstance(error, DatascanError):
        return error
    row, count, _, _ = slot.state
    shard = order[0] if isinstance(order, tuple) and order else order
    if isinstance(shard, Shard) and count > 0:
        rows = f"row {row}" if count == 1 else f"rows {row} to {row + count - 1}"
        error.add_note(f"{rows} of part {shard.index}")
    lines = "".join(traceback.format_tb(error.__traceback__))
    error.add_note(f"Traceback in the worker:\n{lines}")
    return error


def die_with_parent() -> None:
    """Let Linux kill this process when its parent dies; elsewhere, the closed pipe ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def keep_freed_memory() -> None:
    """Let the C library reuse the memory of freed blocks.

    By default, it returns blocks of some megabytes to the kernel, which clears each new one.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is not None and hasattr(libc, "mallopt"):
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)


def silence_libraries() -> None:
    """Let what native code prints to standard error vanish, but not what Python code prints.

    A library that crashes may print a line ("munmap_chunk(): invalid pointer"); the crash itself is
    reported by the parent.
    """
    # If standard error was closed, descriptor 2 may be anything, such as the pipe of this worker.
    if sys.stderr is None:
        return
    sys.stderr.flush()
    with suppress(OSError):  # too few open files, which this is not worth
        nothing = os.open(os.devnull, os.O_WRONLY)
        sys.stderr = os.fdopen(os.dup(STDERR), "w", buffering=1, errors="backslashreplace")
        os.dup2(nothing, STDERR)
        os.close(nothing)


def start_method() -> str:
    """``fork`` if it is fast and safe: on Linux, in a process with a single thread."""
    if sys.platform == "linux" and threading.active_count() == 1:
        tasks = Path("/proc/self/task")
        if tasks.is_dir() and len(list(tasks.iterdir())) == 1:
            return "fork"
    return "spawn"


@contextmanager
def hidden_main_module() -> Iterator[None]:
    """Keep spawned workers from importing the caller's script, which may lack a main guard."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def is_stopped(process: int) -> bool:
    """Whether a process was stopped by a signal such as SIGSTOP, if the system tells."""
    try:
        status = Path(f"/proc/{process}/stat").read_bytes()
    except OSError:
        return False
    # The name of the program, in parentheses, may contain spaces.
    return status.rpartition(b")")[2].split()[:1] in ([b"T"], [b"t"])


def describe_exit(exitcode: int | None) -> str:
    """The exit code of a process in words: "killed by SIGSEGV", "ended with status 3"."""
    if exitcode is not None and exitcode < 0:
        try:
            return f"killed by {signal.Signals(-exitcode).name}"
        except ValueError:
            return f"killed by signal {-exitcode}"
    return f"ended with status {exitcode}"
