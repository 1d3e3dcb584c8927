"""The ``datascan`` command."""

from __future__ import annotations

import atexit
import gc
import io
import os
import signal
import sys
import threading

MANY_OBJECTS = 100_000
"""New objects after which unreachable cycles are searched for; modules and classes are 60,000."""


def command() -> None:
    """The console script: runs the command line and ends the process with its exit status.

    Taking apart all modules and objects would take a tenth of the time of a small scan, so the
    process ends without it, after what was registered for the exit and with all output written.
    Searching what was imported for cycles would take a twentieth.
    """
    gc.set_threshold(MANY_OBJECTS)
    status = main()
    if threading.active_count() > 1:
        sys.exit(status)
    atexit._run_exitfuncs()  # noqa: SLF001  (there is no public name)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        from datascan.cli.internal_error import FAILURE, say

        say(f"cannot write the output: {error.strerror or error}")
        status = FAILURE
    os._exit(status)


def main() -> int:
    """Run the command line; returns the exit status."""
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if is_module() or (len(entries) > 1 and "" in entries):
        leave_out_working_folder()
    # Until a scan handles it, Ctrl-C is to end this process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Before NumPy loads: its threads would cost start-up time, and make forking unsafe.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    # Closed by the caller: writing is to fail as on any other file, and warnings go nowhere.
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    # What a terminal's encoding lacks shows as an escape, and never ends the program.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        from datascan.cli.app import run
    except Exception as error:  # noqa: BLE001  (exit status 1 means findings)
        from datascan.cli.internal_error import report_internal_error

        return report_internal_error(error, "datascan: while it starts")
    return run(sys.argv[1:])


def is_module() -> bool:
    """Whether this is ``python -m datascan``, for which the working folder is on the path."""
    return __name__ == "__main__" and not sys.flags.safe_path


def leave_out_working_folder() -> None:
    """Import nothing from the working folder, which may be a stranger's dataset.

    Python puts it on the path for ``-m``, and for an empty entry in ``PYTHONPATH``, as
    ``PYTHONPATH=...:$PYTHONPATH`` leaves one.

    What other means put on the path comes after the standard library, and stays.
    """
    try:
        here = os.getcwd()  # noqa: PTH109  (nothing else is imported yet)
    except OSError:
        return
    if os.path.dirname(os.path.dirname(os.path.abspath(__file__))) == here:  # noqa: PTH100, PTH120  (nothing else is imported yet)
        return
    library = os.path.dirname(os.__file__)  # noqa: PTH120  (nothing else is imported yet)
    end = sys.path.index(library) if library in sys.path else 1
    sys.path[:end] = [entry for entry in sys.path[:end] if entry not in {"", here}]


if __name__ == "__main__":
    sys.exit(main())
