"""``datascan demo``: creates a dataset of each kind with planted faults, and scans them."""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from datascan.cli.arguments import add_force_argument
from datascan.cli.files import check_writable
from datascan.cli.files import write as write_file
from datascan.cli.guard.guard import Guard
from datascan.cli.temporary import temporary_folder
from datascan.config.options import Options
from datascan.errors import OutputError
from datascan.files import resolve_own_links
from datascan.report.model import Report
from datascan.session import ScanSession


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="DIR",
        help="keep the datasets and write the HTML reports there (default: keep only the reports, "
        "in datascan-demo)",
    )
    add_force_argument(command)


def run(args: argparse.Namespace) -> int:
    """Create datasets with faults, scan them, and print the reports."""
    from datascan.cli.output import print_report
    from datascan.cli.progress import Interrupted, SignalWatcher, handle_signals

    # A signal ends the demo, but not before it has removed its temporary folder.
    signals = SignalWatcher()
    handle_signals(signals)

    def show(report: Report) -> None:
        if signals.received:  # the exception may have been lost in a callback of native code
            raise Interrupted(signals.received)
        print_report(report)

    return run_demo(args.folder, show, Guard(force=args.force))


CLASSES = 10
ANIMALS = ("cat", "dog", "frog")

WITHOUT_PLYVEL = (
    "train_leveldb is left out: plyvel, which writes a LevelDB, is not installed (its wheels are "
    "for Linux on x86-64 and Python up to 3.12). Scans of LevelDB do not need it."
)
"""One line of the output."""

PAGES = Path("datascan-demo")
"""The default folder of the HTML reports."""


def run_demo(
    folder: Path | None, show: Callable[[Report], None], guard: Guard | None = None
) -> int:
    """Create the datasets, scan them, show the reports, and write them as HTML.

    Everything is written to ``folder``. Without one, the datasets are temporary, and the reports go
    to ``datascan-demo`` in the working folder. Returns exit status 0, because the faults are
    intended.

    Raises:
        OutputError: if something cannot be written or exists already.
    """
    pages = folder or PAGES
    if folder is None:
        require_demo_folder(pages)
    datasets = [row for row in DATASETS if row[1] is not write_leveldb or has_plyvel()]
    with ExitStack() as stack:
        home = folder or stack.enter_context(scratch_folder())
        for name, write, classes in datasets:
            path, page = home / name, pages / page_name(name)
            if guard is not None:
                guard.check("the demo", page)
            write_new(path, write)
            print(f"$ datascan scan {path if folder else name} --num-classes {classes}\n")
            with ScanSession(path, Options.from_keywords(num_classes=classes)) as session:
                report = session.report(charts=True)
            show(report)
            write_file(page, [(report if folder else with_name(report, name)).to_html()])
            print()
    if len(datasets) < len(DATASETS):
        print(WITHOUT_PLYVEL)
    print("All faults above were planted. `datascan explain RULE` explains a rule.")
    if folder:
        print(f"The datasets are in {folder}.")
    names = ", ".join(page_name(name) for name, _, _ in datasets)
    print(f"The HTML reports are in {pages}: {names}.")
    return 0


def has_plyvel() -> bool:
    """Whether the library that writes a LevelDB is installed."""
    try:
        import plyvel  # noqa: F401  (asked for, not used)
    except ImportError:
        return False
    return True


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder.

    Raises:
        OutputError: if it cannot be created.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(temporary_folder())
        except OSError as error:
            reason = f"cannot create a temporary folder: {error.strerror}"
            raise OutputError(f"{reason}; set TMPDIR, or pass a folder") from error
        yield folder


def page_name(dataset: str) -> str:
    """The file name of a dataset's HTML report."""
    return f"{dataset}.html"


def require_demo_folder(pages: Path) -> None:
    """Create the folder of the reports, or check that it holds nothing but an earlier demo.

    Raises:
        OutputError: if it cannot be created, or holds other files.
    """
    own = {page_name(name) for name, _, _ in DATASETS}
    try:
        pages = resolve_own_links(pages)
        pages.mkdir(exist_ok=True)
        others = sorted(path.name for path in pages.iterdir() if path.name not in own)
    except OSError as error:
        raise OutputError(f"cannot write {pages}: {error.strerror or error}") from error
    if others:
        raise OutputError(f"{pages} holds other files ({others[0]}): pass another folder")
    check_writable(pages / page_name(DATASETS[0][0]))


def with_name(report: Report, name: str) -> Report:
    """The report with ``name`` in place of the path of a temporary dataset."""
    return replace(report, dataset=replace(report.dataset, path=name))


def write_new(path: Path, write: Callable[[Path], None]) -> None:
    """Write a dataset to a path that does not exist yet."""
    if os.path.lexists(path):
        raise OutputError(f"{path} already exists: pass another folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def random_numbers(seed: int) -> np.random.Generator:
    """A random generator that gives the same numbers in every demo."""
    return np.random.default_rng(seed)


def datum(values: np.ndarray[Any, Any], label: int) -> bytes:
    """A Datum as Caffe writes it: uint8 as ``data``, floats as ``float_data``."""
    from datascan.decoders.datum.message import datum_class

    message = datum_class()()
    message.channels, message.height, message.width = values.shape
    if values.dtype == np.uint8:
        message.data = values.tobytes()
    else:
        message.float_data.extend(values.ravel().tolist())
    message.label = label
    return bytes(message.SerializeToString())


def write_lmdb(path: Path) -> None:
    """1,000 float Datums sorted by class: one NaN, one label 10 of 10 classes, one duplicate."""
    import lmdb

    images = random_numbers(1).normal(size=(1000, 3, 8, 8)).astype(np.float32)
    labels = np.sort(random_numbers(2).integers(0, CLASSES, len(images)))
    images[333, 2, 1, 0] = np.nan
    images[801] = images[800]
    labels[801] = labels[800]
    labels[17] = 10
    path.mkdir()
    with lmdb.open(str(path), map_size=1 << 28) as store, store.begin(write=True) as transaction:
        for i, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            transaction.put(b"%08d" % i, datum(image, label))


def write_leveldb(path: Path) -> None:
    """500 uint8 Datums: one of another shape, one truncated, one empty, and 20 keys missing."""
    import plyvel

    store = plyvel.DB(str(path), create_if_missing=True)
    with store.write_batch() as batch:
        for key, value in leveldb_entries():
            batch.put(key, value)
    store.close()


def leveldb_entries() -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of the LevelDB."""
    images = random_numbers(3).integers(0, 256, (500, 3, 8, 8), np.uint8)
    values = [datum(image, i % CLASSES) for i, image in enumerate(images)]
    values[40] = datum(images[40, :1], 0)
    values[77] = values[77][:100]
    values[250] = b""
    keys = [i if i < 400 else i + 20 for i in range(len(values))]
    for key, value in zip(keys, values, strict=True):
        yield b"%08d" % key, value


def write_hdf5(path: Path) -> None:
    """1,000 rows of 16 features: one Inf, one feature that is always 0, one label that is NaN."""
    import h5py

    data = random_numbers(4).normal(size=(1000, 16)).astype(np.float32)
    data[123, 4] = np.inf
    data[:, 9] = 0
    labels = random_numbers(5).integers(0, CLASSES, (1000, 1)).astype(np.float32)
    labels[640] = np.nan
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=data, chunks=(100, 16), compression="gzip")
        file.create_dataset("label", data=labels)


def write_images(path: Path) -> None:
    """60 images in three classes: one truncated, one HTML page, one misnamed, one duplicate."""
    for animal, name, content in make_images():
        (path / animal).mkdir(parents=True, exist_ok=True)
        (path / animal / name).write_bytes(content)


def make_images() -> Iterator[tuple[str, str, bytes]]:
    """Class, file name and content of each image."""
    images = {}
    for label, animal in enumerate(ANIMALS):
        for i in range(20):
            images[animal, f"{i:03}.jpg"] = make_photo(100 * label + i, "JPEG")
    images["cat", "004.jpg"] = images["cat", "004.jpg"][:900]
    images["dog", "007.jpg"] = b"<!DOCTYPE html><title>404 Not Found</title>"
    images["dog", "011.jpg"] = make_photo(111, "PNG")
    images["frog", "002.jpg"] = images["cat", "002.jpg"]
    for (animal, name), content in images.items():
        yield animal, name, content


def make_photo(seed: int, kind: str) -> bytes:
    """An encoded image of smooth random colours, 48x64 pixels."""
    from PIL import Image

    small = Image.fromarray(random_numbers(seed).integers(0, 256, (6, 8, 3), np.uint8))
    stream = io.BytesIO()
    small.resize((64, 48), Image.Resampling.BICUBIC).save(stream, kind)
    return stream.getvalue()


DATASETS: tuple[tuple[str, Callable[[Path], None], int], ...] = (
    ("train_lmdb", write_lmdb, CLASSES),
    ("train_leveldb", write_leveldb, CLASSES),
    ("train.h5", write_hdf5, CLASSES),
    ("train_images", write_images, len(ANIMALS)),
)
