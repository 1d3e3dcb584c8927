"""Scans healthy datasets that are damaged at random, and inputs that are built to do harm.

Every command must end within a minute and 2 GiB, with exit status 0, 1 or 2 and no traceback, leave
no process or file behind, change no file, and show nothing of the files outside of its input.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.case import Place
from tests.fuzz.damage import BUILDERS, damage_some, find_failures
from tests.fuzz.hostile import TRICKS
from tests.fuzz.judge import SLOW_SECONDS, Outcome, execute, find_misbehaviour

HEADS = ["variants", "exit 0", "exit 1", "exit 2", "crashes", "hangs", "slow", "failures"]


@dataclass
class Table:
    """Counts of outcomes, the longest time and the highest memory, by kind of input."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, outcome: Outcome, failed: bool) -> None:
        count = self.counts.setdefault(name, Counter())
        count["variants"] += 1
        count[f"exit {outcome.status}"] += 1
        count["hangs"] += outcome.hung
        count["slow"] += outcome.seconds > SLOW_SECONDS
        count["failures"] += failed
        findings = (outcome.report or {}).get("findings", [])
        count["crashes"] += any(found["rule"] == "reader-crash" for found in findings)
        self.seconds[name] = max(self.seconds.get(name, 0), outcome.seconds)
        self.peaks[name] = max(self.peaks.get(name, 0), outcome.peak)

    def text(self) -> str:
        total: Counter[str] = sum(self.counts.values(), Counter())
        lines = [f"{'input':<36}" + "".join(f"{head:>9}" for head in [*HEADS, "seconds", "MiB"])]
        for name, count in [*self.counts.items(), ("all", total)]:
            cells = "".join(f"{count[head]:>9,}" for head in HEADS)
            seconds = self.seconds.get(name, max(self.seconds.values(), default=0))
            peak = self.peaks.get(name, max(self.peaks.values(), default=0))
            lines.append(f"{name:<36}{cells}{seconds:>9.1f}{peak >> 20:>9,}")
        return "\n".join(lines)


@dataclass
class Fuzzer:
    """Builds variants in ``home`` and judges the scans of them."""

    home: Path
    keep: Path | None = None
    table: Table = field(default_factory=Table)
    records: dict[str, int] = field(default_factory=dict)

    def run(self, name: str, seed: int) -> list[str]:
        """Scan one variant; returns what went wrong."""
        place = Place(self.home / "variant", random.Random(f"{name} {seed}"))
        place.prepare()
        try:
            outcome, failures = (self._damaged if name in BUILDERS else self._hostile)(name, place)
            self.table.add(name, outcome, bool(failures))
            if failures and self.keep is not None:
                target = self.keep / f"{name.replace(':', '-')}-{seed}"
                shutil.rmtree(target, ignore_errors=True)
                self.keep.mkdir(exist_ok=True, parents=True)
                place.home.rename(target)
        finally:
            shutil.rmtree(place.home, ignore_errors=True)
        return failures

    def _hostile(self, name: str, place: Place) -> tuple[Outcome, list[str]]:
        words = TRICKS[name](place)
        return judge(words, place)

    def _damaged(self, name: str, place: Place) -> tuple[Outcome, list[str]]:
        healthy = self.home / name
        if name not in self.records:
            BUILDERS[name](healthy)
            (place.work / name).symlink_to(healthy)
            outcome = execute(words_for(place, name), place)
            assert outcome.report is not None, outcome
            self.records[name] = outcome.report["dataset"]["records"]
            shutil.rmtree(place.home)
            place.prepare()
        path = place.work / name
        (shutil.copytree if healthy.is_dir() else shutil.copy)(healthy, path)
        touched = damage_some(path, place.chance)
        outcome, failures = judge(words_for(place, name), place)
        failures += find_failures(outcome, self.records[name], touched, exact=name == "images")
        return outcome, failures


def words_for(place: Place, name: str) -> list[str]:
    """The words that scan a damaged dataset."""
    outputs = ["--json", str(place.out / "json"), "--bad-records", str(place.out / "bad")]
    return ["scan", name, *outputs, "--timeout", "20", "-qq"]


def judge(words: list[str], place: Place) -> tuple[Outcome, list[str]]:
    """The outcome of a command, and what it did that no command may do."""
    before = place.snapshot()
    outcome = execute(words, place)
    failures = list(find_misbehaviour(outcome))
    after = place.snapshot()
    changed = sorted(path for path in before.keys() | after if before.get(path) != after.get(path))
    if changed:
        failures.append(f"changed: {changed[:5]}")
    return outcome, failures


def main() -> int:
    """Fuzz as the arguments say; exit status 1 on any failure."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--variants", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--input", action="append", metavar="NAME", help="a kind of input, or the start of some"
    )
    parser.add_argument("--list", action="store_true", help="list the kinds of input")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="move variants that fail to DIR")
    args = parser.parse_args()
    names = [name for name in [*BUILDERS, *TRICKS] if name.startswith(tuple(args.input or [""]))]
    if args.list:
        print("\n".join(names))
        return 0
    if not names:
        parser.error("no such input; see --list")
    # Folders may be nested deeper than Python's own functions can recurse.
    sys.setrecursionlimit(20_000)
    failures = []
    until = time.monotonic() + args.seconds
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        fuzzer = Fuzzer(Path(folder), args.keep)
        for i in range(args.variants):
            if time.monotonic() > until:
                break
            name, seed = names[i % len(names)], args.seed + i
            for text in fuzzer.run(name, seed):
                failures.append(f"--input {name} --seed {seed} --variants 1: {text}")
                print(failures[-1], flush=True)
    print(fuzzer.table.text())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
