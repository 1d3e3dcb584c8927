"""How time and memory grow with records, classes and batch sizes. Plots ``docs/growth.svg``.

Run as ``python -m benchmarks.growth --dir DIR``. Memory is the anonymous memory of all processes
together, sampled 50 times a second; pages that several share are counted once in all.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.datasets import Case, build_lmdb, build_narrow, uint8_datums

MANY = (10_000, 100_000, 1_000_000, 10_000_000)
FEW = (6_000, 60_000, 600_000)
DRAWING = Path(__file__).parents[1] / "docs" / "growth.svg"


def measure_memory(pid: int) -> int:
    """Bytes of anonymous memory of a process and its children."""
    total = 0
    for process in (pid, *list_children(pid)):
        try:
            status = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith("Pss_Anon:"):
                total += 1024 * int(line.split()[1])
    return total


def list_children(pid: int) -> list[int]:
    """The children of a process; none if it has ended."""
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def run(path: Path, *options: str, is_sampled: bool) -> tuple[float, float]:
    """The seconds and the peak MB of anonymous memory of one scan; 0 MB if it is not sampled."""
    command = [sys.executable, "-m", "datascan", "scan", str(path), "-qq", *options]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--fail-on", "never"])
    peak = 0
    while is_sampled and process.poll() is None:
        peak = max(peak, measure_memory(process.pid))
        time.sleep(0.02)
    process.wait()
    return time.perf_counter() - began, peak / 1e6


def median_run(path: Path, *options: str) -> tuple[float, float]:
    """The median time of three runs, after one that shows the memory, as sampling takes time."""
    _, memory = run(path, *options, is_sampled=True)
    times = [run(path, *options, is_sampled=False)[0] for _ in range(3)]
    return sorted(times)[1], memory


def tiny_datums(classes: int) -> Callable[[int], Iterator[tuple[bytes, bytes]]]:
    """Datums of 16 bytes in ``classes`` classes."""

    def entries(count: int) -> Iterator[tuple[bytes, bytes]]:
        for i in range(count):
            label = i * 7919 % classes
            varint = bytes([label & 0x7F | 0x80, label >> 7 & 0x7F | 0x80, label >> 14])
            value = b"\x08\x01\x10\x01\x18\x10\x22\x10" + i.to_bytes(16, "little")
            yield b"%08d" % i, value + b"\x28" + varint

    return entries


Figures = Sequence[tuple[int, float, float]]
"""Records, seconds, and MB."""

SERIES: Mapping[str, tuple[Case, Sequence[int]]] = {
    "HDF5, 4 floats": (Case("hdf5-narrow", 0, build_narrow, "hdf5", ""), MANY),
    "LMDB, 16 bytes": (Case("lmdb-tiny", 0, build_lmdb(tiny_datums(10)), "lmdb", ""), MANY),
    "LMDB, 3x32x32": (Case("lmdb-uint8", 0, build_lmdb(uint8_datums), "lmdb", ""), FEW),
}
"""What is plotted, by its name in the plot: what a record has, and how many records there are."""


def measure_series(name: str, home: Path, most: int) -> Figures:
    """The figures of one of ``SERIES`` up to ``most`` records; prints them."""
    case, counts = SERIES[name]
    figures = []
    for count in counts:
        if count <= most:
            path = replace(case, records=count).path(home, 1.0)
            seconds, memory = median_run(path)
            figures.append((count, seconds, memory))
            print(f"{name}, {count:>10,} records: {seconds:.2f} s, {memory:.0f} MB", flush=True)
    return figures


def draw(series: Mapping[str, Figures]) -> None:
    """Plot time and memory against records."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    for name, figures in series.items():
        records, seconds, memory = zip(*figures, strict=True)
        left.loglog(records, seconds, "o-", label=name)
        right.semilogx(records, memory, "o-", label=name)
    left.set(xlabel="records", ylabel="seconds, whole process")
    left.legend()
    right.set(xlabel="records", ylabel="MB of anonymous memory", ylim=(0, None))
    for axes in (left, right):
        axes.grid(visible=True, alpha=0.3)
    figure.tight_layout()
    figure.savefig(DRAWING, metadata={"Date": None})


def main() -> None:
    """Run all series, print them, and plot those of records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "datascan-bench")
    parser.add_argument("--most", type=int, default=10_000_000, metavar="RECORDS")
    arguments = parser.parse_args()
    home = arguments.dir
    home.mkdir(parents=True, exist_ok=True)
    series = {name: measure_series(name, home, arguments.most) for name in SERIES}
    for classes in (10, 10_000):
        entries = build_lmdb(tiny_datums(classes))
        store = Case(f"classes-{classes}", 1_000_000, entries, "lmdb", "").path(home, 1.0)
        for sizes in ("64", ",".join(str(64 + 8 * i) for i in range(10))):
            seconds, memory = median_run(store, "--batch-size", sizes)
            count = sizes.count(",") + 1
            print(
                f"1,000,000 records, {classes:,} classes, {count} batch sizes: "
                f"{seconds:.2f} s, {memory:.0f} MB",
                flush=True,
            )
    draw(series)


if __name__ == "__main__":
    main()
