"""Samples mutants of each package, and prints how many the tests notice.

Mutants that no test executes count as survived, and so do those that outlast ``--seconds``.
Those that hang, crash or cannot be imported count as killed. The first run measures which lines
each test executes, which takes several minutes.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import signal
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.mutation.coverage import Coverage, measure
from benchmarks.mutation.mutants import Mutant, find_mutants, mutated_source
from benchmarks.mutation.pool import run_all
from benchmarks.mutation.trial import ROOT, Tests, copy_tree, run_selected

PACKAGE = Path("src/datascan")
WALL_SECONDS = 1800.0
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
HEAD = f"{'package':<28}{'mutants':>8}{'sampled':>8}{'killed':>8}"
HEAD += f"{'equivalent':>11}{'survived':>9}{'score':>7}"


@dataclass
class Row:
    """What became of the mutants of one package."""

    name: str
    total: int
    killed: int = 0
    equivalent: int = 0
    survived: int = 0

    def __str__(self) -> str:
        judged = self.killed + self.survived
        score = f"{self.killed / judged:.0%}" if judged else "-"
        return (
            f"{self.name:<28}{self.total:>8}{judged + self.equivalent:>8}{self.killed:>8}"
            f"{self.equivalent:>11}{self.survived:>9}{score:>7}"
        )


def package_names() -> list[str]:
    """All packages and modules; of ``readers``, which has hardly any modules, its packages."""
    root = ROOT / PACKAGE
    packages = [p.parent for p in root.glob("*/__init__.py")]
    readers = [p.parent for p in root.glob("readers/*/__init__.py")]
    modules = [p.with_suffix("") for p in [*root.glob("*.py"), root / "readers/base.py"]]
    found = [*(p for p in packages if p.name != "readers"), *readers, *modules]
    return sorted(str(p.relative_to(root)) for p in found)


def read_equivalent() -> set[tuple[str, str, str]]:
    """Mutants that no test can notice."""
    entries = tomllib.loads(EQUIVALENT.read_text())["mutant"]
    return {(entry["place"], entry["old"], entry["new"]) for entry in entries}


def try_mutant(tree: Path, mutant: Mutant, log: Path, tests: Tests, seconds: float) -> int:
    """Runs the tests with the mutant; to be called in a new process."""
    (tree / PACKAGE / mutant.file).write_text(mutated_source(ROOT / PACKAGE, mutant))
    return run_selected(tree, log, tests, seconds)


def restore(tree: Path, mutant: Mutant) -> None:
    """Makes the copy as it was, for Python too, which compares the times of files."""
    shutil.copy2(ROOT / PACKAGE / mutant.file, tree / PACKAGE / mutant.file)


def shorten(text: str, width: int = 100) -> str:
    """The beginning of a text."""
    return text if len(text) <= width else text[: width - 3] + "..."


def reason(status: int, log: Path) -> str:
    """The test that failed, from the output of pytest, or the signal that ended it."""
    if status < 0:
        return signal.Signals(-status).name
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", log.read_text(errors="replace"), re.MULTILINE)
    return failed[-1] if failed else "no output"


class Campaign:
    """Tries mutants and prints the survivors."""

    def __init__(
        self, arguments: argparse.Namespace, coverage: Coverage, trees: list[Path]
    ) -> None:
        self.arguments = arguments
        self.coverage = coverage
        self.trees = trees
        self.equivalent = read_equivalent()

    def sample(self, name: str) -> tuple[Row, list[Mutant]]:
        """Some mutants of a package, without the equivalent ones among them."""
        found = find_mutants(ROOT / PACKAGE, name)
        count = min(self.arguments.count, len(found))
        chosen = random.Random(f"{self.arguments.seed} {name}").sample(found, count)
        row = Row(name, len(found))
        self.report_outdated(found)
        row.equivalent = sum(mutant.key in self.equivalent for mutant in chosen)
        return row, [mutant for mutant in chosen if mutant.key not in self.equivalent]

    def report_outdated(self, found: list[Mutant]) -> None:
        """Entries of ``equivalent.toml`` whose source has changed must be judged again."""
        files = {mutant.file for mutant in found}
        keys = {mutant.key for mutant in found}
        for place, old, new in sorted(self.equivalent - keys):
            if place.partition(": ")[0] in files:
                print(f"{EQUIVALENT.name}: {place} has no such mutant: {old}  ->  {new}")

    def run(self, name: str) -> Row:
        """Tries the mutants of one package."""
        row, mutants = self.sample(name)
        tests = [self.coverage.tests_for(mutant) for mutant in mutants]
        executed = [index for index, some in enumerate(tests) if some]
        for mutant, some in zip(mutants, tests, strict=True):
            if not some:
                row.survived += 1
                self.show(mutant, "survived", "not executed")
        logs = [self.trees[0].parent / f"log{index}" for index in executed]
        seconds = self.arguments.seconds
        jobs = [
            partial(try_mutant, mutant=mutants[i], log=log, tests=tests[i], seconds=seconds)
            for i, log in zip(executed, logs, strict=True)
        ]
        for job in run_all(jobs, self.trees, WALL_SECONDS):
            mutant = mutants[executed[job.index]]
            restore(job.tree, mutant)
            if job.status == 0:
                row.survived += 1
                self.show(mutant, "survived", f"{len(tests[executed[job.index]])} tests")
            else:
                row.killed += 1
                if self.arguments.verbose:
                    self.show(mutant, "killed", reason(job.status, logs[job.index]))
        return row

    def show(self, mutant: Mutant, outcome: str, reason: str) -> None:
        """One mutant, in a line or two."""
        width = 10_000 if self.arguments.verbose else 100
        print(f"{PACKAGE / mutant.file}:{mutant.line}: {outcome} ({reason}) in {mutant.place}")
        print(f"    {shorten(mutant.old, width)}  ->  {shorten(mutant.new, width)}", flush=True)


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__)
    parser.add_argument("--package", action="append", help="such as readers/lmdb; default: all")
    parser.add_argument("--count", type=int, default=30, help="mutants per package (30)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (0)")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at the same time (2)")
    parser.add_argument("--tests", nargs="+", default=["tests"], help="files and folders (tests)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of CPU time per mutant (60)")
    parser.add_argument("--verbose", action="store_true", help="also list the killed ones")
    return parser.parse_args(arguments)


def main() -> int:
    """Prints a table; the exit status is 1 if less than 90 % are killed in a package."""
    arguments = parse(sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="datascan-mutation-") as folder:
        scratch = Path(folder)
        trees = [copy_tree(scratch / str(number)) for number in range(arguments.jobs)]
        campaign = Campaign(arguments, measure(arguments.tests, trees, scratch), trees)
        rows = [campaign.run(name) for name in arguments.package or package_names()]
    print(HEAD, *rows, sep="\n")
    return int(any(row.killed < 9 * row.survived for row in rows))


if __name__ == "__main__":
    sys.exit(main())
