"""Where a scan goes: the places of the package that it enters, and the moves between them.

Run as ``python -m benchmarks.trace``. Two small scans run under ``sys.setprofile``, an LMDB of 200
Datums and a folder of 40 JPEGs, and every entry of a function of datascan is recorded. A place is
a top-level module or package; a move is a change of place from one entry to the next. Generators
count once each time they are resumed; bodies of modules and classes do not count.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import CO_OPTIMIZED
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import datascan

PACKAGE = Path(datascan.__file__).parent
DISCOVERY = "plugins"
"""The place that finds plug-ins."""

BEFORE = "before the move to this layout: 34 places, 1,054 moves (LMDB); 29 and 1,023 (images)"
"""The figures of version 0.1 for the same two datasets, counted in the same way."""


@dataclass(frozen=True)
class Trace:
    """The entries of one scan: ``modules``, in order, and the calls of each."""

    modules: tuple[str, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """The top-level module or package of each entry."""
        return tuple(module.split("/")[0] for module in self.modules)

    @property
    def moves(self) -> Counter[tuple[str, str]]:
        """How often control moved from one place to another."""
        return Counter(pair for pair in pairwise(self.places) if len({*pair}) > 1)

    def describe(self, name: str) -> str:
        """The figures in one line."""
        return (
            f"{name:<8}{len({*self.places}):>8}{self.moves.total():>8,}{len({*self.modules}):>9}"
            f"{len(self.modules):>8,}{self.places.count(DISCOVERY):>11,}"
        )


HEAD = f"{'scan':<8}{'places':>8}{'moves':>8}{'modules':>9}{'calls':>8}{'discovery':>11}"


def record(arguments: Sequence[str]) -> list[str]:
    """Run the command line in this process; the module of every function entered, in order."""
    entries: list[str] = []
    modules: dict[str, str | None] = {}

    def module_of(file: str) -> str | None:
        path = Path(file)
        if not path.is_relative_to(PACKAGE):
            return None
        name = path.relative_to(PACKAGE).with_suffix("").as_posix()
        return name.removesuffix("/__init__")

    def profile(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event != "call" or not code.co_flags & CO_OPTIMIZED:
            return
        file = code.co_filename
        if file not in modules:
            modules[file] = module_of(file)
        module = modules[file]
        if module is not None:
            entries.append(module)

    sys.setprofile(profile)
    try:
        from datascan.cli import app

        app.run(arguments)
    finally:
        sys.setprofile(None)
    return entries


def trace(arguments: Sequence[str]) -> Trace:
    """The trace of a command, in a new process, so that nothing is imported yet."""
    command = [sys.executable, "-m", "benchmarks.trace", "--record", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Trace(tuple(json.loads(done.stdout.splitlines()[-1])))


def write_datasets(folder: Path) -> dict[str, list[str]]:
    """Write both datasets; the arguments of the scan of each."""
    from tests.builders.images import photo
    from tests.builders.lmdb import numbered, random_datums, write_lmdb

    write_lmdb(folder / "lmdb", numbered(random_datums(200)))
    (folder / "images" / "cat").mkdir(parents=True)
    for i in range(40):
        (folder / "images" / "cat" / f"{i:03}.jpg").write_bytes(photo(i))
    return {
        "lmdb": ["lmdb", str(folder / "lmdb"), "--workers", "0", "--no-progress"],
        "images": ["images", str(folder / "images")],
    }


def main() -> None:
    """Print the figures of both scans, and the most frequent moves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=12, help="how many pairs of places to show")
    parser.add_argument("--record", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.record:
        entries = record(given.record)
        print(f"\n{json.dumps(entries)}")
        return
    with tempfile.TemporaryDirectory() as name:
        scans = write_datasets(Path(name))
        traces = {name: trace(arguments) for name, arguments in scans.items()}
    print(HEAD)
    for name, one in traces.items():
        print(one.describe(name))
    print(BEFORE)
    for name, one in traces.items():
        print(f"\n{name}: {', '.join(dict.fromkeys(one.places))}")
        for (start, stop), count in one.moves.most_common(given.moves):
            print(f"{count:>6}  {start} -> {stop}")


if __name__ == "__main__":
    main()
