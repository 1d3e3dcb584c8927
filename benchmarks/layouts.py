"""Scans a healthy and a faulty sample of every layout, and writes the table of docs/layouts.md."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.report.model import DatasetReport
from datascan.session import ScanSession
from tests.builders.layouts import LAYOUTS, Layout

PAGE = Path(__file__).parents[1] / "docs" / "layouts.md"
HEAD = """# Layouts

How people store datasets, and what datascan says about a healthy sample of each and about one with
a fault. `scripts/bench layouts` builds the samples, scans them, and writes this page.

- **records**: how many datascan counts, "of" how many its owner would, if that differs.
- **not-inspected**: the report says that values were not read; it fails if none was inspected.
- **refused**: there is no reader for it yet, and the command ends with exit status 2.
- **reason**: the rules that fail the scan, or else those that the faulty sample has more findings
  of than the healthy one.

"""
COLUMNS = ("kind", "layout", "records", "healthy", "fault", "faulty", "reason")


@dataclass(frozen=True)
class Outcome:
    """What a scan said: its verdict ("refused" if there was none), the rules of its findings."""

    verdict: str
    records: int | None
    failing: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def says_uninspected(self) -> bool:
        """Whether it says that something was not inspected."""
        return "not-inspected" in (*self.failing, *self.others)

    def reasons(self, healthy: Outcome) -> list[str]:
        """Why this is not the outcome of a ``healthy`` sample; empty if a fault went unnoticed."""
        if self.verdict == "refused":
            return ["refused"]
        new = [rule for rule in self.others if rule not in healthy.others]
        uninspected = ["not-inspected"] if self.says_uninspected else []
        return list(dict.fromkeys([*self.failing, *([] if self.failing else new), *uninspected]))


def scan(layout: Layout, *, faulty: bool) -> Outcome:
    """Build a sample in a temporary folder and scan it."""
    with tempfile.TemporaryDirectory() as folder:
        sample = layout.build(Path(folder), faulty)
        try:
            with ScanSession(sample.paths, Options().replace(**sample.options)) as session:
                return outcome_of(session.report(charts=False))
        except DatasetError:
            return Outcome("refused", None, (), ())


def outcome_of(report: DatasetReport) -> Outcome:
    """The outcome of a scan."""
    failing = [finding.rule for finding in report.findings if finding.severity == "error"]
    others = [finding.rule for finding in report.findings if finding.severity != "error"]
    records = report.dataset.records
    return Outcome(
        report.verdict, records, tuple(dict.fromkeys(failing)), tuple(dict.fromkeys(others))
    )


def row_of(layout: Layout, healthy: Outcome, faulty: Outcome) -> tuple[str, ...]:
    """A row of the table."""
    found = "-" if healthy.records is None else f"{healthy.records}"
    records = found if healthy.records in (None, layout.records) else f"{found} of {layout.records}"
    verdict = healthy.verdict + (", not-inspected" if healthy.says_uninspected else "")
    reason = ", ".join(faulty.reasons(healthy))
    return layout.kind, layout.name, records, verdict, layout.fault, faulty.verdict, reason


def find_problems(layout: Layout, healthy: Outcome, faulty: Outcome) -> list[str]:
    """A fault that passes in silence, and a healthy sample that fails although it was read."""
    name = f"{layout.kind} {layout.name}"
    wrong = ", ".join(sorted(set(healthy.failing) - {"not-inspected"}))
    return [
        *([] if faulty.reasons(healthy) else [f"{name}: the fault passes in silence"]),
        *([f"{name}: healthy, but {wrong}"] if wrong else []),
    ]


def write_page(rows: Sequence[Sequence[str]], page: Path) -> None:
    """Write the rows as a table."""
    table = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    page.write_text(HEAD + "".join(f"| {' | '.join(row)} |\n" for row in table))


def main() -> int:
    """Write the page; 1 if a faulty sample passes in silence or a healthy one fails."""
    rows, problems = [], []
    for layout in LAYOUTS:
        healthy, faulty = scan(layout, faulty=False), scan(layout, faulty=True)
        rows.append(row_of(layout, healthy, faulty))
        problems += find_problems(layout, healthy, faulty)
        print(*rows[-1], sep=" | ", flush=True)
    write_page(rows, PAGE)
    print(*problems, sep="\n", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
