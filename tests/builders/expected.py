"""Datasets and expectations, learned or written by hand."""

from __future__ import annotations

import h5py
import numpy as np

from datascan.config.expectations import Expectations
from datascan.config.options import Options
from datascan.scanner.learn import format_expectations, learn_expectations
from tests.builders.images import encode, pixels, write_tree
from tests.builders.sessions import report_of, scan_of

RULES = {
    "unexpected-shape",
    "unexpected-dtype",
    "unexpected-class",
    "label-shift",
    "value-out-of-range",
    "record-count-change",
}


def learn(path, targets=None, **options):
    """Expectations learned from a dataset, in a file that reads back the same."""
    asked = Options.from_keywords(workers=0, **options).replace(targets=targets)
    learned, _ = learn_expectations(scan_of(path, asked)[1].summary)
    file = path.parent / f"{path.name}.toml"
    file.write_text(format_expectations(learned, "learned from a test"))
    assert Expectations.read(file) == learned
    return file


def raised(path, file, targets=None, **options):
    """The findings of rules about expectations, by rule."""
    asked = Options.from_keywords(expect=file, workers=0, **options).replace(targets=targets)
    report = report_of(path, asked)
    return {f.rule: f for f in report.findings if f.rule in RULES}


def hdf5(path, data, labels=None):
    with h5py.File(path, "w") as file:
        file["data"] = data
        if labels is not None:
            file["label"] = labels
    return path


def expecting(folder, tables):
    """A file of expectations written by hand."""
    file = folder / "e.toml"
    file.write_text(f'format = "datascan-expectations/1"\n{tables}\n')
    return file


def animals(folder, name, counts):
    """Class folders of distinct images."""
    return write_tree(
        folder / name,
        {
            f"{animal}/{i}.png": encode(pixels(100 * k + i), "PNG")
            for k, (animal, count) in enumerate(counts.items())
            for i in range(count)
        },
    )


def known_dataset(folder):
    """100 records of floats from 0 to 1 in ten classes, and expectations learned from them."""
    values = np.random.default_rng(0).random((100, 4), np.float32)
    values[0] = [0, 1, 0.5, 0.25]
    path = hdf5(folder / "known.h5", values, np.arange(100) % 10)
    return values, learn(path)
