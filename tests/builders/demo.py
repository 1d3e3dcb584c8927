"""The demo's datasets, on systems that plyvel has no wheels for too."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from datascan.cli.commands import demo
from tests.builders.leveldb_writer import write_store


def write_leveldb(path: Path) -> None:
    """The demo's LevelDB, without plyvel by an own writer."""
    if find_spec("plyvel"):
        demo.write_leveldb(path)
    else:
        write_store(path, dict(demo.leveldb_entries()), in_tables=False)


DATASETS = [
    (name, write_leveldb if write is demo.write_leveldb else write, classes)
    for name, write, classes in demo.DATASETS
]
