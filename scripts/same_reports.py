"""Compares reports of the same dataset, DATASET.NAME.json in a folder, for scripts/wheels."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(folder: Path) -> int:
    """Compare every report with that named "reference"; returns the exit status."""
    differing = 0
    for reference in sorted(folder.glob("*.reference.json")):
        dataset = reference.name.removesuffix(".reference.json")
        wanted = content(reference)
        others = sorted(folder.glob(f"{dataset}.*.json"))
        for path in others:
            if content(path) != wanted:
                differing += 1
                parts = [part for part in wanted if content(path).get(part) != wanted[part]]
                print(f"{path.name} differs in {', '.join(parts)}")
        print(f"{dataset}: {len(others)} reports compared")
    return 1 if differing else 0


def content(path: Path) -> dict[str, Any]:
    """A report without what is of its run: times, versions, and the loops that were used."""
    report: dict[str, Any] = json.loads(path.read_text())
    return {part: report[part] for part in report if part not in RUN}


RUN = {"elapsed_seconds", "started", "command", "versions"}

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
