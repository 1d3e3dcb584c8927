"""``datascan demo``: a dataset of each kind with planted faults, scanned, with HTML reports."""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from datascan.cli.files import check_writable
from datascan.cli.files import write as write_file
from datascan.config.options import Options
from datascan.errors import OutputError
from datascan.report.model import Report
from datascan.session import run_scan


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="DIR",
        help="keep the datasets, and write the reports, there (reports without it: datascan-demo)",
    )


def run(given: argparse.Namespace) -> int:
    """Make datasets with faults, scan them, and print the reports."""
    from datascan.cli.commands.demo import demo
    from datascan.cli.output import print_report

    return demo(given.folder, print_report)


CLASSES = 10
ANIMALS = ("cat", "dog", "frog")

PAGES = Path("datascan-demo")
"""Where HTML reports go without a folder given."""


def demo(folder: Path | None, show: Callable[[Report], None]) -> int:
    """Write the datasets, scan them, show the reports, and write these as HTML.

    In ``folder``, if it is given; else the datasets go again, and the reports stay in a folder
    ``datascan-demo`` where the command was given. Returns exit status 0: the faults are meant.

    Raises:
        OutputError: where something cannot be written, or is there already.
    """
    pages = folder or PAGES
    if folder is None:
        require_own(pages)
    with ExitStack() as stack:
        home = folder or stack.enter_context(temporary_folder())
        for name, write, classes in DATASETS:
            path, page = home / name, pages / page_name(name)
            write_new(path, write)
            print(f"$ datascan scan {path if folder else name} --num-classes {classes}\n")
            report = run_scan([path], Options.from_keywords(num_classes=classes))
            show(report)
            write_file(page, [(report if folder else under_name(report, name)).to_html()])
            print()
    print("Every fault above was planted. `datascan explain RULE` tells what a rule means.")
    if folder:
        print(f"The datasets stay in {folder}.")
    named = ", ".join(page_name(name) for name, _, _ in DATASETS)
    print(f"The reports as HTML are in {pages}: {named}.")
    return 0


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that goes again.

    Raises:
        OutputError: where none can be made.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="datascan-")
    except OSError as error:
        why = f"cannot make a folder for temporary files: {error.strerror}"
        raise OutputError(f"{why}; set TMPDIR, or name a folder") from error
    with folder as name:
        yield Path(name)


def page_name(dataset: str) -> str:
    """The file name of a dataset's HTML report."""
    return f"{dataset}.html"


def require_own(pages: Path) -> None:
    """Make the folder of the reports, unless there is one that holds more than an earlier demo.

    Raises:
        OutputError: where it cannot be made, or holds something else.
    """
    own = {page_name(name) for name, _, _ in DATASETS}
    try:
        pages.mkdir(exist_ok=True)
        others = sorted(path.name for path in pages.iterdir() if path.name not in own)
    except OSError as error:
        raise OutputError(f"cannot write {pages}: {error.strerror or error}") from error
    if others:
        raise OutputError(f"{pages} holds {others[0]}, which is not of a demo: give another folder")
    check_writable(pages / page_name(DATASETS[0][0]))


def under_name(report: Report, name: str) -> Report:
    """The report of a dataset that goes again, under its mere name."""
    return replace(report, dataset=replace(report.dataset, path=name))


def write_new(path: Path, write: Callable[[Path], None]) -> None:
    """Write a dataset where there is none yet."""
    if path.exists():
        raise OutputError(f"{path} exists already: give the demo another folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def numbers(seed: int) -> np.random.Generator:
    """Random numbers that are the same in every demo."""
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
    """1,000 float Datums sorted by class: one NaN, one label 10 of 10 classes, one copy."""
    import lmdb

    images = numbers(1).normal(size=(1000, 3, 8, 8)).astype(np.float32)
    labels = np.sort(numbers(2).integers(0, CLASSES, len(images)))
    images[333, 2, 1, 0] = np.nan
    images[801] = images[800]
    labels[801] = labels[800]
    labels[17] = 10
    path.mkdir()
    with lmdb.open(str(path), map_size=1 << 28) as store, store.begin(write=True) as transaction:
        for i, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            transaction.put(b"%08d" % i, datum(image, label))


def write_leveldb(path: Path) -> None:
    """500 uint8 Datums: one of another shape, one cut, one empty, and 20 keys missing."""
    import plyvel

    images = numbers(3).integers(0, 256, (500, 3, 8, 8), np.uint8)
    values = [datum(image, i % CLASSES) for i, image in enumerate(images)]
    values[40] = datum(images[40, :1], 0)
    values[77] = values[77][:100]
    values[250] = b""
    keys = [i if i < 400 else i + 20 for i in range(len(values))]
    store = plyvel.DB(str(path), create_if_missing=True)
    with store.write_batch() as batch:
        for key, value in zip(keys, values, strict=True):
            batch.put(b"%08d" % key, value)
    store.close()


def write_hdf5(path: Path) -> None:
    """1,000 rows of 16 features: one Inf, one feature that is always 0, one label that is NaN."""
    import h5py

    data = numbers(4).normal(size=(1000, 16)).astype(np.float32)
    data[123, 4] = np.inf
    data[:, 9] = 0
    labels = numbers(5).integers(0, CLASSES, (1000, 1)).astype(np.float32)
    labels[640] = np.nan
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=data, chunks=(100, 16), compression="gzip")
        file.create_dataset("label", data=labels)


def write_images(path: Path) -> None:
    """60 pictures of three classes: one cut, one a web page, one misnamed, one in two classes."""
    for animal, name, content in pictures():
        (path / animal).mkdir(parents=True, exist_ok=True)
        (path / animal / name).write_bytes(content)


def pictures() -> Iterator[tuple[str, str, bytes]]:
    """Class, file name and content of every picture."""
    made = {}
    for label, animal in enumerate(ANIMALS):
        for i in range(20):
            made[animal, f"{i:03}.jpg"] = photo(100 * label + i, "JPEG")
    made["cat", "004.jpg"] = made["cat", "004.jpg"][:900]
    made["dog", "007.jpg"] = b"<!DOCTYPE html><title>404 Not Found</title>"
    made["dog", "011.jpg"] = photo(111, "PNG")
    made["frog", "002.jpg"] = made["cat", "002.jpg"]
    for (animal, name), content in made.items():
        yield animal, name, content


def photo(seed: int, kind: str) -> bytes:
    """An encoded picture of soft random colours, 48x64 pixels."""
    from PIL import Image

    small = Image.fromarray(numbers(seed).integers(0, 256, (6, 8, 3), np.uint8))
    stream = io.BytesIO()
    small.resize((64, 48), Image.Resampling.BICUBIC).save(stream, kind)
    return stream.getvalue()


DATASETS: tuple[tuple[str, Callable[[Path], None], int], ...] = (
    ("train_lmdb", write_lmdb, CLASSES),
    ("train_leveldb", write_leveldb, CLASSES),
    ("train.h5", write_hdf5, CLASSES),
    ("train_images", write_images, len(ANIMALS)),
)
