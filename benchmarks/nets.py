"""Reads every prototxt of some folders, and counts refusals and findings of each rule.

The folders in the given ones count as repositories. Files with the same content count once. Data
is not scanned: what is measured is how nets and solvers are understood.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datascan import scan_net
from datascan.errors import DatascanError
from datascan.text import escape_control

ENDINGS = (".prototxt", ".pt", ".pbtxt", ".prototext", ".template")
MAX_BYTES = 4_000_000


@dataclass(slots=True)
class Tally:
    """What was counted: files by repository, refusals with their reasons, findings by rule."""

    repositories: Counter[str] = field(default_factory=Counter)
    copies: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    findings: Counter[tuple[str, str]] = field(default_factory=Counter)
    files: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, path: Path, repository: str) -> None:
        """Read one file."""
        self.repositories[repository] += 1
        try:
            report = scan_net(path, data=False, workers=0)
        except DatascanError as error:
            reason = str(error).replace(str(path), "")
            self.refused.append((f"{repository}: {path.name}", reason))
            return
        found = Counter((finding.rule, str(finding.severity)) for finding in report.findings)
        self.findings += found
        self.files.update(found.keys())

    def lines(self) -> Iterator[str]:
        """The counts as Markdown, and every refusal."""
        number, refused = self.repositories.total(), len(self.refused)
        yield f"{number:,} files of {len(self.repositories)} repositories ({self.copies:,} copies)"
        yield f"{number - refused:,} were read, {refused:,} were refused"
        yield ""
        yield "| rule | severity | findings | files |"
        yield "| --- | --- | ---: | ---: |"
        for (rule, severity), count in sorted(self.findings.items()):
            yield f"| `{rule}` | {severity} | {count:,} | {self.files[rule, severity]:,} |"
        yield ""
        for place, reason in self.refused:
            yield escape_control(f"refused: {place}{reason}")


def list_files(folder: Path) -> Iterator[Path]:
    """The text files in a folder that may be nets or solvers, sorted."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in ENDINGS and path.is_file() and path.stat().st_size <= MAX_BYTES:
            yield path


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the files, and print what was counted."""
    parser = argparse.ArgumentParser(prog="scripts/bench nets", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    folders = parser.parse_args(arguments).folders
    tally, seen = Tally(), set[bytes]()
    for folder in folders:
        for path in list_files(folder):
            content = path.read_bytes()
            digest = hashlib.sha256(content).digest()
            if b"\0" in content:
                continue
            if digest in seen:
                tally.copies += 1
                continue
            seen.add(digest)
            tally.add(path, path.relative_to(folder).parts[0])
    sys.stdout.write("\n".join(tally.lines()) + "\n")


if __name__ == "__main__":
    main()
