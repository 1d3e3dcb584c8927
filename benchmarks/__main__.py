"""Times datascan, the plain script and ``cat`` in alternation, and prints a table of ratios.

Figures are medians of whole processes, including start-up, with the files in the page cache.
"""

from __future__ import annotations

import argparse
import compileall
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import datascan
from benchmarks.datasets import CASES, Case

HEAD = f"{'case':<18}{'records':>10}{'MB':>8}{'plain':>9}{'datascan':>10}{'1 worker':>10}{'cat':>8}"
HEAD += f"{'plain/ds':>10}{'ds/cat':>8}{'1w/2w':>7}"

CAT = '[ -d "$0" ] && cat "$0"/* > /dev/null || cat "$0" > /dev/null'
"""Reads all files of a folder, or a single file."""


def seconds(command: list[str]) -> float:
    """The time that a command takes; its output is discarded."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def files(path: Path) -> list[str]:
    """The files of a dataset."""
    return [str(path)] if path.is_file() else sorted(str(p) for p in path.iterdir() if p.is_file())


def run_case(case: Case, home: Path, scale: float, runs: int) -> str:
    """One row of the table."""
    path = case.path(home, scale)
    python = [sys.executable, "-m"]
    scan = [*python, "datascan", case.command, str(path), "--fail-on", "never", "-qq"]
    commands = {
        "plain": [*python, "benchmarks.plain", case.plain, str(path)],
        "datascan": scan,
        "one": [*scan, "--workers", "1"],
        "cat": ["sh", "-c", CAT, str(path)],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            elapsed = seconds(command)
            if turn:  # the first turn fills the page cache
                times[name].append(elapsed)
    plain, datascan, one, cat = (statistics.median(times[name]) for name in commands)
    size = sum(Path(file).stat().st_size for file in files(path)) / 1e6
    count = path.name.rsplit("-", 1)[1]
    row = f"{case.name:<18}{int(count):>10,}{size:>8,.0f}"
    row += f"{plain:>8.2f}s{datascan:>9.2f}s{one:>9.2f}s{cat:>7.2f}s"
    return row + f"{plain / datascan:>9.1f}x{datascan / cat:>7.1f}x{one / datascan:>6.2f}x"


def time_plan(case: Case, home: Path, scale: float, runs: int) -> str:
    """``--plan`` of a dataset: how long it takes, and the time that it expects of a scan."""
    command = [sys.executable, "-m", "datascan", case.command, str(case.path(home, scale))]
    plan = [*command, "--plan", "--json", "-"]
    times, expected = [], []
    for _ in range(runs + 1):
        began = time.perf_counter()
        run = subprocess.run(plan, stdout=subprocess.PIPE, check=True)
        times.append(time.perf_counter() - began)
        expected.append(json.loads(run.stdout)["seconds"] or 0.0)
    scan = [*command, "--fail-on", "never", "--quiet"]
    actual = statistics.median(seconds(scan) for _ in range(runs))
    return (
        f"{case.name} --plan: {statistics.median(times[1:]):.2f} s; it expects "
        f"{statistics.median(expected[1:]):.2f} s, a scan takes {actual:.2f} s"
    )


def time_start_up(runs: int) -> str:
    """``datascan --version`` against ``import numpy``."""
    version = [sys.executable, "-m", "datascan", "--version"]
    numpy = [sys.executable, "-c", "import numpy"]
    pairs = [(seconds(version), seconds(numpy)) for _ in range(runs + 1)][1:]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return (
        f"datascan --version {ours * 1000:.0f} ms, "
        f"import numpy {theirs * 1000:.0f} ms: {ours / theirs:.2f}x"
    )


def main() -> None:
    """Run the requested cases."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    names = " ".join(case.name for case in CASES)
    parser.add_argument("cases", nargs="*", help=f"default: all of {names}")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full record counts")
    parser.add_argument("--runs", type=int, default=3, help="measured runs of each command")
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "datascan-bench")
    args = parser.parse_args()
    args.dir.mkdir(parents=True, exist_ok=True)
    # A regular installation compiles the modules; an editable one leaves it to the first run.
    compileall.compile_dir(Path(datascan.__file__).parent, quiet=1)
    print(HEAD)
    for case in CASES:
        if not args.cases or case.name in args.cases:
            print(run_case(case, args.dir, args.scale, args.runs), flush=True)
    for case in CASES:
        if not args.cases or case.name in args.cases:
            print(time_plan(case, args.dir, args.scale, args.runs), flush=True)
    print(time_start_up(args.runs))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"largest process: {peak / 1024:.0f} MiB resident, including mapped files")


if __name__ == "__main__":
    main()
