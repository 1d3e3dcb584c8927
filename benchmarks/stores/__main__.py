"""Scans stores that their own library reads to the end, and writes docs/stores.md.

Every HDF5 file, LMDB and LevelDB below the folders is read by h5py, py-lmdb or plyvel, and then
scanned. A finding that says that a store is damaged, or a crash, is a false alarm if the library
reads all of it. Nothing is copied from the folders.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.stores.generated import write_all
from benchmarks.stores.oracle import ORACLES
from datascan.config.options import Options
from datascan.errors import DatascanError
from datascan.readers.hdf5.files import is_hdf5
from datascan.readers.lmdb.pages import has_magic
from datascan.session import ScanSession

PAGE = Path(__file__).parents[2] / "docs" / "stores.md"
HEAD = """# Stores

What datascan says about HDF5 files, LMDBs and LevelDBs that their own libraries (h5py, py-lmdb,
plyvel) read to the end. `scripts/bench stores FOLDER...` scans all stores in some folders, and
files that it writes itself, with every kind of chunk index, filter and growth in each version of
the format, and writes this page. The folder `packages` held the test files of source distributions:
pyfive, pynwb, cooler, pymatreader, hyperspy, cf-python, scanpy, nibabel, h5py, anndata and others.

- **whole**: those that the library reads to the end.
- **false alarms**: whole, but `damaged-store`, `truncated-store` or `reader-crash`.
- **refused**: whole, but without anything that datascan reads, such as only texts: exit status 2.
- **broken**: the library does not read them; **named**: those of them that have an error, or are
  refused.

"""
COLUMNS = ("stores", "format", "number", "whole", "false alarms", "refused", "broken", "named")
ALARMS = {"damaged-store", "truncated-store", "reader-crash"}


@dataclass
class Row:
    """Counts of the stores of one origin and format."""

    counts: Counter[str] = field(default_factory=Counter)

    def cells(self) -> list[str]:
        """The last columns of the table."""
        return [f"{self.counts[name]:,}" for name in ("number", *COLUMNS[3:])]


def find_stores(folder: Path) -> Iterator[tuple[str, Path]]:
    """All stores below a folder: format and path."""
    for path in sorted(folder.rglob("*")):
        if path.name == "CURRENT" and any(path.parent.glob("MANIFEST-*")):
            yield "leveldb", path.parent
        elif path.is_file() and is_hdf5(path):
            yield "hdf5", path
        elif path.is_file() and has_magic(path):
            yield "lmdb", path


def judge(kind: str, path: Path) -> tuple[Counter[str], str]:
    """What to count for a store, and the false alarm or ""."""
    is_whole = not ORACLES[kind](path)
    try:
        with ScanSession(path, Options(), reader=kind) as session:
            report = session.report(charts=False)
    except DatascanError:
        return Counter(["number", *(["whole", "refused"] if is_whole else ["broken", "named"])]), ""
    alarms = [found for found in report.findings if found.rule in ALARMS]
    if not is_whole:
        return Counter(["number", "broken", *(["named"] if report.verdict == "fail" else [])]), ""
    alarm = f"{path}: {alarms[0].rule}: {alarms[0].message}" if alarms else ""
    return Counter(["number", "whole", *(["false alarms"] if alarm else [])]), alarm


def add_stores(name: str, folder: Path, rows: dict[tuple[str, str], Row]) -> list[str]:
    """Scan all stores of a folder; returns the false alarms."""
    found = []
    for kind, path in find_stores(folder):
        counts, alarm = judge(kind, path)
        rows.setdefault((name, kind), Row()).counts.update(counts)
        if alarm:
            found.append(alarm)
            print(alarm, flush=True)
    return found


def write_page(rows: dict[tuple[str, str], Row], page: Path) -> None:
    """Write the rows as a table."""
    cells: list[Sequence[str]] = [COLUMNS, ["---"] * len(COLUMNS)]
    cells += [[*names, *row.cells()] for names, row in rows.items()]
    page.write_text(HEAD + "".join(f"| {' | '.join(row)} |\n" for row in cells))


def main() -> int:
    """Scan, and write the page; exit status 1 if there is a false alarm."""
    parser = argparse.ArgumentParser(prog="scripts/bench stores", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--page", type=Path, default=PAGE)
    args = parser.parse_args()
    rows: dict[tuple[str, str], Row] = {}
    with tempfile.TemporaryDirectory() as home:
        for _ in write_all(Path(home)):
            pass
        alarms = add_stores("written for this page", Path(home), rows)
    for folder in args.folders:
        alarms += add_stores(folder.name, folder, rows)
    write_page(rows, args.page)
    return 1 if alarms else 0


if __name__ == "__main__":
    raise SystemExit(main())
