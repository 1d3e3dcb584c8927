"""How time and memory grow with records, classes and batch sizes. Plots ``docs/growth.svg``.

Run as ``python -m benchmarks.growth --dir DIR``. Memory is the anonymous memory of all processes
together, sampled 50 times a second.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import lmdb

from benchmarks.datasets import Case, build_lmdb, uint8_datums

RECORDS = (6_000, 60_000, 600_000)
DRAWING = Path(__file__).parents[1] / "docs" / "growth.svg"


def measure_memory(pid: int) -> int:
    """Bytes of anonymous memory of a process and its children."""
    total = 0
    for process in (pid, *list_children(pid)):
        try:
            status = Path(f"/proc/{process}/status").read_text()
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith("RssAnon:"):
                total += 1024 * int(line.split()[1])
    return total


def list_children(pid: int) -> list[int]:
    """The children of a process; none if it has ended."""
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def run(path: Path, *options: str) -> tuple[float, float]:
    """The seconds and the peak MB of anonymous memory of one scan."""
    command = [sys.executable, "-m", "datascan", "lmdb", str(path), "-qq", *options]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--fail-on", "never"])
    peak = 0
    while process.poll() is None:
        peak = max(peak, measure_memory(process.pid))
        time.sleep(0.02)
    return time.perf_counter() - began, peak / 1e6


def median_run(path: Path, *options: str) -> tuple[float, float]:
    """The median time and the peak memory of three runs, after one that fills the page cache."""
    runs = [run(path, *options) for _ in range(4)][1:]
    return sorted(time for time, _ in runs)[1], max(memory for _, memory in runs)


def build_many_classes(path: Path, count: int, classes: int) -> Path:
    """A store of tiny Datums in ``classes`` classes."""
    if not path.exists():
        with (
            lmdb.open(str(path), map_size=1 << 36) as store,
            store.begin(write=True) as transaction,
        ):
            for i in range(count):
                label = i * 7919 % classes
                varint = bytes([label & 0x7F | 0x80, label >> 7 & 0x7F | 0x80, label >> 14])
                value = b"\x08\x01\x10\x01\x18\x10\x22\x10" + i.to_bytes(16, "little")
                transaction.put(b"%08d" % i, value + b"\x28" + varint, append=True)
    return path


def draw(figures: Sequence[tuple[int, float, float]]) -> None:
    """Plot time and memory against records."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    records = [count for count, _, _ in figures]
    left.loglog(records, [seconds for _, seconds, _ in figures], "o-")
    left.set(xlabel="records (uint8, 3x32x32)", ylabel="seconds, whole process")
    right.semilogx(records, [memory for _, _, memory in figures], "o-")
    right.set(xlabel="records", ylabel="MB of anonymous memory", ylim=(0, None))
    for axes in (left, right):
        axes.grid(visible=True, alpha=0.3)
    figure.tight_layout()
    figure.savefig(DRAWING, metadata={"Date": None})


def main() -> None:
    """Run all series, print them, and plot the first."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "datascan-bench")
    home = parser.parse_args().dir
    home.mkdir(parents=True, exist_ok=True)
    figures = []
    for count in RECORDS:
        case = Case("lmdb-uint8", count, build_lmdb(uint8_datums), "lmdb", "")
        seconds, memory = median_run(case.path(home, 1.0))
        figures.append((count, seconds, memory))
        print(f"{count:>9,} records: {seconds:.2f} s, {memory:.0f} MB", flush=True)
    for classes in (10, 10_000):
        store = build_many_classes(home / f"classes-{classes}", 1_000_000, classes)
        for sizes in ("64", ",".join(str(64 + 8 * i) for i in range(10))):
            seconds, memory = median_run(store, "--batch-size", sizes)
            count = sizes.count(",") + 1
            print(
                f"1,000,000 records, {classes:,} classes, {count} batch sizes: "
                f"{seconds:.2f} s, {memory:.0f} MB",
                flush=True,
            )
    draw(figures)


if __name__ == "__main__":
    main()
