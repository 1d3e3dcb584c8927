"""``datascan init``: finds the datasets below a folder, and writes ``datascan.toml`` there."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from datascan.cli.arguments import add_force_argument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datascan.readers.dataset_search import FoundDatasets

DESCRIPTION = (
    "Find the datasets below a folder and write datascan.toml there, so that datascan check scans "
    "them all. Nothing is read but names and the beginnings of files."
)

CONFIG = "datascan.toml"
KINDS = {"lmdb": "LMDB", "leveldb": "LevelDB", "hdf5": "HDF5", "images": "folder of images"}
MAX_SHOWN = 40
"""The most datasets that are printed; the file has all of them."""

HEAD = """\
# The datasets of this folder, as datascan init has found them. All are scanned by: datascan check
# A key here holds for all datasets, and one in a table for that dataset. For example:
# fail_on = "error"          # or "warning"
# batch_sizes = [64]         # what the training uses: is a class missing from batches?
"""

BODY = """
[dataset.{key}]  # {kind}
# num_classes = 10           # labels are 0 to 9
# tolerance = {{ corrupt-image = "0.1%", duplicate-record = 500 }}
"""


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", default=Path(), help="default: this one"
    )
    command.add_argument("--dry-run", action="store_true", help="print the file, write nothing")
    add_force_argument(command)


def run(args: argparse.Namespace) -> int:
    """Find the datasets and write the file. Returns 0."""
    from datascan.cli.files import check_writable, write
    from datascan.cli.guard.guard import Guard
    from datascan.cli.guard.inputs import Inputs
    from datascan.cli.internal_error import say
    from datascan.cli.output import check_streams
    from datascan.cli.progress import SignalWatcher, handle_signals
    from datascan.errors import DatasetError
    from datascan.readers.dataset_search import find_datasets

    handle_signals(SignalWatcher())
    folder: Path = args.folder
    require_folder(folder)
    target = folder / CONFIG
    if not args.dry_run:
        require_no_configuration(folder, force=args.force)
    found = find_datasets(folder)
    if not found.datasets:
        raise DatasetError(
            f"there is no dataset below {folder}{'; ' * bool(found.cut_off)}{found.cut_off}"
        )
    text = format_config(folder, found)
    guard = Guard(inputs=Inputs(tuple(one.path for one in found.datasets)), force=args.force)
    check_streams(guard)
    if args.dry_run:
        print(text, end="")
        if found.cut_off:
            say(f"{folder}: {found.cut_off}")
        return 0

    def check(path: Path) -> None:
        guard.check(CONFIG, path)

    check(target)
    check_writable(target)
    write(target, [text], check)
    print_found(folder, found)
    return 0


def require_folder(folder: Path) -> None:
    """Check that a folder exists, and is neither a dataset nor inside of one.

    Raises:
        DatasetError: if it does not exist.
        UsageError: if it is one, and so nothing is written there; says where to run it.
    """
    from datascan.cli.doors import find_enclosing, quote
    from datascan.errors import DatasetError, UsageError

    if not folder.is_dir():
        what = "is not a folder" if os.path.lexists(folder) else "does not exist"
        raise DatasetError(f"{folder} {what}")
    top = find_enclosing(folder)
    if top is None:
        return
    same = os.path.samefile(top, folder)  # noqa: PTH121  (of two paths that exist)
    what = "is a dataset itself" if same else f"belongs to the dataset {os.path.relpath(top)}"
    above = Path(os.path.relpath(top.parent))
    raise UsageError(
        f"{folder} {what}, and nothing is written into datasets: datascan init {quote(above)}"
    )


def require_no_configuration(folder: Path, *, force: bool) -> None:
    """Check that the folder has no configuration yet.

    Raises:
        OutputError: if it has one, and ``force`` is not set.
    """
    from datascan.config.discovery.search import NAMES, has_settings
    from datascan.errors import OutputError

    for name in () if force else NAMES:
        file = folder / name
        if os.path.lexists(file) and (name == CONFIG or has_settings(file)):
            what = "exists" if name == CONFIG else f"has settings, which {CONFIG} would replace"
            raise OutputError(
                f"{file} {what}; --dry-run prints what would be written, --force writes it"
            )


def format_config(folder: Path, found: FoundDatasets) -> str:
    """The configuration, with a table for each dataset."""
    tables = (
        BODY.format(key=format_key(one.path.relative_to(folder)), kind=KINDS.get(one.reader, ""))
        for one in found.datasets
    )
    return HEAD + "".join(tables)


def format_key(path: Path) -> str:
    """A path as a key of TOML that matches only this path.

    Wildcards in it are escaped; for bytes that are not UTF-8, which TOML cannot hold, any
    character is allowed.
    """
    import re
    from glob import escape

    import tomlkit

    from datascan.text import SURROGATE, escape_in_toml

    pattern = re.sub(SURROGATE, "?", escape(path.as_posix()))
    return escape_in_toml(tomlkit.string(pattern).as_string())


def print_found(folder: Path, found: FoundDatasets) -> None:
    """Print what was found and what to do next."""
    from datascan.text import escape_control

    for line in describe_found(folder, found):
        print(escape_control(line))


def describe_found(folder: Path, found: FoundDatasets) -> Iterator[str]:
    """The datasets, what else was found, and the next command, one line each."""
    from datascan.cli.doors import describe_search, quote
    from datascan.text import pluralize

    yield f"wrote {folder / CONFIG}: {pluralize(len(found.datasets), 'dataset')}"
    for one in found.datasets[:MAX_SHOWN]:
        yield f"  {one.path.relative_to(folder).as_posix()}  ({KINDS.get(one.reader, one.reader)})"
    if len(found.datasets) > MAX_SHOWN:
        yield f"  and {len(found.datasets) - MAX_SHOWN:,} more"
    yield from describe_search(folder, found)
    is_here = os.path.realpath(folder) == os.path.realpath(Path.cwd())
    option = "" if is_here else f" --config {quote(folder / CONFIG)}"
    yield f"next: datascan check{option}"
