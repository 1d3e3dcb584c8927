"""Times the least that a scan of each dataset must do, against datascan and the plain script.

The bound is a whole process, too: it starts Python, imports NumPy (and h5py, or simplejpeg), and
divides only one thing among two processes or threads:

- LMDB, LevelDB, HDF5 that is not compressed: reading every byte once (``benchmarks/touch.c``)
- HDF5 with gzip: inflating every chunk with ISA-L
- JPEG: reading every file, and decoding it at 1/8 scale with libjpeg-turbo

It finds nothing and keeps nothing. What takes the plain script P seconds and the bound B cannot be
made more than P / B times as fast as the plain script, as long as these libraries are used.

Figures are medians of alternating runs, with the files in the page cache: seconds by the clock, and
processor time of all processes, which says more on a machine that others use.
"""

from __future__ import annotations

import argparse
import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import datascan
from benchmarks.__main__ import build_touch
from benchmarks.datasets import CASES, Case

PROCESSES = 2
COLUMNS = ("case", "plain", "datascan", "bound", "datascan / bound", "plain / bound")
COLUMNS += ("CPU: plain", "datascan", "bound")


def import_numpy(path: Path) -> None:  # noqa: ARG001  (as for the others)
    """What a scan of key-value stores imports, besides our own modules."""
    import numpy as np

    assert np.__version__


def import_h5py(path: Path) -> None:
    """What a scan of HDF5 imports; the file is opened."""
    import h5py

    with h5py.File(path, "r") as file:
        assert file


def inflate_chunks(path: Path) -> None:
    """Inflate each chunk of ``data``, in two processes."""
    import h5py
    from isal import isal_zlib

    def inflate(number: int) -> None:
        with h5py.File(path, "r") as file:
            data = file["data"]
            size = data.chunks[0] * data.chunks[1] * data.dtype.itemsize
            for row in range(number * data.chunks[0], len(data), PROCESSES * data.chunks[0]):
                _, packed = data.id.read_direct_chunk((row, 0))
                assert len(isal_zlib.decompressobj().decompress(packed, size + 1)) == size

    share(inflate)


def decode_files(path: Path) -> None:
    """Read and decode each file as datascan does, in two processes."""
    import numpy as np
    import simplejpeg

    from datascan.decoders.image.decode import QUICK

    assert np.__version__
    files = sorted(path.iterdir())

    def decode(number: int) -> None:
        for one in files[number::PROCESSES]:
            with one.open("rb", buffering=0) as file:
                simplejpeg.decode_jpeg(file.read(), "RGB", **QUICK)

    share(decode)


def share(work: Callable[[int], None]) -> None:
    """Do the work in forked processes, each of which is given its number.

    Raises:
        RuntimeError: if one of them fails.
    """
    processes = []
    for number in range(PROCESSES):
        process = os.fork()
        if not process:
            try:
                work(number)
            except BaseException:  # noqa: BLE001  (nothing may leave the process)
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
            os._exit(0)
        processes.append(process)
    statuses = [os.waitpid(process, 0)[1] for process in processes]
    if any(statuses):
        raise RuntimeError("a process has failed")


LEAST = {"hdf5-gzip": inflate_chunks, "jpeg": decode_files}
"""What is done by case; all others touch every byte."""


def do_least(case: str, path: Path, touch: Sequence[str]) -> None:
    """What any scan of the dataset must do."""
    if case in LEAST:
        LEAST[case](path)
        return
    (import_h5py if case.startswith("hdf5") else import_numpy)(path)
    subprocess.run([*touch, str(path)], check=True, stdout=subprocess.DEVNULL)


def measure(command: Sequence[str]) -> tuple[float, float]:
    """Seconds by the clock and of processors that a command and its own processes take."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def run_case(case: Case, path: Path, runs: int, touch: Sequence[str]) -> str:
    """One row of the table."""
    python = [sys.executable, "-m"]
    scan = [*python, "datascan", case.command, str(path), *case.arguments, "--fail-on", "never"]
    commands = {
        "plain": [*python, "benchmarks.plain", case.plain, str(path)],
        "datascan": [*scan, "-qq"],
        "bound": [*python, "benchmarks.bounds", "--least", case.name, str(path), *touch],
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            times = measure(command)
            if turn:  # the first turn fills the page cache
                found[name].append(times)
    clock, cpu = (
        {name: statistics.median(pair[i] for pair in pairs) for name, pairs in found.items()}
        for i in range(2)
    )
    cells = [case.name, *(f"{clock[name]:.2f}s" for name in commands)]
    cells += [f"{clock[one] / clock['bound']:.1f}x" for one in ("datascan", "plain")]
    cells += [f"{cpu[name]:.2f}s" for name in commands]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print a row for each of the requested cases."""
    if sys.argv[1:2] == ["--least"]:
        case, path, *touch = sys.argv[2:]
        do_least(case, Path(path), touch)
        return
    parser = argparse.ArgumentParser(
        prog="scripts/bench bounds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [case.name for case in CASES]
    parser.add_argument("cases", nargs="*", help=f"default: all of {' '.join(names)}")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full record counts")
    parser.add_argument("--runs", type=int, default=5, help="measured runs of each command")
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "datascan-bench")
    args = parser.parse_args()
    if unknown := set(args.cases) - set(names):
        parser.error(f"unknown cases: {' '.join(sorted(unknown))}")
    args.dir.mkdir(parents=True, exist_ok=True)
    compileall.compile_dir(Path(datascan.__file__).parent, quiet=1)
    with tempfile.TemporaryDirectory() as folder:
        touch = build_touch(Path(folder))
        if not touch:
            parser.error("touch needs a C compiler")
        print(f"| {' | '.join(COLUMNS)} |")
        print("| --- " * len(COLUMNS) + "|")
        for case in CASES:
            if not args.cases or case.name in args.cases:
                path = case.path(args.dir, args.scale)
                print(run_case(case, path, args.runs, touch), flush=True)


if __name__ == "__main__":
    main()
