"""Scans the healthy datasets inside of installed packages, and writes docs/healthy.md.

It installs nothing: it uses the packages that are there, and says which it could not find.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from textwrap import wrap

import numpy as np

from benchmarks.healthy.pictures import (
    ICONS,
    PICTURE_PACKAGES,
    iter_folders,
    write_classes,
    write_hdf5,
    write_store,
)
from benchmarks.healthy.tables import (
    EMPTY_PACKAGES,
    TABLE_PACKAGES,
    Healthy,
    iter_tables,
    package_folder,
)
from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.session import ScanSession

PAGE = Path(__file__).parents[2] / "docs" / "healthy.md"
SEVERITIES = ("error", "warning", "info")

HEAD = """# Healthy datasets

What datascan says about the datasets inside of Python packages, which have been in use for
years. `scripts/bench healthy` writes them in formats that datascan reads, scans them, and writes
this page. Tables and series become HDF5 files; rows and columns that lack values are left out.
Greyscale pictures become an HDF5 file, an LMDB and class folders; folders of pictures are scanned
as they are.

"""

RULES = """## How often each rule fires

Of the {total:,} datasets, {clean:,} have no error or warning. Each is counted once for each rule,
under its worst severity there. `batch-label-gap` is about the order of the records in the files,
which are mostly sorted by class, and `extreme-value` about float16.

"""

PLANTED = """## What calm costs

Into each of the {total:,} tables and series, faults were planted: a copy of a record, under another
label if there are labels, a record of zeros, and in tables a feature that is always 0. This is how
the rules reported them. They are calm where records may be equal, or constant, by chance.

"""

MISSING = """## Packages

"""

PLANTED_RULES = ("duplicate-record", "conflicting-label", "constant-record", "constant-feature")


@dataclass(frozen=True)
class Outcome:
    """What a scan found: rule, severity, number of records and message of each finding.

    ``planted``: the worst severity of each of ``PLANTED_RULES`` after faults were planted.
    """

    package: str
    name: str
    kind: str
    records: int
    findings: tuple[tuple[str, str, int, str], ...]
    planted: dict[str, str] | None = None

    def worst(self, rule: str) -> str:
        """The worst severity of a rule; "" if it is silent."""
        found = [severity for name, severity, _, _ in self.findings if name == rule]
        return min(found, key=SEVERITIES.index, default="")

    @property
    def is_clean(self) -> bool:
        """Whether there is no error or warning."""
        return all(severity == "info" for _, severity, _, _ in self.findings)


def scan(path: Path, package: str, name: str, kind: str) -> Outcome | None:
    """Scan a dataset; None if it is not one."""
    try:
        with ScanSession(path, Options().replace(workers=0)) as session:
            report = session.report(charts=False)
    except DatasetError:
        return None
    found = tuple((f.rule, str(f.severity), f.records, f.message) for f in report.findings)
    return Outcome(package, name, kind, report.dataset.records, found)


def scan_arrays(healthy: Healthy) -> Iterator[Outcome]:
    """Scan a dataset in each format that it is written to, and with planted faults."""
    writers = {"HDF5": write_hdf5}
    if healthy.kind == "pictures":
        writers |= {"LMDB": write_store, "folders": write_classes}
    for form, write in writers.items():
        with tempfile.TemporaryDirectory() as folder:
            kind = healthy.kind if form == "HDF5" else f"{healthy.kind} as {form}"
            outcome = scan(write(healthy, Path(folder)), healthy.package, healthy.name, kind)
        if outcome is not None:
            is_planted = healthy.kind != "pictures"
            yield replace(outcome, planted=scan_planted(healthy) if is_planted else None)


def scan_planted(healthy: Healthy) -> dict[str, str]:
    """The worst severity of each rule about faults that are planted."""
    values, labels = plant(healthy)
    with tempfile.TemporaryDirectory() as folder:
        path = write_hdf5(Healthy("", "", values, labels), Path(folder))
        outcome = scan(path, "", "", "")
    assert outcome is not None
    return {rule: outcome.worst(rule) for rule in PLANTED_RULES}


def plant(healthy: Healthy) -> tuple[np.ndarray, np.ndarray | None]:
    """A record's copy under another label, a record of zeros, a feature that is always 0.

    No feature is planted in series: it would be a single moment.
    """
    values, labels = healthy.values, healthy.labels
    flat = values.reshape(len(values), -1)
    varied = np.flatnonzero((flat != flat[:, :1]).any(axis=1))
    chosen = int(varied[len(varied) // 2]) if len(varied) else 0
    values = np.concatenate([values, values[chosen : chosen + 1], np.zeros_like(values[:1])])
    if values.ndim == 2:
        dead = np.zeros((len(values), 1), values.dtype)
        # The copy stays one, and the record of zeros too.
        values = np.concatenate([values, dead], axis=1)
    if labels is not None:
        other = labels[chosen] + 1 if labels[chosen] < labels.max() else labels[chosen] - 1
        labels = np.concatenate([labels, [other, labels[0]]])
    return values, labels


def iter_outcomes(packages: Sequence[str], paths: Sequence[Path]) -> Iterator[Outcome]:
    """Scan everything."""
    for package in packages:
        for healthy in iter_tables(package):
            yield from scan_arrays(healthy)
    for package, name, folder in iter_folders():
        if (found := scan(folder, package, name, "folders of pictures")) is not None:
            yield found
    for path in paths:
        if (found := scan(path, "own", path.name, "own")) is not None:
            yield found


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines) + "\n"


def count_rules(outcomes: Sequence[Outcome]) -> list[tuple[str, int, int, int]]:
    """For each rule that fires, the number of datasets by its worst severity there."""
    rules = sorted({rule for outcome in outcomes for rule, *_ in outcome.findings})
    rows = []
    for rule in rules:
        counts = Counter(outcome.worst(rule) for outcome in outcomes)
        rows.append((f"`{rule}`", counts["error"], counts["warning"], counts["info"]))
    return rows


def count_planted(outcomes: Sequence[Outcome]) -> list[tuple[object, ...]]:
    """For each planted fault, how it was reported."""
    rows = []
    for rule in PLANTED_RULES:
        counts = Counter(o.planted[rule] for o in outcomes if o.planted is not None)
        rows.append((f"`{rule}`", *(counts[severity] for severity in (*SEVERITIES, ""))))
    return rows


def count_packages(outcomes: Sequence[Outcome]) -> list[tuple[object, ...]]:
    """For each package: version, number of datasets, and of those without error or warning."""
    rows: list[tuple[object, ...]] = []
    for package in sorted({outcome.package for outcome in outcomes}, key=str.lower):
        own = [outcome for outcome in outcomes if outcome.package == package]
        kinds = Counter(outcome.kind for outcome in own)
        named = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
        clean = sum(outcome.is_clean for outcome in own)
        rows.append((package, version_of(package), f"{len(own):,}", named, f"{clean:,}"))
    return rows


def version_of(package: str) -> str:
    """The version of the distribution that a package belongs to; "" if there is none."""
    names = packages_distributions().get(package, [package])
    try:
        return version(names[0])
    except PackageNotFoundError:
        return ""


def write_page(outcomes: Sequence[Outcome], page: Path) -> None:
    """Write the page."""
    planted = [outcome for outcome in outcomes if outcome.planted is not None]
    clean = sum(outcome.is_clean for outcome in outcomes)
    known = sorted({*TABLE_PACKAGES, *PICTURE_PACKAGES, *EMPTY_PACKAGES}, key=str.lower)
    absent = [package for package in known if package_folder(package) is None]
    found = {outcome.package for outcome in outcomes}
    empty = [package for package in known if package not in {*absent, *found}]
    text = HEAD + RULES.format(total=len(outcomes), clean=clean)
    text += table(("rule", "error", "warning", "info"), count_rules(outcomes))
    text += PLANTED.format(total=len(planted))
    columns = ("rule", *SEVERITIES, "not at all")
    text += table(columns, count_planted(planted))
    text += MISSING
    columns = ("package", "version", "datasets", "kinds", "without error or warning")
    text += table(columns, count_packages(outcomes))
    note = f"`icons` are those of {ICONS}. "
    if empty:
        note += f"No datasets inside, as they are downloaded: {', '.join(empty)}. "
    note += f"Not installed: {', '.join(absent)}." if absent else ""
    page.write_text(text + "\n".join(wrap(note, 100)) + "\n")


def main() -> int:
    """Scan everything, and write the page."""
    parser = argparse.ArgumentParser(prog="scripts/bench healthy", description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, help="healthy datasets of your own")
    parser.add_argument("--packages", nargs="*", default=TABLE_PACKAGES, help="instead of all")
    parser.add_argument("--findings", type=Path, help="write all findings to this JSON file")
    parser.add_argument("--page", type=Path, default=PAGE, help="in place of docs/healthy.md")
    args = parser.parse_args()
    outcomes: list[Outcome] = []
    for outcome in iter_outcomes(args.packages, args.paths):
        outcomes.append(outcome)
        if len(outcomes) % 100 == 0:
            print(f"{len(outcomes):,} datasets, now {outcome.package}", flush=True)
    write_page(outcomes, args.page)
    if args.findings is not None:
        args.findings.write_text(json.dumps([asdict(outcome) for outcome in outcomes]))
    print(f"{len(outcomes):,} datasets: {args.page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
