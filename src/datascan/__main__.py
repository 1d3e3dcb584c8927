"""The ``datascan`` command."""

from __future__ import annotations

import io
import os
import signal
import sys


def main() -> int:
    """Run the command line; returns the exit status."""
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
    from datascan.cli.app import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
