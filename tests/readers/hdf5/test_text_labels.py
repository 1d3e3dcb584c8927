"""Text labels are classes, numbered over all files."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from datascan.plugins import CHECKS as CHECK_RULES
from datascan.plugins import load, rule_target
from tests.builders.hdf5 import (
    GZIP,
    damage_chunk,
    gathered,
    numbers,
    place_faults,
    reader_of,
    row_faults,
    rules,
    scanned,
    write_hdf5,
)

CHECKS = [load(rule_target(rule))() for rule in CHECK_RULES]
WORDS = ["cat", "dog", "", "été", "cat", "dog"]


TEXTS = {
    "fixed": np.array([word.encode() for word in WORDS]),
    "variable": np.array(WORDS, h5py.string_dtype()),
    "column": np.array(WORDS, h5py.string_dtype()).reshape(6, 1),
    "chunked": (np.array([word.encode() for word in WORDS]), {"chunks": (4,), **GZIP}),
    "ragged": (np.array(WORDS, h5py.string_dtype()), {"chunks": (4,), **GZIP}),
}


@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("options", [{}, {"shard_bytes": 1}, {"label_key": "label"}])
def test_labels_that_are_text_are_classes(tmp_path, form, options):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(6, 3), label=TEXTS[form])
    assert gathered(reader_of(path, **options))[2] == [0, 1, None, 2, 0, 1]
    result = scanned(path, checks=CHECKS, **options)
    assert result.summary.plan.class_names == ("cat", "dog", "été")
    (missing,) = (issue for issue in result.issues if issue.rule == "missing-label")
    assert missing.records == 1
    assert not rules(result)


def test_words_are_numbered_over_all_files(tmp_path):
    one = write_hdf5(tmp_path / "a.h5", data=numbers(2, 3), label=[b"dog", b"cow"])
    two = write_hdf5(tmp_path / "b.h5", data=numbers(2, 3), label=[b"\xff", b"cow"])
    reader = reader_of(one, two, shard_bytes=1)
    assert gathered(reader)[2] == [1, 0, 2, 0]
    assert reader.plan().class_names == ("cow", "dog", "\\xff")


def test_words_that_are_whole_numbers_are_these(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(3, 3), label=[b"10", b"-1", b"007"])
    reader = reader_of(path)
    assert gathered(reader)[2] == [10, -1, 7]
    assert reader.plan().class_names == ()


def test_words_of_the_first_records_only(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(3, 3), label=[b"b", b"c", b"a"])
    assert reader_of(path, limit=2).plan().class_names == ("b", "c")


def test_text_of_another_name_or_length_is_no_label(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(3, 3), names=[b"a"] * 3, labels=[b"a", b"b"])
    assert gathered(reader_of(path))[2] == []
    assert gathered(reader_of(path, label_key="names"))[2] == [0, 0, 0]
    path = write_hdf5(tmp_path / "b.h5", data=numbers(3, 3), y=np.arange(3), label=[b"a"] * 3)
    assert gathered(reader_of(path))[2] == [0, 1, 2]


def test_text_in_one_file_and_numbers_in_another(tmp_path):
    one = write_hdf5(tmp_path / "a.h5", data=numbers(2, 3), label=[b"dog", b"cow"])
    two = write_hdf5(tmp_path / "b.h5", data=numbers(3, 3), label=np.arange(3))
    numbers_later = "labels in label are numbers, but those of the first file are text"
    text_later = "labels in label are text, but those of the first file are numbers"
    for paths, records, why in (((one, two), 2, numbers_later), ((two, one), 3, text_later)):
        result = scanned(*paths)
        assert result.summary.records == records
        ((detail, _),) = place_faults(result, "damaged-store")
        assert why in detail


def test_a_damaged_chunk_of_words(tmp_path):
    words = np.array([b"ape", b"bear", b"cat"] * 10)
    stored = {"chunks": (10,), "fletcher32": True}
    path = write_hdf5(tmp_path / "a.h5", data=numbers(30, 3), label=(words, stored))
    damage_chunk(path, "label", 1)
    assert sorted(row_faults(scanned(path), "damaged-store")) == list(range(10, 20))
    labels = gathered(reader_of(path))[2]
    assert labels[:3] + labels[10:20] + labels[20:23] == [0, 1, 2, *[None] * 10, 2, 0, 1]
