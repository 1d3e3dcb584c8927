"""What the rules say about the training logs in some folders: counts for each rule.

Every file that may be a log is read: *.log, *.txt, *.csv, *.train, *.test, trainer_state.json and
event files. Prints each finding with its file, so that it can be judged, then a table for each
folder. Nothing is copied from the folders.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from datascan.errors import DatasetError
from datascan.logs.diagnosis import diagnose
from datascan.logs.reading import read_log

PATTERNS = ("*.log", "*.log.*", "*.txt", "*.csv", "*.train", "*.test", "trainer_state.json")
EVENTS = "*tfevents*"


def find_logs(folder: Path) -> Iterator[Path]:
    """The files below a folder that may be logs."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if any(fnmatch.fnmatch(name, pattern) for pattern in (*PATTERNS, EVENTS)):
                yield Path(place, name)


def survey(folder: Path) -> Counter[str]:
    """Count the formats and causes of the logs of a folder; prints the findings."""
    counts: Counter[str] = Counter()
    for path in find_logs(folder):
        try:
            log = read_log(path)
        except DatasetError:
            counts["not a log"] += 1
            continue
        counts[f"format {log.layout}"] += 1
        counts["damaged-log"] += bool(log.damage)
        for run in log.runs:
            verdict = diagnose(run)
            counts["runs"] += 1
            counts[f"cause {verdict.cause}"] += 1
            if verdict.cause != "none":
                print(f"{path.relative_to(folder)}: {verdict.cause}: {verdict.text}", flush=True)
    return counts


def main() -> int:
    """Survey the folders, and print what was counted."""
    parser = argparse.ArgumentParser(prog="scripts/bench logs", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    for folder in parser.parse_args().folders:
        counts = survey(folder)
        print(f"\n{folder}")
        for name, count in sorted(counts.items()):
            print(f"  {count:6,}  {name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
