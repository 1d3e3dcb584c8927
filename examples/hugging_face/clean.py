"""Saves a dataset of the Hugging Face hub without the rows whose images or labels have errors."""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import datascan


def export(rows: Iterable[Mapping[str, Any]], folder: Path) -> None:
    """Write images that are not decoded, and a list of them with their labels in ``labels.csv``.

    A row has ``image``, a mapping with ``bytes`` and ``path``, and ``label``.
    """
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "label"])
        for index, row in enumerate(rows):
            image = row["image"]
            content = image["bytes"]
            if content is None:
                content = Path(image["path"]).read_bytes()
            name = f"{index:08d}{Path(image['path'] or '').suffix or '.jpg'}"
            (folder / name).write_bytes(content)
            table.writerow([name, row["label"]])


def good_rows(folder: Path, num_classes: int) -> list[int]:
    """The rows without errors: records of a list are in its order, so an index is a row."""
    report = datascan.scan(folder, list_file=str(folder / "labels.csv"), num_classes=num_classes)
    for finding in report.findings:
        print(f"{finding.severity} {finding.rule}: {finding.message}")
    bad = set(report.bad_indices().tolist())
    return [row for row in range(report.dataset.records) if row not in bad]


def main() -> None:
    """Export, scan, and save the good rows."""
    from datasets import Image, load_dataset

    name, out = sys.argv[1:3]
    dataset = load_dataset(name, split="train")
    encoded = dataset.cast_column("image", Image(decode=False))
    with tempfile.TemporaryDirectory() as folder:
        export(encoded, Path(folder))
        keep = good_rows(Path(folder), dataset.features["label"].num_classes)
    dataset.select(keep).save_to_disk(out)
    print(f"kept {len(keep)} of {len(dataset)} rows in {out}")


if __name__ == "__main__":
    main()
