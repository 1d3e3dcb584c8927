"""Times datascan, the plain script and ``touch`` in alternation, and prints a table of ratios.

``touch`` reads every byte of the files once, on two threads (``benchmarks/touch.c``). Figures are
medians of whole processes, including start-up, with the files in the page cache.
"""

from __future__ import annotations

import argparse
import compileall
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import datascan
from benchmarks.datasets import CASES, Case

THREADS = 2
CONSTANT = 0.25
"""What start-up, planning and the report may take, in seconds."""

HEAD = (
    f"{'case':<17}{'records':>11}{'MB':>7}{'plain':>8}{'datascan':>10}{'1 worker':>10}{'touch':>8}"
)
HEAD += f"{'2t + 0.25':>11}{'plain/ds':>10}{'1w/2w':>7}"


def build_touch(folder: Path) -> list[str]:
    """The command of ``touch``, which is compiled; empty without a C compiler."""
    compiler, program = shutil.which("cc"), folder / "touch"
    if compiler is None:
        return []
    source = Path(__file__).with_name("touch.c")
    options = ["-O3", "-march=native", "-pthread"]
    subprocess.run([compiler, *options, str(source), "-o", str(program)], check=True)
    return [str(program), str(THREADS)]


def seconds(command: list[str]) -> float:
    """The time that a command takes; its output is discarded."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def files(path: Path) -> list[str]:
    """The files of a dataset."""
    return [str(path)] if path.is_file() else sorted(str(p) for p in path.iterdir() if p.is_file())


def run_case(case: Case, home: Path, scale: float, runs: int, touch: list[str]) -> str:
    """One row of the table; without the command ``touch``, its columns are 0."""
    path = case.path(home, scale)
    python = [sys.executable, "-m"]
    scan = [*python, "datascan", case.command, str(path), *case.arguments, "--fail-on", "never"]
    scan += ["-qq"]
    commands = {
        "plain": [*python, "benchmarks.plain", case.plain, str(path)],
        "datascan": scan,
        "one": [*scan, "--workers", "1"],
    }
    if touch:
        commands["touch"] = [*touch, str(path)]
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            elapsed = seconds(command)
            if turn:  # the first turn fills the page cache
                times[name].append(elapsed)
    middle = {name: statistics.median(found) for name, found in times.items()}
    plain, ours, one, least = (middle.get(n, 0.0) for n in ("plain", "datascan", "one", "touch"))
    size = sum(Path(file).stat().st_size for file in files(path)) / 1e6
    count = path.name.rsplit("-", 1)[1]
    row = f"{case.name:<17}{int(count):>11,}{size:>7,.0f}"
    row += f"{plain:>7.2f}s{ours:>9.2f}s{one:>9.2f}s{least:>7.2f}s"
    return row + f"{2 * least + CONSTANT:>10.2f}s{plain / ours:>9.1f}x{one / ours:>6.2f}x"


def time_plan(case: Case, home: Path, scale: float, runs: int) -> str:
    """``--plan`` of a dataset: how long it takes, and the time that it expects of a scan."""
    path = str(case.path(home, scale))
    command = [sys.executable, "-m", "datascan", case.command, path, *case.arguments]
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


def time_start_up(home: Path, runs: int) -> str:
    """``datascan --version``, and a scan of 1,000 records, against ``import numpy``."""
    console = [sys.executable, "-c", "from datascan.__main__ import command; command()"]
    case = CASES[0]
    small = [*console, case.command, str(case.path(home, 0)), "--fail-on", "never", "--quiet"]
    commands = ([*console, "--version"], small, [sys.executable, "-c", "import numpy"])
    rounds = [[seconds(one) for one in commands] for _ in range(runs + 1)][1:]
    version, scan, numpy = (statistics.median(column) for column in zip(*rounds, strict=True))
    return (
        f"import numpy {numpy * 1000:.0f} ms, datascan --version {version * 1000:.0f} ms: "
        f"{version / numpy:.2f}x, 1,000 records {scan * 1000:.0f} ms: {scan / numpy:.2f}x"
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
    with tempfile.TemporaryDirectory() as folder:
        touch = build_touch(Path(folder))
        for case in CASES:
            if not args.cases or case.name in args.cases:
                print(run_case(case, args.dir, args.scale, args.runs, touch), flush=True)
    for case in CASES:
        if not args.cases or case.name in args.cases:
            print(time_plan(case, args.dir, args.scale, args.runs), flush=True)
    print(time_start_up(args.dir, args.runs))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"largest process: {peak / 1024:.0f} MiB resident, including mapped files")


if __name__ == "__main__":
    main()
